/* order: how rows of (first, second) stand when they are sorted, stably. By counting, 11 bits a pass, only of the bits in which rows differ;
 * the rows are moved as a whole, so that each pass reads memory from one end to the other. Other threads may run meanwhile. */
#include "loops.h"

typedef struct {
    uint64_t second;
    uint32_t first, at;
} Sorted;

enum { BITS = 11, VALUES = 1 << BITS };

static void pass(const Sorted *from, Sorted *to, Py_ssize_t length, int of_first, int shift)
{
    Py_ssize_t starts[VALUES] = {0}, next = 0;
    for (Py_ssize_t at = 0; at < length; at++)
        starts[(of_first ? from[at].first : from[at].second) >> shift & (VALUES - 1)]++;
    for (int value = 0; value < VALUES; value++) {
        Py_ssize_t number = starts[value];
        starts[value] = next;
        next += number;
    }
    for (Py_ssize_t at = 0; at < length; at++)
        to[starts[(of_first ? from[at].first : from[at].second) >> shift & (VALUES - 1)]++] = from[at];
}

/* order(first, second, -> places): first is from 0 to below 2^32, second unsigned */
PyObject *order(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *first_object, *second_object, *to_object;
    if (!PyArg_ParseTuple(args, "OOO", &first_object, &second_object, &to_object))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = -1;
    const int64_t *first = take(&views, first_object, 8, 0, &length);
    const uint64_t *second = take(&views, second_object, 8, 0, &length);
    int64_t *to = take(&views, to_object, 8, 1, &length);
    if (!views.failed && length >= UINT32_MAX)
        refuse(&views, PyExc_ValueError, "expected fewer rows");
    if (views.failed)
        return done(&views, NULL);
    Sorted *rows = malloc(2 * (size_t)(length ? length : 1) * sizeof *rows), *from = rows, *other = rows + length;
    if (!rows) {
        PyErr_NoMemory();
        views.failed = 1;
        return done(&views, NULL);
    }
    int64_t beyond = 0;
    Py_BEGIN_ALLOW_THREADS
    uint64_t differ = 0;
    uint32_t differ_first = 0;
    for (Py_ssize_t at = 0; at < length; at++) {
        rows[at] = (Sorted){second[at], (uint32_t)first[at], (uint32_t)at};
        differ |= second[at] ^ second[0], differ_first |= (uint32_t)(first[at] ^ first[0]), beyond |= first[at] >> 32;
    }
    for (int shift = 0; shift < 64 + 32; shift += BITS) {
        int of_first = shift >= 66, by = of_first ? shift - 66 : shift; /* six passes of the second, then three of the first */
        if (!((of_first ? differ_first : differ) >> by & (VALUES - 1)))
            continue;
        pass(from, other, length, of_first, by);
        Sorted *before = from;
        from = other, other = before;
    }
    for (Py_ssize_t at = 0; at < length; at++)
        to[at] = from[at].at;
    Py_END_ALLOW_THREADS
    free(rows);
    if (beyond)
        refuse(&views, PyExc_ValueError, "expected numbers from 0 to below 2^32");
    return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
}
