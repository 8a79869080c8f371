// Errors of the command line: thrown anywhere, printed once by main().
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace cli {

// Something went wrong while working: one sentence, exit code 1.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Ctrl-C during work that leaves nothing behind: exit code 130.
struct Interrupted : Error {
    Interrupted() : Error("interrupted") {}
};

// The command line itself makes no sense: exit code 2.
struct UsageError : Error {
    using Error::Error;
};

}  // namespace cli
