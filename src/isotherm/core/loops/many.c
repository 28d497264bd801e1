/* Packed columns (`columns.py`) made, and many of them in one call: a record of small pages has hundreds, and a call of Python's or numpy's
 * takes longer than what is in it. */
#include "loops.h"
#include <float.h>
#include <math.h>

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

/* The smallest type that holds whole numbers from `low` to `high`. */
static char letter_of(int64_t low, int64_t high)
{
    if (low >= 0)
        return high <= UINT8_MAX ? 'B' : high <= UINT16_MAX ? 'H' : high <= UINT32_MAX ? 'I' : 'q';
    return low >= INT8_MIN && high <= INT8_MAX ? 'b' : low >= INT16_MIN && high <= INT16_MAX ? 'h' : low >= INT32_MIN && high <= INT32_MAX ? 'i' : 'q';
}

#define AS(type)                                                   \
    for (Py_ssize_t at = 0; at < length; at++) {                   \
        type value = (type)numbers[at];                            \
        memcpy(raw + at * (Py_ssize_t)sizeof value, &value, sizeof value); \
    }                                                              \
    return length * (Py_ssize_t)sizeof(type)

/* Returns how many bytes; little-endian machines only. Of a type without a sign the lowest bits are the same. */
static Py_ssize_t narrowed(const int64_t *numbers, Py_ssize_t length, char letter, uint8_t *raw)
{
    switch (letter) {
    case 'B': case 'b': AS(uint8_t);
    case 'H': case 'h': AS(uint16_t);
    case 'I': case 'i': AS(uint32_t);
    }
    AS(int64_t);
}

static char whole_letter(const int64_t *numbers, Py_ssize_t length)
{
    int64_t low = length ? numbers[0] : 0, high = low;
    for (Py_ssize_t at = 1; at < length; at++) {
        low = numbers[at] < low ? numbers[at] : low;
        high = numbers[at] > high ? numbers[at] : high;
    }
    return letter_of(low, high);
}

/* Whole floats are put into `whole`, as integers. Else: `f` where each is one of 32 bits, or `d`. */
static char float_letter(const double *numbers, Py_ssize_t length, int64_t *whole)
{
    const double most = (double)(1LL << 53);
    int are_whole = 1, are_short = 1;
    for (Py_ssize_t at = 0; at < length; at++) {
        double number = numbers[at];
        int inside = number > -most && number < most;
        whole[at] = inside ? (int64_t)number : 0;
        are_whole &= inside && (double)whole[at] == number;
        are_short &= fabs(number) <= FLT_MAX && (double)(float)number == number;
    }
    return are_whole ? whole_letter(whole, length) : are_short ? 'f' : 'd';
}

/* packed(float64 or int64, whether they are floats) -> the column as text; None: Python does it. */
PyObject *packed(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *column, *result = NULL;
    int floats;
    const uint16_t one = 1;
    if (!PyArg_ParseTuple(args, "Op", &column, &floats))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = -1, size;
    const void *from = take(&views, column, 8, 0, &length);
    if (views.failed || !*(const uint8_t *)&one)
        return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
    uint8_t near[6000], *room = (size_t)length * 19 + 16 <= sizeof near ? near : malloc((size_t)length * 19 + 16);
    if (!room) {
        refuse(&views, PyExc_MemoryError, "no room for a column");
        return done(&views, NULL);
    }
    int64_t *whole = (int64_t *)room; /* the numbers; then in as many bytes as they need, over themselves; and behind them the text */
    char *text = (char *)room + length * 8, letter;
    if (floats)
        letter = float_letter(from, length, whole);
    else
        letter = whole_letter(from, length);
    if (letter == 'f') {
        for (Py_ssize_t at = 0; at < length; at++) {
            float value = (float)((const double *)from)[at];
            memcpy(room + at * 4, &value, 4);
        }
        size = length * 4;
    } else if (letter == 'd') {
        memcpy(room, from, (size_t)length * 8);
        size = length * 8;
    } else
        size = narrowed(floats ? whole : from, length, letter, room);
    text[0] = '<', text[1] = letter;
    char *stop = to_base64(room, size, text + 2);
    result = PyUnicode_FromStringAndSize(text, stop - text);
    if (room != near)
        free(room);
    views.failed |= !result;
    return done(&views, result);
}
