/* Merge: counts become entries of panes, or of the lists of rows that nobody watches (`cold.c`). They wait there for the next hop. */
#include "panes.h"

enum { PANES_AT_FIRST = 4096 };

static int put_far(Panes *self, int64_t number, const uint64_t *entries, Py_ssize_t length)
{
    if (room_for(&self->far, 2 * length) < 0)
        return -1;
    for (Py_ssize_t at = 0; at < length; at++) {
        self->far.items[self->far.used++] = (uint64_t)number;
        self->far.items[self->far.used++] = entries[at];
    }
    return 0;
}

static int is_far(const Panes *self, int64_t number)
{
    if (self->started)
        return number < self->low || number >= self->high;
    return self->end - self->first >= PANES_AT_FIRST && !find_pane(self, number);
}

/* Counts as columns, and what is known of the rows that they name. */
typedef struct {
    const int64_t *place, *page, *layer, *pane, *rows;
    const int32_t *tile, *count;
    double *samples;
    Py_ssize_t pages, length, table_pages;
    int64_t layers, plain_layers, rows_end;
    int large; /* there may be a count that does not fit into one entry */
} Given;

enum { AHEAD = 8, AHEAD_ROWS = 64 }; /* runs, and counts, for which memory is asked before it is their turn */

enum { TAKEN, MISSING, WRONG };

/* How many rows there can be: so many as arrays have, as an entry and as a note can tell. */
static int64_t rows_end_of(const Panes *self)
{
    const int64_t in_entry = (int64_t)(UINT64_MAX >> (COUNT_BITS + self->tile_bits)), in_note = (1LL << (63 - BY_BITS)) / self->tiles;
    const int64_t most = in_entry < in_note ? in_entry : in_note;
    return self->rows < most ? self->rows : most;
}

/* The row of a (page, layer); below 0: it is missing, or there can be none. */
static inline int64_t row_of(const Given *given, int64_t page, int64_t layer, int *fault)
{
    *fault = WRONG;
    if ((uint64_t)page >= (uint64_t)given->pages || (uint64_t)layer >= (uint64_t)given->layers || given->place[page] >= given->table_pages)
        return -1;
    int64_t row = given->place[page] < 0 ? -1 : given->rows[given->place[page] * given->layers + layer];
    if (row >= given->rows_end)
        return -1;
    if (row < 0)
        *fault = MISSING;
    return row;
}

/* Asks for what is known of the row that a count names. */
static inline void expect_row(const Given *given, Py_ssize_t at)
{
    if (at >= given->length || (uint64_t)given->page[at] >= (uint64_t)given->pages)
        return;
    int64_t place = given->place[given->page[at]];
    if (place >= 0 && place < given->table_pages)
        __builtin_prefetch(&given->rows[place * given->layers]);
}

/* Counts of one row become entries. `any`: of all counts together the bits; below 0: a tile or count is wrong. */
typedef struct {
    int64_t any, sum;
} Summed;

VECTORS static Summed entries_of(const int32_t *restrict tile, const int32_t *restrict count, Py_ssize_t length, uint64_t base, int32_t last_tile,
                                 uint64_t *restrict entry)
{
    int32_t wrong = 0;
    uint32_t any = 0;
    int64_t sum = 0;
    for (Py_ssize_t at = 0; at < length; at++) {
        const uint32_t number = (uint32_t)count[at];
        wrong |= tile[at] | (int32_t)((uint32_t)last_tile - (uint32_t)tile[at]) | count[at]; /* below 0 where one of them is */
        any |= number, sum += number;
        entry[at] = base | (uint64_t)(uint32_t)tile[at] << COUNT_BITS | number;
    }
    for (Py_ssize_t at = 0; any >= COUNT_MAX && wrong >= 0 && at < length; at++)
        entry[at] = base | (uint64_t)(uint32_t)tile[at] << COUNT_BITS | (uint32_t)count[at] % (uint32_t)COUNT_MAX;
    return (Summed){wrong < 0 ? -1 : (int64_t)any, sum};
}

static Py_ssize_t run_end_of(const Given *given, Py_ssize_t at)
{
    const int64_t page = given->page[at], layer = given->layer[at];
    while (++at < given->length && !((given->page[at] ^ page) | (given->layer[at] ^ layer)))
        ;
    return at;
}

/* Makes an entry of each count, and notes where runs begin, counts of one row that follow one another, and where the last one ends. Nothing else
 * is changed but the samples of pages. Returns `TAKEN`, or why not. */
static int make_entries(const Panes *self, Given *given, uint64_t *entry, List *runs)
{
    const int to_row = COUNT_BITS + self->tile_bits;
    int64_t any = 0;
    int fault = TAKEN;
    for (Py_ssize_t at = 0, end; at < given->length; at = end) {
        const int64_t page = given->page[at], layer = given->layer[at], row = row_of(given, page, layer, &fault);
        if (row < 0)
            return fault;
        expect_row(given, at + AHEAD_ROWS);
        if (row < self->colds)
            __builtin_prefetch(&self->cold[row], 1);
        runs->items[runs->used++] = (uint64_t)at;
        end = run_end_of(given, at);
        const Summed summed =
            entries_of(given->tile + at, given->count + at, end - at, (uint64_t)row << to_row, (int32_t)self->tiles - 1, entry + at);
        if (summed.any < 0)
            return WRONG;
        any |= summed.any;
        if (layer < given->plain_layers)
            given->samples[page] += (double)summed.sum;
    }
    runs->items[runs->used] = (uint64_t)given->length;
    given->large = any >= (int64_t)COUNT_MAX;
    return TAKEN;
}

static void name_rows(Panes *self, const uint64_t *entry, Py_ssize_t length)
{
    int64_t *references = self->bound[3].buf;
    const int to_row = COUNT_BITS + self->tile_bits;
    for (Py_ssize_t at = 0, end; at < length; at = end) {
        end = run_of_row(entry, at, length, to_row);
        references[entry[at] >> to_row] += end - at;
    }
}

/* Puts entries of one pane where they wait for the next hop. */
static int keep(Panes *self, int64_t number, const uint64_t *entry, const int32_t *count, Py_ssize_t length, int large)
{
    int (*how)(Panes *, int64_t, const uint64_t *, Py_ssize_t) = is_far(self, number) ? put_far : put;
    if (how(self, number, entry, length) < 0)
        return -1;
    name_rows(self, entry, length);
    for (Py_ssize_t at = 0; large && at < length; at++) { /* what does not fit into one entry */
        const uint64_t full = entry[at] | COUNT_MAX;
        for (int32_t times = count[at] / (int32_t)COUNT_MAX; times > 0; times--) {
            if (how(self, number, &full, 1) < 0)
                return -1;
            name_rows(self, &full, 1);
        }
    }
    return 0;
}

/* The panes that are near: no clock that steps leaves them behind before the next hop (`margin`), and a list that has no others is nearly in the
 * order of its panes (`lag`). */
typedef struct {
    uint64_t first, last;
} Near;

static inline Near near_of(const Panes *self) { return (Near){(uint64_t)(self->low + self->window - self->lag), (uint64_t)self->high - 1}; }

VECTORS static int all_near(Near near, const int64_t *pane, Py_ssize_t length)
{
    uint64_t outside = 0; /* below 0, taken as signed, where one lies before or behind */
    for (Py_ssize_t at = 0; at < length; at++)
        outside |= ((uint64_t)pane[at] - near.first) | (near.last - (uint64_t)pane[at]);
    return (int64_t)outside >= 0;
}

static inline int is_near(Near near, int64_t pane) { return (uint64_t)pane - near.first <= near.last - near.first; }

/* One run goes into its row's own list; what is of panes that are far, or nearly, goes with the others. Each entry is looked at twice at most, since
 * a tracker that gathered for half a minute has more of those than of others. */
static int keep_cold(Panes *self, const Given *given, const uint64_t *entry, Py_ssize_t at, Py_ssize_t end)
{
    const int64_t row = (int64_t)(entry[at] >> (COUNT_BITS + self->tile_bits)), *pane = given->pane;
    const Near near = near_of(self);
    if (all_near(near, pane + at, end - at))
        return cold_put(self, row, entry + at, pane + at, end - at);
    while (at < end) {
        Py_ssize_t from = at;
        while (at < end && is_near(near, pane[at]))
            at++;
        if (at > from && cold_put(self, row, entry + from, pane + from, at - from) < 0)
            return -1;
        for (from = at; at < end && pane[at] == pane[from];)
            at++;
        if (at > from && keep(self, pane[from], entry + from, given->count + from, at - from, 0) < 0)
            return -1;
    }
    return 0;
}

static int keep_entries(Panes *self, const Given *given, const uint64_t *entry, const List *runs)
{
    const int to_row = COUNT_BITS + self->tile_bits, large = given->large;
    const int64_t *pane = given->pane;
    const uint64_t *starts = runs->items;
    Py_ssize_t from = 0; /* from here on entries wait to be put into panes */
    for (Py_ssize_t run = 0; run <= runs->used; run++) {
        const Py_ssize_t start = (Py_ssize_t)starts[run];
        const int cold = run < runs->used && !large && is_cold(self, (int64_t)(entry[start] >> to_row));
        if (!cold && run < runs->used)
            continue;
        while (from < start) {
            Py_ssize_t first = from++;
            while (from < start && pane[from] == pane[first])
                from++;
            if (keep(self, pane[first], entry + first, given->count + first, from - first, large) < 0)
                return -1;
        }
        if (!cold)
            break;
        if (run + AHEAD < runs->used)
            cold_expect(self, (int64_t)(entry[starts[run + AHEAD]] >> to_row));
        if (keep_cold(self, given, entry, start, (Py_ssize_t)starts[run + 1]) < 0)
            return -1;
        from = (Py_ssize_t)starts[run + 1];
    }
    return 0;
}

/* merge(place, page, layer, pane, tile, count, rows, layers, plain_layers, -> samples) -> whether it was done
 * False: a row is missing and nothing was done; the caller makes the rows and calls again. */
PyObject *merge(PyObject *object, PyObject *args)
{
    Panes *self = (Panes *)object;
    PyObject *o[8];
    long long layers, plain_layers;
    if (!PyArg_ParseTuple(args, "OOOOOOOLLO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6], &layers, &plain_layers, &o[7]))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t table = -1;
    Given given = {.pages = -1, .length = -1, .layers = layers, .plain_layers = plain_layers};
    given.place = take(&views, o[0], 8, 0, &given.pages);
    given.page = take(&views, o[1], 8, 0, &given.length), given.layer = take(&views, o[2], 8, 0, &given.length);
    given.pane = take(&views, o[3], 8, 0, &given.length);
    given.tile = take(&views, o[4], 4, 0, &given.length), given.count = take(&views, o[5], 4, 0, &given.length);
    given.rows = take(&views, o[6], 8, 0, &table);
    given.samples = take(&views, o[7], 8, 1, &given.pages);
    if (!views.failed && (layers < 1 || self->bounds < BOUND))
        refuse(&views, PyExc_ValueError, "expected layers, and arrays of rows");
    self->spare.used = self->runs.used = 0;
    if (views.failed || room_for(&self->spare, given.length) < 0 || room_for(&self->runs, given.length + 1) < 0) {
        views.failed = 1;
        return done(&views, NULL);
    }
    given.table_pages = table / (Py_ssize_t)layers, given.rows_end = rows_end_of(self);
    int fault = make_entries(self, &given, self->spare.items, &self->runs);
    if (fault == WRONG)
        refuse(&views, PyExc_IndexError, "counts name a page, layer, tile or row that does not exist, or are below 0");
    if (fault == TAKEN && keep_entries(self, &given, self->spare.items, &self->runs) < 0)
        views.failed = 1;
    return done(&views, views.failed ? NULL : Py_NewRef(fault == TAKEN ? Py_True : Py_False));
}
