// One error type inside: a code and a sentence with at most two integers and one name; no allocation.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "samlet/samlet.h"

namespace samlet {

struct Status {
    samlet_status code = SAMLET_OK;
    const char* text = "";  // %a and %b stand for the integers, %s for the name; the C ABI puts them in
    int64_t a = 0, b = 0;
    char name[104] = "";
    bool ok() const { return code == SAMLET_OK; }
};

inline Status fail(samlet_status code, const char* text, int64_t a = 0, int64_t b = 0, const char* name = nullptr) {
    Status status;
    status.code = code;
    status.text = text;
    status.a = a;
    status.b = b;
    for (size_t i = 0; name && name[i] && i + 1 < sizeof(status.name); i++) {
        status.name[i] = name[i];
        status.name[i + 1] = 0;
    }
    return status;
}

}  // namespace samlet

// Hands a failure on to the caller.
#define SAMLET_TRY(expression)                            \
    do {                                                  \
        const ::samlet::Status try_status = (expression); \
        if (!try_status.ok()) return try_status;          \
    } while (0)
