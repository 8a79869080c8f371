// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "c_api/api.h"

namespace samlet {
namespace {

struct Writer {
    char* text;
    size_t capacity, length = 0;

    void put(char c) {
        if (length + 1 < capacity) text[length++] = c;
    }
    void put(const char* s) {
        while (*s) put(*s++);
    }
    void put(int64_t number) {
        char digits[24];
        size_t n = sizeof(digits);
        digits[--n] = 0;
        uint64_t rest = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
        do digits[--n] = static_cast<char>('0' + rest % 10);
        while (rest /= 10);
        if (number < 0) digits[--n] = '-';
        put(digits + n);
    }
    void put_thousandths(int64_t number) {
        if (number < 0) put('-');
        const uint64_t rest = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
        put(static_cast<int64_t>(rest / 1000));
        uint32_t part = static_cast<uint32_t>(rest % 1000);
        if (part) put('.');
        for (uint32_t digit = 100; part; digit /= 10) {
            put(static_cast<char>('0' + part / digit));
            part %= digit;
        }
    }
    // Names come from files and callers: nothing in them may reach a terminal as a command.
    void put_name(const char* s) {
        for (; *s; s++) put(static_cast<unsigned char>(*s) < 0x20 || *s == 0x7f ? '?' : *s);
    }
};

}  // namespace

void format(const Status& status, char* text, size_t capacity) {
    Writer writer = {text, capacity};
    for (const char* p = status.text; *p; p++) {
        if (p[0] != '%' || !p[1] || !strchr("abABs", p[1])) {
            writer.put(*p);
            continue;
        }
        switch (*++p) {
            case 'a':
                writer.put(status.a);
                break;
            case 'b':
                writer.put(status.b);
                break;
            case 'A':
                writer.put_thousandths(status.a);
                break;
            case 'B':
                writer.put_thousandths(status.b);
                break;
            default:
                writer.put_name(status.name);
                break;
        }
    }
    text[writer.length] = 0;
}

samlet_status report(const Status& status, samlet_error* error) {
    if (error) {
        error->status = status.code;
        error->message[0] = 0;
        if (!status.ok()) format(status, error->message, sizeof(error->message));
    }
    return status.code;
}

Status null_argument(const char* name) {
    return fail(SAMLET_ERROR_INVALID_ARGUMENT, "%s must not be NULL", 0, 0, name);
}

Status check_size(uint32_t size, size_t known, const char* name) {
    if (size >= known) return {};
    return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                "the size field of %s is %a; it must be at least %b: call its _init function first", size,
                static_cast<int64_t>(known), name);
}

Status find_block(void* given, uint64_t given_bytes, uint64_t bytes, void** block, void** owned) {
    *owned = nullptr;
    if (!given) {
        *block = *owned = port::borrow(bytes);
        if (*block) return {};
        return fail(SAMLET_ERROR_MEMORY, "the system has no block of %a bytes: give one as memory",
                    static_cast<int64_t>(bytes));
    }
    if (reinterpret_cast<uintptr_t>(given) % Arena::kAlignment != 0)
        return fail(SAMLET_ERROR_MEMORY,
                    "the block begins %a bytes after a multiple of %b, to which it must be aligned",
                    static_cast<int64_t>(reinterpret_cast<uintptr_t>(given) % Arena::kAlignment),
                    Arena::kAlignment);
    if (given_bytes < bytes)
        return fail(SAMLET_ERROR_MEMORY, "the block has %a bytes; %b are needed", shown(given_bytes),
                    static_cast<int64_t>(bytes));
    *block = given;
    return {};
}

}  // namespace samlet

#define SAMLET_TEXT2(x) #x
#define SAMLET_TEXT(x) SAMLET_TEXT2(x)

extern "C" {

const char* samlet_version(void) {
    return SAMLET_TEXT(SAMLET_VERSION_MAJOR) "." SAMLET_TEXT(SAMLET_VERSION_MINOR) "." SAMLET_TEXT(
        SAMLET_VERSION_PATCH);
}

uint32_t samlet_abi_version(void) {
    return SAMLET_ABI_VERSION;
}

const char* samlet_status_name(samlet_status status) {
    static const char* const names[] = {"SAMLET_OK",
                                        "SAMLET_ERROR_INVALID_ARGUMENT",
                                        "SAMLET_ERROR_STATE",
                                        "SAMLET_ERROR_MEMORY",
                                        "SAMLET_ERROR_CAPACITY",
                                        "SAMLET_ERROR_NOT_FOUND",
                                        "SAMLET_ERROR_FILE",
                                        "SAMLET_ERROR_FORMAT",
                                        "SAMLET_ERROR_UNSUPPORTED",
                                        "SAMLET_ERROR_BUFFER_TOO_SMALL",
                                        "SAMLET_ERROR_INTERNAL"};
    const int index = static_cast<int>(status);
    return index >= 0 && index < static_cast<int>(sizeof(names) / sizeof(names[0])) ? names[index]
                                                                                    : "unknown status";
}

const char* samlet_stage_name(samlet_stage stage) {
    static const char* const names[SAMLET_STAGE_COUNT] = {
        "preprocess", "trunk", "neck", "memory attention", "mask decoder", "memory encoder"};
    const int index = static_cast<int>(stage);
    return index >= 0 && index < SAMLET_STAGE_COUNT ? names[index] : "unknown stage";
}

}  // extern "C"
