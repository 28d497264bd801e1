/* What `cold*.c` share: the entries of a row that nobody watches, told by the window. */
#pragma once

#include "panes.h"

void cold_empty(Cold *cold);
int cold_into_panes(Panes *self, int64_t row);

static inline uint64_t pane_mask(const Panes *self) { return UINT64_MAX >> (COUNT_BITS + self->tile_bits); }
static inline uint64_t what_mask(const Panes *self) { return (1ULL << (COUNT_BITS + self->tile_bits)) - 1; }

/* How many panes an entry lies behind the first of the window; beyond window and skew: it left. */
static inline uint64_t offset_of(const Panes *self, uint64_t entry)
{
    return ((entry >> (COUNT_BITS + self->tile_bits)) - (uint64_t)self->low) & pane_mask(self);
}

static inline int has_left(const Panes *self, uint64_t entry) { return offset_of(self, entry) >= (uint64_t)(self->window + self->skew); }

static inline uint64_t *at_place(const Cold *cold, uint32_t place)
{
    uint64_t at = (uint64_t)cold->first + place;
    return &cold->entries[at >= cold->room ? at - cold->room : at];
}

/* Entries that the last hop knew. */
static inline uint32_t shown(const Panes *self, const Cold *cold) { return cold->hop == self->hop ? cold->settled : cold->used; }
