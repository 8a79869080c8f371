// Placing a session in a block, the same for both kinds: measured and made by one code path.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <new>

#include "c_api/api.h"

namespace samlet {

// Lays out a handle and all that it owns. With a measuring arena the handle is a stand-in that ends with the
// call.
template <class Handle, class Config>
Status lay_out(const Model& model, const Config& config, Arena& arena, bool measuring, Handle** handle,
               samlet_memory_plan* report) {
    Plan plan(arena);
    void* place = arena.take_bytes(sizeof(Handle));
    plan.close_part("session");
    alignas(Handle) unsigned char stand_in[sizeof(Handle)];
    Handle* made = new (measuring ? stand_in : place) Handle{};
    SAMLET_TRY(made->impl.lay_out(model, config, arena, plan, measuring));
    if (report) plan.report(report);
    if (handle) *handle = made;
    return {};
}

template <class Handle, class Config>
Status plan_session(const Model& model, const Config& config, samlet_memory_plan* plan) {
    if (!plan) return null_argument("plan");
    SAMLET_TRY(check_size(plan->size, sizeof(*plan), "samlet_memory_plan"));
    Arena arena = Arena::measuring();
    return lay_out<Handle>(model, config, arena, true, nullptr, plan);
}

// `memory`: the caller's block, or null.
template <class Handle, class Config>
Status create_session(const Model& model, const Config& config, void* memory, uint64_t memory_bytes,
                      Handle** handle) {
    Arena measure = Arena::measuring();
    SAMLET_TRY(lay_out<Handle>(model, config, measure, true, nullptr, nullptr));
    void *block = nullptr, *owned = nullptr;
    SAMLET_TRY(find_block(memory, memory_bytes, measure.used(), &block, &owned));
    memset(block, 0, measure.used());  // touches every page, so that no frame has to
    Arena arena(block, measure.used());
    Handle* made = nullptr;
    Status status = lay_out<Handle>(model, config, arena, false, &made, nullptr);
    if (status.ok()) {
        made->owned_block = owned;
        made->owned_bytes = measure.used();
        status = made->impl.init();
        if (!status.ok()) made->impl.shut_down();
    }
    if (status.ok())
        *handle = made;
    else
        port::give_back(owned, measure.used());
    return status;
}

template <class Handle>
void destroy_session(Handle* handle) {
    if (!handle) return;
    handle->impl.shut_down();
    port::give_back(handle->owned_block, handle->owned_bytes);  // the handle lies in it
}

}  // namespace samlet
