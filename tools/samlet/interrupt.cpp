// SPDX-License-Identifier: Apache-2.0
#include "interrupt.h"

#include <atomic>
#include <csignal>
#include <initializer_list>

namespace cli {
namespace {

volatile std::sig_atomic_t raised = 0;
std::atomic<void (*)()> last_act{nullptr};

void handle(int signal, void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;
    // No SA_RESTART: waiting for a camera ends at once.
    action.sa_flags = SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
}

// SA_RESETHAND has put the default action back, which comes when the handler returns.
extern "C" void on_hard_end(int signal) {
    if (void (*const act)() = last_act) act();
    raise(signal);
}

extern "C" void on_interrupt(int signal) {
    raised = 1;
    if (last_act.load()) handle(signal, on_hard_end);
}

}  // namespace

void catch_interrupts() {
    handle(SIGINT, on_interrupt);
    handle(SIGTERM, on_interrupt);
}

bool interrupted() {
    return raised != 0;
}

void at_hard_end(void (*act)()) {
    last_act = act;
    for (const int signal : {SIGHUP, SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV})
        handle(signal, act ? on_hard_end : SIG_DFL);
}

}  // namespace cli
