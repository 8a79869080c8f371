// SPDX-License-Identifier: Apache-2.0
#include "interrupt.h"

#include <csignal>

namespace cli {
namespace {

volatile std::sig_atomic_t raised = 0;

extern "C" void on_signal(int) {
    raised = 1;
}

}  // namespace

void catch_interrupts() {
    struct sigaction action = {};
    action.sa_handler = on_signal;
    // No SA_RESTART: waiting for a camera ends at once.
    action.sa_flags = SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
    return raised != 0;
}

}  // namespace cli
