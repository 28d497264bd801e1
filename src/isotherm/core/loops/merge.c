/* locate and tell: counts find their cells, and what is known of their pages is brought up to date. */
#include "loops.h"
#include <math.h>

/* locate(place, page, layer, pane, tile, count, rows, references, tiles, layers, plain_layers, -> cells, -> counts, -> samples)
 *     -> (lowest pane, highest pane, whether they ascend)
 * None: a row is missing and nothing was done; the caller makes the rows and calls again. */
PyObject *locate(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *o[11];
    long long tiles, layers, plain_layers;
    if (!PyArg_ParseTuple(args, "OOOOOOOOLLLOOO", &o[0], &o[1], &o[2], &o[10], &o[3], &o[4], &o[5], &o[6], &tiles, &layers, &plain_layers,
                          &o[7], &o[8], &o[9]))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t pages = -1, length = -1, table = -1, used = -1;
    const int64_t *place = take(&views, o[0], 8, 0, &pages);
    const int64_t *page = take(&views, o[1], 8, 0, &length), *layer = take(&views, o[2], 8, 0, &length);
    const int32_t *tile = take(&views, o[3], 4, 0, &length), *count = take(&views, o[4], 4, 0, &length);
    const int64_t *pane = take(&views, o[10], 8, 0, &length);
    const int64_t *rows = take(&views, o[5], 8, 0, &table);
    int64_t *references = take(&views, o[6], 8, 1, &used), *to_cells = take(&views, o[7], 8, 1, &length);
    int32_t *to_counts = take(&views, o[8], 4, 1, &length);
    double *samples = take(&views, o[9], 8, 1, &pages);
    int missing = 0;
    for (Py_ssize_t at = 0; at < length && !views.failed && !missing; at++) {
        if (page[at] < 0 || page[at] >= pages || layer[at] < 0 || layer[at] >= layers || tile[at] < 0 || tile[at] >= tiles ||
            place[page[at]] >= table / layers)
            refuse(&views, PyExc_IndexError, "counts name a page, layer or tile that does not exist");
        else if (place[page[at]] < 0)
            missing = 1;
        else {
            int64_t row = rows[place[page[at]] * layers + layer[at]];
            missing = row < 0;
            if (row >= used)
                refuse(&views, PyExc_IndexError, "a row lies outside the table of rows");
            to_cells[at] = row * tiles + tile[at];
        }
    }
    if (views.failed || missing)
        return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
    int64_t lowest = length ? pane[0] : 0, highest = lowest;
    int ascend = 1;
    for (Py_ssize_t at = 0; at < length; at++) {
        ascend &= pane[at] >= highest;
        lowest = pane[at] < lowest ? pane[at] : lowest;
        highest = pane[at] > highest ? pane[at] : highest;
        references[rows[place[page[at]] * layers + layer[at]]]++;
        if (layer[at] < plain_layers)
            samples[page[at]] += count[at];
        to_counts[at] = count[at];
    }
    return done(&views, Py_BuildValue("(LLO)", (long long)lowest, (long long)highest, ascend ? Py_True : Py_False));
}

/* tell(place, samples, visitors, newest_ms, -> known, -> visitors, -> newest_ms, -> rate, -> rate_at_ms, now_ms, span_ms)
 *     -> places of pages whose visitors changed without a sample */
PyObject *tell(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *o[7], *visitors, *newest;
    long long now_ms;
    double span_ms;
    if (!PyArg_ParseTuple(args, "OOO!O!OOOOOLd", &o[0], &o[1], &PyList_Type, &visitors, &PyList_Type, &newest, &o[2], &o[3], &o[4], &o[5],
                          &o[6], &now_ms, &span_ms))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t pages = -1, table = -1;
    const int64_t *place = take(&views, o[0], 8, 0, &pages);
    const double *samples = take(&views, o[1], 8, 0, &pages);
    int64_t *known = take(&views, o[2], 8, 1, &table), *all = take(&views, o[3], 8, 1, &table), *newest_ms = take(&views, o[4], 8, 1, &table);
    double *rate = take(&views, o[5], 8, 1, &table);
    int64_t *rate_at_ms = take(&views, o[6], 8, 1, &table);
    PyObject *restless = PyList_New(0);
    if (!restless)
        views.failed = 1;
    for (Py_ssize_t page = 0; page < pages && !views.failed; page++) {
        int64_t at = place[page];
        if (at < 0)
            continue; /* visitors left a page that does not live any more */
        PyObject *a = PyList_GetItem(visitors, page), *b = PyList_GetItem(newest, page);
        int64_t number = a ? PyLong_AsLongLong(a) : -1, time_ms = b ? PyLong_AsLongLong(b) : -1;
        if (PyErr_Occurred() || at >= table) {
            refuse(&views, PyExc_IndexError, "a page lies outside the table of pages");
            break;
        }
        if (number != known[at]) {
            all[at] += number - known[at];
            known[at] = number;
            PyObject *told = samples[page] == 0 ? PyLong_FromLongLong(at) : NULL;
            if (told && PyList_Append(restless, told) < 0)
                views.failed = 1;
            Py_XDECREF(told);
        }
        if (time_ms > newest_ms[at])
            newest_ms[at] = time_ms;
        if (samples[page] > 0) {
            double waited_ms = now_ms > rate_at_ms[at] ? (double)(now_ms - rate_at_ms[at]) : 0;
            rate[at] = rate[at] * exp(waited_ms / -span_ms) + samples[page] * (1000 / span_ms);
            rate_at_ms[at] = now_ms;
        }
    }
    return done(&views, restless);
}
