// SPDX-License-Identifier: Apache-2.0
#include "core/object_pointer.h"

#include <cstring>

#include "core/position.h"

namespace samlet {

void ObjectPointer::read(WeightReader& reader, const Config& config) {
    d_model = config.d_model;
    memory_dim = config.memory_dim;
    projection.read(reader, "obj_ptr_proj", d_model, d_model);
    no_object = reader.values("no_obj_ptr", 1, d_model);
    time_encoding = config.pointer_time_encoding;
    time_projection = reader.has("obj_ptr_tpos_proj.weight");
    if (time_projection) time = reader.linear("obj_ptr_tpos_proj", d_model, memory_dim);
}

void ObjectPointer::project(Exec& exec, const float* token, bool present, float* pointer) const {
    projection.run(exec, token, pointer);
    if (!present)
        exec.parallel(1, [&](size_t, size_t) { memcpy(pointer, no_object, d_model * sizeof(float)); });
}

void ObjectPointer::encode_time(Exec& exec, float distance, float* code) const {
    Arena::Scope scope(exec.scratch);
    float* sine = exec.floats(d_model);
    exec.parallel(1, [&](size_t, size_t) {
        if (!time_encoding)
            memset(code, 0, memory_dim * sizeof(float));
        else if (time_projection)
            fill_time_code(distance, d_model, sine);
        else
            fill_time_code(distance, memory_dim, code);
    });
    if (time_encoding && time_projection) exec.linear(time, sine, 1, code);
}

}  // namespace samlet
