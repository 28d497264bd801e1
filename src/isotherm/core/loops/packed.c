/* numbers, sample_columns: packed columns (`columns.py`) as numbers of 64 bits, in one pass. Only what is as it should be: all else is left to Python,
 * which says what is wrong with it. */
#include "loops.h"
#include <math.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"; /* of base64 */

/* Of a digit its six bits, where they stand as the first to fourth of four digits; `NO_DIGIT`: it is none.
 * Four digits are three bytes: aaaaaabb bbbbcccc ccdddddd */
static uint32_t bits_of[4][256];
enum { NO_DIGIT = 1 << 24 };

static void know_bits(void)
{
    if (bits_of[0]['B'])
        return;
    for (int place = 0; place < 4; place++) {
        for (int letter = 0; letter < 256; letter++)
            bits_of[place][letter] = NO_DIGIT;
        for (uint32_t value = 0; value < 64; value++)
            bits_of[place][(uint8_t)DIGITS[value]] = value << 6 * (3 - place);
    }
}

static inline uint32_t four_digits(const uint8_t *text)
{
    return bits_of[0][text[0]] | bits_of[1][text[1]] | bits_of[2][text[2]] | bits_of[3][text[3]];
}

/* Bytes decoded; -1: it is not base64 to the letter (`=` at its end, no bits left over). The length is a multiple of four. */
static Py_ssize_t decoded(const uint8_t *text, Py_ssize_t length, uint8_t *to)
{
    Py_ssize_t padding = length ? (text[length - 1] == '=') + (text[length - 2] == '=' && text[length - 1] == '=') : 0;
    Py_ssize_t whole = padding ? length - 4 : length, size = 0;
    uint32_t wrong = 0;
    for (Py_ssize_t at = 0; at < whole; at += 4) {
        uint32_t bits = four_digits(text + at);
        wrong |= bits;
        to[size++] = (uint8_t)(bits >> 16), to[size++] = (uint8_t)(bits >> 8), to[size++] = (uint8_t)bits;
    }
    if (padding) {
        const uint8_t last[4] = {text[whole], text[whole + 1], padding == 2 ? 'A' : text[whole + 2], 'A'};
        uint32_t bits = four_digits(last);
        wrong |= bits | (bits & (padding == 2 ? 0xFFFF : 0xFF) ? NO_DIGIT : 0);
        to[size++] = (uint8_t)(bits >> 16);
        if (padding == 1)
            to[size++] = (uint8_t)(bits >> 8);
    }
    return wrong & NO_DIGIT ? -1 : size;
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
    if (!bytes || (size - 2) % 4 || !*(const uint8_t *)&one)
        return -1;
    know_bits();
    Py_ssize_t found = decoded((const uint8_t *)text + 2, size - 2, raw);
    if (found < 0 || found % bytes || !as_whole(text[1], raw, found / bytes, to))
        return -1;
    return found / bytes;
}

/* A column as text: its type, its elements' number, and its digits. */
typedef struct {
    const uint8_t *digits;
    Py_ssize_t size, length;
    char letter;
} Text;

/* Whether it has the form of one; whether all of its digits are any is told by `put`. */
static int is_column(PyObject *object, Text *text)
{
    const uint16_t one = 1;
    Py_ssize_t size;
    const char *packed = PyUnicode_Check(object) ? PyUnicode_AsUTF8AndSize(object, &size) : NULL;
    if (!packed) {
        PyErr_Clear(); /* lone surrogates: no column */
        return 0;
    }
    size_t bytes = size >= 2 && packed[0] == '<' ? bytes_of(packed[1]) : 0;
    if (!bytes || (size - 2) % 4 || !*(const uint8_t *)&one) /* on a machine that is not little-endian, Python does it */
        return 0;
    Py_ssize_t padding = size > 2 ? (packed[size - 1] == '=') + (packed[size - 2] == '=' && packed[size - 1] == '=') : 0;
    Py_ssize_t raw = (size - 2) / 4 * 3 - padding;
    *text = (Text){(const uint8_t *)packed + 2, size - 2, raw / (Py_ssize_t)bytes, packed[1]};
    return raw % (Py_ssize_t)bytes == 0;
}

/* Its elements, as float64 or int64: 1; 0: they are not what they should be (`numbers`); -1: an exception is set. */
static int put(const Text *text, long long most, void *to)
{
    know_bits();
    uint8_t near[4096], *raw = (size_t)text->size <= sizeof near ? near : malloc((size_t)text->size);
    if (!raw) {
        PyErr_NoMemory();
        return -1;
    }
    int fine = decoded(text->digits, text->size, raw) >= 0;
    if (fine)
        fine = most < 0 ? as_floats(text->letter, raw, text->length, to) && all_finite(to, text->length)
                        : as_whole(text->letter, raw, text->length, to) && all_within(to, text->length, most);
    if (raw != near)
        free(raw);
    return fine;
}

static PyObject *or_none(PyObject *result)
{
    return result || PyErr_Occurred() ? result : Py_NewRef(Py_None);
}

/* numbers(text, most) -> bytes or None. `most` below 0: finite float64, from any column; else int64 from 0 to `most`, from columns of integers. */
PyObject *numbers(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *object, *result = NULL;
    long long most;
    Text text;
    if (!PyArg_ParseTuple(args, "UL", &object, &most))
        return NULL;
    if (is_column(object, &text) && (result = PyBytes_FromStringAndSize(NULL, text.length * 8)) &&
        put(&text, most, PyBytes_AsString(result)) <= 0)
        Py_CLEAR(result);
    return or_none(result);
}

/* sample_columns(x, y, age, most) -> bytes or None: columns of one length, one behind the other, x and y as finite float64, ages as int64 from 0 to
 * `most`. */
PyObject *sample_columns(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *objects[3], *result = NULL;
    long long most;
    Text x, y, age;
    if (!PyArg_ParseTuple(args, "OOOL", &objects[0], &objects[1], &objects[2], &most))
        return NULL;
    if (is_column(objects[0], &x) && is_column(objects[1], &y) && is_column(objects[2], &age) && x.length == y.length &&
        x.length == age.length && (result = PyBytes_FromStringAndSize(NULL, x.length * 24))) {
        char *to = PyBytes_AsString(result);
        Py_ssize_t bytes = x.length * 8;
        if (put(&x, -1, to) <= 0 || put(&y, -1, to + bytes) <= 0 || put(&age, most, to + 2 * bytes) <= 0)
            Py_CLEAR(result);
    }
    return or_none(result);
}
