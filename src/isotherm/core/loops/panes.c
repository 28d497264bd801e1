/* Panes: the window as a sum of panes, slid hop by hop. `panes.py` says how, and has the same in numpy.
 *
 * Panes stand in the order of their numbers, and one more may move the others. So what lies outside the last window, as times do that senders
 * make up, gets no pane: it waits in a list (`far`), and the next hop tells whether it is late or ahead, or its time has come after all.
 *
 * What fell into a pane is a list of entries in the order they came, of 8 bytes each; those before `settled` were there at the last hop, the
 * others wait for the next one:
 *
 *     63                          16 15        0
 *     ├ row ────────┬ tile ────────┼ count ─────┤      more than 65,535 at once are several entries
 *                   └ as many bits as the tiles need
 *
 * At a hop, each entry of a watched row that comes or goes is noted, and these are sorted by their cells:
 *
 *     63                          24 23        0
 *     ├ cell ────────────────────────┼ by ───────┤      the sum over a cell is what its count changed by
 */
#include "panes.h"

enum { CALM_PANES = 64, PANES_AT_FIRST = 4096 };

int room_for(List *list, Py_ssize_t more)
{
    if (list->used + more <= list->room)
        return 0;
    Py_ssize_t room = list->used + more + list->room / 2 + 64;
    uint64_t *items = realloc(list->items, (size_t)room * sizeof *items);
    if (!items) {
        PyErr_NoMemory();
        return -1;
    }
    list->items = items, list->room = room;
    return 0;
}

/* -- panes by their numbers */

/* The place of a pane, or the one that it would have. */
static Py_ssize_t place_of(const Panes *self, int64_t number)
{
    Py_ssize_t low = self->first, high = self->end;
    if (low < high) { /* mostly there are no gaps: one look, from either end */
        int64_t from_first = (int64_t)((uint64_t)number - (uint64_t)self->panes[low].number);
        int64_t from_last = (int64_t)((uint64_t)self->panes[high - 1].number - (uint64_t)number);
        if (from_first >= 0 && from_first < high - low && self->panes[low + from_first].number == number)
            return low + (Py_ssize_t)from_first;
        if (from_last >= 0 && from_last < high - low && self->panes[high - 1 - from_last].number == number)
            return high - 1 - (Py_ssize_t)from_last;
        if (self->panes[high - 1].number < number)
            return high;
    }
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (self->panes[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static Pane *find(const Panes *self, int64_t number)
{
    Py_ssize_t place = place_of(self, number);
    return place < self->end && self->panes[place].number == number ? &self->panes[place] : NULL;
}

Pane *find_or_make(Panes *self, int64_t number)
{
    Py_ssize_t place = place_of(self, number);
    if (place < self->end && self->panes[place].number == number)
        return &self->panes[place];
    if (self->end == self->room) {
        Py_ssize_t number_of = self->end - self->first;
        if (self->first > number_of) {
            memmove(self->panes, self->panes + self->first, (size_t)number_of * sizeof *self->panes);
        } else {
            Py_ssize_t room = 2 * self->room + 64;
            Pane *panes = malloc((size_t)room * sizeof *panes);
            if (!panes) {
                PyErr_NoMemory();
                return NULL;
            }
            if (number_of)
                memcpy(panes, self->panes + self->first, (size_t)number_of * sizeof *panes);
            free(self->panes);
            self->panes = panes, self->room = room;
        }
        place -= self->first, self->end -= self->first, self->first = 0;
    }
    memmove(self->panes + place + 1, self->panes + place, (size_t)(self->end - place) * sizeof *self->panes);
    self->end++;
    self->panes[place] = (Pane){.number = number};
    return &self->panes[place];
}

static void take_out(Panes *self, Pane *pane)
{
    free(pane->entries);
    Py_ssize_t place = pane - self->panes;
    if (place == self->first)
        self->first++;
    else
        memmove(pane, pane + 1, (size_t)(--self->end - place) * sizeof *pane);
}

int pane_room(Pane *pane, Py_ssize_t more)
{
    if (more <= (Py_ssize_t)(pane->room - pane->used))
        return 0;
    uint64_t room = pane->used ? (uint64_t)pane->used + (uint64_t)more + pane->used / 2 : (uint64_t)more;
    uint64_t *entries = room <= UINT32_MAX ? realloc(pane->entries, (size_t)room * sizeof *entries) : NULL;
    if (!entries) {
        PyErr_NoMemory();
        return -1;
    }
    pane->entries = entries, pane->room = (uint32_t)room;
    return 0;
}

/* -- what comes in */

/* Puts entries into a pane, behind those that are there. */
int put(Panes *self, int64_t number, const uint64_t *entries, Py_ssize_t length)
{
    Pane *pane = find_or_make(self, number);
    if (!pane || pane_room(pane, length) < 0 || room_for(&self->unsettled, 1) < 0)
        return -1;
    if (pane->used == pane->settled)
        self->unsettled.items[self->unsettled.used++] = (uint64_t)number;
    memcpy(pane->entries + pane->used, entries, (size_t)length * sizeof *entries);
    pane->used += (uint32_t)length;
    return 0;
}

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
    return self->end - self->first >= PANES_AT_FIRST && !find(self, number);
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
        wrong |= tile[at] | (last_tile - tile[at]) | count[at]; /* below 0 where one of them is */
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
    for (Py_ssize_t at = 0; at < length; at++)
        references[entry[at] >> to_row]++;
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

/* How many entries from the first on are of panes that are near: no clock that steps leaves them behind before the next hop (`margin`), and a list
 * that has no others is nearly in the order of its panes (`lag`). */
VECTORS static Py_ssize_t near_ones(const Panes *self, const int64_t *pane, Py_ssize_t length)
{
    const uint64_t from = (uint64_t)(self->low + self->window - self->lag), last = (uint64_t)self->high - 1;
    uint64_t outside = 0; /* below 0, taken as signed, where one lies before or behind */
    for (Py_ssize_t at = 0; at < length; at++)
        outside |= ((uint64_t)pane[at] - from) | (last - (uint64_t)pane[at]);
    if ((int64_t)outside >= 0)
        return length;
    Py_ssize_t at = 0;
    while ((uint64_t)pane[at] - from <= last - from)
        at++;
    return at;
}

/* One run goes into its row's own list; what is of panes that are far, or nearly, goes with the others. */
static int keep_cold(Panes *self, const Given *given, const uint64_t *entry, Py_ssize_t at, Py_ssize_t end)
{
    const int64_t row = (int64_t)(entry[at] >> (COUNT_BITS + self->tile_bits));
    while (at < end) {
        Py_ssize_t near = near_ones(self, given->pane + at, end - at);
        if (near && cold_put(self, row, entry + at, given->pane + at, near) < 0)
            return -1;
        at += near;
        if (at < end && keep(self, given->pane[at], entry + at, given->count + at, 1, 0) < 0)
            return -1;
        at++;
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
static PyObject *merge(PyObject *object, PyObject *args)
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

/* -- the clock */

/* Entries come into the window (sign 1) or leave it (-1). */
static int apply(Panes *self, const uint64_t *entries, Py_ssize_t number, int sign)
{
    int32_t *slab = self->bound[0].buf;
    int64_t *totals = self->bound[1].buf;
    const uint8_t *watched = self->bound[2].buf;
    if (room_for(&self->noted, number) < 0)
        return -1;
    uint64_t *noted = self->noted.items + self->noted.used;
    const int to_row = COUNT_BITS + self->tile_bits;
    const int64_t tile_mask = (1LL << self->tile_bits) - 1, tiles = self->tiles, dense_rows = self->dense_rows;
    for (Py_ssize_t at = 0; at < number; at++) {
        uint64_t entry = entries[at];
        int64_t row = (int64_t)(entry >> to_row), cell = row * tiles + ((int64_t)(entry >> COUNT_BITS) & tile_mask);
        int32_t by = sign * (int32_t)(entry & COUNT_MAX);
        uint64_t note = (uint64_t)cell << BY_BITS | ((uint64_t)by & BY_MASK);
        if (row >= dense_rows) {
            if (room_for(&self->beyond, 1) < 0)
                return -1;
            self->beyond.items[self->beyond.used++] = note;
            continue;
        }
        slab[cell] += by;
        totals[row] += by;
        *noted = note;
        noted += watched[row] != 0;
    }
    self->noted.used = noted - self->noted.items;
    return 0;
}

static int64_t sum_of(const Pane *pane, uint32_t from)
{
    int64_t sum = 0;
    for (uint32_t at = from; at < pane->used; at++)
        sum += (int64_t)(pane->entries[at] & COUNT_MAX);
    return sum;
}

/* Nothing names the row any more. */
int drop_row(PyObject *dropped, int64_t row)
{
    PyObject *number = PyLong_FromLongLong(row);
    int failed = !number || PyList_Append(dropped, number) < 0;
    Py_XDECREF(number);
    return failed ? -1 : 0;
}

/* An entry goes: its row is named once less. A row that nothing names any more is added to `dropped`. */
static inline int let_go(Panes *self, uint64_t entry, PyObject *dropped)
{
    int64_t *references = self->bound[3].buf;
    uint64_t row = entry >> (COUNT_BITS + self->tile_bits);
    return --references[row] ? 0 : drop_row(dropped, (int64_t)row);
}

/* A pane goes, with all its entries. */
static int drop(Panes *self, Pane *pane, PyObject *dropped)
{
    int failed = 0;
    for (uint32_t at = 0; at < pane->used; at++)
        failed |= let_go(self, pane->entries[at], dropped) < 0;
    take_out(self, pane);
    return failed ? -1 : 0;
}

/* Where the window is to end, and how long it is. */
typedef struct {
    int64_t old, new, window, skew;
} Step;

/* What was settled of a pane comes into the window or leaves it; the pane goes if it lies outside. 1: it went. */
static int slide_pane(Panes *self, Pane *pane, const Step *step, PyObject *dropped)
{
    int64_t number = pane->number;
    int was_in = step->old - step->window <= number && number < step->old, is_in = step->new - step->window <= number && number < step->new;
    if (was_in != is_in && apply(self, pane->entries, pane->settled, is_in ? 1 : -1) < 0)
        return -1;
    if (number >= step->new - step->window && number < step->new + step->skew)
        return 0;
    if (number >= step->new)
        self->ahead += sum_of(pane, 0);
    else
        self->late += sum_of(pane, pane->settled);
    return drop(self, pane, dropped) < 0 ? -1 : 1;
}

static int slide_number(Panes *self, int64_t number, const Step *step, PyObject *dropped)
{
    Pane *pane = find(self, number);
    return pane ? slide_pane(self, pane, step, dropped) : 0;
}

static int slide(Panes *self, const Step *step, PyObject *dropped)
{
    int64_t by = step->new - step->old;
    int failed = 0;
    if (by > 0 && by < self->end - self->first && by <= step->window) {
        for (int64_t number = step->old; number < step->new && !failed; number++)
            failed = slide_number(self, number, step, dropped) < 0;
        for (int64_t number = step->old - step->window; number < step->new - step->window && !failed; number++)
            failed = slide_number(self, number, step, dropped) < 0;
        return failed ? -1 : 0;
    }
    for (Py_ssize_t place = self->first; place < self->end && !failed;) {
        Py_ssize_t first = self->first;
        int went = slide_pane(self, &self->panes[place], step, dropped);
        failed = went < 0;
        place += went == 1 && first == self->first ? 0 : 1; /* those behind it closed up, or it was the first */
    }
    return failed ? -1 : 0;
}

/* What was far gets its pane if that is near now; else it was late, or ahead. */
static int come_near(Panes *self, const Step *step, PyObject *dropped)
{
    Py_ssize_t used = self->far.used;
    self->far.used = 0;
    for (Py_ssize_t at = 0; at < used; at += 2) {
        int64_t number = (int64_t)self->far.items[at];
        const uint64_t *entry = &self->far.items[at + 1];
        if (number >= step->new - step->window && number < step->new + step->skew) {
            if (put(self, number, entry, 1) < 0)
                return -1;
            continue;
        }
        *(number >= step->new ? &self->ahead : &self->late) += (int64_t)(*entry & COUNT_MAX);
        if (let_go(self, *entry, dropped) < 0)
            return -1;
    }
    if (self->far.room > PANES_AT_FIRST) { /* it was a burst, or a start */
        free(self->far.items);
        self->far = (List){.items = NULL};
    }
    self->low = step->new - step->window, self->high = step->new + step->skew, self->started = 1;
    return 0;
}

/* What waited comes into the window, where its pane is in it. */
static int settle(Panes *self, const Step *step, PyObject *dropped)
{
    for (Py_ssize_t at = 0; at < self->unsettled.used; at++) {
        Pane *pane = find(self, (int64_t)self->unsettled.items[at]);
        if (!pane)
            continue;
        if (pane->number < step->new - step->window || pane->number >= step->new + step->skew) {
            *(pane->number >= step->new ? &self->ahead : &self->late) += sum_of(pane, pane->settled);
            if (drop(self, pane, dropped) < 0)
                return -1;
            continue;
        }
        if (pane->number < step->new && apply(self, pane->entries + pane->settled, pane->used - pane->settled, 1) < 0)
            return -1;
        pane->settled = pane->used;
    }
    self->unsettled.used = 0;
    return 0;
}

/* Sorts by what stands above `BY_BITS`, only as many passes as the bits need in which these differ; the other list is used as room. */
static int sort_notes(List *notes, List *other)
{
    Py_ssize_t length = notes->used;
    uint64_t differ = 0;
    for (Py_ssize_t at = 0; at < length; at++)
        differ |= notes->items[at] ^ notes->items[0];
    if (length < 24) {
        for (Py_ssize_t i = 1; i < length; i++) {
            uint64_t note = notes->items[i];
            Py_ssize_t j = i;
            for (; j > 0 && notes->items[j - 1] >> BY_BITS > note >> BY_BITS; j--)
                notes->items[j] = notes->items[j - 1];
            notes->items[j] = note;
        }
        return 0;
    }
    other->used = 0;
    if (room_for(other, length) < 0)
        return -1;
    uint64_t *from = notes->items, *to = other->items;
    const int bits = length < 1024 ? 6 : length < 8192 ? 8 : 11, digits = 1 << bits;
    for (int shift = BY_BITS; shift < 64 && differ >> shift; shift += bits) {
        if (!(differ >> shift & (uint64_t)(digits - 1)))
            continue;
        uint32_t starts[2049];
        memset(starts, 0, ((size_t)digits + 1) * sizeof *starts);
        for (Py_ssize_t i = 0; i < length; i++)
            starts[(from[i] >> shift & (uint64_t)(digits - 1)) + 1]++;
        for (int i = 0; i < digits; i++)
            starts[i + 1] += starts[i];
        for (Py_ssize_t i = 0; i < length; i++)
            to[starts[from[i] >> shift & (uint64_t)(digits - 1)]++] = from[i];
        uint64_t *before = from;
        from = to, to = before;
    }
    if (from != notes->items) { /* the lists change their names */
        List before = *notes;
        notes->items = other->items, notes->room = other->room;
        other->items = before.items, other->room = before.room;
    }
    return 0;
}

static inline int64_t by_of(uint64_t note) { return (int64_t)(note << (64 - BY_BITS)) >> (64 - BY_BITS); }

static int put_row(PyObject *places, int64_t row, Py_ssize_t start, Py_ssize_t stop)
{
    PyObject *key = PyLong_FromLongLong(row), *from = PyLong_FromSsize_t(start), *to = PyLong_FromSsize_t(stop);
    PyObject *value = from && to ? PySlice_New(from, to, NULL) : NULL;
    int failed = !key || !value || PyDict_SetItem(places, key, value) < 0;
    Py_XDECREF(key), Py_XDECREF(from), Py_XDECREF(to), Py_XDECREF(value);
    return failed ? -1 : 0;
}

/* Of the noted cells those whose count changed, ascending: their tiles, counts, and where each row's stand in these. */
static int tell_changes(Panes *self, PyObject **tiles_made, PyObject **counts_made, PyObject *places)
{
    List *noted = &self->noted;
    if (sort_notes(noted, &self->spare) < 0)
        return -1;
    const int32_t *slab = self->bound[0].buf;
    self->spare.used = 0;
    if (room_for(&self->spare, noted->used + noted->used / 2 + 1) < 0)
        return -1;
    int64_t *tiles = (int64_t *)self->spare.items;
    int32_t *counts = (int32_t *)(tiles + noted->used);
    Divisor by_tiles = divisor(self->tiles);
    Py_ssize_t told = 0, start = 0;
    int64_t row = -1, first = 0;
    for (Py_ssize_t at = 0; at < noted->used;) {
        int64_t cell = (int64_t)(noted->items[at] >> BY_BITS), by = 0;
        for (; at < noted->used && (int64_t)(noted->items[at] >> BY_BITS) == cell; at++)
            by += by_of(noted->items[at]);
        if (!by)
            continue;
        if (row < 0 || cell >= first + self->tiles) {
            if (row >= 0 && put_row(places, row, start, told) < 0)
                return -1;
            row = quotient(by_tiles, cell), first = row * self->tiles, start = told;
        }
        tiles[told] = cell - first;
        counts[told++] = slab[cell];
    }
    if (row >= 0 && put_row(places, row, start, told) < 0)
        return -1;
    *tiles_made = PyBytes_FromStringAndSize((const char *)tiles, told * 8);
    *counts_made = PyBytes_FromStringAndSize((const char *)counts, told * 4);
    return *tiles_made && *counts_made ? 0 : -1;
}

static void trim(Pane *pane)
{
    uint64_t *entries = pane && pane->used && pane->used < pane->room ? realloc(pane->entries, pane->used * sizeof *entries) : NULL;
    if (entries)
        pane->entries = entries, pane->room = pane->used;
}

/* advance(old end or None, new end)
 *     -> (tiles, counts, {row: slice of these}, rows dropped, samples late, samples ahead, notes of rows beyond the slab) */
static PyObject *advance(PyObject *object, PyObject *args)
{
    Panes *self = (Panes *)object;
    PyObject *old;
    long long new_end;
    if (!PyArg_ParseTuple(args, "OL", &old, &new_end))
        return NULL;
    if (self->bounds < BOUND) {
        PyErr_SetString(PyExc_ValueError, "expected arrays of rows");
        return NULL;
    }
    self->noted.used = self->beyond.used = 0;
    self->late = self->ahead = 0;
    Step step = {.old = old == Py_None ? 0 : PyLong_AsLongLong(old), .new = new_end, .window = self->window, .skew = self->skew};
    if (PyErr_Occurred())
        return NULL;
    const int leaps = old != Py_None && (step.new <= step.old || step.new - step.old > self->margin);
    PyObject *tiles = NULL, *counts = NULL, *places = PyDict_New(), *dropped = PyList_New(0), *beyond = NULL, *result = NULL;
    if (!places || !dropped || (leaps && cold_leap(self, step.new - step.window, dropped) < 0) || (old != Py_None && slide(self, &step, dropped) < 0) ||
        come_near(self, &step, dropped) < 0 ||
        (old != Py_None && cold_step(self, step.old - self->window, step.new - self->window, dropped) < 0) || settle(self, &step, dropped) < 0 ||
        tell_changes(self, &tiles, &counts, places) < 0)
        goto end;
    self->hop++;
    trim(find(self, new_end - CALM_PANES));
    beyond = PyBytes_FromStringAndSize((const char *)self->beyond.items, self->beyond.used * 8);
    if (beyond)
        result = Py_BuildValue("(OOOOLLO)", tiles, counts, places, dropped, (long long)self->late, (long long)self->ahead, beyond);
end:
    Py_XDECREF(tiles), Py_XDECREF(counts), Py_XDECREF(places), Py_XDECREF(dropped), Py_XDECREF(beyond);
    return result;
}

/* -- the object */

static void unbind(Panes *self)
{
    while (self->bounds)
        PyBuffer_Release(&self->bound[--self->bounds]);
}

/* bind(slab, totals, watched, references): the arrays of rows; called anew when one of them is another. */
static PyObject *bind(PyObject *object, PyObject *args)
{
    Panes *self = (Panes *)object;
    PyObject *o[BOUND];
    if (!PyArg_ParseTuple(args, "OOOO", &o[0], &o[1], &o[2], &o[3]))
        return NULL;
    static const size_t item_bytes[BOUND] = {4, 8, 1, 8};
    unbind(self);
    self->rows = -1;
    for (int at = 0; at < BOUND; at++) {
        if (PyObject_GetBuffer(o[at], &self->bound[at], at == 2 ? PyBUF_SIMPLE : PyBUF_WRITABLE) < 0) {
            unbind(self);
            return NULL;
        }
        self->bounds++;
        Py_ssize_t length = self->bound[at].len / (Py_ssize_t)item_bytes[at];
        if ((size_t)self->bound[at].itemsize != item_bytes[at] || (at == 0 && length / self->tiles < self->dense_rows)) {
            PyErr_SetString(PyExc_ValueError, "expected a slab of 32-bit and rows of 64-bit integers");
            unbind(self);
            return NULL;
        }
        if (at && (self->rows < 0 || length < self->rows))
            self->rows = length;
    }
    if (cold_bind(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *new_panes(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    long long tiles, dense_rows, window, skew, looks_max;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "LLLLL", &tiles, &dense_rows, &window, &skew, &looks_max))
        return NULL;
    if (window < 1 || window > 1LL << 40 || skew < 0 || skew > 1LL << 40 || tiles < 1 || tiles > 1LL << 30 || dense_rows < 0 || dense_rows > (1LL << (63 - BY_BITS)) / tiles) {
        PyErr_SetString(PyExc_ValueError, "expected tiles, a window, and a slab that is not too large");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Panes *self = (Panes *)allocate(type, 0);
    if (!self)
        return NULL;
    self->tiles = tiles, self->dense_rows = dense_rows, self->window = window, self->skew = skew;
    while (1LL << self->tile_bits < tiles)
        self->tile_bits++;
    if (cold_make(self, looks_max) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static Py_ssize_t length_of(PyObject *object)
{
    const Panes *self = (Panes *)object;
    return self->end - self->first + self->far.used / 2 + self->alive;
}

/* bytes_held() -> of all entries, with the room behind them */
static PyObject *bytes_held(PyObject *object, PyObject *args)
{
    (void)args;
    const Panes *self = (Panes *)object;
    uint64_t bytes = (uint64_t)self->far.room * sizeof *self->far.items + cold_bytes(self);
    for (Py_ssize_t place = self->first; place < self->end; place++)
        bytes += self->panes[place].room * sizeof *self->panes[place].entries;
    return PyLong_FromUnsignedLongLong(bytes);
}

static void dealloc(PyObject *object)
{
    Panes *self = (Panes *)object;
    PyTypeObject *type = Py_TYPE(object);
    unbind(self);
    for (Py_ssize_t place = self->first; place < self->end; place++)
        free(self->panes[place].entries);
    free(self->panes), free(self->unsettled.items), free(self->noted.items), free(self->spare.items), free(self->runs.items), free(self->beyond.items), free(self->far.items);
    cold_free(self);
    freefunc release_memory = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release_memory(object);
    Py_DECREF(type);
}

static PyMethodDef panes_methods[] = {
    {"bind", bind, METH_VARARGS, NULL},
    {"merge", merge, METH_VARARGS, NULL},
    {"advance", advance, METH_VARARGS, NULL},
    {"bytes_held", bytes_held, METH_NOARGS, NULL},
    {"warm", warm, METH_VARARGS, NULL},
    {"add_cold", add_cold, METH_VARARGS, NULL},
    {"add_cold_totals", add_cold_totals, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_new, new_panes}, {Py_tp_methods, panes_methods}, {Py_sq_length, length_of}, {Py_tp_dealloc, dealloc}, {0, NULL}};

PyType_Spec panes_spec = {"isotherm.core._counting.Panes", sizeof(Panes), 0, Py_TPFLAGS_DEFAULT, slots};
