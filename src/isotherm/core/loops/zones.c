/* Zones: the samples of a record that lay on a zone become counts, and counts come into the window of zones and leave it.
 *
 * A pane is a list of entries, 16 bytes each; a zone of a page is a row of sums. Who is on a zone is a hash table from (row, person) to the
 * last pane of the window in which they were; how many of its zones a person is on, another from (page, person):
 *
 *     entry   row │ kind │ person │ count                  4 bytes each
 *     on      (row, person)  ─▶ last pane                  gone with that pane
 *     around  (page, person) ─▶ zones that they are on     gone with the last of them
 */
#include "loops.h"

enum { KINDS_MAX = 8 };

typedef struct {
    int32_t row, kind;
    uint32_t person;
    int32_t count;
} Entry;

typedef struct {
    int64_t page, recent, references, people;
    int64_t counts[KINDS_MAX];
} Row;

/* Open-addressed, at most half full; what goes is closed up, so that no look-up passes over graves. */
typedef struct {
    uint32_t place; /* of the row or page, plus 1; 0: free */
    uint32_t person;
    int64_t value;
} Slot;

typedef struct {
    Slot *slots;
    uint64_t mask; /* 0: no slots yet */
    uint64_t used;
} People;

typedef struct {
    PyObject_HEAD
    Row *rows;
    Py_ssize_t rows_room;
    int64_t *around; /* persons on any zone, by page */
    Py_ssize_t pages_room;
    People on_row, on_page;
} Sums;

static inline uint64_t home(const People *people, uint32_t place, uint32_t person)
{
    return scattered((uint64_t)place << 32 | person) & people->mask;
}

static inline Slot *find(const People *people, uint32_t place, uint32_t person)
{
    uint64_t at = home(people, place, person);
    while (people->slots[at].place && (people->slots[at].place != place || people->slots[at].person != person))
        at = (at + 1) & people->mask;
    return &people->slots[at];
}

/* Room for one more. */
static int people_room(People *people)
{
    if (people->mask && 2 * (people->used + 1) <= people->mask)
        return 0;
    People larger = {.mask = people->mask ? 2 * people->mask + 1 : 63, .used = people->used};
    larger.slots = calloc(larger.mask + 1, sizeof *larger.slots);
    if (!larger.slots) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint64_t at = 0; people->mask && at <= people->mask; at++)
        if (people->slots[at].place)
            *find(&larger, people->slots[at].place, people->slots[at].person) = people->slots[at];
    free(people->slots);
    *people = larger;
    return 0;
}

static void take_out(People *people, Slot *slot)
{
    uint64_t hole = (uint64_t)(slot - people->slots);
    for (uint64_t at = (hole + 1) & people->mask; people->slots[at].place; at = (at + 1) & people->mask) {
        uint64_t from = home(people, people->slots[at].place, people->slots[at].person);
        if (((at - from) & people->mask) >= ((at - hole) & people->mask)) {
            people->slots[hole] = people->slots[at];
            hole = at;
        }
    }
    people->slots[hole].place = 0;
    people->used--;
}

static int comes(Sums *sums, const Entry *entry, int64_t pane)
{
    if (people_room(&sums->on_row) < 0 || people_room(&sums->on_page) < 0)
        return -1;
    Slot *slot = find(&sums->on_row, (uint32_t)entry->row + 1, entry->person);
    if (slot->place) {
        slot->value = pane > slot->value ? pane : slot->value;
        return 0;
    }
    *slot = (Slot){(uint32_t)entry->row + 1, entry->person, pane};
    sums->on_row.used++;
    Row *row = &sums->rows[entry->row];
    row->people++;
    Slot *around = find(&sums->on_page, (uint32_t)row->page + 1, entry->person);
    if (around->place)
        around->value++;
    else {
        *around = (Slot){(uint32_t)row->page + 1, entry->person, 1};
        sums->on_page.used++;
        sums->around[row->page]++;
    }
    return 0;
}

static void goes(Sums *sums, const Entry *entry, int64_t pane)
{
    if (!sums->on_row.mask)
        return;
    Slot *slot = find(&sums->on_row, (uint32_t)entry->row + 1, entry->person);
    if (!slot->place || slot->value != pane)
        return;
    take_out(&sums->on_row, slot);
    Row *row = &sums->rows[entry->row];
    row->people--;
    Slot *around = find(&sums->on_page, (uint32_t)row->page + 1, entry->person);
    if (around->place && !--around->value) {
        take_out(&sums->on_page, around);
        sums->around[row->page]--;
    }
}

/* The entries of a call, each checked. */
static const Entry *entries_of(const Sums *sums, Views *views, PyObject *object, Py_ssize_t *number)
{
    Py_ssize_t length = -1;
    const Entry *entries = take(views, object, 4, 0, &length);
    *number = views->failed ? 0 : length / 4;
    for (Py_ssize_t at = 0; at < *number; at++)
        if (entries[at].row < 0 || entries[at].row >= sums->rows_room || entries[at].kind < 0 || entries[at].kind >= KINDS_MAX) {
            refuse(views, PyExc_IndexError, "an entry names a row or kind that does not exist");
            *number = 0;
        }
    return entries;
}

static void *wider(void *old, Py_ssize_t *room, Py_ssize_t needed, size_t item_bytes)
{
    Py_ssize_t wanted = *room ? *room : 16;
    while (wanted < needed)
        wanted *= 2;
    char *larger = realloc(old, (size_t)wanted * item_bytes);
    if (!larger) {
        PyErr_NoMemory();
        return NULL;
    }
    memset(larger + (size_t)*room * item_bytes, 0, (size_t)(wanted - *room) * item_bytes);
    *room = wanted;
    return larger;
}

/* make(row, page): a row begins, empty. */
static PyObject *make(PyObject *self, PyObject *args)
{
    Sums *sums = (Sums *)self;
    int row, page;
    if (!PyArg_ParseTuple(args, "ii", &row, &page))
        return NULL;
    if (row < 0 || page < 0 || row == INT32_MAX || page == INT32_MAX) {
        PyErr_SetString(PyExc_IndexError, "expected places of a row and a page");
        return NULL;
    }
    if (row >= sums->rows_room) {
        Row *larger = wider(sums->rows, &sums->rows_room, row + 1, sizeof *larger);
        if (!larger)
            return NULL;
        sums->rows = larger;
    }
    if (page >= sums->pages_room) {
        int64_t *larger = wider(sums->around, &sums->pages_room, page + 1, sizeof *larger);
        if (!larger)
            return NULL;
        sums->around = larger;
    }
    sums->rows[row] = (Row){.page = page};
    Py_RETURN_NONE;
}

/* refer(entries): their rows are named once more. */
static PyObject *refer(PyObject *self, PyObject *object)
{
    Sums *sums = (Sums *)self;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t number;
    const Entry *entry = entries_of(sums, &views, object, &number);
    for (Py_ssize_t at = 0; at < number; at++)
        sums->rows[entry[at].row].references++;
    return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
}

/* drop(entries) -> rows that nothing names any more */
static PyObject *drop_rows(PyObject *self, PyObject *object)
{
    Sums *sums = (Sums *)self;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t number;
    const Entry *entry = entries_of(sums, &views, object, &number);
    PyObject *empty = PyList_New(0);
    for (Py_ssize_t at = 0; empty && at < number && !views.failed; at++) {
        if (--sums->rows[entry[at].row].references)
            continue;
        PyObject *row = PyLong_FromLong(entry[at].row);
        if (!row || PyList_Append(empty, row) < 0)
            views.failed = 1;
        Py_XDECREF(row);
    }
    return done(&views, empty);
}

/* enter(entries, pane): a pane, or a part of one, comes into the window. */
static PyObject *enter(PyObject *self, PyObject *args)
{
    Sums *sums = (Sums *)self;
    PyObject *object;
    long long pane;
    if (!PyArg_ParseTuple(args, "OL", &object, &pane))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t number;
    const Entry *entry = entries_of(sums, &views, object, &number);
    for (Py_ssize_t at = 0; at < number && !views.failed; at++) {
        sums->rows[entry[at].row].counts[entry[at].kind] += entry[at].count;
        if (comes(sums, &entry[at], pane) < 0)
            views.failed = 1;
    }
    return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
}

/* leave(entries, pane): it goes out of the window again. */
static PyObject *leave(PyObject *self, PyObject *args)
{
    Sums *sums = (Sums *)self;
    PyObject *object;
    long long pane;
    if (!PyArg_ParseTuple(args, "OL", &object, &pane))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t number;
    const Entry *entry = entries_of(sums, &views, object, &number);
    for (Py_ssize_t at = 0; at < number; at++) {
        sums->rows[entry[at].row].counts[entry[at].kind] -= entry[at].count;
        goes(sums, &entry[at], pane);
    }
    return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
}

/* recent(entries, sign, kinds): it comes into the newest part of the window (1), or leaves it (-1). Samples of the first so many kinds count. */
static PyObject *recent(PyObject *self, PyObject *args)
{
    Sums *sums = (Sums *)self;
    PyObject *object;
    int sign, kinds;
    if (!PyArg_ParseTuple(args, "Oii", &object, &sign, &kinds))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t number;
    const Entry *entry = entries_of(sums, &views, object, &number);
    for (Py_ssize_t at = 0; at < number; at++)
        if (entry[at].kind < kinds)
            sums->rows[entry[at].row].recent += sign * (int64_t)entry[at].count;
    return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
}

/* of(row, kinds) -> samples by kind, samples of the newest part, people */
static PyObject *of(PyObject *self, PyObject *args)
{
    Sums *sums = (Sums *)self;
    int place, kinds;
    if (!PyArg_ParseTuple(args, "ii", &place, &kinds))
        return NULL;
    if (place < 0 || place >= sums->rows_room || kinds < 0 || kinds > KINDS_MAX) {
        PyErr_SetString(PyExc_IndexError, "expected a row, and no more kinds than there are");
        return NULL;
    }
    const Row *row = &sums->rows[place];
    PyObject *counts = PyList_New(0);
    for (int kind = 0; counts && kind < kinds; kind++) {
        PyObject *count = PyLong_FromLongLong(row->counts[kind]);
        if (!count || PyList_Append(counts, count) < 0)
            Py_CLEAR(counts);
        Py_XDECREF(count);
    }
    return counts ? Py_BuildValue("NLL", counts, (long long)row->recent, (long long)row->people) : NULL;
}

/* people(page): persons on any of its zones */
static PyObject *people(PyObject *self, PyObject *args)
{
    Sums *sums = (Sums *)self;
    int page;
    if (!PyArg_ParseTuple(args, "i", &page))
        return NULL;
    return PyLong_FromLongLong(page >= 0 && page < sums->pages_room ? sums->around[page] : 0);
}

static void dealloc(PyObject *self)
{
    Sums *sums = (Sums *)self;
    free(sums->rows), free(sums->around), free(sums->on_row.slots), free(sums->on_page.slots);
    end_object(self);
}

static PyMethodDef sums_methods[] = {
    {"make", make, METH_VARARGS, NULL},   {"refer", refer, METH_O, NULL},         {"drop", drop_rows, METH_O, NULL}, {"enter", enter, METH_VARARGS, NULL},
    {"leave", leave, METH_VARARGS, NULL}, {"recent", recent, METH_VARARGS, NULL}, {"of", of, METH_VARARGS, NULL},    {"people", people, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_methods, sums_methods}, {Py_tp_dealloc, dealloc}, {0, NULL}};

PyType_Spec zone_sums_spec = {"isotherm.core._counting.ZoneSums", sizeof(Sums), 0, Py_TPFLAGS_DEFAULT, slots};

/* zone_tally(anchor, kind, time_ms, kind_places, is_counted, size, page, session, person, hop_ms, -> columns) -> how many rows
 * Columns of page, zone, pane, kind, person, count, with room for as many rows as there are samples. Equal neighbours of a run are one row; rows come in the order of their samples. */
PyObject *zone_tally(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *o[9], *to;
    long long hop_ms;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOLO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6], &o[7], &o[8], &hop_ms, &to))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t samples = -1, runs = -1, kinds = -1, sessions = -1, used = 0, at = 0;
    const int64_t *anchor = take(&views, o[0], 8, 0, &samples);
    const uint8_t *kind = take(&views, o[1], 1, 0, &samples);
    const int64_t *time_ms = take(&views, o[2], 8, 0, &samples);
    const uint8_t *kind_places = take(&views, o[3], 1, 0, &kinds), *is_counted = take(&views, o[4], 1, 0, &samples);
    const int64_t *size = take(&views, o[5], 8, 0, &runs), *page = take(&views, o[6], 8, 0, &runs), *session = take(&views, o[7], 8, 0, &runs);
    const uint32_t *person = take(&views, o[8], 4, 0, &sessions);
    Py_ssize_t room = samples < 0 ? 0 : 6 * samples;
    int64_t *columns = take(&views, to, 8, 1, &room);
    samples = views.failed ? 0 : samples;
    int64_t *to_page = columns, *to_zone = columns + samples, *to_pane = columns + 2 * samples, *to_kind = columns + 3 * samples;
    int64_t *to_person = columns + 4 * samples, *to_count = columns + 5 * samples;
    if (!views.failed && hop_ms < 1)
        refuse(&views, PyExc_ValueError, "expected a hop above 0");
    Divisor hop = divisor(hop_ms < 1 ? 1 : hop_ms);
    for (Py_ssize_t run = 0; run < runs && !views.failed; run++) {
        if (size[run] < 0 || size[run] > samples - at || session[run] < 0 || session[run] >= sessions) {
            refuse(&views, PyExc_ValueError, "expected runs that fit their samples and sessions");
            break;
        }
        Py_ssize_t first = used;
        for (Py_ssize_t end = at + size[run]; at < end; at++) {
            uint8_t place = is_counted[at] && anchor[at] >= 0 && kind[at] < kinds ? kind_places[kind[at]] : 0xFF;
            if (place == 0xFF)
                continue;
            int64_t pane = quotient(hop, time_ms[at]);
            if (used > first && to_zone[used - 1] == anchor[at] && to_pane[used - 1] == pane && to_kind[used - 1] == place) {
                to_count[used - 1]++;
                continue;
            }
            to_page[used] = page[run], to_zone[used] = anchor[at], to_pane[used] = pane, to_kind[used] = place;
            to_person[used] = person[session[run]], to_count[used++] = 1;
        }
    }
    return done(&views, views.failed ? NULL : PyLong_FromSsize_t(used));
}

/* pairs(page, zone, -> pair) -> for each different (page, zone), in the order in which they come, the first row that has it */
PyObject *pairs(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *o[3];
    if (!PyArg_ParseTuple(args, "OOO", &o[0], &o[1], &o[2]))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = -1, used = 0;
    const int64_t *page = take(&views, o[0], 8, 0, &length), *zone = take(&views, o[1], 8, 0, &length);
    int32_t *pair = take(&views, o[2], 4, 1, &length);
    Table table;
    if (!views.failed && length >= INT32_MAX)
        refuse(&views, PyExc_ValueError, "expected fewer rows");
    if (views.failed || table_make(&table, 0) < 0) {
        views.failed = 1;
        return done(&views, NULL);
    }
    Py_ssize_t *first = NULL, room = 0;
    for (Py_ssize_t at = 0; at < length && !views.failed; at++) {
        if (at && page[at] == page[at - 1] && zone[at] == zone[at - 1]) {
            pair[at] = pair[at - 1];
            continue;
        }
        if (used == room || table_full(&table, used + 1)) {
            Py_ssize_t *larger = used == room ? realloc(first, (size_t)(room = room ? 2 * room : 64) * sizeof *first) : first;
            first = larger ? larger : first;
            if (!larger || (table_full(&table, used + 1) && table_double(&table) < 0)) {
                refuse(&views, PyExc_MemoryError, "no memory");
                break;
            }
            memset(table.places, 0, (table.mask + 1) * sizeof *table.places);
            for (Py_ssize_t known = 0; known < used; known++) {
                uint64_t slot = scattered((uint64_t)page[first[known]] << 32 ^ (uint64_t)zone[first[known]]) & table.mask;
                while (table.places[slot])
                    slot = (slot + 1) & table.mask;
                table.places[slot] = (uint32_t)known + 1;
            }
        }
        uint64_t slot = scattered((uint64_t)page[at] << 32 ^ (uint64_t)zone[at]) & table.mask;
        uint32_t found;
        while ((found = table.places[slot]) && (page[first[found - 1]] != page[at] || zone[first[found - 1]] != zone[at]))
            slot = (slot + 1) & table.mask;
        if (!found) {
            first[used] = at;
            table.places[slot] = found = (uint32_t)++used;
        }
        pair[at] = (int32_t)found - 1;
    }
    PyObject *firsts = views.failed ? NULL : PyList_New(used);
    for (Py_ssize_t known = 0; firsts && known < used; known++)
        PyList_SetItem(firsts, known, PyLong_FromSsize_t(first[known]));
    free(first);
    table_free(&table);
    return done(&views, firsts);
}

/* arrange(pair, rows, pane, kind, person, count, lowest, -> starts, -> entries) -> counts of rows below 0, which are left out
 * Entries come in the order of their panes; those of pane lowest + p stand from starts[p] up to starts[p + 1]. `starts` begins as zeros. */
PyObject *arrange(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *o[8];
    long long lowest, left_out = 0;
    if (!PyArg_ParseTuple(args, "OOOOOOLOO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &lowest, &o[6], &o[7]))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = -1, pairs = -1, panes = -1;
    const int32_t *pair = take(&views, o[0], 4, 0, &length), *rows = take(&views, o[1], 4, 0, &pairs);
    const int64_t *pane = take(&views, o[2], 8, 0, &length), *kind = take(&views, o[3], 8, 0, &length);
    const uint32_t *person = take(&views, o[4], 4, 0, &length);
    const int64_t *count = take(&views, o[5], 8, 0, &length);
    int64_t *starts = take(&views, o[6], 8, 1, &panes);
    Py_ssize_t room = 4 * length;
    int32_t *numbers = take(&views, o[7], 4, 1, &room);
    Entry *entries = (Entry *)numbers;
    for (Py_ssize_t at = 0; at < length && !views.failed; at++) {
        if (pair[at] < 0 || pair[at] >= pairs || pane[at] < lowest || pane[at] - lowest >= panes - 2)
            refuse(&views, PyExc_IndexError, "a pair or a pane lies outside");
        else if (rows[pair[at]] >= 0)
            starts[pane[at] - lowest + 2]++;
        else
            left_out += count[at];
    }
    for (Py_ssize_t at = 2; at < panes && !views.failed; at++)
        starts[at] += starts[at - 1];
    for (Py_ssize_t at = 0; at < length && !views.failed; at++) {
        int32_t row = rows[pair[at]];
        if (row >= 0) /* starts[p + 1] is where the next of pane p goes: in the end, where the next pane starts */
            entries[starts[pane[at] - lowest + 1]++] = (Entry){row, (int32_t)kind[at], person[at], (int32_t)count[at]};
    }
    return done(&views, views.failed ? NULL : PyLong_FromLongLong(left_out));
}
