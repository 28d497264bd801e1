/* Folding: rows of counts, and who is behind them, gathered by (page, span of time), then told a group or several together: what fell on
 * each cell, and each session on each cell once. `core/folding.py` calls it, and names who does the same in numpy.
 *
 * What comes is written down as it came, in narrow columns: a row's cell and count, a sample's cell. What follows one another and belongs
 * together is a *stretch*; a group is a chain of stretches of rows, a bin (a session in a group) one of stretches of samples:
 *
 *     group ──▶ stretch ──▶ stretch          cells   c c c c│c c c c c c│c c …      a row each
 *       ▲        start, length                counts  n n n n│n n n n n n│n n …
 *      bin  ──▶ stretch ──▶ …                cells   c c c│c c c c c c c c│c …      a sample each
 *
 * To tell a group is to walk its chains: a bit for each cell that is met, then all bits in ascending order. So nothing is sorted but a
 * group's sessions, and each sample is touched twice.
 */
#pragma once

#include "loops.h"

enum { NONE = -1, LAYERS_MAX = 64, BEGUN = 256 };

typedef struct {
    int64_t page, number;
    int32_t first, last; /* stretches of rows; NONE: there are none */
    int32_t bins;        /* the newest of its bins, which knows the one before; NONE: it has none */
} Group;

typedef struct {
    uint32_t who;
    int32_t group, before, first, last;
} Bin;

typedef struct {
    uint32_t start, length;
    int32_t next;
} Stretch;

/* Something that grows. */
typedef struct {
    char *at;
    size_t used, room;
} List;

/* Which cells were met: a bit each, and above them a bit for each word that is not 0. All are 0 between two walks. */
typedef struct {
    uint64_t *words, *above;
    int64_t *sums, *oldest, *newest; /* of cells that were met */
} Met;

typedef struct {
    PyObject_HEAD
    int64_t tiles, layers, cells_max, hop_ms, span_ms, lowest_pane;
    int with_panes, failed;
    List groups, bins, stretches;
    List row_cell, row_count, sample_cell, sample_pane;
    Table place_of_group, place_of_bin;
    Met met;
} Folding;

#define OF(list, type) ((type *)(list).at)
#define LENGTH(list, type) ((Py_ssize_t)((list).used / sizeof(type)))

/* Room for so many bytes more; 0: there is no memory. */
static inline int room(List *list, size_t more)
{
    if (list->used + more <= list->room)
        return 1;
    size_t larger = list->room ? list->room : BEGUN;
    while (larger < list->used + more)
        larger *= 2;
    char *at = realloc(list->at, larger);
    if (!at)
        return 0;
    list->at = at, list->room = larger;
    return 1;
}

static inline void let_go(List *list)
{
    free(list->at);
    *list = (List){0};
}

PyObject *folding_tell(PyObject *self, PyObject *args);
