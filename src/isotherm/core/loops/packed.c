/* numbers: a packed column (`columns.py`) as numbers of 64 bits, in one pass. Only what is as it should be: all else is left to Python, which
 * says what is wrong with it. */
#include "loops.h"
#include <math.h>

/* Of a base64 digit its value; 0xFF: it is none. Four digits are three bytes: aaaaaabb bbbbcccc ccdddddd */
static uint8_t value_of[256];

static void know_values(void)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (value_of['B'])
        return;
    memset(value_of, 0xFF, sizeof value_of);
    for (int value = 0; value < 64; value++)
        value_of[(uint8_t)digits[value]] = (uint8_t)value;
}

/* Bytes decoded; -1: it is not base64 to the letter (`=` at its end, no bits left over). */
static Py_ssize_t decoded(const uint8_t *text, Py_ssize_t length, uint8_t *to)
{
    if (length % 4)
        return -1;
    Py_ssize_t padding = length ? (text[length - 1] == '=') + (text[length - 2] == '=' && text[length - 1] == '=') : 0;
    Py_ssize_t whole = padding ? length - 4 : length, size = 0;
    uint8_t wrong = 0;
    for (Py_ssize_t at = 0; at < whole; at += 4) {
        uint8_t a = value_of[text[at]], b = value_of[text[at + 1]], c = value_of[text[at + 2]], d = value_of[text[at + 3]];
        wrong |= a | b | c | d;
        to[size++] = (uint8_t)(a << 2 | b >> 4), to[size++] = (uint8_t)(b << 4 | c >> 2), to[size++] = (uint8_t)(c << 6 | d);
    }
    if (padding) {
        uint8_t a = value_of[text[whole]], b = value_of[text[whole + 1]], c = padding == 2 ? 0 : value_of[text[whole + 2]];
        wrong |= a | b | c | (padding == 2 ? (b & 15 ? 0xC0 : 0) : (c & 3 ? 0xC0 : 0));
        to[size++] = (uint8_t)(a << 2 | b >> 4);
        if (padding == 1)
            to[size++] = (uint8_t)(b << 4 | c >> 2);
    }
    return wrong & 0xC0 ? -1 : size;
}

static size_t bytes_of(char letter)
{
    switch (letter) {
    case 'B': case 'b': return 1;
    case 'H': case 'h': return 2;
    case 'I': case 'i': case 'f': return 4;
    case 'q': case 'd': return 8;
    }
    return 0;
}

#define EACH(type, to, number)                                  \
    for (Py_ssize_t at = 0; at < length; at++) {                \
        type value;                                             \
        memcpy(&value, from + at * sizeof value, sizeof value); \
        to[at] = number value;                                  \
    }                                                           \
    return 1

static int as_whole(char letter, const uint8_t *from, Py_ssize_t length, int64_t *to)
{
    switch (letter) {
    case 'B': EACH(uint8_t, to, );
    case 'H': EACH(uint16_t, to, );
    case 'I': EACH(uint32_t, to, );
    case 'b': EACH(int8_t, to, );
    case 'h': EACH(int16_t, to, );
    case 'i': EACH(int32_t, to, );
    case 'q': EACH(int64_t, to, );
    }
    return 0;
}

static int as_floats(char letter, const uint8_t *from, Py_ssize_t length, double *to)
{
    switch (letter) {
    case 'B': EACH(uint8_t, to, );
    case 'H': EACH(uint16_t, to, );
    case 'I': EACH(uint32_t, to, );
    case 'b': EACH(int8_t, to, );
    case 'h': EACH(int16_t, to, );
    case 'i': EACH(int32_t, to, );
    case 'q': EACH(int64_t, to, (double));
    case 'f': EACH(float, to, (double));
    case 'd': EACH(double, to, );
    }
    return 0;
}

static int all_finite(const double *numbers, Py_ssize_t length)
{
    int finite = 1;
    for (Py_ssize_t at = 0; at < length; at++)
        finite &= isfinite(numbers[at]) != 0;
    return finite;
}

static int all_within(const int64_t *numbers, Py_ssize_t length, int64_t most)
{
    int within = 1;
    for (Py_ssize_t at = 0; at < length; at++)
        within &= numbers[at] >= 0 && numbers[at] <= most;
    return within;
}

Py_ssize_t packed_whole(const char *text, Py_ssize_t size, uint8_t *raw, int64_t *to)
{
    const uint16_t one = 1;
    Py_ssize_t bytes = size >= 2 && text[0] == '<' ? (Py_ssize_t)bytes_of(text[1]) : 0;
    if (!bytes || !*(const uint8_t *)&one)
        return -1;
    know_values();
    Py_ssize_t found = decoded((const uint8_t *)text + 2, size - 2, raw);
    if (found < 0 || found % bytes || !as_whole(text[1], raw, found / bytes, to))
        return -1;
    return found / bytes;
}

/* numbers(text, most) -> bytes or None. `most` below 0: finite float64, from any column; else int64 from 0 to `most`, from columns of integers. */
PyObject *numbers(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *text;
    long long most;
    Py_ssize_t size;
    const uint16_t one = 1;
    if (!PyArg_ParseTuple(args, "UL", &text, &most))
        return NULL;
    const char *packed = PyUnicode_AsUTF8AndSize(text, &size);
    if (!packed) {
        PyErr_Clear(); /* lone surrogates: no column */
        Py_RETURN_NONE;
    }
    size_t bytes = size >= 2 && packed[0] == '<' ? bytes_of(packed[1]) : 0;
    if (!bytes || !*(const uint8_t *)&one) /* on a machine that is not little-endian, Python does it */
        Py_RETURN_NONE;
    know_values();
    uint8_t near[4096], *raw = (size_t)size <= sizeof near ? near : malloc((size_t)size);
    if (!raw)
        return PyErr_NoMemory();
    Py_ssize_t found = decoded((const uint8_t *)packed + 2, size - 2, raw), length = found < 0 ? 0 : found / (Py_ssize_t)bytes;
    PyObject *result = NULL;
    if (found >= 0 && found % (Py_ssize_t)bytes == 0 && (result = PyBytes_FromStringAndSize(NULL, length * 8))) {
        void *to = PyBytes_AsString(result);
        int fine = most < 0 ? as_floats(packed[1], raw, length, to) && all_finite(to, length)
                            : as_whole(packed[1], raw, length, to) && all_within(to, length, most);
        if (!fine)
            Py_CLEAR(result);
    }
    if (raw != near)
        free(raw);
    if (!result && !PyErr_Occurred())
        Py_RETURN_NONE;
    return result;
}
