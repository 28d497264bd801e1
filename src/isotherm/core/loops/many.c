/* Many packed columns (`columns.py`) in one call: records of small pages are hundreds of them, and a call takes longer than what is in it. */
#include "loops.h"

/* Bytes that a packed column has at most, by the length of its text. */
static Py_ssize_t bytes_most(Py_ssize_t length) { return length / 4 * 3; }

/* whole(texts) -> (int64 of all columns, one behind the other; int64, how long each is), as bytes; None: not all of them are whole numbers. */
PyObject *whole(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *texts, *result = NULL;
    if (!PyArg_ParseTuple(args, "O!", &PyList_Type, &texts))
        return NULL;
    Py_ssize_t count = PyList_Size(texts), room = 0, longest = 0, filled = 0;
    for (Py_ssize_t at = 0; at < count; at++) {
        Py_ssize_t size;
        const char *text = PyUnicode_AsUTF8AndSize(PyList_GetItem(texts, at), &size);
        if (!text) {
            if (!PyErr_ExceptionMatches(PyExc_UnicodeError))
                return NULL;
            PyErr_Clear();
            Py_RETURN_NONE;
        }
        room += bytes_most(size);
        longest = size > longest ? size : longest;
    }
    PyObject *lengths = PyBytes_FromStringAndSize(NULL, count * 8);
    uint8_t *raw = malloc((size_t)longest + 1);
    int64_t *to = malloc((size_t)room * 8 + 8); /* of columns of bytes: the most that there can be */
    int fine = lengths && raw && to;
    if (lengths && !fine)
        PyErr_NoMemory();
    for (Py_ssize_t at = 0; at < count && fine; at++) {
        Py_ssize_t size;
        const char *text = PyUnicode_AsUTF8AndSize(PyList_GetItem(texts, at), &size);
        int64_t length = packed_whole(text, size, raw, to + filled);
        if ((fine = length >= 0)) {
            memcpy(PyBytes_AsString(lengths) + 8 * at, &length, 8);
            filled += (Py_ssize_t)length;
        }
    }
    if (fine)
        result = Py_BuildValue("(y#O)", (const char *)to, filled * 8, lengths);
    free(raw);
    free(to);
    Py_XDECREF(lengths);
    if (!result && !PyErr_Occurred())
        Py_RETURN_NONE;
    return result;
}

static char *to_base64(const uint8_t *from, Py_ssize_t length, char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (; length >= 3; length -= 3, from += 3) {
        *to++ = digits[from[0] >> 2];
        *to++ = digits[(from[0] & 3) << 4 | from[1] >> 4];
        *to++ = digits[(from[1] & 15) << 2 | from[2] >> 6];
        *to++ = digits[from[2] & 63];
    }
    if (length) {
        uint8_t second = length == 2 ? from[1] : 0;
        *to++ = digits[from[0] >> 2];
        *to++ = digits[(from[0] & 3) << 4 | second >> 4];
        *to++ = length == 2 ? digits[(second & 15) << 2] : '=';
        *to++ = '=';
    }
    return to;
}

/* texts(bytes of a column, bytes of an element, its letter, ends) -> the parts between `ends`, each packed. */
PyObject *texts(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *column, *ends, *result = NULL;
    Py_ssize_t item_bytes;
    int letter;
    if (!PyArg_ParseTuple(args, "OnCO!", &column, &item_bytes, &letter, &PyList_Type, &ends))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = -1, parts = PyList_Size(ends) - 1;
    const uint8_t *from = take(&views, column, 1, 0, &length);
    char *text = views.failed ? NULL : malloc((size_t)length / 3 * 4 + 8);
    if (text && item_bytes > 0)
        result = PyList_New(parts > 0 ? parts : 0);
    else if (!views.failed)
        refuse(&views, PyExc_MemoryError, "expected room, and elements of a byte at least");
    Py_ssize_t start = parts > 0 ? PyLong_AsSsize_t(PyList_GetItem(ends, 0)) : 0;
    for (Py_ssize_t at = 0; at < parts && result && !views.failed; at++) {
        Py_ssize_t end = PyLong_AsSsize_t(PyList_GetItem(ends, at + 1));
        if (PyErr_Occurred() || start < 0 || end < start || end > length / item_bytes) {
            refuse(&views, PyExc_ValueError, "expected ends that ascend, within the column");
            break;
        }
        text[0] = '<', text[1] = (char)letter;
        char *stop = to_base64(from + start * item_bytes, (end - start) * item_bytes, text + 2);
        PyObject *one = PyUnicode_FromStringAndSize(text, stop - text);
        if (!one || PyList_SetItem(result, at, one) < 0)
            views.failed = 1;
        start = end;
    }
    free(text);
    if (views.failed)
        Py_CLEAR(result);
    return done(&views, result);
}
