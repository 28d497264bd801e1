/* The module `_counting`: its functions, and what they share. `counting.py` says what each does and has the same in numpy. */
#include "familiar.h"

void refuse(Views *views, PyObject *exception, const char *message)
{
    if (!PyErr_Occurred())
        PyErr_SetString(exception, message);
    views->failed = 1;
}

void *take(Views *views, PyObject *object, size_t item_bytes, int writable, Py_ssize_t *length)
{
    if (views->failed)
        return NULL;
    Py_buffer *view = &views->held[views->count];
    if (PyObject_GetBuffer(object, view, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0) {
        views->failed = 1;
        return NULL;
    }
    views->count++;
    Py_ssize_t found = view->len / (Py_ssize_t)item_bytes;
    if (view->len % (Py_ssize_t)item_bytes || (view->itemsize != 1 && view->itemsize != (Py_ssize_t)item_bytes)) {
        PyErr_Format(PyExc_TypeError, "expected elements of %zu bytes, got %zd", item_bytes, view->itemsize);
        views->failed = 1;
        return NULL;
    }
    if (*length >= 0 && found < *length) {
        PyErr_Format(PyExc_ValueError, "expected a column of at least %zd elements, got %zd", *length, found);
        views->failed = 1;
        return NULL;
    }
    if (*length < 0)
        *length = found;
    return view->buf;
}

PyObject *done(Views *views, PyObject *result)
{
    for (int i = 0; i < views->count; i++)
        PyBuffer_Release(&views->held[i]);
    if (views->failed)
        Py_CLEAR(result);
    return result;
}

int table_full(const Table *table, Py_ssize_t entries) { return 2 * (uint64_t)entries > table->mask; }

int table_make(Table *table, Py_ssize_t entries)
{
    table->mask = 255;
    while (table_full(table, entries) && table->mask < TABLE_BEGUN_MAX)
        table->mask = 2 * table->mask + 1;
    table->places = calloc(table->mask + 1, sizeof *table->places);
    if (!table->places)
        PyErr_NoMemory();
    return table->places ? 0 : -1;
}

int table_grow(Table *table)
{
    uint32_t *larger = calloc(4 * (table->mask + 1), sizeof *larger);
    if (!larger)
        return -1;
    free(table->places);
    table->places = larger;
    table->mask = 4 * (table->mask + 1) - 1;
    return 0;
}

int table_double(Table *table)
{
    if (table_grow(table) == 0)
        return 0;
    PyErr_NoMemory();
    return -1;
}

void table_free(Table *table) { free(table->places); }

static PyMethodDef methods[] = {
    {"tally", tally, METH_VARARGS, NULL},     {"tell", tell, METH_VARARGS, NULL},   {"places", places, METH_VARARGS, NULL},
    {"zone_tally", zone_tally, METH_VARARGS, NULL},
    {"pairs", pairs, METH_VARARGS, NULL},     {"arrange", arrange, METH_VARARGS, NULL}, {"numbers", numbers, METH_VARARGS, NULL},
    {"whole", whole, METH_VARARGS, NULL},     {"texts", texts, METH_VARARGS, NULL},     {"packed", packed, METH_VARARGS, NULL},
    {"sample_columns", sample_columns, METH_VARARGS, NULL},
    {"order", order, METH_VARARGS, NULL},     {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_counting", NULL, 0, methods, NULL, NULL, NULL, NULL};

static int add_type(PyObject *module, const char *name, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    int failed = type ? PyModule_AddObjectRef(module, name, type) : -1;
    Py_XDECREF(type);
    return failed;
}

uint64_t secret[2];

/* From Python's own secret, with which it hashes texts. -1: an exception is set. */
static int make_secret(void)
{
    static const char *const texts[2] = {"first", "second"};
    for (int at = 0; at < 2; at++) {
        PyObject *text = PyUnicode_FromString(texts[at]);
        const Py_hash_t hash = text ? PyObject_Hash(text) : -1;
        Py_XDECREF(text);
        if (hash == -1)
            return -1;
        secret[at] = (uint64_t)hash | 1;
    }
    return 0;
}

PyMODINIT_FUNC PyInit__counting(void)
{
    if (make_secret() < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made && (add_type(made, "Known", &known_spec) < 0 || add_type(made, "Panes", &panes_spec) < 0 ||
                 add_type(made, "ZoneSums", &zone_sums_spec) < 0 || add_type(made, "Gathering", &gathering_spec) < 0 ||
                 add_type(made, "Addresses", &addresses_spec) < 0 ||
                 add_type(made, "Folding", &folding_spec) < 0 || add_type(made, "Familiar", &familiar_spec) < 0 ||
                 add_type(made, "Voice", &voice_spec) < 0 || !(gathering_type = PyObject_GetAttrString(made, "Gathering")) ||
                 !(voice_type = PyObject_GetAttrString(made, "Voice")) ||
                 PyModule_AddIntConstant(made, "INTERFACE", INTERFACE) < 0))
        Py_CLEAR(made);
    return made;
}
