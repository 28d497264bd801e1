/* What both ways of counting share (`tally.c`, `tally_blocks.c`): the columns handed in, and what is asked of a sample. */
#pragma once

#include "loops.h"

/* Where rows go. */
typedef struct {
    int64_t *page, *layer, *pane;
    int32_t *tile, *count;
} Columns;

/* What a call is about: the columns handed in, and where rows go. */
typedef struct {
    const double *x, *y, *width, *height;
    const int64_t *time_ms, *size, *page, *device;
    const uint8_t *kind, *is_fresh, *within;
    Columns columns;
    int64_t *newest, *to_row;
    Py_ssize_t samples, runs, pages;
    int64_t hop_ms, grid, devices;
    Divisor hop;
    const int16_t *first_layer; /* of each kind that a byte can tell; -1: it has none */
} Asked;

/* Of one run: what its samples have in common. */
typedef struct {
    double width, height;
    int device;
} Run;

static inline Run run_of(const Asked *asked, Py_ssize_t run)
{
    return (Run){asked->width[run], asked->height[run], (int)asked->device[run]};
}

static inline int layer_of(const Asked *asked, const Run *run, Py_ssize_t at)
{
    int first = asked->first_layer[asked->kind[at]];
    return first < 0 || (asked->within && !asked->within[at]) ? -1 : first + run->device;
}

/* The samples of a run that is none of the fresh: no row counts them. */
static inline void pass_over(const Asked *asked, Py_ssize_t at, Py_ssize_t run)
{
    for (Py_ssize_t end = at + asked->size[run]; asked->to_row && at < end; at++)
        asked->to_row[at] = -1;
}

static inline int fits(const Asked *asked, Py_ssize_t run, Py_ssize_t at)
{
    return asked->size[run] >= 0 && asked->size[run] <= asked->samples - at && asked->page[run] >= 0 && asked->page[run] < asked->pages &&
           asked->device[run] >= 0 && asked->device[run] < asked->devices;
}

/* The pane of a time, where that of the sample before is known: the next mostly lies in the same. */
typedef struct {
    int64_t pane, ms;
} Now;

static inline int moved(const Asked *asked, Now *now, int64_t time_ms)
{
    const uint64_t since_ms = (uint64_t)time_ms - (uint64_t)now->ms, hop_ms = (uint64_t)asked->hop_ms;
    if (since_ms < hop_ms)
        return 0;
    if (since_ms - hop_ms < hop_ms) { /* the next one, as in a batch of samples at even distances */
        now->pane++, now->ms = (int64_t)((uint64_t)now->ms + hop_ms);
        return 1;
    }
    now->pane = quotient(asked->hop, time_ms);
    now->ms = (int64_t)((uint64_t)now->pane * (uint64_t)asked->hop_ms); /* may wrap at the end of all times, as the difference above */
    return 1;
}

enum { STRETCH_MAX = 512 };

void tiles_of_stretch(const double *restrict x, const double *restrict y, Run of, int32_t grid, Py_ssize_t size, int32_t *restrict tiles);

enum { BLOCK_PAGES_MAX = 8, BLOCK_CELLS_MAX = 1 << 19 };

/* Rows written; -1: there are more blocks than are kept, or runs that do not fit, and nothing is written. */
Py_ssize_t tally_in_blocks(const Asked *asked);
