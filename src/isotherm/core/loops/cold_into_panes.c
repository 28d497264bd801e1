/* All that a cold row (`cold.c`) keeps goes into panes at once: it is watched from now on, or was looked at and has many entries. */
#include "cold.h"

static void put_settled(Pane *pane, const uint64_t *entries, uint32_t length)
{
    memmove(pane->entries + pane->settled + length, pane->entries + pane->settled, (pane->used - pane->settled) * sizeof *entries);
    memcpy(pane->entries + pane->settled, entries, length * sizeof *entries);
    pane->settled += length, pane->used += length;
}

/* Adds entries of one pane to the window. */
static void add(Panes *self, const uint64_t *entries, uint32_t length)
{
    int32_t *slab = self->bound[0].buf;
    int64_t *totals = self->bound[1].buf;
    const int to_row = COUNT_BITS + self->tile_bits;
    for (uint32_t at = 0; at < length; at++) {
        int64_t row = (int64_t)(entries[at] >> to_row), tile = (int64_t)(entries[at] >> COUNT_BITS) & ((1LL << self->tile_bits) - 1);
        slab[row * self->tiles + tile] += (int32_t)(entries[at] & COUNT_MAX);
        totals[row] += (int64_t)(entries[at] & COUNT_MAX);
    }
}

/* An entry of a row's list by its pane, counted from the first of the window, and its place in the list. */
static inline uint64_t key_pane(uint64_t key) { return key >> 32; }
static inline uint32_t key_place(uint64_t key) { return (uint32_t)key; }

static int by_key(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Sorts keys, whose places ascend, by their panes: few of them by comparing, so that it takes nothing for panes that have none; many by counting,
 * with as much room behind them. Returns where they stand; NULL: there is no memory. */
static uint64_t *sort_keys(uint64_t *keys, uint32_t length, uint64_t panes)
{
    if (length < panes / 4) {
        qsort(keys, length, sizeof *keys, by_key);
        return keys;
    }
    uint32_t *starts = calloc(panes + 1, sizeof *starts);
    uint64_t *sorted = keys + length;
    for (uint32_t at = 0; starts && at < length; at++)
        starts[key_pane(keys[at]) + 1]++;
    for (uint64_t pane = 0; starts && pane < panes; pane++)
        starts[pane + 1] += starts[pane];
    for (uint32_t at = 0; starts && at < length; at++)
        sorted[starts[key_pane(keys[at])]++] = keys[at];
    free(starts);
    return starts ? sorted : NULL;
}

static uint32_t run_end(const uint64_t *keys, uint32_t from, uint32_t length)
{
    uint32_t end = from;
    while (end < length && key_pane(keys[end]) == key_pane(keys[from]))
        end++;
    return end;
}

/* Room for all that is to be put, so that no memory is missing in the middle; `waiting` of them wait for the next hop. */
static int room_in_panes(Panes *self, const uint64_t *keys, uint32_t length, uint32_t waiting)
{
    if (room_for(&self->unsettled, (Py_ssize_t)waiting) < 0)
        return -1;
    for (uint32_t from = 0, end; from < length; from = end) {
        end = run_end(keys, from, length);
        Pane *pane = find_or_make(self, self->low + (int64_t)key_pane(keys[from]));
        if (!pane || pane_room(pane, (Py_ssize_t)(end - from)) < 0)
            return -1;
    }
    return 0;
}

/* All entries of a row go into panes, those of the window into the slab. What the last hop did not know waits there for the next one. */
int cold_into_panes(Panes *self, int64_t row)
{
    Cold *cold = &self->cold[row];
    const uint64_t panes = (uint64_t)(self->window + self->skew), base = (uint64_t)row << (COUNT_BITS + self->tile_bits), what = what_mask(self);
    const uint32_t known = shown(self, cold);
    uint64_t *memory = malloc(3 * (size_t)cold->used * sizeof *memory), *entries = memory + 2 * (size_t)cold->used;
    uint32_t length = 0;
    for (uint32_t place = 0; place < cold->used && memory; place++) {
        uint64_t at = offset_of(self, *at_place(cold, place));
        if (at < panes)
            memory[length++] = at << 32 | place;
    }
    uint64_t *keys = memory ? sort_keys(memory, length, panes) : NULL;
    int failed = !keys || room_in_panes(self, keys, length, cold->used - known) < 0;
    if (!keys)
        PyErr_NoMemory();
    for (uint32_t from = 0, end; from < length && !failed; from = end) {
        uint32_t settled = 0;
        end = run_end(keys, from, length);
        for (uint32_t at = from; at < end; at++) {
            entries[at] = base | (*at_place(cold, key_place(keys[at])) & what);
            settled += key_place(keys[at]) < known;
        }
        int64_t pane = self->low + (int64_t)key_pane(keys[from]);
        if (settled)
            put_settled(find_or_make(self, pane), entries + from, settled);
        if (pane < self->low + self->window)
            add(self, entries + from, settled);
        failed = settled < end - from && put(self, pane, entries + from + settled, (Py_ssize_t)(end - from - settled)) < 0;
    }
    free(memory);
    if (failed)
        return -1;
    ((int64_t *)self->bound[3].buf)[row] += length;
    cold_empty(cold);
    return 0;
}
