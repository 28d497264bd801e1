/* Known: sessions that go on as they did, so that a batch of theirs costs one look.
 *
 * Nearly every batch is the next of its load, from a session that stays on its page. Of such sessions three things are kept: the page, the
 * time last seen, and the number that comes next. All else (a new session or load, a gap, a repeat, another page, late news) is left to
 * Python's Repeats and Presence, after the session was written back to their dictionaries, and it is kept anew from these.
 *
 *     a session's truth is here while it is live, else in the dictionaries; `release` writes back
 *
 *     usual:   live, updated in place
 *     unusual: live ──written back──▶ newest[session, load] = next, where[site, session] = page, time ──▶ slow(…) ──▶ live
 *
 * It is found by its name, or by the number that the intake gave to (session, load) (`Numbered`), where no name is touched at all:
 *
 *     session ──hash──▶ by_name ─┐                      lives   page, last_ms, next, number       two on a line of the cache
 *                                ├──▶ place, in both:
 *     number ─────▶ by_number ───┘                      names   (site, session), (session, load)
 *
 * `by_number` holds only what a look by name has found: that live is of this session and load. So a number that was forgotten costs a look.
 */
#include "loops.h"

typedef struct {
    PyObject *page; /* NULL: not live, the dictionaries hold the truth */
    int64_t last_ms;
    int64_t next;
    int32_t number; /* by which it is found; -1: none */
    int32_t loaded; /* whether `next` is that of its load */
} Live;

typedef struct {
    Py_hash_t hash;    /* of the session */
    PyObject *who;     /* (site, session) */
    PyObject *pair;    /* (session, load); NULL: no load whose numbers come one by one */
    PyObject *session; /* borrowed from `who` */
    PyObject *load;    /* borrowed from `pair` */
} Name;

typedef struct {
    PyObject_HEAD
    Live *lives;
    Name *names;
    Py_ssize_t used, room;
    uint32_t *by_name; /* 0: free; else a place + 1 */
    uint64_t mask;     /* 0: no table yet */
    uint32_t *by_number;
    int64_t numbers;    /* room in `by_number` */
    long long table_of; /* whose numbers these are */
} Known;

enum { AHEAD = 16 }; /* runs whose sessions are on their way from memory while others are looked at: more than a cache holds */
enum { NUMBERS_MAX = 1 << 24, NONE = -1 };

static inline int same_text(PyObject *one, PyObject *other) { return one == other || PyUnicode_Compare(one, other) == 0; }

/* Where the table has, or would have, this session. */
static inline uint64_t slot_of(const Known *known, PyObject *session, Py_hash_t hash)
{
    for (uint64_t slot = scattered((uint64_t)hash) & known->mask;; slot = (slot + 1) & known->mask) {
        const uint32_t place = known->by_name[slot];
        if (!place || (known->names[place - 1].hash == hash && same_text(known->names[place - 1].session, session)))
            return slot;
    }
}

/* NONE: it is not known. */
static inline Py_ssize_t find(const Known *known, PyObject *session, Py_hash_t hash)
{
    return (Py_ssize_t)known->by_name[slot_of(known, session, hash)] - 1;
}

static int no_memory(void)
{
    PyErr_NoMemory();
    return -1;
}

/* For one more, with the table at most half full. */
static int make_room(Known *known)
{
    if (known->used == known->room) {
        Py_ssize_t room = known->room ? 2 * known->room : 32;
        Live *lives = realloc(known->lives, (size_t)room * sizeof *lives);
        if (!lives)
            return no_memory();
        known->lives = lives;
        Name *names = realloc(known->names, (size_t)room * sizeof *names);
        if (!names)
            return no_memory();
        known->names = names;
        known->room = room;
    }
    if (known->mask && 2 * (uint64_t)known->used <= known->mask)
        return 0;
    uint64_t mask = known->mask ? 2 * known->mask + 1 : 63;
    uint32_t *by_name = calloc(mask + 1, sizeof *by_name);
    if (!by_name)
        return no_memory();
    for (Py_ssize_t place = 0; place < known->used; place++) {
        uint64_t slot = scattered((uint64_t)known->names[place].hash) & mask;
        while (by_name[slot])
            slot = (slot + 1) & mask;
        by_name[slot] = (uint32_t)place + 1;
    }
    free(known->by_name);
    known->by_name = by_name;
    known->mask = mask;
    return 0;
}

/* -- numbers */

static inline Live *numbered(const Known *known, int64_t number)
{
    if (number < 0 || number >= known->numbers || !known->by_number[number])
        return NULL;
    Live *live = &known->lives[known->by_number[number] - 1];
    return live->page && live->number == number ? live : NULL;
}

/* From now on it is found by this number. Where there is no memory for it, it is not. */
static void bind(Known *known, Py_ssize_t place, int64_t number)
{
    if (number < 0 || number >= NUMBERS_MAX)
        return;
    if (number >= known->numbers) {
        int64_t more = known->numbers ? known->numbers : 64;
        while (number >= more)
            more *= 2;
        uint32_t *larger = realloc(known->by_number, (size_t)more * sizeof *larger);
        if (!larger)
            return;
        memset(larger + known->numbers, 0, (size_t)(more - known->numbers) * sizeof *larger);
        known->by_number = larger;
        known->numbers = more;
    }
    known->by_number[number] = (uint32_t)place + 1;
    known->lives[place].number = (int32_t)number;
}

static void forget_numbers(Known *known)
{
    for (Py_ssize_t place = 0; place < known->used; place++)
        known->lives[place].number = NONE;
    free(known->by_number);
    known->by_number = NULL;
    known->numbers = 0;
}

/* -- to the dictionaries and back */

static int put(PyObject *dict, PyObject *key, PyObject *value)
{
    int failed = value ? PyDict_SetItem(dict, key, value) : -1;
    Py_XDECREF(value);
    return failed;
}

/* Writes a live session into the dictionaries. */
static int write_out(const Known *known, Py_ssize_t place, PyObject *newest, PyObject *where)
{
    const Live *live = &known->lives[place];
    const Name *name = &known->names[place];
    if (put(where, name->who, Py_BuildValue("(OL)", live->page, (long long)live->last_ms)) < 0)
        return -1;
    return name->pair ? put(newest, name->pair, PyLong_FromLongLong(live->next)) : 0;
}

/* Writes a session back; it is not live then. */
static int write_back(Known *known, Py_ssize_t place, PyObject *newest, PyObject *where)
{
    Live *live = &known->lives[place];
    if (!live->page)
        return 0;
    if (write_out(known, place, newest, where) < 0)
        return -1;
    live->number = NONE, live->loaded = 0;
    Py_CLEAR(live->page);
    Py_CLEAR(known->names[place].pair);
    return 0;
}

/* Keeps (site, session) and (session, load) as the dictionaries have them. */
static int read_in(Known *known, Py_ssize_t place, PyObject *who, PyObject *pair, PyObject *newest, PyObject *where)
{
    Live *live = &known->lives[place];
    Name *name = &known->names[place];
    PyObject *before = PyDict_GetItemWithError(where, who), *page;
    long long last_ms;
    if (!before)
        return PyErr_Occurred() ? -1 : 0;
    if (!PyArg_ParseTuple(before, "OL", &page, &last_ms))
        return -1;
    PyObject *next = pair == Py_None ? NULL : PyDict_GetItemWithError(newest, pair);
    if (PyErr_Occurred())
        return -1;
    PyObject *session = PyTuple_GetItem(who, 1);
    if (!session)
        return -1;
    Py_INCREF(who);
    Py_XDECREF(name->who);
    name->who = who;
    name->session = session;
    live->page = Py_NewRef(page);
    live->last_ms = last_ms;
    if (next && PyLong_CheckExact(next)) {
        name->pair = Py_NewRef(pair);
        name->load = PyTuple_GetItem(pair, 1);
        live->next = PyLong_AsLongLong(next);
        live->loaded = 1;
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* The place of the session: a new one where it has none. Where `who` is not to be kept, there is none. */
static Py_ssize_t place_for(Known *known, PyObject *session, Py_hash_t hash, PyObject *who)
{
    uint64_t slot = slot_of(known, session, hash);
    if (known->by_name[slot])
        return (Py_ssize_t)known->by_name[slot] - 1;
    PyObject *kept = PyTuple_GetItem(who, 1);
    if (!kept)
        return NONE;
    Py_ssize_t place = known->used++;
    known->lives[place] = (Live){.number = NONE};
    known->names[place] = (Name){.hash = hash, .who = Py_NewRef(who), .session = kept};
    known->by_name[slot] = (uint32_t)place + 1;
    return place;
}

/* What one run says. */
typedef struct {
    PyObject *session, *page, *load;
    Py_hash_t hash;
    int64_t seq, number;
    PyObject *last_ms; /* or None */
} Said;

static int meet_slowly(Known *known, const Said *said, PyObject *newest, PyObject *where, PyObject *slow)
{
    if (make_room(known) < 0)
        return -1;
    Py_ssize_t place = find(known, said->session, said->hash);
    if (place >= 0 && write_back(known, place, newest, where) < 0)
        return -1;
    PyObject *told = PyObject_CallFunction(slow, "OOOLO", said->session, said->page, said->load, (long long)said->seq, said->last_ms);
    PyObject *who, *pair;
    int fresh = -1;
    if (told && PyArg_ParseTuple(told, "pO!O", &fresh, &PyTuple_Type, &who, &pair)) {
        int there = make_room(known) < 0 ? -1 : PyDict_Contains(where, who); /* it may have released all; who sent no sample is nowhere */
        place = there > 0 ? place_for(known, said->session, said->hash, who) : NONE;
        if (place >= 0 && read_in(known, place, who, pair, newest, where) == 0)
            bind(known, place, said->number);
    }
    Py_XDECREF(told);
    return PyErr_Occurred() ? -1 : fresh;
}

/* Whether a run goes on as its session did. */
static inline int goes_on(const Live *live, const int64_t *last_ms, int loaded, int64_t seq)
{
    return (!last_ms || *last_ms >= live->last_ms) && (!loaded || (live->loaded && seq == live->next));
}

static inline void go_on(Live *live, const int64_t *last_ms, int loaded)
{
    live->next += loaded;
    if (last_ms)
        live->last_ms = *last_ms;
}

/* The session of a run, by its name, where it goes on. NULL: it does not. */
static Live *go_on_by_name(Known *known, const Said *said, const int64_t *last_ms)
{
    Py_ssize_t place = find(known, said->session, said->hash);
    Live *live = place < 0 ? NULL : &known->lives[place];
    int loaded = said->load != Py_None;
    if (!live || !live->page || !same_text(live->page, said->page) || !goes_on(live, last_ms, loaded, said->seq) ||
        (loaded && !same_text(known->names[place].load, said->load)))
        return NULL;
    if (live->page != said->page) { /* the same text: from now on a look tells */
        PyObject *before = live->page;
        live->page = Py_NewRef(said->page);
        Py_DECREF(before);
    }
    bind(known, place, said->number);
    go_on(live, last_ms, loaded);
    return live;
}

/* meet(session, page, load, seq, size, time_ms, number or None, table, sessions, loads, keys, newest, where, slow, -> is_fresh)
 *  -> samples of runs that are repeats */
static PyObject *meet(PyObject *self, PyObject *args)
{
    Known *known = (Known *)self;
    PyObject *o[6], *numbers, *sessions, *loads, *keys, *newest, *where, *slow, *to;
    long long table;
    if (!PyArg_ParseTuple(args, "OOOOOOOLO!O!O!O!O!OO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &numbers, &table, &PyList_Type, &sessions,
                          &PyList_Type, &loads, &PyList_Type, &keys, &PyDict_Type, &newest, &PyDict_Type, &where, &slow, &to))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t runs = -1, samples = -1, end = 0, repeated = 0;
    const int64_t *session = take(&views, o[0], 8, 0, &runs), *page = take(&views, o[1], 8, 0, &runs);
    const int64_t *load = take(&views, o[2], 8, 0, &runs), *seq = take(&views, o[3], 8, 0, &runs), *size = take(&views, o[4], 8, 0, &runs);
    const int64_t *time_ms = take(&views, o[5], 8, 0, &samples);
    const int64_t *number = numbers == Py_None ? NULL : take(&views, numbers, 8, 0, &runs);
    uint8_t *is = take(&views, to, 1, 1, &runs);
    if (!views.failed && make_room(known) < 0)
        views.failed = 1;
    if (number && table != known->table_of) {
        forget_numbers(known);
        known->table_of = table;
    }
    PyObject *on = NULL;
    for (Py_ssize_t run = 0, ahead = 0; run < runs && !views.failed; run++) {
        for (; ahead < runs && ahead < run + AHEAD; ahead++) {
            if (number && number[ahead] >= 0 && number[ahead] < known->numbers && known->by_number[number[ahead]]) {
                ask_for(&known->lives[known->by_number[number[ahead]] - 1]);
                continue;
            }
            PyObject *who = session[ahead] < 0 ? NULL : PyList_GetItem(sessions, session[ahead]);
            if (!who) {
                PyErr_Clear(); /* it is told when its turn comes */
                continue;
            }
            uint32_t place = known->by_name[scattered((uint64_t)PyObject_Hash(who)) & known->mask];
            if (place)
                ask_for(&known->names[place - 1]), ask_for(&known->lives[place - 1]);
        }
        if (!on || page[run] != page[run - 1])
            on = PyList_GetItem(keys, page[run]);
        if (!on || size[run] < 0 || size[run] > samples - end) {
            refuse(&views, PyExc_ValueError, "expected runs that fit their samples");
            break;
        }
        end += size[run];
        const int64_t *last_ms = size[run] ? &time_ms[end - 1] : NULL;
        int loaded = load[run] >= 0;
        Live *live = number ? numbered(known, number[run]) : NULL;
        if (live && live->page == on && goes_on(live, last_ms, loaded, seq[run])) {
            go_on(live, last_ms, loaded);
            is[run] = 1;
            continue;
        }
        Said said = {.page = on, .seq = seq[run], .number = number ? number[run] : NONE};
        said.session = session[run] < 0 ? NULL : PyList_GetItem(sessions, session[run]);
        said.load = loaded ? PyList_GetItem(loads, load[run]) : Py_None;
        if (!said.session || !said.load) {
            refuse(&views, PyExc_IndexError, "expected places in the lists of sessions and loads");
            break;
        }
        said.hash = PyObject_Hash(said.session);
        if (go_on_by_name(known, &said, last_ms)) {
            is[run] = 1;
            continue;
        }
        said.last_ms = last_ms ? PyLong_FromLongLong(*last_ms) : Py_NewRef(Py_None);
        int fresh = said.last_ms ? meet_slowly(known, &said, newest, where, slow) : -1;
        Py_XDECREF(said.last_ms);
        if (fresh < 0)
            views.failed = 1;
        is[run] = fresh > 0;
        repeated += fresh > 0 ? 0 : size[run];
    }
    return done(&views, views.failed ? NULL : PyLong_FromSsize_t(repeated));
}

/* Lets all go, without a word. */
static void let_go(Known *known)
{
    Name *names = known->names;
    Live *lives = known->lives;
    Py_ssize_t used = known->used;
    free(known->by_name);
    free(known->by_number);
    known->names = NULL, known->lives = NULL, known->by_name = NULL, known->by_number = NULL;
    known->used = known->room = 0, known->mask = 0, known->numbers = 0;
    for (Py_ssize_t place = 0; place < used; place++) {
        Py_XDECREF(names[place].who);
        Py_XDECREF(names[place].pair);
        Py_XDECREF(lives[place].page);
    }
    free(names);
    free(lives);
}

/* release(newest, where, whos): these (site, session) are in the dictionaries again; None: all are, and nothing is kept. */
static PyObject *release(PyObject *self, PyObject *args)
{
    Known *known = (Known *)self;
    PyObject *newest, *where, *whos;
    if (!PyArg_ParseTuple(args, "O!O!O", &PyDict_Type, &newest, &PyDict_Type, &where, &whos))
        return NULL;
    if (whos == Py_None) {
        for (Py_ssize_t place = 0; place < known->used; place++)
            if (write_back(known, place, newest, where) < 0)
                return NULL;
        let_go(known);
        Py_RETURN_NONE;
    }
    Py_ssize_t count = PyList_Size(whos);
    if (count < 0)
        return NULL;
    for (Py_ssize_t at = 0; at < count && known->mask; at++) {
        PyObject *session = PyTuple_GetItem(PyList_GetItem(whos, at), 1);
        if (!session)
            return NULL;
        Py_ssize_t place = find(known, session, PyObject_Hash(session));
        if (place >= 0 && write_back(known, place, newest, where) < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

/* write(newest, where): the dictionaries tell the truth of this moment, and all sessions stay live. */
static PyObject *write_all(PyObject *self, PyObject *args)
{
    Known *known = (Known *)self;
    PyObject *newest, *where;
    if (!PyArg_ParseTuple(args, "O!O!", &PyDict_Type, &newest, &PyDict_Type, &where))
        return NULL;
    for (Py_ssize_t place = 0; place < known->used; place++)
        if (known->lives[place].page && write_out(known, place, newest, where) < 0)
            return NULL;
    Py_RETURN_NONE;
}

static void dealloc(PyObject *self)
{
    let_go((Known *)self);
    end_object(self);
}

static PyMethodDef known_methods[] = {
    {"meet", meet, METH_VARARGS, NULL}, {"release", release, METH_VARARGS, NULL}, {"write", write_all, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_methods, known_methods}, {Py_tp_dealloc, dealloc}, {0, NULL}};

PyType_Spec known_spec = {"isotherm.core._counting.Known", sizeof(Known), 0, Py_TPFLAGS_DEFAULT, slots};
