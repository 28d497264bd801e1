/* What `panes*.c` and `cold*.c` share: panes, the lists of rows that nobody watches, and how an entry is made. */
#pragma once

#include "loops.h"

enum { COUNT_BITS = 16, BY_BITS = 24, BOUND = 4, LEVELS_MAX = 8 };
static const uint64_t COUNT_MAX = (1 << COUNT_BITS) - 1;

typedef struct {
    int64_t number;
    uint64_t *entries;
    uint32_t used, room, settled;
} Pane;

typedef struct {
    uint64_t *items;
    Py_ssize_t used, room;
} List;

/* A cell that a hop met: its bit (`panes_touched.c`), its place in the slab, and what its count was. */
typedef struct {
    uint64_t bit;
    uint32_t cell;
    int32_t before;
} Touched;

/* What came to one row while nobody watched it: a ring, in the order it came. A line of the cache. */
typedef struct {
    _Alignas(64) uint64_t *entries;
    uint64_t samples;   /* of all entries */
    int64_t newest;     /* the newest pane that an entry is of, or was */
    uint32_t first, used, room;
    uint32_t settled;   /* entries that were there when hop `hop` was, the last in which any came */
    uint32_t hop;
    uint32_t warm_until; /* a hop: until then the row is treated as if somebody watched it */
    uint32_t next;       /* the next row that is due in the same pane + 1; 0: none */
    uint32_t alive;      /* it is due in some pane, and named in `references` */
} Cold;

typedef struct {
    PyObject_HEAD
    Pane *panes; /* by their numbers, those from `first` to `end` */
    Py_ssize_t first, end, room;
    List unsettled; /* numbers of panes with entries that wait */
    List spare, beyond, runs;
    List far; /* pairs of a pane's number and an entry, in the order they came */
    int64_t low, high; /* between which counts get a pane at once; before the first hop, as long as there are not too many */
    int started;
    int64_t tiles, dense_rows, window, skew;
    int tile_bits;
    Py_buffer bound[BOUND]; /* slab, totals, watched, references: as long as the rows' arrays stay the same */
    int bounds;
    Py_ssize_t rows;
    int64_t late, ahead;
    /* of `panes_touched.c` */
    Touched *touched;
    Py_ssize_t touched_used, touched_room, touched_asked; /* the last: for how many a hop asked for room */
    int64_t touched_rows, row_words;
    uint64_t *level[LEVELS_MAX], level_words[LEVELS_MAX];
    int levels;
    /* of `cold*.c` */
    Cold *cold; /* of each row up to `colds` */
    Py_ssize_t colds, alive;
    uint32_t *due; /* the first row that is due in a pane + 1, by slot; NULL: no row is ever cold */
    uint64_t slots;
    int64_t margin, lag, looks_max;
    uint32_t hop;
} Panes;

int room_for(List *list, Py_ssize_t more);
Pane *find_pane(const Panes *self, int64_t number);
Pane *find_or_make(Panes *self, int64_t number);
void take_out(Panes *self, Pane *pane);
void trim(Pane *pane);
int pane_room(Pane *pane, Py_ssize_t more);
int put(Panes *self, int64_t number, const uint64_t *entries, Py_ssize_t length);
int drop_row(PyObject *dropped, int64_t row);
PyObject *merge(PyObject *object, PyObject *args);
PyObject *advance(PyObject *object, PyObject *args);

int bind_touched(Panes *self);
void free_touched(Panes *self);
void forget_touched(Panes *self);
int room_for_touched(Panes *self, Py_ssize_t more);
void give_touched_back(Panes *self);
uint64_t touched_bytes(const Panes *self);
int tell_touched(Panes *self, PyObject **tiles_made, PyObject **counts_made, PyObject *places);

int cold_make(Panes *self, long long looks_max);
int cold_bind(Panes *self);
void cold_free(Panes *self);
int cold_put(Panes *self, int64_t row, const uint64_t *entries, const int64_t *panes, Py_ssize_t length);
int cold_step(Panes *self, int64_t from, int64_t to, PyObject *dropped);
int cold_leap(Panes *self, int64_t low, PyObject *dropped);
uint64_t cold_bytes(const Panes *self);
PyObject *warm(PyObject *object, PyObject *args);
PyObject *add_cold(PyObject *object, PyObject *args);
PyObject *add_cold_totals(PyObject *object, PyObject *args);

/* Where the entries end that are of the same row as the one at `at`. */
static inline Py_ssize_t run_of_row(const uint64_t *entries, Py_ssize_t at, Py_ssize_t length, int to_row)
{
    const uint64_t row = entries[at] >> to_row;
    for (at++; at < length && entries[at] >> to_row == row; at++)
        ;
    return at;
}

/* Whether what comes to a row goes into its own list: it has one column a tile, and nobody watches it or looked at it just now. */
static inline int is_cold(const Panes *self, int64_t row)
{
    return row < self->colds && self->started && !((const uint8_t *)self->bound[2].buf)[row] && self->cold[row].warm_until <= self->hop;
}

/* Asks for the memory that will be written when something comes to a row. */
static inline void cold_expect(const Panes *self, int64_t row)
{
    if (row >= self->colds || !self->cold[row].room)
        return;
    const Cold *cold = &self->cold[row];
    uint64_t at = (uint64_t)cold->first + cold->used, to = at >= cold->room ? at - cold->room : at;
    const char *entries = (const char *)&cold->entries[to];
    for (int line = 0; line < 4; line++)
        ask_for(entries + 64 * line);
}
