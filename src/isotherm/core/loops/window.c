/* add and drop: counts come into the window and leave it.
 *
 * Cells of watched rows are gathered in a hash table as they change, and told in ascending order, each once, without those whose sum is zero.
 */
#include "loops.h"

typedef struct {
    int64_t *cells;
    int32_t *counts;
    Py_ssize_t used, room;
    Table table;
} Changed;

static int grow(Changed *changed)
{
    if (changed->used == changed->room) {
        Py_ssize_t room = changed->room ? 4 * changed->room : 128;
        int64_t *cells = realloc(changed->cells, (size_t)room * sizeof *cells);
        changed->cells = cells ? cells : changed->cells;
        int32_t *counts = cells ? realloc(changed->counts, (size_t)room * sizeof *counts) : NULL;
        changed->counts = counts ? counts : changed->counts;
        if (!counts) {
            PyErr_NoMemory();
            return -1;
        }
        changed->room = room;
    }
    if (table_full(&changed->table, changed->used + 1)) {
        if (table_double(&changed->table) < 0)
            return -1;
        for (Py_ssize_t at = 0; at < changed->used; at++) {
            uint64_t slot = scattered((uint64_t)changed->cells[at]) & changed->table.mask;
            while (changed->table.places[slot])
                slot = (slot + 1) & changed->table.mask;
            changed->table.places[slot] = (uint32_t)at + 1;
        }
    }
    return 0;
}

static inline int note(Changed *changed, int64_t cell, int32_t count)
{
    uint64_t slot = scattered((uint64_t)cell) & changed->table.mask;
    uint32_t place;
    while ((place = changed->table.places[slot])) {
        if (changed->cells[place - 1] == cell) {
            changed->counts[place - 1] += count;
            return 0;
        }
        slot = (slot + 1) & changed->table.mask;
    }
    if (changed->used == changed->room || table_full(&changed->table, changed->used + 1)) {
        if (grow(changed) < 0)
            return -1;
        slot = scattered((uint64_t)cell) & changed->table.mask;
        while (changed->table.places[slot])
            slot = (slot + 1) & changed->table.mask;
    }
    changed->cells[changed->used] = cell, changed->counts[changed->used] = count;
    changed->table.places[slot] = (uint32_t)++changed->used;
    return 0;
}

/* Sorts (key, value) by key, ascending: 11 bits a pass, or 8 where a table of 2,048 would be most of the work; only as many passes as the
 * largest key needs. */
static int sort_pairs(int64_t *keys, int32_t *values, Py_ssize_t length)
{
    if (length < 48) {
        for (Py_ssize_t i = 1; i < length; i++) {
            int64_t key = keys[i];
            int32_t value = values[i];
            Py_ssize_t j = i;
            for (; j > 0 && keys[j - 1] > key; j--)
                keys[j] = keys[j - 1], values[j] = values[j - 1];
            keys[j] = key, values[j] = value;
        }
        return 0;
    }
    int64_t all = 0;
    for (Py_ssize_t i = 0; i < length; i++)
        all |= keys[i];
    int64_t *other_keys = malloc((size_t)length * sizeof *other_keys);
    int32_t *other_values = malloc((size_t)length * sizeof *other_values);
    if (!other_keys || !other_values) {
        free(other_keys), free(other_values);
        PyErr_NoMemory();
        return -1;
    }
    int64_t *from = keys, *to = other_keys;
    int32_t *from_values = values, *to_values = other_values;
    const int bits = length < 1024 ? 8 : 11, digits = 1 << bits;
    for (int shift = 0; shift < 63 && all >> shift; shift += bits) {
        Py_ssize_t starts[2049];
        memset(starts, 0, ((size_t)digits + 1) * sizeof *starts);
        for (Py_ssize_t i = 0; i < length; i++)
            starts[(from[i] >> shift & (digits - 1)) + 1]++;
        for (int i = 0; i < digits; i++)
            starts[i + 1] += starts[i];
        for (Py_ssize_t i = 0; i < length; i++) {
            Py_ssize_t place = starts[from[i] >> shift & (digits - 1)]++;
            to[place] = from[i], to_values[place] = from_values[i];
        }
        int64_t *keys_before = from;
        int32_t *values_before = from_values;
        from = to, from_values = to_values, to = keys_before, to_values = values_before;
    }
    if (from != keys) {
        memcpy(keys, from, (size_t)length * sizeof *keys);
        memcpy(values, from_values, (size_t)length * sizeof *values);
    }
    free(other_keys), free(other_values);
    return 0;
}

/* add(slab, totals, watched_rows, tiles, chunks) -> (changed cells, their counts now), as bytes
 * chunks: a list of (cells, counts, sign); the slab holds every cell. */
PyObject *add(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *slab_object, *totals_object, *watched_object, *chunks;
    long long tiles;
    if (!PyArg_ParseTuple(args, "OOOLO!", &slab_object, &totals_object, &watched_object, &tiles, &PyList_Type, &chunks))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t slab_cells = -1, rows = -1;
    int32_t *slab = take(&views, slab_object, 4, 1, &slab_cells);
    int64_t *totals = take(&views, totals_object, 8, 1, &rows);
    const uint8_t *watched = take(&views, watched_object, 1, 0, &rows);
    Changed changed = {0};
    if (!views.failed && tiles < 1)
        refuse(&views, PyExc_ValueError, "expected tiles");
    if (views.failed || table_make(&changed.table, 0) < 0) {
        views.failed = 1;
        return done(&views, NULL);
    }
    Divisor by_tiles = divisor(tiles);
    Py_ssize_t number = PyList_Size(chunks);
    for (Py_ssize_t chunk = 0; chunk < number && !views.failed; chunk++) {
        PyObject *a, *b;
        int sign;
        if (!PyArg_ParseTuple(PyList_GetItem(chunks, chunk), "OOi", &a, &b, &sign)) {
            views.failed = 1;
            break;
        }
        int kept = views.count;
        Py_ssize_t length = -1;
        const int64_t *cells = take(&views, a, 8, 0, &length);
        const int32_t *counts = take(&views, b, 4, 0, &length);
        for (Py_ssize_t at = 0; at < length && !views.failed; at++) {
            int64_t cell = cells[at], row = quotient(by_tiles, cell);
            if (cell < 0 || cell >= slab_cells || row >= rows) {
                refuse(&views, PyExc_IndexError, "a cell lies outside the slab");
                break;
            }
            int32_t count = sign * counts[at];
            slab[cell] += count;
            totals[row] += count;
            if (watched[row] && note(&changed, cell, count) < 0)
                views.failed = 1;
        }
        while (views.count > kept)
            PyBuffer_Release(&views.held[--views.count]);
    }
    Py_ssize_t used = 0;
    for (Py_ssize_t at = 0; at < changed.used && !views.failed; at++)
        if (changed.counts[at])
            changed.cells[used] = changed.cells[at], changed.counts[used++] = slab[changed.cells[at]];
    if (!views.failed && sort_pairs(changed.cells, changed.counts, used) < 0)
        views.failed = 1;
    PyObject *result = NULL;
    if (!views.failed)
        result = Py_BuildValue("(y#y#)", used ? (const char *)changed.cells : "", (Py_ssize_t)(used * 8),
                               used ? (const char *)changed.counts : "", (Py_ssize_t)(used * 4));
    free(changed.cells), free(changed.counts);
    table_free(&changed.table);
    return done(&views, result);
}

/* drop(cells, -> references, tiles) -> rows that no pane names any more */
PyObject *drop(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *cells_object, *references_object;
    long long tiles;
    if (!PyArg_ParseTuple(args, "OOL", &cells_object, &references_object, &tiles))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = -1, rows = -1;
    const int64_t *cells = take(&views, cells_object, 8, 0, &length);
    int64_t *references = take(&views, references_object, 8, 1, &rows);
    PyObject *empty = PyList_New(0);
    if (!views.failed && (!empty || tiles < 1))
        refuse(&views, PyExc_ValueError, "expected tiles");
    Divisor by_tiles = divisor(tiles < 1 ? 1 : tiles);
    for (Py_ssize_t at = 0; at < length && !views.failed; at++) {
        int64_t row = quotient(by_tiles, cells[at]);
        if (cells[at] < 0 || row >= rows) {
            refuse(&views, PyExc_IndexError, "a cell lies outside the slab");
            break;
        }
        if (--references[row])
            continue;
        PyObject *number = PyLong_FromLongLong(row);
        if (!number || PyList_Append(empty, number) < 0)
            views.failed = 1;
        Py_XDECREF(number);
    }
    return done(&views, empty);
}

/* split(cells, tiles, -> tiles of the cells) -> {row: (start, stop)}: where the cells of each row stand, which ascend */
PyObject *split(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *cells_object, *to_object;
    long long tiles;
    if (!PyArg_ParseTuple(args, "OLO", &cells_object, &tiles, &to_object))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = -1;
    const int64_t *cells = take(&views, cells_object, 8, 0, &length);
    int64_t *to = take(&views, to_object, 8, 1, &length);
    PyObject *found = PyDict_New();
    if (!views.failed && (!found || tiles < 1))
        refuse(&views, PyExc_ValueError, "expected tiles");
    Divisor by_tiles = divisor(tiles < 1 ? 1 : tiles);
    for (Py_ssize_t at = 0; at < length && !views.failed;) {
        Py_ssize_t start = at;
        int64_t row = quotient(by_tiles, cells[at]), first = row * tiles;
        for (; at < length && cells[at] >= first && cells[at] < first + tiles; at++)
            to[at] = cells[at] - first;
        PyObject *key = PyLong_FromLongLong(row), *value = Py_BuildValue("(nn)", start, at);
        if (!key || !value || PyDict_SetItem(found, key, value) < 0)
            views.failed = 1;
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return done(&views, found);
}
