// Shared by the files of the C ABI: handles, and how a Status becomes a sentence.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/segmenter.h"
#include "core/tracker.h"

struct samlet_model {
    samlet::Model impl;
};

struct samlet_tracker {
    samlet::Tracker impl;
    mutable char message[256];  // calls that only look at the session can fail too
    void* owned_block;
    size_t owned_bytes;
};

struct samlet_segmenter {
    samlet::Segmenter impl;
    mutable char message[256];
    void* owned_block;
    size_t owned_bytes;
};

namespace samlet {

// Puts the numbers and the name into the sentence. Cuts what does not fit.
void format(const Status& status, char* text, size_t capacity);
// For functions without a handle; `error` may be null.
samlet_status report(const Status& status, samlet_error* error);
inline samlet_status report(const Status& status, char (&message)[256]) {
    if (!status.ok()) format(status, message, sizeof(message));
    return status.code;
}

// The error of an argument that must not be NULL.
Status null_argument(const char* name);

// Structs come with the size that the caller was compiled with. This is the first ABI: anything shorter is an
// error, and what a newer, longer struct adds is not looked at.
Status check_size(uint32_t size, size_t known, const char* name);

// A block for `bytes`: the caller's if there is one, checked, else from the system (then *owned is set).
Status find_block(void* given, uint64_t given_bytes, uint64_t bytes, void** block, void** owned);

// A caller's buffer for a picture-size map of pixels of `pixel` bytes.
Status check_map(const Session& session, const void* out, uint64_t stride, size_t pixel);
Status get_layer(const Session& session, uint32_t index, samlet_layer* layer);
Status get_features(const Session& session, samlet_feature_level level, samlet_tensor_view* view);

}  // namespace samlet
