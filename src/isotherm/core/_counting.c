/* The innermost loops of counting, compiled. `counting.py` says what each does, has the same in numpy, and chooses.
 *
 * Built for the stable ABI of Python 3.11, so that one binary serves all later releases. Every array comes in as a buffer whose
 * element size is checked; what is written was allocated by the caller. Nothing here keeps anything from call to call.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWS_MAX = 24, INTERFACE = 2 }; /* `counting.py` has the same number, and takes no other */

/* Buffers of one call, released together. */
typedef struct {
    Py_buffer held[VIEWS_MAX];
    int count;
    int failed;
} Views;

static void *take(Views *views, PyObject *object, size_t item_bytes, int writable, Py_ssize_t *length)
{
    if (views->failed)
        return NULL;
    Py_buffer *view = &views->held[views->count];
    if (PyObject_GetBuffer(object, view, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0) {
        views->failed = 1;
        return NULL;
    }
    views->count++;
    if (view->len % (Py_ssize_t)item_bytes) {
        PyErr_Format(PyExc_TypeError, "expected elements of %zu bytes", item_bytes);
        views->failed = 1;
        return NULL;
    }
    Py_ssize_t found = view->len / (Py_ssize_t)item_bytes;
    if (length) {
        if (*length >= 0 && found < *length) {
            PyErr_Format(PyExc_ValueError, "expected a column of at least %zd elements, got %zd", *length, found);
            views->failed = 1;
            return NULL;
        }
        if (*length < 0)
            *length = found;
    }
    return view->buf;
}

static PyObject *done(Views *views, PyObject *result)
{
    for (int i = 0; i < views->count; i++)
        PyBuffer_Release(&views->held[i]);
    return views->failed ? NULL : result;
}

/* An open-addressed table of places in a list of distinct (cell, pane), kept at most half full. */
typedef struct {
    uint32_t *places; /* 0: free; else a place + 1 */
    uint64_t mask;
    uint32_t small[256];
} Table;

static int table_make(Table *table, Py_ssize_t entries)
{
    uint64_t size = 256;
    while (size < 2 * (uint64_t)entries)
        size *= 2;
    table->mask = size - 1;
    if (size == 256) {
        memset(table->small, 0, sizeof table->small);
        table->places = table->small;
        return 0;
    }
    table->places = calloc(size, sizeof *table->places);
    if (!table->places) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static void table_free(Table *table)
{
    if (table->places != table->small)
        free(table->places);
}

static inline uint64_t scattered(uint64_t key)
{
    key *= 0x9E3779B97F4A7C15u;
    return key ^ (key >> 32);
}

static inline int64_t tile_of(double position, double extent, int64_t grid)
{
    double at = floor((double)grid * position / extent);
    return at <= 0 ? 0 : at >= (double)(grid - 1) ? grid - 1 : (int64_t)at;
}

static inline int64_t floor_div(int64_t value, int64_t by)
{
    int64_t quotient = value / by;
    return quotient - (value % by < 0);
}

/* A run whose batch or session is seen for the first time, or in any other way than the usual, is left to Python's own methods. */
static int is_fresh(PyObject *newest, PyObject *fresh, PyObject *session, PyObject *load, int64_t seq)
{
    PyObject *key = PyTuple_Pack(2, session, load);
    if (!key)
        return -1;
    int answer = -1;
    PyObject *next = PyDict_GetItemWithError(newest, key), *number = NULL, *told = NULL;
    if (next && PyLong_CheckExact(next) && PyLong_AsLongLong(next) == seq) {
        if ((number = PyLong_FromLongLong(seq + 1)) && PyDict_SetItem(newest, key, number) == 0)
            answer = 1;
    } else if (!PyErr_Occurred() && (number = PyLong_FromLongLong(seq)) &&
               (told = PyObject_CallFunctionObjArgs(fresh, session, load, number, NULL)))
        answer = PyObject_IsTrue(told);
    Py_XDECREF(told);
    Py_XDECREF(number);
    Py_DECREF(key);
    return answer;
}

static int see(PyObject *where, PyObject *seen, PyObject *site, PyObject *session, PyObject *page, int64_t time_ms)
{
    PyObject *who = PyTuple_Pack(2, site, session), *time = PyLong_FromLongLong(time_ms), *now = NULL, *told = NULL;
    int failed = -1;
    if (who && time) {
        PyObject *before = PyDict_GetItemWithError(where, who);
        int same = 0;
        if (before) {
            PyObject *page_before = PyTuple_GetItem(before, 0);
            same = page_before == page || PyUnicode_Compare(page_before, page) == 0;
            same = same && PyLong_AsLongLong(PyTuple_GetItem(before, 1)) <= time_ms;
        }
        if (PyErr_Occurred())
            ;
        else if (same)
            failed = (now = PyTuple_Pack(2, page, time)) ? PyDict_SetItem(where, who, now) : -1;
        else
            failed = (told = PyObject_CallFunctionObjArgs(seen, site, session, page, time, NULL)) ? 0 : -1;
    }
    Py_XDECREF(told);
    Py_XDECREF(now);
    Py_XDECREF(time);
    Py_XDECREF(who);
    return failed;
}

/* meet(session, page, load, seq, size, time_ms, sessions, loads, sites, keys, newest, fresh, where, seen, -> is_fresh) */
static PyObject *meet(PyObject *self, PyObject *args)
{
    PyObject *o[6], *sessions, *loads, *sites, *keys, *newest, *fresh, *where, *seen, *to;
    if (!PyArg_ParseTuple(args, "OOOOOOO!O!O!O!O!OO!OO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &PyList_Type, &sessions, &PyList_Type,
                          &loads, &PyList_Type, &sites, &PyList_Type, &keys, &PyDict_Type, &newest, &fresh, &PyDict_Type, &where, &seen,
                          &to))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t runs = -1, samples = -1, end = 0;
    const int64_t *session = take(&views, o[0], 8, 0, &runs), *page = take(&views, o[1], 8, 0, &runs);
    const int64_t *load = take(&views, o[2], 8, 0, &runs), *seq = take(&views, o[3], 8, 0, &runs), *size = take(&views, o[4], 8, 0, &runs);
    const int64_t *time_ms = take(&views, o[5], 8, 0, &samples);
    uint8_t *is = take(&views, to, 1, 1, &runs);
    for (Py_ssize_t run = 0; run < runs && !views.failed; run++) {
        PyObject *who = PyList_GetItem(sessions, session[run]), *on = PyList_GetItem(keys, page[run]);
        PyObject *site = PyList_GetItem(sites, page[run]), *loaded = load[run] < 0 ? Py_None : PyList_GetItem(loads, load[run]);
        end += size[run];
        if (!who || !on || !site || !loaded || size[run] < 0 || end > samples) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "expected runs that fit their samples");
            views.failed = 1;
            break;
        }
        int answer = load[run] < 0 ? 1 : is_fresh(newest, fresh, who, loaded, seq[run]);
        if (answer < 0 || (answer && size[run] && see(where, seen, site, who, on, time_ms[end - 1]) < 0))
            views.failed = 1;
        else
            is[run] = (uint8_t)answer;
    }
    if (views.failed)
        return done(&views, NULL);
    Py_INCREF(Py_None);
    return done(&views, Py_None);
}

/* tally(x, y, time_ms, kind, counted, kind_places, size, page, device, width, height, hop_ms, grid_size, devices, layers,
 *       -> newest_ms, page, layer, pane, tile, count, row) -> rows written */
static PyObject *tally(PyObject *self, PyObject *args)
{
    PyObject *o[18];
    long long hop_ms, grid, devices, layers;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOOOLLLLOOOOOOO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6], &o[7], &o[8], &o[9], &o[10],
                          &hop_ms, &grid, &devices, &layers, &o[11], &o[12], &o[13], &o[14], &o[15], &o[16], &o[17]))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t samples = -1, runs = -1, pages = -1, kinds = -1;
    const double *x = take(&views, o[0], 8, 0, &samples), *y = take(&views, o[1], 8, 0, &samples);
    const int64_t *time_ms = take(&views, o[2], 8, 0, &samples);
    const uint8_t *kind = take(&views, o[3], 1, 0, &samples), *counted = take(&views, o[4], 1, 0, &samples);
    const uint8_t *kind_places = take(&views, o[5], 1, 0, &kinds);
    const int64_t *size = take(&views, o[6], 8, 0, &runs), *page = take(&views, o[7], 8, 0, &runs), *device = take(&views, o[8], 8, 0, &runs);
    const double *width = take(&views, o[9], 8, 0, &runs), *height = take(&views, o[10], 8, 0, &runs);
    int64_t *newest = take(&views, o[11], 8, 1, &pages);
    int64_t *to_page = take(&views, o[12], 8, 1, &samples), *to_layer = take(&views, o[13], 8, 1, &samples);
    int64_t *to_pane = take(&views, o[14], 8, 1, &samples);
    int32_t *to_tile = take(&views, o[15], 4, 1, &samples), *to_count = take(&views, o[16], 4, 1, &samples);
    int64_t *to_row = take(&views, o[17], 8, 1, &samples);
    Table table;
    if (views.failed || table_make(&table, samples) < 0) {
        views.failed = 1;
        return done(&views, NULL);
    }
    Py_ssize_t rows = 0, at = 0;
    for (Py_ssize_t run = 0; run < runs; run++) {
        Py_ssize_t end = at + size[run];
        if (size[run] < 0 || end > samples || page[run] < 0 || page[run] >= pages) {
            PyErr_SetString(PyExc_ValueError, "expected runs that fit their samples and pages");
            views.failed = 1;
            break;
        }
        for (; at < end; at++) {
            uint8_t place = counted[at] && kind[at] < kinds ? kind_places[kind[at]] : 0xFF;
            to_row[at] = -1;
            if (place == 0xFF)
                continue;
            int32_t tile = (int32_t)(tile_of(y[at], height[run], grid) * grid + tile_of(x[at], width[run], grid));
            int64_t layer = place * devices + device[run], pane = floor_div(time_ms[at], hop_ms);
            if (time_ms[at] > newest[page[run]])
                newest[page[run]] = time_ms[at];
            uint64_t key = (uint64_t)(page[run] * layers + layer) << 32 | (uint32_t)tile;
            uint64_t slot = scattered(key ^ (uint64_t)pane * 0xD6E8FEB86659FD93u) & table.mask;
            for (;; slot = (slot + 1) & table.mask) {
                uint32_t row = table.places[slot];
                if (!row) {
                    to_page[rows] = page[run], to_layer[rows] = layer, to_pane[rows] = pane, to_tile[rows] = tile, to_count[rows] = 1;
                    to_row[at] = rows;
                    table.places[slot] = (uint32_t)++rows;
                    break;
                }
                row--;
                if (to_tile[row] == tile && to_page[row] == page[run] && to_layer[row] == layer && to_pane[row] == pane) {
                    to_count[row]++;
                    to_row[at] = row;
                    break;
                }
            }
        }
    }
    table_free(&table);
    return done(&views, views.failed ? NULL : PyLong_FromSsize_t(rows));
}

/* Sorts (key, value) by key, ascending: 11 bits a pass, only as many passes as the largest key needs. */
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
    for (int shift = 0; shift < 63 && all >> shift; shift += 11) {
        Py_ssize_t starts[2049] = {0};
        for (Py_ssize_t i = 0; i < length; i++)
            starts[(from[i] >> shift & 2047) + 1]++;
        for (int i = 0; i < 2048; i++)
            starts[i + 1] += starts[i];
        for (Py_ssize_t i = 0; i < length; i++) {
            Py_ssize_t place = starts[from[i] >> shift & 2047]++;
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

/* add(slab, totals, watched_rows, tiles, chunks, -> cells, counts) -> changed cells written
 * chunks: a list of (cells, counts, sign); the slab holds every cell. */
static PyObject *add(PyObject *self, PyObject *args)
{
    PyObject *slab_object, *totals_object, *watched_object, *chunks, *cells_object, *counts_object;
    long long tiles;
    if (!PyArg_ParseTuple(args, "OOOLO!OO", &slab_object, &totals_object, &watched_object, &tiles, &PyList_Type, &chunks, &cells_object,
                          &counts_object))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t slab_cells = -1, rows = -1, room = -1;
    int32_t *slab = take(&views, slab_object, 4, 1, &slab_cells);
    int64_t *totals = take(&views, totals_object, 8, 1, &rows);
    const uint8_t *watched = take(&views, watched_object, 1, 0, &rows);
    int64_t *to_cells = take(&views, cells_object, 8, 1, &room);
    int32_t *to_counts = take(&views, counts_object, 4, 1, &room);
    Table table;
    if (views.failed || table_make(&table, room) < 0) {
        views.failed = 1;
        return done(&views, NULL);
    }
    Py_ssize_t touched = 0, number = PyList_Size(chunks);
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
        for (Py_ssize_t at = 0; !views.failed && at < length; at++) {
            int64_t cell = cells[at], row = cell / tiles;
            if (cell < 0 || cell >= slab_cells || row >= rows) {
                PyErr_SetString(PyExc_IndexError, "a cell lies outside the slab");
                views.failed = 1;
                break;
            }
            int32_t count = sign * counts[at];
            slab[cell] += count;
            totals[row] += count;
            if (!watched[row])
                continue;
            uint64_t slot = scattered((uint64_t)cell) & table.mask;
            for (;; slot = (slot + 1) & table.mask) {
                uint32_t place = table.places[slot];
                if (!place) {
                    if (touched == room) {
                        PyErr_SetString(PyExc_ValueError, "no room for all cells that changed");
                        views.failed = 1;
                        break;
                    }
                    to_cells[touched] = cell, to_counts[touched] = count;
                    table.places[slot] = (uint32_t)++touched;
                    break;
                }
                if (to_cells[place - 1] == cell) {
                    to_counts[place - 1] += count;
                    break;
                }
            }
        }
        while (views.count > kept)
            PyBuffer_Release(&views.held[--views.count]);
    }
    table_free(&table);
    if (views.failed)
        return done(&views, NULL);
    Py_ssize_t changed = 0;
    for (Py_ssize_t at = 0; at < touched; at++)
        if (to_counts[at])
            to_cells[changed] = to_cells[at], to_counts[changed++] = slab[to_cells[at]];
    if (sort_pairs(to_cells, to_counts, changed) < 0)
        views.failed = 1;
    return done(&views, views.failed ? NULL : PyLong_FromSsize_t(changed));
}

static PyMethodDef methods[] = {
    {"meet", meet, METH_VARARGS, NULL},
    {"tally", tally, METH_VARARGS, NULL},
    {"add", add, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_counting", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__counting(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddIntConstant(made, "INTERFACE", INTERFACE) < 0)
        Py_CLEAR(made);
    return made;
}
