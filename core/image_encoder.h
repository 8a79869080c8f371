// Image encoder: trunk and neck in the order that needs the least memory.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/neck.h"
#include "core/trunk_hiera.h"

namespace samlet {

struct ImageEncoder {
    Trunk trunk;
    Neck neck;

    void read(WeightReader& reader, const Config& config) {
        trunk.read(reader, config);
        reader.set_sensitive(true);
        neck.read(reader, config);
        reader.set_sensitive(false);
    }

    // `fill(const Map& image)` writes the normalised picture, [size][size][3]. `lap(stage)` is told when a stage
    // is done. The picture and the maps of the four stages share two places in scratch: a map is given up as
    // soon as the next stage and the neck have read it.
    template <typename Fill, typename Lap>
    void run(Exec& exec, size_t size, const Fill& fill, const Features& out, const Lap& lap) const {
        Arena::Scope scope(exec.scratch);
        const size_t side = size / 4, c = trunk.channels;
        const size_t stage2 = side / 2 * (side / 2) * 2 * c, picture = size * size * 3;
        const Map even = exec.map(stage2 > picture ? stage2 : picture), second = even;
        {
            Arena::Scope first_stage(exec.scratch);
            const Map first = exec.map(side * side * c);
            fill(even);
            lap(SAMLET_STAGE_PREPROCESS);
            trunk.embed(exec, even, size, first);
            run_blocks(exec, 0, first, side);
            lap(SAMLET_STAGE_TRUNK);
            neck.run_stride4(exec, first, side * side, out.stride4);
            lap(SAMLET_STAGE_NECK);
            trunk.run_block(exec, trunk.blocks[trunk.stage_first[1]], first, side, second);
        }
        run_blocks(exec, 1, second, side / 2);
        lap(SAMLET_STAGE_TRUNK);
        neck.run_stride8(exec, second, side / 2 * (side / 2), out.stride8);
        lap(SAMLET_STAGE_NECK);
        const Map third = exec.map(side / 4 * (side / 4) * 4 * c);
        trunk.run_block(exec, trunk.blocks[trunk.stage_first[2]], second, side / 2, third);
        run_blocks(exec, 2, third, side / 4);
        lap(SAMLET_STAGE_TRUNK);
        neck.run_top(exec, third, side / 4, out.top);
        lap(SAMLET_STAGE_NECK);
        const Map fourth = even;  // half of the second map's size
        trunk.run_block(exec, trunk.blocks[trunk.stage_first[3]], third, side / 4, fourth);
        run_blocks(exec, 3, fourth, side / 8);
        lap(SAMLET_STAGE_TRUNK);
        neck.add_level3(exec, fourth, side / 8, out.top);
        lap(SAMLET_STAGE_NECK);
    }

  private:
    // The blocks of a stage that stay at its resolution.
    void run_blocks(Exec& exec, size_t stage, const Map& x, size_t side) const {
        for (uint32_t i = trunk.stage_first[stage] + (stage > 0); i < trunk.stage_first[stage + 1]; i++)
            trunk.run_block(exec, trunk.blocks[i], x, side, x);
    }
};

}  // namespace samlet
