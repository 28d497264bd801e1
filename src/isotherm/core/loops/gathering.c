/* Gathering: columns that grow by a message at a time and leave all at once (`gathering.py` says what they are). Each column is a
 * bytearray, with room for twice as much whenever it is full, and is handed over as it is:
 *
 *     runs      page, session, device, load, seq, size: int64 │ width, height: float64
 *     samples   time_ms: int64 │ x, y: float64 │ kind: uint8
 */
#include "gathering.h"

PyObject *gathering_type;

enum { RUNS_BEGUN = 64, SAMPLES_BEGUN = 1024, SAMPLES_BEGUN_MAX = 1 << 16 };

static size_t bytes_of(int column) { return column == KIND ? 1 : 8; }

static void let_go(Gathering *gathering)
{
    for (int column = 0; column < COLUMNS; column++)
        Py_CLEAR(gathering->arrays[column]);
    gathering->runs = gathering->runs_room = gathering->samples = gathering->samples_room = 0;
}

static int grow(Gathering *gathering, int first, int end, Py_ssize_t used, Py_ssize_t *room, Py_ssize_t least)
{
    if (*room && used <= *room) /* without any, there is no column yet, not even for nothing */
        return 0;
    Py_ssize_t larger = *room ? *room : least;
    while (larger < used)
        larger *= 2;
    for (int column = first; column < end; column++) {
        if (!gathering->arrays[column] && !(gathering->arrays[column] = PyByteArray_FromStringAndSize(NULL, 0)))
            return -1;
        if (PyByteArray_Resize(gathering->arrays[column], larger * (Py_ssize_t)bytes_of(column)) < 0)
            return -1;
        gathering->columns[column] = PyByteArray_AsString(gathering->arrays[column]);
    }
    *room = larger;
    return 0;
}

static Py_ssize_t between(Py_ssize_t number, Py_ssize_t least, Py_ssize_t most)
{
    return number < least ? least : number > most ? most : number;
}

static int make_room(Gathering *gathering, Py_ssize_t samples)
{
    if (grow(gathering, PAGE, TIME_MS, gathering->runs + 1, &gathering->runs_room,
             between(gathering->runs_begun, RUNS_BEGUN, SAMPLES_BEGUN_MAX)) < 0)
        return -1;
    return grow(gathering, TIME_MS, COLUMNS, gathering->samples + samples, &gathering->samples_room,
                between(gathering->samples_begun, SAMPLES_BEGUN, SAMPLES_BEGUN_MAX));
}

static void put_run(Gathering *gathering, const long long *numbers, Py_ssize_t size, double width, double height)
{
    Py_ssize_t run = gathering->runs++;
    for (int column = PAGE; column < SIZE; column++)
        ((int64_t *)gathering->columns[column])[run] = numbers[column];
    ((int64_t *)gathering->columns[SIZE])[run] = size;
    ((double *)gathering->columns[WIDTH])[run] = width;
    ((double *)gathering->columns[HEIGHT])[run] = height;
}

/* batch(page, session, device, load, seq, width, height, arrived_ms, columns, kind): `columns` are x, y and ages, one behind the other */
static PyObject *batch(PyObject *self, PyObject *args)
{
    Gathering *gathering = (Gathering *)self;
    long long numbers[SIZE], arrived_ms;
    double width, height;
    Py_buffer columns, kind;
    if (!PyArg_ParseTuple(args, "LLLLLddLy*y*", &numbers[PAGE], &numbers[SESSION], &numbers[DEVICE], &numbers[LOAD], &numbers[SEQ], &width,
                          &height, &arrived_ms, &columns, &kind))
        return NULL;
    Py_ssize_t size = kind.len, at = gathering->samples;
    int fine = columns.len == 24 * size;
    if (!fine)
        PyErr_SetString(PyExc_ValueError, "expected a kind for each sample");
    if (fine && (fine = make_room(gathering, size) == 0)) {
        const char *from = columns.buf;
        int64_t *time_ms = (int64_t *)gathering->columns[TIME_MS] + at;
        memcpy((double *)gathering->columns[X] + at, from, 8 * (size_t)size);
        memcpy((double *)gathering->columns[Y] + at, from + 8 * size, 8 * (size_t)size);
        memcpy(time_ms, from + 16 * size, 8 * (size_t)size);
        for (Py_ssize_t sample = 0; sample < size; sample++)
            time_ms[sample] = arrived_ms - time_ms[sample];
        memcpy((char *)gathering->columns[KIND] + at, kind.buf, (size_t)size);
        put_run(gathering, numbers, size, width, height);
        gathering->samples += size;
    }
    PyBuffer_Release(&columns);
    PyBuffer_Release(&kind);
    return fine ? Py_NewRef(Py_None) : NULL;
}

int put_event(Gathering *gathering, const long long *numbers, double width, double height, long long time_ms, double x, double y, uint8_t kind)
{
    if (make_room(gathering, 1) < 0)
        return -1;
    Py_ssize_t at = gathering->samples++;
    ((int64_t *)gathering->columns[TIME_MS])[at] = time_ms;
    ((double *)gathering->columns[X])[at] = x;
    ((double *)gathering->columns[Y])[at] = y;
    ((uint8_t *)gathering->columns[KIND])[at] = kind;
    put_run(gathering, numbers, 1, width, height);
    return 0;
}

/* event(page, session, device, load, seq, width, height, time_ms, x, y, kind): a run of one sample */
static PyObject *event(PyObject *self, PyObject *args)
{
    Gathering *gathering = (Gathering *)self;
    long long numbers[SIZE], time_ms;
    double width, height, x, y;
    unsigned char kind;
    if (!PyArg_ParseTuple(args, "LLLLLddLddb", &numbers[PAGE], &numbers[SESSION], &numbers[DEVICE], &numbers[LOAD], &numbers[SEQ], &width,
                          &height, &time_ms, &x, &y, &kind))
        return NULL;
    if (put_event(gathering, numbers, width, height, time_ms, x, y, kind) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* take() -> all columns: from now on there are none */
static PyObject *take_all(PyObject *self, PyObject *unused)
{
    (void)unused;
    Gathering *gathering = (Gathering *)self;
    if (make_room(gathering, 1) < 0) /* so that there are columns */
        return NULL;
    PyObject *columns = PyTuple_New(COLUMNS);
    for (int column = 0; columns && column < COLUMNS; column++) {
        PyObject *array = gathering->arrays[column];
        Py_ssize_t length = column < TIME_MS ? gathering->runs : gathering->samples;
        if (PyByteArray_Resize(array, length * (Py_ssize_t)bytes_of(column)) < 0 || PyTuple_SetItem(columns, column, Py_NewRef(array)) < 0)
            Py_CLEAR(columns);
    }
    gathering->runs_begun = gathering->runs, gathering->samples_begun = gathering->samples;
    let_go(gathering);
    return columns;
}

static Py_ssize_t length(PyObject *self) { return ((Gathering *)self)->samples; }

static void dealloc(PyObject *self)
{
    let_go((Gathering *)self);
    end_object(self);
}

static PyMethodDef gathering_methods[] = {
    {"batch", batch, METH_VARARGS, NULL}, {"event", event, METH_VARARGS, NULL}, {"take", take_all, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_methods, gathering_methods}, {Py_tp_dealloc, dealloc}, {Py_sq_length, length}, {0, NULL}};

PyType_Spec gathering_spec = {"isotherm.core._counting.Gathering", sizeof(Gathering), 0, Py_TPFLAGS_DEFAULT, slots};
