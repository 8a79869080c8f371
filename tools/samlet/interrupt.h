// Ctrl-C asks for an orderly end: files are closed, what was written stays. A second one ends the program at
// once.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cli {

void catch_interrupts();  // SIGINT and SIGTERM
bool interrupted();

// What must be put right, e.g. a terminal, also when a signal ends the program at once. Called in the
// signal's handler; nullptr: nothing any more.
void at_hard_end(void (*last_act)());

}  // namespace cli
