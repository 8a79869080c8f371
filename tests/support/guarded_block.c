/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "guarded_block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CANARY = 0xc5, FILL = 0xab };

static void* require(void* mapping) {
    if (mapping != MAP_FAILED) return mapping;
    perror("guarded_block: mmap");
    abort();
}

/* [page without access][at least one page of canaries][the block][page without access] */
guarded_block guarded_block_make(size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inner = page + (bytes + page - 1) / page * page;
    guarded_block block;
    block.bytes = bytes;
    block.mapping_bytes = inner + 2 * page;
    block.mapping = require(mmap(NULL, block.mapping_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (mprotect(block.mapping + page, inner, PROT_READ | PROT_WRITE) != 0) abort();
    block.data = block.mapping + page + inner - bytes;
    memset(block.mapping + page, CANARY, inner - bytes);
    memset(block.data, FILL, bytes);
    return block;
}

int guarded_block_intact(const guarded_block* block) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (const uint8_t* p = block->mapping + page; p < block->data; p++)
        if (*p != CANARY) return 0;
    return 1;
}

void guarded_block_free(guarded_block* block) {
    munmap(block->mapping, block->mapping_bytes);
    memset(block, 0, sizeof(*block));
}
