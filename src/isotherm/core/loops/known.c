/* Known: sessions that go on as they did, so that a batch of theirs costs one look.
 *
 * Nearly every batch is the next of its load, from a session that stays on its page. For such sessions an entry is kept: the page, the time
 * last seen, the load and the number that comes next. All else (a new session or load, a gap, a repeat, another page, late news) is left
 * to Python's Repeats and Presence, after the entry was written back to their dictionaries, and the entry is made anew from these.
 *
 *     a session's truth is in its entry while that is live, else in the dictionaries; `release` writes back
 *
 *     usual:   entry, updated in place
 *     unusual: entry ──written back──▶ newest[session, load] = next, where[site, session] = page, time ──▶ slow(…) ──▶ entry
 */
#include "loops.h"

typedef struct {
    Py_hash_t hash;    /* of the session */
    PyObject *who;     /* (site, session); NULL: a free entry */
    PyObject *pair;    /* (session, load); NULL: no load whose numbers come one by one */
    PyObject *page;    /* NULL: not live, the dictionaries hold the truth */
    PyObject *session; /* borrowed from `who` */
    PyObject *load;    /* borrowed from `pair` */
    int64_t next;
    int64_t last_ms;
} Entry;

typedef struct {
    PyObject_HEAD
    void *block;    /* where the entries lie */
    Entry *entries; /* each on a line of the cache */
    uint64_t mask;  /* 0: no entries yet */
    Py_ssize_t used;
} Known;

enum { LINE = 64, AHEAD = 16 }; /* AHEAD: runs whose entries are on their way from memory while others are looked at: more than a cache holds */

static inline void ask_for(const Entry *entry)
{
#ifdef __GNUC__
    __builtin_prefetch(entry, 1);
#else
    (void)entry;
#endif
}

static inline int same_text(PyObject *one, PyObject *other) { return one == other || PyUnicode_Compare(one, other) == 0; }

static inline Entry *find(const Known *known, PyObject *session, Py_hash_t hash)
{
    for (uint64_t slot = scattered((uint64_t)hash) & known->mask;; slot = (slot + 1) & known->mask) {
        Entry *entry = &known->entries[slot];
        if (!entry->who || (entry->hash == hash && same_text(entry->session, session)))
            return entry;
    }
}

static int make_entries(Known *known)
{
    known->block = calloc(1, (known->mask + 1) * sizeof *known->entries + LINE);
    if (!known->block) {
        PyErr_NoMemory();
        return -1;
    }
    known->entries = (Entry *)(((uintptr_t)known->block + LINE - 1) & ~(uintptr_t)(LINE - 1));
    return 0;
}

static int make_room(Known *known)
{
    if (known->mask && 2 * (uint64_t)known->used <= known->mask)
        return 0;
    Known larger = {.mask = known->mask ? 2 * known->mask + 1 : 63};
    if (make_entries(&larger) < 0)
        return -1;
    for (uint64_t slot = 0; known->mask && slot <= known->mask; slot++) {
        Entry *entry = &known->entries[slot];
        if (entry->who)
            *find(&larger, entry->session, entry->hash) = *entry;
    }
    free(known->block);
    known->block = larger.block;
    known->entries = larger.entries;
    known->mask = larger.mask;
    return 0;
}

static int put(PyObject *dict, PyObject *key, PyObject *value)
{
    int failed = value ? PyDict_SetItem(dict, key, value) : -1;
    Py_XDECREF(value);
    return failed;
}

/* Writes a live entry into the dictionaries. */
static int write_out(const Entry *entry, PyObject *newest, PyObject *where)
{
    if (put(where, entry->who, Py_BuildValue("(OL)", entry->page, (long long)entry->last_ms)) < 0)
        return -1;
    return entry->pair ? put(newest, entry->pair, PyLong_FromLongLong(entry->next)) : 0;
}

/* Writes an entry back; it is not live then. */
static int write_back(Entry *entry, PyObject *newest, PyObject *where)
{
    if (!entry->page)
        return 0;
    if (write_out(entry, newest, where) < 0)
        return -1;
    Py_CLEAR(entry->page);
    Py_CLEAR(entry->pair);
    return 0;
}

/* Makes the entry of (site, session) and (session, load) from what the dictionaries hold. */
static int read_in(Entry *entry, PyObject *who, PyObject *pair, PyObject *newest, PyObject *where)
{
    PyObject *before = PyDict_GetItemWithError(where, who), *page, *session = PyTuple_GetItem(who, 1);
    long long last_ms;
    if (!session || !before)
        return PyErr_Occurred() ? -1 : 0;
    if (!PyArg_ParseTuple(before, "OL", &page, &last_ms))
        return -1;
    PyObject *next = pair == Py_None ? NULL : PyDict_GetItemWithError(newest, pair);
    if (PyErr_Occurred())
        return -1;
    Py_INCREF(who);
    Py_XDECREF(entry->who);
    entry->who = who;
    entry->session = session;
    entry->page = Py_NewRef(page);
    entry->last_ms = last_ms;
    if (next && PyLong_CheckExact(next)) {
        entry->pair = Py_NewRef(pair);
        entry->load = PyTuple_GetItem(pair, 1);
        entry->next = PyLong_AsLongLong(next);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static int meet_slowly(Known *known, PyObject *session, Py_hash_t hash, PyObject *page, PyObject *load, int64_t seq, PyObject *last_ms,
                       PyObject *newest, PyObject *where, PyObject *slow)
{
    if (make_room(known) < 0)
        return -1;
    Entry *entry = find(known, session, hash);
    if (entry->who && write_back(entry, newest, where) < 0)
        return -1;
    PyObject *told = PyObject_CallFunction(slow, "OOOLO", session, page, load, (long long)seq, last_ms), *who, *pair;
    int fresh = -1;
    if (told && PyArg_ParseTuple(told, "pO!O", &fresh, &PyTuple_Type, &who, &pair)) {
        if (make_room(known) < 0) { /* the call may have released all */
            Py_DECREF(told);
            return -1;
        }
        entry = find(known, session, hash);
        int new = !entry->who;
        if (read_in(entry, who, pair, newest, where) < 0)
            fresh = -1;
        entry->hash = hash;
        known->used += new && entry->who;
    } else
        fresh = -1;
    Py_XDECREF(told);
    return fresh;
}

/* meet(session, page, load, seq, size, time_ms, sessions, loads, keys, newest, where, slow, -> is_fresh) -> samples of runs that are repeats */
static PyObject *meet(PyObject *self, PyObject *args)
{
    Known *known = (Known *)self;
    PyObject *o[6], *sessions, *loads, *keys, *newest, *where, *slow, *to;
    if (!PyArg_ParseTuple(args, "OOOOOOO!O!O!O!O!OO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &PyList_Type, &sessions, &PyList_Type, &loads,
                          &PyList_Type, &keys, &PyDict_Type, &newest, &PyDict_Type, &where, &slow, &to))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t runs = -1, samples = -1, end = 0, repeated = 0;
    const int64_t *session = take(&views, o[0], 8, 0, &runs), *page = take(&views, o[1], 8, 0, &runs);
    const int64_t *load = take(&views, o[2], 8, 0, &runs), *seq = take(&views, o[3], 8, 0, &runs), *size = take(&views, o[4], 8, 0, &runs);
    const int64_t *time_ms = take(&views, o[5], 8, 0, &samples);
    uint8_t *is = take(&views, to, 1, 1, &runs);
    if (!views.failed && make_room(known) < 0)
        views.failed = 1;
    struct {
        PyObject *who;
        Py_hash_t hash;
    } next[AHEAD]; /* of the runs whose entries were asked of memory */
    Py_ssize_t ahead = 0;
    PyObject *on = NULL;
    for (Py_ssize_t run = 0; run < runs && !views.failed; run++) {
        for (; ahead < runs && ahead < run + AHEAD; ahead++) {
            PyObject *who = next[ahead % AHEAD].who = session[ahead] < 0 ? NULL : PyList_GetItem(sessions, session[ahead]);
            if (who)
                ask_for(&known->entries[scattered((uint64_t)(next[ahead % AHEAD].hash = PyObject_Hash(who))) & known->mask]);
            else
                PyErr_Clear(); /* it is told when its turn comes */
        }
        PyObject *who = next[run % AHEAD].who;
        if (!who) {
            refuse(&views, PyExc_IndexError, "expected places in the list of sessions");
            break;
        }
        if (!on || page[run] != page[run - 1])
            on = PyList_GetItem(keys, page[run]);
        PyObject *loaded = load[run] < 0 ? Py_None : PyList_GetItem(loads, load[run]);
        if (!on || !loaded || size[run] < 0 || size[run] > samples - end) {
            refuse(&views, PyExc_ValueError, "expected runs that fit their samples");
            break;
        }
        end += size[run];
        Py_hash_t hash = next[run % AHEAD].hash;
        Entry *entry = find(known, who, hash);
        if (entry->page && same_text(entry->page, on) && (!size[run] || time_ms[end - 1] >= entry->last_ms) &&
            (load[run] < 0 || (entry->pair && seq[run] == entry->next && same_text(entry->load, loaded)))) {
            entry->next += load[run] >= 0;
            if (size[run])
                entry->last_ms = time_ms[end - 1];
            is[run] = 1;
            continue;
        }
        PyObject *last_ms = size[run] ? PyLong_FromLongLong(time_ms[end - 1]) : Py_NewRef(Py_None);
        int fresh = last_ms ? meet_slowly(known, who, hash, on, loaded, seq[run], last_ms, newest, where, slow) : -1;
        Py_XDECREF(last_ms);
        if (fresh < 0)
            views.failed = 1;
        is[run] = fresh > 0;
        repeated += fresh > 0 ? 0 : size[run];
    }
    return done(&views, views.failed ? NULL : PyLong_FromSsize_t(repeated));
}

/* release(newest, where, whos): these (site, session) are in the dictionaries again; None: all are, and no entry is kept. */
static PyObject *release(PyObject *self, PyObject *args)
{
    Known *known = (Known *)self;
    PyObject *newest, *where, *whos;
    if (!PyArg_ParseTuple(args, "O!O!O", &PyDict_Type, &newest, &PyDict_Type, &where, &whos))
        return NULL;
    if (whos == Py_None) {
        for (uint64_t slot = 0; known->used && slot <= known->mask; slot++) {
            Entry *entry = &known->entries[slot];
            if (entry->who && write_back(entry, newest, where) < 0)
                return NULL;
        }
        for (uint64_t slot = 0; known->used && slot <= known->mask; slot++)
            Py_CLEAR(known->entries[slot].who);
        free(known->block);
        known->block = NULL;
        known->entries = NULL;
        known->mask = 0;
        known->used = 0;
        Py_RETURN_NONE;
    }
    Py_ssize_t count = PyList_Size(whos);
    if (count < 0)
        return NULL;
    for (Py_ssize_t at = 0; at < count && known->mask; at++) {
        PyObject *session = PyTuple_GetItem(PyList_GetItem(whos, at), 1);
        if (!session)
            return NULL;
        Entry *entry = find(known, session, PyObject_Hash(session));
        if (entry->who && write_back(entry, newest, where) < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

/* write(newest, where): the dictionaries tell the truth of this moment, and all entries stay live. */
static PyObject *write_all(PyObject *self, PyObject *args)
{
    Known *known = (Known *)self;
    PyObject *newest, *where;
    if (!PyArg_ParseTuple(args, "O!O!", &PyDict_Type, &newest, &PyDict_Type, &where))
        return NULL;
    for (uint64_t slot = 0; known->used && slot <= known->mask; slot++) {
        const Entry *entry = &known->entries[slot];
        if (entry->page && write_out(entry, newest, where) < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

static void dealloc(PyObject *self)
{
    Known *known = (Known *)self;
    PyTypeObject *type = Py_TYPE(self);
    for (uint64_t slot = 0; known->mask && slot <= known->mask; slot++) {
        Py_XDECREF(known->entries[slot].who);
        Py_XDECREF(known->entries[slot].pair);
        Py_XDECREF(known->entries[slot].page);
    }
    free(known->block);
    freefunc release_memory = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release_memory(self);
    Py_DECREF(type);
}

static PyMethodDef known_methods[] = {
    {"meet", meet, METH_VARARGS, NULL}, {"release", release, METH_VARARGS, NULL}, {"write", write_all, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_methods, known_methods}, {Py_tp_dealloc, dealloc}, {0, NULL}};

PyType_Spec known_spec = {"isotherm.core._counting.Known", sizeof(Known), 0, Py_TPFLAGS_DEFAULT, slots};
