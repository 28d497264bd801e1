/* tell: what is known of the pages that counts name is brought up to date. */
#include "loops.h"
#include <math.h>

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
