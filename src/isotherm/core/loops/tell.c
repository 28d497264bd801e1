/* What the table of pages is asked for every record: where the pages of counts stand, and to keep what counts tell of them. */
#include "loops.h"
#include <math.h>

enum { AHEAD = 12 }; /* pages whose columns are on their way from memory while others are looked at */

/* places(by_number, number, -> place) -> how many pages have none: of these it is -1 */
PyObject *places(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *o[3];
    if (!PyArg_ParseTuple(args, "OOO", &o[0], &o[1], &o[2]))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t numbers = -1, pages = -1, missing = 0;
    const int64_t *by_number = take(&views, o[0], 8, 0, &numbers), *number = take(&views, o[1], 8, 0, &pages);
    int64_t *place = take(&views, o[2], 8, 1, &pages);
    for (Py_ssize_t page = 0; page < pages && !views.failed; page++) {
        place[page] = (uint64_t)number[page] < (uint64_t)numbers ? by_number[number[page]] : -1;
        missing += place[page] < 0;
    }
    return done(&views, views.failed ? NULL : PyLong_FromSsize_t(missing));
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
        const int64_t at = place[page], ahead = page + AHEAD < pages ? place[page + AHEAD] : -1;
        if (ahead >= 0 && ahead < table) {
            ask_for(&known[ahead]), ask_for(&all[ahead]), ask_for(&newest_ms[ahead]);
            ask_for(&rate[ahead]), ask_for(&rate_at_ms[ahead]);
        }
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
