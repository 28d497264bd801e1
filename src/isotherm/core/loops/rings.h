/* Memory of the lists of `cold.c` (`rings.c`). */
#pragma once

#include "loops.h"

enum { RING_ORDERS = 11 }; /* sizes of what a chunk is cut into: 1 KiB, 2 KiB … 1 MiB */

typedef struct Free {
    struct Free *next, *before;
} Free;

typedef struct {
    Free *free[RING_ORDERS];
    uint32_t chunks;
} Rings;

/* Memory for so many entries of 8 bytes, a power of two; NULL: there is none. */
uint64_t *ring_take(Rings *rings, uint64_t room);
void ring_give(Rings *rings, uint64_t *entries, uint64_t room);

/* All was given back. */
void rings_end(Rings *rings);
