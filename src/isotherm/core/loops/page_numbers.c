/* Page numbers: a page that was met before is known by where its object lies in memory, at one look and with none at its texts.
 *
 *     pages of a record ──address──▶ slot │ page, key, number │      two on a line of the cache, asked for beforehand
 *
 * The object is held as long as it is here, so no other can lie there. A page that is equal to one that is here and is another object is not
 * found: `page_numbers.py` finds it by its key, and puts this object here in place of the other.
 */
#include "loops.h"

typedef struct {
    PyObject *page; /* NULL: free */
    PyObject *key;
    int64_t number;
    int64_t unused; /* so that none lies on two lines */
} Entry;

typedef struct {
    PyObject_HEAD
    Entry *entries;
    uint64_t mask; /* 0: no table yet */
    uint64_t used;
} Addresses;

enum { BEGUN = 64, AHEAD = 16 }; /* pages whose entries are on their way from memory while others are looked at */

static inline uint64_t home_of(const Addresses *known, const PyObject *page) { return scattered((uint64_t)(uintptr_t)page >> 4) & known->mask; }

static inline uint64_t slot_of(const Addresses *known, const PyObject *page)
{
    uint64_t slot = home_of(known, page);
    while (known->entries[slot].page && known->entries[slot].page != page)
        slot = (slot + 1) & known->mask;
    return slot;
}

static void let_go(Addresses *known)
{
    Entry *entries = known->entries;
    const uint64_t slots = entries ? known->mask + 1 : 0;
    known->entries = NULL, known->mask = known->used = 0;
    for (uint64_t slot = 0; slot < slots; slot++) {
        Py_XDECREF(entries[slot].page);
        Py_XDECREF(entries[slot].key);
    }
    free(entries);
}

/* At most half full with one more. */
static int make_room(Addresses *known)
{
    if (known->entries && 2 * (known->used + 1) <= known->mask + 1)
        return 0;
    const uint64_t slots = known->entries ? 2 * (known->mask + 1) : BEGUN;
    Entry *before = known->entries, *larger = aligned_alloc(64, slots * sizeof *larger);
    if (!larger) {
        PyErr_NoMemory();
        return -1;
    }
    memset(larger, 0, slots * sizeof *larger);
    const uint64_t old_slots = before ? known->mask + 1 : 0;
    known->entries = larger, known->mask = slots - 1;
    for (uint64_t slot = 0; slot < old_slots; slot++)
        if (before[slot].page)
            larger[slot_of(known, before[slot].page)] = before[slot];
    free(before);
    return 0;
}

/* keep(page, key, number): from now on the page is found. */
static PyObject *keep(PyObject *self, PyObject *args)
{
    Addresses *known = (Addresses *)self;
    PyObject *page, *key;
    long long number;
    if (!PyArg_ParseTuple(args, "OO!L", &page, &PyUnicode_Type, &key, &number) || make_room(known) < 0)
        return NULL;
    Entry *entry = &known->entries[slot_of(known, page)];
    if (!entry->page)
        *entry = (Entry){Py_NewRef(page), Py_NewRef(key), number, 0}, known->used++;
    Py_RETURN_NONE;
}

/* forget(page): it is not found any more. Those behind it move up where they are not found beyond a free slot. */
static PyObject *forget(PyObject *self, PyObject *page)
{
    Addresses *known = (Addresses *)self;
    uint64_t hole = known->entries ? slot_of(known, page) : 0;
    if (!known->entries || !known->entries[hole].page)
        Py_RETURN_NONE;
    const Entry gone = known->entries[hole];
    for (uint64_t slot = (hole + 1) & known->mask; known->entries[slot].page; slot = (slot + 1) & known->mask) {
        const uint64_t from_home = (slot - home_of(known, known->entries[slot].page)) & known->mask;
        if (from_home >= ((slot - hole) & known->mask))
            known->entries[hole] = known->entries[slot], hole = slot;
    }
    known->entries[hole] = (Entry){NULL, NULL, 0, 0};
    known->used--;
    Py_DECREF(gone.page), Py_DECREF(gone.key);
    Py_RETURN_NONE;
}

/* look(pages, -> number) -> (keys, how many are not known: of these the key is None, and the number -1) */
static PyObject *look(PyObject *self, PyObject *args)
{
    const Addresses *known = (Addresses *)self;
    PyObject *pages, *to;
    if (!PyArg_ParseTuple(args, "O!O", &PyList_Type, &pages, &to))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = PyList_Size(pages), missing = 0;
    int64_t *number = take(&views, to, 8, 1, &length);
    PyObject *keys = views.failed ? NULL : PyList_New(length);
    if (!keys)
        return done(&views, NULL);
    for (Py_ssize_t at = 0, ahead = 0; at < length && known->entries; at++) {
        for (; ahead < length && ahead < at + AHEAD; ahead++)
            ask_for(&known->entries[home_of(known, PyList_GetItem(pages, ahead))]);
        const uint64_t slot = slot_of(known, PyList_GetItem(pages, at));
        number[at] = known->entries[slot].page ? (int64_t)slot : -1; /* until the keys, too, are on their way */
        ask_for(known->entries[slot].key);
    }
    for (Py_ssize_t at = 0; at < length; at++) {
        const Entry *entry = known->entries && number[at] >= 0 ? &known->entries[number[at]] : NULL;
        number[at] = entry ? entry->number : -1;
        missing += !entry;
        PyList_SetItem(keys, at, Py_NewRef(entry ? entry->key : Py_None));
    }
    PyObject *result = Py_BuildValue("(On)", keys, missing);
    Py_DECREF(keys);
    return done(&views, result);
}

static Py_ssize_t length(PyObject *self) { return (Py_ssize_t)((Addresses *)self)->used; }

static PyObject *clear(PyObject *self, PyObject *unused)
{
    (void)unused;
    let_go((Addresses *)self);
    Py_RETURN_NONE;
}

static void dealloc(PyObject *self)
{
    let_go((Addresses *)self);
    end_object(self);
}

static PyMethodDef addresses_methods[] = {
    {"look", look, METH_VARARGS, NULL}, {"keep", keep, METH_VARARGS, NULL}, {"forget", forget, METH_O, NULL},
    {"clear", clear, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_methods, addresses_methods}, {Py_tp_dealloc, dealloc}, {Py_sq_length, length}, {0, NULL}};

PyType_Spec addresses_spec = {"isotherm.core._counting.Addresses", sizeof(Addresses), 0, Py_TPFLAGS_DEFAULT, slots};
