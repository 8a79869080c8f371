// One error type inside: a code and a sentence with at most two numbers and one name; no allocation.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "samlet/samlet.h"

namespace samlet {

struct Status {
    samlet_status code = SAMLET_OK;
    // %a and %b stand for the integers, %A and %B for them as thousandths (1500 becomes "1.5"), %s for the
    // name; the C ABI puts them in.
    const char* text = "";
    int64_t a = 0, b = 0;
    char name[104] = "";
    bool ok() const { return code == SAMLET_OK; }
};

inline Status fail(samlet_status code, const char* text, int64_t a = 0, int64_t b = 0,
                   const char* name = nullptr) {
    Status status;
    status.code = code;
    status.text = text;
    status.a = a;
    status.b = b;
    if (!name) return status;
    constexpr size_t room = sizeof(status.name) - 1;
    size_t length = 0;
    for (; name[length] && length < room; length++) status.name[length] = name[length];
    status.name[length] = 0;
    // What does not fit is seen to be missing.
    for (size_t i = 1; name[length] && i <= 3; i++) status.name[room - i] = '.';
    return status;
}

// For messages: a size of the caller's, which may be any 64 bits.
inline int64_t shown(uint64_t number) {
    return number > INT64_MAX ? INT64_MAX : static_cast<int64_t>(number);
}

}  // namespace samlet

// Hands a failure on to the caller.
#define SAMLET_TRY(expression)                            \
    do {                                                  \
        const ::samlet::Status try_status = (expression); \
        if (!try_status.ok()) return try_status;          \
    } while (0)
