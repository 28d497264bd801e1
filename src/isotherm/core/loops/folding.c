/* Folding, the first half: rows and samples are put where they belong (`folding.h`). */
#include "folding.h"

/* -- to find a group, a bin */

typedef uint64_t (*Hash)(const Folding *, Py_ssize_t place);

static uint64_t hash_group(int64_t page, int64_t number) { return scattered((uint64_t)page * 0xD6E8FEB86659FD93u ^ (uint64_t)number); }
static uint64_t hash_bin(int32_t group, uint32_t who) { return scattered((uint64_t)who << 32 ^ (uint32_t)group); }

static uint64_t of_group(const Folding *folding, Py_ssize_t place)
{
    const Group *group = OF(folding->groups, Group) + place;
    return hash_group(group->page, group->number);
}

static uint64_t of_bin(const Folding *folding, Py_ssize_t place)
{
    const Bin *bin = OF(folding->bins, Bin) + place;
    return hash_bin(bin->group, bin->who);
}

/* Room in a table of `length` entries for one more. */
static int widen(const Folding *folding, Table *table, Py_ssize_t length, Hash hash)
{
    if (!table_full(table, length + 1))
        return 1;
    if (table_grow(table) < 0)
        return 0;
    for (Py_ssize_t place = 0; place < length; place++) {
        uint64_t slot = hash(folding, place) & table->mask;
        while (table->places[slot])
            slot = (slot + 1) & table->mask;
        table->places[slot] = (uint32_t)place + 1;
    }
    return 1;
}

/* Its place; NONE: there is no memory. */
static int32_t group_of(Folding *folding, int64_t page, int64_t number)
{
    Py_ssize_t length = LENGTH(folding->groups, Group);
    if (length >= INT32_MAX - 1 || !widen(folding, &folding->place_of_group, length, of_group) || !room(&folding->groups, sizeof(Group)))
        return NONE;
    const Table table = folding->place_of_group;
    uint64_t slot = hash_group(page, number) & table.mask;
    for (; table.places[slot]; slot = (slot + 1) & table.mask) {
        const Group *group = OF(folding->groups, Group) + table.places[slot] - 1;
        if (group->page == page && group->number == number)
            return (int32_t)table.places[slot] - 1;
    }
    OF(folding->groups, Group)[length] = (Group){page, number, NONE, NONE, NONE};
    folding->groups.used += sizeof(Group);
    table.places[slot] = (uint32_t)length + 1;
    return (int32_t)length;
}

static int32_t bin_of(Folding *folding, int32_t group, uint32_t who)
{
    Py_ssize_t length = LENGTH(folding->bins, Bin);
    if (length >= INT32_MAX - 1 || !widen(folding, &folding->place_of_bin, length, of_bin) || !room(&folding->bins, sizeof(Bin)))
        return NONE;
    const Table table = folding->place_of_bin;
    uint64_t slot = hash_bin(group, who) & table.mask;
    for (; table.places[slot]; slot = (slot + 1) & table.mask) {
        const Bin *bin = OF(folding->bins, Bin) + table.places[slot] - 1;
        if (bin->group == group && bin->who == who)
            return (int32_t)table.places[slot] - 1;
    }
    Group *of = OF(folding->groups, Group) + group;
    OF(folding->bins, Bin)[length] = (Bin){who, group, of->bins, NONE, NONE};
    folding->bins.used += sizeof(Bin);
    of->bins = (int32_t)length;
    table.places[slot] = (uint32_t)length + 1;
    return (int32_t)length;
}

/* Another stretch at the end of a chain, which begins at `start`; NONE: there is no memory. */
static int32_t begin_stretch(Folding *folding, int32_t *first, int32_t *last, size_t start)
{
    Py_ssize_t length = LENGTH(folding->stretches, Stretch);
    if (length >= INT32_MAX - 1 || start >= UINT32_MAX || !room(&folding->stretches, sizeof(Stretch)))
        return NONE;
    OF(folding->stretches, Stretch)[length] = (Stretch){(uint32_t)start, 0, NONE};
    folding->stretches.used += sizeof(Stretch);
    if (*last == NONE)
        *first = (int32_t)length;
    else
        OF(folding->stretches, Stretch)[*last].next = (int32_t)length;
    return *last = (int32_t)length;
}

/* -- what comes */

typedef struct {
    const int64_t *place, *page, *layer, *pane, *row, *session, *size;
    const int32_t *tile, *count;
    const uint32_t *who;
    Py_ssize_t pages, rows, samples, runs, names;
} Given;

/* Of each row where it went: its group and cell; NONE: it is of a page that nobody wants. */
typedef struct {
    int32_t group;
    uint32_t cell;
} Went;

enum { FINE, NO_MEMORY, UNFIT };

/* The panes of a span of time, from `first` to before `end`. */
typedef struct {
    int64_t number, first, end;
} Span;

static Span span_at(const Folding *folding, int64_t pane)
{
    const int64_t span_ms = folding->span_ms, hop_ms = folding->hop_ms;
    if (!span_ms)
        return (Span){0, INT64_MIN, INT64_MAX};
    const Divisor by_span = divisor(span_ms), by_hop = divisor(hop_ms);
    const int64_t number = quotient(by_span, pane * hop_ms);
    return (Span){number, quotient(by_hop, number * span_ms + hop_ms - 1), quotient(by_hop, (number + 1) * span_ms + hop_ms - 1)};
}

/* What follows one another: where it goes, and how much of it there is since the stretch began. */
typedef struct {
    int32_t group, stretch;
    uint32_t length;
} Flow;

static void end_stretch(Folding *folding, Flow *flow)
{
    if (flow->stretch != NONE)
        OF(folding->stretches, Stretch)[flow->stretch].length = flow->length;
    *flow = (Flow){NONE, NONE, 0};
}

static int begin_rows(Folding *folding, Flow *flow, int64_t page, int64_t number, size_t start)
{
    end_stretch(folding, flow);
    flow->group = group_of(folding, page, number);
    if (flow->group == NONE)
        return 0;
    Group *of = OF(folding->groups, Group) + flow->group;
    flow->stretch = begin_stretch(folding, &of->first, &of->last, start);
    return flow->stretch != NONE;
}

static int begin_samples(Folding *folding, Flow *flow, int32_t group, uint32_t who, size_t start)
{
    end_stretch(folding, flow);
    flow->group = group;
    int32_t bin = bin_of(folding, group, who);
    if (bin == NONE)
        return 0;
    Bin *of = OF(folding->bins, Bin) + bin;
    flow->stretch = begin_stretch(folding, &of->first, &of->last, start);
    return flow->stretch != NONE;
}

static int take_rows(Folding *folding, const Given *from, Went *went)
{
    const Given given = *from; /* a copy of our own, which no store through a pointer can change: it stays in registers */
    const size_t begin = folding->row_cell.used / 4;
    if (!room(&folding->row_cell, 4 * (size_t)given.rows) || !room(&folding->row_count, 4 * (size_t)given.rows))
        return NO_MEMORY;
    uint32_t *cells = OF(folding->row_cell, uint32_t) + begin;
    int32_t *counts = OF(folding->row_count, int32_t) + begin;
    const int64_t tiles = folding->tiles, layers = folding->layers, cells_max = folding->cells_max;
    Span span = {0, 0, 0};
    Flow flow = {NONE, NONE, 0};
    int64_t page = NONE, lowest_pane = folding->lowest_pane;
    uint32_t used = 0;
    for (Py_ssize_t at = 0; at < given.rows; at++) {
        const int64_t layer = given.layer[at], pane = given.pane[at], cell = layer * tiles + given.tile[at];
        if (given.page[at] < 0 || given.page[at] >= given.pages || layer < 0 || layer >= layers || given.tile[at] < 0 || cell >= cells_max)
            return UNFIT;
        const int apart = given.page[at] != page, beyond = pane < span.first || pane >= span.end;
        if (apart || beyond) {
            page = given.page[at];
            if (beyond)
                span = span_at(folding, pane);
            if (given.place[page] < 0)
                end_stretch(folding, &flow);
            else if (!begin_rows(folding, &flow, given.place[page], span.number, begin + used))
                return NO_MEMORY;
        }
        went[at] = (Went){flow.group, (uint32_t)cell};
        if (flow.group == NONE)
            continue;
        lowest_pane = pane < lowest_pane ? pane : lowest_pane;
        cells[used] = (uint32_t)cell, counts[used] = given.count[at];
        used++, flow.length++;
    }
    end_stretch(folding, &flow);
    folding->lowest_pane = lowest_pane;
    folding->row_cell.used += 4 * (size_t)used, folding->row_count.used += 4 * (size_t)used;
    return FINE;
}

static int take_samples(Folding *folding, const Given *from, const Went *went)
{
    const Given given = *from;
    const size_t begin = folding->sample_cell.used / 4;
    if (!room(&folding->sample_cell, 4 * (size_t)given.samples) ||
        (folding->with_panes && !room(&folding->sample_pane, 8 * (size_t)given.samples)))
        return NO_MEMORY;
    uint32_t *cells = OF(folding->sample_cell, uint32_t) + begin;
    int64_t *panes = folding->with_panes ? OF(folding->sample_pane, int64_t) + begin : NULL;
    Flow flow = {NONE, NONE, 0};
    uint32_t used = 0, who = 0;
    Py_ssize_t run = 0, run_end = 0;
    for (Py_ssize_t at = 0; at < given.samples; at++) {
        while (given.size && at >= run_end) {
            if (run >= given.runs || given.size[run] < 0 || given.size[run] > given.samples || given.session[run] < 0 ||
                given.session[run] >= given.names)
                return UNFIT;
            run_end += given.size[run++];
        }
        const int64_t row = given.row[at];
        if (row < 0)
            continue;
        if (row >= given.rows)
            return UNFIT;
        const Went to = went[row];
        if (to.group == NONE)
            continue;
        const uint32_t is = given.who[given.size ? given.session[run - 1] : at];
        if (to.group != flow.group || is != who) {
            who = is;
            if (!begin_samples(folding, &flow, to.group, who, begin + used))
                return NO_MEMORY;
        }
        if (panes)
            panes[used] = given.pane[row];
        cells[used++] = to.cell, flow.length++;
    }
    end_stretch(folding, &flow);
    folding->sample_cell.used += 4 * (size_t)used;
    if (panes)
        folding->sample_pane.used += 8 * (size_t)used;
    return FINE;
}

static int take_all(Folding *folding, const Given *given)
{
    Went *went = malloc((size_t)(given->rows + 1) * sizeof *went);
    int how = went ? take_rows(folding, given, went) : NO_MEMORY;
    if (how == FINE)
        how = take_samples(folding, given, went);
    free(went);
    return how;
}

/* add(place, page, layer, pane, tile, count, row, who, session or None, size or None): the rows of one record. `place` is of each of its pages
 * which page that is, below 0: one that nobody wants; `who` of each sample, or of each name that `session` of runs of `size` samples means. */
static PyObject *add(PyObject *self, PyObject *args)
{
    Folding *folding = (Folding *)self;
    PyObject *o[8], *session, *size;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6], &o[7], &session, &size))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Given given = {.pages = -1, .rows = -1, .samples = -1, .runs = -1, .names = -1};
    given.place = take(&views, o[0], 8, 0, &given.pages), given.page = take(&views, o[1], 8, 0, &given.rows);
    given.layer = take(&views, o[2], 8, 0, &given.rows), given.pane = take(&views, o[3], 8, 0, &given.rows);
    given.tile = take(&views, o[4], 4, 0, &given.rows), given.count = take(&views, o[5], 4, 0, &given.rows);
    given.row = take(&views, o[6], 8, 0, &given.samples);
    if (size != Py_None)
        given.session = take(&views, session, 8, 0, &given.runs), given.size = take(&views, size, 8, 0, &given.runs);
    else
        given.names = given.samples;
    given.who = take(&views, o[7], 4, 0, &given.names);
    if (folding->failed)
        refuse(&views, PyExc_ValueError, "something went wrong before: begin anew");
    if (views.failed)
        return done(&views, NULL);
    int how;
    Py_BEGIN_ALLOW_THREADS
    how = take_all(folding, &given);
    Py_END_ALLOW_THREADS
    folding->failed = how != FINE; /* what came is half there */
    if (how == NO_MEMORY)
        PyErr_NoMemory(), views.failed = 1;
    if (how == UNFIT)
        refuse(&views, PyExc_ValueError, "expected rows and runs that fit their pages, tiles and samples");
    return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
}

/* groups() -> pages and numbers, of each group, as int64 */
static PyObject *all_groups(PyObject *self, PyObject *unused)
{
    (void)unused;
    Folding *folding = (Folding *)self;
    const Py_ssize_t length = LENGTH(folding->groups, Group);
    PyObject *pages = PyBytes_FromStringAndSize(NULL, 8 * length), *numbers = PyBytes_FromStringAndSize(NULL, 8 * length), *both = NULL;
    if (pages && numbers) {
        for (Py_ssize_t at = 0; at < length; at++) {
            ((int64_t *)PyBytes_AsString(pages))[at] = OF(folding->groups, Group)[at].page;
            ((int64_t *)PyBytes_AsString(numbers))[at] = OF(folding->groups, Group)[at].number;
        }
        both = PyTuple_Pack(2, pages, numbers);
    }
    Py_XDECREF(pages);
    Py_XDECREF(numbers);
    return both;
}

/* lowest_pane() -> of all rows that are wanted; a very large number where there are none */
static PyObject *lowest_pane(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLongLong(((Folding *)self)->lowest_pane);
}

/* -- life */

/* Folding(tiles, layers, hop_ms, span_ms, with_panes); span_ms 0: all time is one span */
static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *named)
{
    (void)named;
    long long tiles, layers, hop_ms, span_ms;
    int with_panes;
    if (!PyArg_ParseTuple(args, "LLLLp", &tiles, &layers, &hop_ms, &span_ms, &with_panes))
        return NULL;
    if (tiles < 1 || tiles > 1 << 24 || layers < 1 || layers > LAYERS_MAX || hop_ms < 1 || span_ms < 0) {
        PyErr_SetString(PyExc_ValueError, "expected tiles, layers, a hop and a span above 0");
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Folding *folding = (Folding *)alloc(type, 0);
    if (!folding)
        return NULL;
    folding->tiles = tiles, folding->layers = layers, folding->hop_ms = hop_ms, folding->span_ms = span_ms, folding->with_panes = with_panes;
    folding->lowest_pane = INT64_MAX;
    const size_t cells = (size_t)(folding->cells_max = tiles * layers);
    Met *met = &folding->met;
    met->words = calloc(cells / 64 + 1, 8), met->above = calloc(cells / 4096 + 1, 8), met->sums = malloc(cells * 8);
    met->oldest = with_panes ? malloc(cells * 8) : NULL, met->newest = with_panes ? malloc(cells * 8) : NULL;
    if (!met->words || !met->above || !met->sums || (with_panes && (!met->oldest || !met->newest)) || table_make(&folding->place_of_group, 0) < 0 ||
        table_make(&folding->place_of_bin, 0) < 0) {
        Py_DECREF(folding);
        return PyErr_NoMemory();
    }
    return (PyObject *)folding;
}

static void dealloc(PyObject *self)
{
    Folding *folding = (Folding *)self;
    List *lists[] = {&folding->groups, &folding->bins, &folding->stretches, &folding->row_cell, &folding->row_count,
                     &folding->sample_cell, &folding->sample_pane};
    for (size_t at = 0; at < sizeof lists / sizeof *lists; at++)
        let_go(lists[at]);
    table_free(&folding->place_of_group), table_free(&folding->place_of_bin);
    free(folding->met.words), free(folding->met.above), free(folding->met.sums), free(folding->met.oldest), free(folding->met.newest);
    end_object(self);
}

static PyMethodDef folding_methods[] = {{"add", add, METH_VARARGS, NULL},
                                        {"tell", folding_tell, METH_VARARGS, NULL},
                                        {"groups", all_groups, METH_NOARGS, NULL},
                                        {"lowest_pane", lowest_pane, METH_NOARGS, NULL},
                                        {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, make}, {Py_tp_methods, folding_methods}, {Py_tp_dealloc, dealloc}, {0, NULL}};

PyType_Spec folding_spec = {"isotherm.core._counting.Folding", sizeof(Folding), 0, Py_TPFLAGS_DEFAULT, slots};
