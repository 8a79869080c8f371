/* A block of memory that nobody leaves unseen: known bytes lie before it, an inaccessible page right behind
 * it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_TESTS_GUARDED_BLOCK_H
#define SAMLET_TESTS_GUARDED_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct guarded_block {
    uint8_t* data; /* as aligned as `bytes` is, up to a page */
    size_t bytes;
    uint8_t* mapping;
    size_t mapping_bytes;
} guarded_block;

/* Aborts if there is no memory. The block is filled with a pattern. */
guarded_block guarded_block_make(size_t bytes);
/* Whether the bytes before the block are what they were. A step behind it has ended the program already. */
int guarded_block_intact(const guarded_block* block);
void guarded_block_free(guarded_block* block);

#ifdef __cplusplus
}
#endif

#endif
