// The part of the manual page that follows from the command line itself.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace cli {

// The subcommands of `app` with all their options and examples, in roff (man(7)). samlet.1.in has the rest of
// the page.
std::string manual_of_commands(const CLI::App& app);

}  // namespace cli
