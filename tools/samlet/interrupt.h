// Ctrl-C asks for an orderly end: files are closed, what was written stays. A second one ends the program at
// once.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cli {

void catch_interrupts();  // SIGINT and SIGTERM
bool interrupted();

}  // namespace cli
