// Writes pictures as raw RGB, one after the other, for the ROM of the program beside this.
//
// SPDX-License-Identifier: Apache-2.0
//
//   make_frames OUTPUT PICTURE.jpg...
#include <cstdio>

#include "pictures.h"

int main(int count, char** arguments) {
    if (count < 3) return 2;
    FILE* out = std::fopen(arguments[1], "wb");
    if (!out) return 1;
    bool good = true;
    for (int i = 2; i < count; i++) {
        const cli::Picture picture = cli::to_rgb(samlet::test::read_jpeg(arguments[i]));
        for (uint32_t y = 0; y < picture.height; y++)
            good &= std::fwrite(picture.row(y), 3, picture.width, out) == picture.width;
    }
    return std::fclose(out) == 0 && good ? 0 : 1;
}
