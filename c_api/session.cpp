// What the two kinds of session have in common at the ABI.
//
// SPDX-License-Identifier: Apache-2.0
#include "c_api/api.h"

namespace samlet {

Status check_map(const Session& session, const void* out, uint64_t stride, size_t pixel) {
    if (!out) return null_argument("the output buffer");
    const uint64_t row = static_cast<uint64_t>(session.picture().width) * pixel;
    if (session.has_picture() && (stride < row || stride % pixel != 0))
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "stride is %a bytes; a row of the frame needs %b, and floats a multiple of 4",
                    shown(stride), static_cast<int64_t>(row));
    return session.has_picture() ? check_reach(stride, row, session.picture().height) : Status();
}

namespace {

const char* name_of(Precision precision) {
    return precision == Precision::int8 ? "int8" : precision == Precision::f16 ? "f16" : "f32";
}

}  // namespace

Status get_layer(const Session& session, uint32_t index, samlet_layer* layer) {
    if (!layer) return null_argument("layer");
    SAMLET_TRY(check_size(layer->size, sizeof(*layer), "samlet_layer"));
    const Model& model = session.model();
    if (index >= model.linear_count)
        return fail(SAMLET_ERROR_NOT_FOUND, "there is no layer %a: the model has %b", index,
                    static_cast<int64_t>(model.linear_count));
    const LinearWeights& linear = model.linears[index];
    const TensorEntry& weights = *model.labels[index].weights;
    *layer = {layer->size,
              static_cast<uint32_t>(linear.in()),
              static_cast<uint32_t>(linear.out()),
              0,
              weights.name,
              type_name(weights.type),
              name_of(linear.precision()),
              linear.packed_bytes(),
              session.layer_rows(index)};
    return {};
}

Status get_features(const Session& session, samlet_feature_level level, samlet_tensor_view* view) {
    if (!view) return null_argument("view");
    SAMLET_TRY(check_size(view->size, sizeof(*view), "samlet_tensor_view"));
    if (!session.has_picture())
        return fail(SAMLET_ERROR_STATE, "there are no features: give a frame or image first");
    if (session.features().top.half)
        return fail(SAMLET_ERROR_UNSUPPORTED,
                    "this session keeps its features in half precision; open the model without "
                    "SAMLET_PRECISION_F16 and leave SAMLET_TRACKER_F16_MAPS away to look at them");
    const uint32_t grid = static_cast<uint32_t>(session.grid()), d = session.model().config.d_model;
    switch (level) {
        case SAMLET_FEATURES_STRIDE4:
            *view = {view->size, d / 8, 4 * grid, 4 * grid, session.features().stride4.f32()};
            return {};
        case SAMLET_FEATURES_STRIDE8:
            *view = {view->size, d / 4, 2 * grid, 2 * grid, session.features().stride8.f32()};
            return {};
        case SAMLET_FEATURES_STRIDE16:
            *view = {view->size, d, grid, grid, session.features().top.f32()};
            return {};
    }
    return fail(SAMLET_ERROR_INVALID_ARGUMENT, "level is %a; it must be 0 to 2 (samlet_feature_level)",
                level);
}

}  // namespace samlet
