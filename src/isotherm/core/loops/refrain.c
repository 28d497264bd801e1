/* A refrain: what the batches of one socket have in common, byte for byte, and where in them the rest stands.
 *
 *     {"v":1,"load":"k3x","seq":│7│,"path":"/p/1","w":1280,"h":2400,"vw":1280,"kind":"move","x":"│<HgAI…│","y":"│<HsA…│","age":"│<H…│"}
 *      a piece                   ▲  a piece                                                      ▲ what differs
 *
 * It is learned from a batch that was decoded, and so checked, whole; one that has the same pieces says the same and needs no second look.
 * What stands between them is held to the rules of `messages.py` here. Whatever is not plain (an escape, a space, a number where a column
 * should be) is no refrain, or not in it: then the batch is decoded whole, and who is wrong is told so there.
 */
#include "packed.h"

enum { SEQ, KIND, X, Y, AGE, ANCHORS, ANCHOR, AX, AY, FIELDS };
enum { PARTS_MAX = FIELDS + 1, SAMPLES_MAX = 1000, SEQ_DIGITS_MAX = 16, NAME_BYTES_MAX = 256, IN_BOX_MAX = 1000, BYTES_MAX = 4096 };

static const char *const NAMES[FIELDS] = {"seq", "kind", "x", "y", "age", "anchors", "anchor", "ax", "ay"};
static const long long SEQ_MAX = (1LL << 53) - 1;

typedef struct {
    PyObject_HEAD
    int fields;                /* how many differ */
    int field[FIELDS];         /* in their order */
    Py_ssize_t ends[PARTS_MAX]; /* of the pieces; the last lies behind the last field */
    char *pieces;
} Refrain;


/* -- where fields stand */

/* Behind a string's closing quote, `at` being behind its opening one; NULL: it is not plain. */
static const char *behind_string(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++)
        if (*at == '\\' || (unsigned char)*at < ' ')
            return NULL;
    return at < end ? at + 1 : NULL;
}

/* Behind a list of strings, `at` being behind its bracket; NULL: it is none, or an empty one. */
static const char *behind_list(const char *at, const char *end)
{
    for (;;) {
        if (at >= end || *at != '"' || !(at = behind_string(at + 1, end)) || at >= end)
            return NULL;
        if (*at == ']')
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

/* Behind a number or a word. */
static const char *behind_word(const char *at, const char *end)
{
    const char *begin = at;
    while (at < end && *at > ' ' && *at != ',' && *at != '}' && *at != '"' && *at != '[' && *at != '{' && *at != ']')
        at++;
    return at > begin ? at : NULL;
}

static int field_of(const char *name, Py_ssize_t size)
{
    for (int field = 0; field < FIELDS; field++)
        if ((Py_ssize_t)strlen(NAMES[field]) == size && !memcmp(NAMES[field], name, (size_t)size))
            return field;
    return FIELDS;
}

/* What differs of a field's value, from `*from` to `*to`; 0: the value is not plain. Of what does not differ both are the same. */
static int differs(int field, const char *at, const char *behind, const char **from, const char **to)
{
    *from = *to = at;
    if (field == SEQ) {
        *to = behind;
        return *at >= '0' && *at <= '9';
    }
    if (field == ANCHORS) {
        *from = at + 1, *to = behind - 1;
        return *at == '[';
    }
    if (field == FIELDS || (field == KIND && *at == '"' && at[1] != '<'))
        return *at != '[';
    *from = at + 1, *to = behind - 1;
    return *at == '"' && at[1] == '<';
}

/* Whether a batch has a refrain, which is put down with its `pieces`, room for as many bytes as the batch has. */
static int learn(Refrain *refrain, const char *data, Py_ssize_t size)
{
    const char *at = data, *end = data + size, *piece = data;
    Py_ssize_t used = 0;
    unsigned named = 0, seen = 0; /* fields, and those of them that differ */
    refrain->fields = 0;
    if (size < 2 || *at != '{')
        return 0;
    do {
        const char *name = ++at + 1, *from, *to;
        if (at >= end || *at != '"' || !(at = behind_string(name, end)) || at >= end || *at != ':')
            return 0;
        const int field = field_of(name, at - 1 - name);
        const Py_ssize_t name_bytes = at - 1 - name;
        if (name_bytes == 5 && !memcmp(name, "kinds", 5)) /* a table of its own */
            return 0;
        const char *value = ++at;
        if (at >= end)
            return 0;
        at = *value == '"' ? behind_string(value + 1, end) : *value == '[' ? behind_list(value + 1, end) : behind_word(value, end);
        if (!at || at >= end || !differs(field, value, at, &from, &to))
            return 0;
        if (field == FIELDS)
            continue;
        if (named >> field & 1) /* twice: the last one holds */
            return 0;
        named |= 1u << field;
        if (from == to)
            continue;
        seen |= 1u << field;
        memcpy(refrain->pieces + used, piece, (size_t)(from - piece));
        used += from - piece, piece = to;
        refrain->field[refrain->fields] = field, refrain->ends[refrain->fields++] = used;
    } while (*at == ',');
    if (*at != '}' || at + 1 != end)
        return 0;
    memcpy(refrain->pieces + used, piece, (size_t)(end - piece));
    refrain->ends[refrain->fields] = used + (end - piece);
    const unsigned samples = 1u << SEQ | 1u << X | 1u << Y | 1u << AGE, on = 1u << ANCHORS | 1u << ANCHOR | 1u << AX | 1u << AY;
    return (seen & samples) == samples && (!(seen & on) || (seen & on) == on);
}

/* -- a batch that may have it */

typedef struct {
    const char *from[FIELDS];
    Py_ssize_t size[FIELDS]; /* -1: there is none */
} Found;

static int find(const Refrain *refrain, const char *at, const char *end, Found *found)
{
    for (int field = 0; field < FIELDS; field++)
        found->size[field] = -1;
    for (int part = 0; part <= refrain->fields; part++) {
        const Py_ssize_t start = part ? refrain->ends[part - 1] : 0, size = refrain->ends[part] - start;
        if (end - at < size || memcmp(at, refrain->pieces + start, (size_t)size))
            return 0;
        at += size;
        if (part == refrain->fields)
            break;
        const int field = refrain->field[part];
        const char *behind = field == SEQ ? behind_word(at, end) : field == ANCHORS ? behind_list(at, end) : memchr(at, '"', (size_t)(end - at));
        if (!behind)
            return 0;
        behind -= field == ANCHORS;
        found->from[field] = at, found->size[field] = behind - at;
        at = behind;
    }
    return at == end;
}

/* -1: it is no such number. */
static long long seq_of(const char *digits, Py_ssize_t size)
{
    long long seq = 0;
    if (size < 1 || size > SEQ_DIGITS_MAX || (size > 1 && *digits == '0'))
        return -1;
    for (Py_ssize_t at = 0; at < size; at++) {
        if (digits[at] < '0' || digits[at] > '9')
            return -1;
        seq = 10 * seq + (digits[at] - '0');
    }
    return seq <= SEQ_MAX ? seq : -1;
}

static int column_of(const Found *found, int field, Py_ssize_t length, Text *text)
{
    return found->size[field] >= 0 && text_of(found->from[field], found->size[field], text) && text->length == length;
}

/* x, y and ages, one behind the other; NULL: they are not what they should be, or an exception is set. */
static PyObject *block_of(const Found *found, Py_ssize_t *length, long long age_max)
{
    Text x, y, age;
    if (!text_of(found->from[X], found->size[X], &x) || x.length < 1 || x.length > SAMPLES_MAX || !column_of(found, Y, x.length, &y) ||
        !column_of(found, AGE, x.length, &age))
        return NULL;
    *length = x.length;
    PyObject *block = PyBytes_FromStringAndSize(NULL, 24 * x.length);
    char *to = block ? PyBytes_AsString(block) : NULL;
    if (to && (put_column(&x, -1, to) <= 0 || put_column(&y, -1, to + 8 * x.length) <= 0 || put_column(&age, age_max, to + 16 * x.length) <= 0))
        Py_CLEAR(block);
    return block;
}

enum { NO_KIND = 0xFF };

/* Kinds by a table of 256 (`NO_KIND`: not here); NULL as above. */
static PyObject *kinds_of(const Found *found, Py_ssize_t length, const uint8_t *places)
{
    Text text;
    int64_t numbers[SAMPLES_MAX];
    if (!column_of(found, KIND, length, &text) || text.letter != 'B' || put_column(&text, UINT8_MAX, numbers) <= 0)
        return NULL;
    PyObject *kinds = PyBytes_FromStringAndSize(NULL, length);
    for (Py_ssize_t at = 0; kinds && at < length; at++) {
        uint8_t place = places[numbers[at]];
        PyBytes_AsString(kinds)[at] = (char)place;
        if (place == NO_KIND)
            Py_CLEAR(kinds);
    }
    return kinds;
}

/* Names, and whether each is one; NULL as above. */
static PyObject *names_of(const Found *found, uint8_t *named)
{
    const char *at = found->from[ANCHORS], *end = at + found->size[ANCHORS];
    PyObject *names = PyList_New(0);
    for (Py_ssize_t number = 0; names && at < end; number++) {
        const char *begin = at + 1, *behind = behind_string(begin, end);
        PyObject *name = behind && number < SAMPLES_MAX && behind - 1 - begin <= NAME_BYTES_MAX
                             ? PyUnicode_DecodeUTF8(begin, behind - 1 - begin, NULL) : NULL;
        if (!name && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
            PyErr_Clear();
        if (!name || PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
        if (names)
            named[number] = behind - 1 > begin, at = behind + (behind < end);
    }
    return names;
}

/* (names, places, x, y) of what samples lay on, the last three as int64 and int32; NULL as above. */
static PyObject *anchored_of(const Found *found, Py_ssize_t length)
{
    uint8_t named[SAMPLES_MAX];
    int64_t places[SAMPLES_MAX], inside[SAMPLES_MAX];
    int32_t in_box[2][SAMPLES_MAX];
    Text text;
    PyObject *names = names_of(found, named);
    if (!names)
        return NULL;
    int fine = column_of(found, ANCHOR, length, &text) && put_column(&text, PyList_Size(names) - 1, places) > 0;
    for (int axis = 0; fine && axis < 2; axis++) {
        fine = column_of(found, AX + axis, length, &text) && put_column(&text, INT32_MAX, inside) > 0;
        for (Py_ssize_t at = 0; fine && at < length; at++)
            in_box[axis][at] = (int32_t)(inside[at] < IN_BOX_MAX ? inside[at] : IN_BOX_MAX);
    }
    for (Py_ssize_t at = 0; fine && at < length; at++)
        places[at] = named[places[at]] ? places[at] : -1;
    PyObject *all = fine ? Py_BuildValue("(Oy#y#y#)", names, (char *)places, 8 * length, (char *)in_box[0], 4 * length, (char *)in_box[1],
                                         4 * length)
                         : NULL;
    Py_DECREF(names);
    return all;
}

/* read(data, age_max, kind_places) -> (seq, block, kinds or None, anchored or None), or None: it is to be decoded whole */
static PyObject *read_batch(PyObject *self, PyObject *args)
{
    const Refrain *refrain = (const Refrain *)self;
    const char *data;
    const uint8_t *kind_places;
    Py_ssize_t size, kinds_size, length = 0;
    long long age_max;
    if (!PyArg_ParseTuple(args, "y#Ly#", &data, &size, &age_max, &kind_places, &kinds_size))
        return NULL;
    if (kinds_size != 256) {
        PyErr_SetString(PyExc_ValueError, "expected a place for each of 256 kinds");
        return NULL;
    }
    Found found;
    long long seq = find(refrain, data, data + size, &found) ? seq_of(found.from[SEQ], found.size[SEQ]) : -1;
    PyObject *result = NULL, *block = seq < 0 ? NULL : block_of(&found, &length, age_max);
    if (block) {
        PyObject *kinds = found.size[KIND] < 0 ? Py_NewRef(Py_None) : kinds_of(&found, length, kind_places);
        PyObject *anchored = !kinds ? NULL : found.size[ANCHORS] < 0 ? Py_NewRef(Py_None) : anchored_of(&found, length);
        if (anchored)
            result = Py_BuildValue("(LOOO)", seq, block, kinds, anchored);
        Py_XDECREF(kinds);
        Py_XDECREF(anchored);
    }
    Py_XDECREF(block);
    return result || PyErr_Occurred() ? result : Py_NewRef(Py_None);
}

/* refrain(data) -> a `Refrain`, or None: it has none. `data` was decoded, and nothing was wrong with it. */
static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *named)
{
    (void)named;
    const char *data;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "y#", &data, &size))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Refrain *refrain = (Refrain *)allocate(type, 0);
    if (!refrain)
        return NULL;
    refrain->pieces = malloc((size_t)size + 1);
    if (!refrain->pieces) {
        Py_DECREF(refrain);
        return PyErr_NoMemory();
    }
    if (!learn(refrain, data, size) || refrain->ends[refrain->fields] > BYTES_MAX) {
        Py_DECREF(refrain);
        PyErr_SetString(PyExc_ValueError, "expected a batch that is plain");
        return NULL;
    }
    char *fitting = realloc(refrain->pieces, (size_t)refrain->ends[refrain->fields]);
    refrain->pieces = fitting ? fitting : refrain->pieces;
    return (PyObject *)refrain;
}

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    free(((Refrain *)self)->pieces);
    freefunc release_memory = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release_memory(self);
    Py_DECREF(type);
}

static PyMethodDef refrain_methods[] = {{"read", read_batch, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, make}, {Py_tp_methods, refrain_methods}, {Py_tp_dealloc, dealloc}, {0, NULL}};

PyType_Spec refrain_spec = {"isotherm.core._counting.Refrain", sizeof(Refrain), 0, Py_TPFLAGS_DEFAULT, slots};
