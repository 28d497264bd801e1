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
 * Apart: panes by their numbers (`panes_kept.c`), what comes in (`panes_merge.c`), the hop (`panes_hop.c`), and which cells of watched rows changed
 * in it (`panes_touched.c`).
 */
#include "panes.h"

static void release(Py_buffer *bound, int bounds)
{
    while (bounds)
        PyBuffer_Release(&bound[--bounds]);
}

/* bind(slab, totals, watched, references): the arrays of rows; called anew when one of them is another. Where it fails, those before stay. */
static PyObject *bind(PyObject *object, PyObject *args)
{
    Panes *self = (Panes *)object;
    PyObject *o[BOUND];
    if (!PyArg_ParseTuple(args, "OOOO", &o[0], &o[1], &o[2], &o[3]))
        return NULL;
    static const size_t item_bytes[BOUND] = {4, 8, 1, 8};
    Py_buffer taken[BOUND];
    Py_ssize_t rows = -1, rows_before = self->rows;
    for (int at = 0; at < BOUND; at++) {
        if (PyObject_GetBuffer(o[at], &taken[at], at == 2 ? PyBUF_SIMPLE : PyBUF_WRITABLE) < 0) {
            release(taken, at);
            return NULL;
        }
        Py_ssize_t length = taken[at].len / (Py_ssize_t)item_bytes[at];
        if ((size_t)taken[at].itemsize != item_bytes[at] || (at == 0 && length / self->tiles < self->dense_rows)) {
            PyErr_SetString(PyExc_ValueError, "expected a slab of 32-bit and rows of 64-bit integers");
            release(taken, at + 1);
            return NULL;
        }
        if (at && (rows < 0 || length < rows))
            rows = length;
    }
    self->rows = rows;
    if (cold_bind(self) < 0 || bind_touched(self) < 0) { /* there is no room for what is to be kept of these rows; of fewer there was */
        self->rows = rows_before;
        release(taken, BOUND);
        return NULL;
    }
    release(self->bound, self->bounds);
    memcpy(self->bound, taken, sizeof taken);
    self->bounds = BOUND;
    Py_RETURN_NONE;
}

static PyObject *new_panes(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    long long tiles, dense_rows, window, skew, looks_max;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "LLLLL", &tiles, &dense_rows, &window, &skew, &looks_max))
        return NULL;
    if (window < 1 || window > 1LL << 40 || skew < 0 || skew > 1LL << 40 || tiles < 1 || tiles > 1LL << 30 || dense_rows < 0 || dense_rows > (1LL << 32) / tiles) {
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

/* bytes_held() -> of all entries, with the room behind them, and of what tells which cells a hop touched */
static PyObject *bytes_held(PyObject *object, PyObject *args)
{
    (void)args;
    const Panes *self = (Panes *)object;
    uint64_t bytes = (uint64_t)self->far.room * sizeof *self->far.items + cold_bytes(self) + touched_bytes(self);
    for (Py_ssize_t place = self->first; place < self->end; place++)
        bytes += self->panes[place].room * sizeof *self->panes[place].entries;
    return PyLong_FromUnsignedLongLong(bytes);
}

static void dealloc(PyObject *object)
{
    Panes *self = (Panes *)object;
    release(self->bound, self->bounds);
    for (Py_ssize_t place = self->first; place < self->end; place++)
        free(self->panes[place].entries);
    free(self->panes), free(self->unsettled.items), free(self->spare.items), free(self->runs.items), free(self->beyond.items), free(self->far.items);
    free_touched(self), cold_free(self);
    end_object(object);
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
