/* Familiar, Voice: an event of a socket that goes on as before is taken in one call. `familiar.py` says what holds; the gate has the long way.
 *
 * Nothing is changed before all is known to hold, so that whatever is not so is left to the long way as it came.
 */
#include "familiar.h"
#include <math.h>

PyObject *voice_type;

enum { TABLET_FROM_PX = 768, DESKTOP_FROM_PX = 1024 }; /* as `layers.py` has them */
enum { NOT_TAKEN, TAKEN, FIRST };

typedef struct {
    PyObject_HEAD
    PyObject *path, *query, *fallback, *session, *site, *site_key, *page, *key, *origin, *number, *paid, *address;
    long long epoch;
    int ruled;
} Voice;

typedef struct {
    PyObject_HEAD
    PyObject *decode, *kinds, *counted, *sites;                /* for good */
    PyObject *columns, *pages, *origins, *sessions, *numbers; /* until the next `begin` */
    PyObject *one, *put; /* the number 1; `append` of `numbers` */
    long long epoch, from_ms, until_ms, skew_ms, most;
    double each_ms, burst_ms, address_each_ms, address_burst_ms, address_most_ms;
} Familiar;

/* Names of attributes; of what is counted. */
static struct {
    PyObject *by_key, *type, *relative_path, *session_id, *query_prams, *window, *point, *timestamp, *width, *height, *x, *y, *messages, *samples, *append;
} names;

static int know_names(void)
{
    if (names.append)
        return 0;
    PyObject **to[] = {&names.by_key, &names.type, &names.relative_path, &names.session_id, &names.query_prams, &names.window, &names.point, &names.timestamp,
                       &names.width, &names.height, &names.x, &names.y, &names.messages, &names.samples, &names.append};
    const char *texts[] = {"by_key", "type", "relative_path", "session_id", "query_prams", "window", "point", "timestamp",
                           "width", "height", "x", "y", "messages", "samples", "append"};
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++)
        if (!*to[at] && !(*to[at] = PyUnicode_InternFromString(texts[at])))
            return -1;
    return 0;
}

/* -- voice */

static PyObject *voice_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    (void)named;
    PyObject *of[12];
    long long epoch;
    int ruled;
    if (!PyArg_ParseTuple(args, "LUOpOUOUO!UOO!OO", &epoch, &of[0], &of[1], &ruled, &of[2], &of[3], &of[4], &of[5], &PyTuple_Type, &of[6], &of[7], &of[8],
                          &PyLong_Type, &of[9], &of[10], &of[11]))
        return NULL;
    if ((of[10] != Py_None && !PyDict_Check(of[10])) || (of[11] != Py_None && !(PyList_Check(of[11]) && PyList_Size(of[11]) == 1))) {
        PyErr_SetString(PyExc_TypeError, "expected a dictionary, and a list of one");
        return NULL;
    }
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Voice *voice = (Voice *)make(type, 0);
    if (!voice)
        return NULL;
    PyObject **to[] = {&voice->path, &voice->query, &voice->fallback, &voice->session, &voice->site, &voice->site_key,
                       &voice->page, &voice->key, &voice->origin, &voice->number, &voice->paid, &voice->address};
    for (int at = 0; at < 12; at++)
        *to[at] = Py_NewRef(of[at]);
    voice->epoch = epoch, voice->ruled = ruled;
    return (PyObject *)voice;
}

static void voice_dealloc(PyObject *self)
{
    Voice *voice = (Voice *)self;
    PyObject *held[] = {voice->path, voice->query, voice->fallback, voice->session, voice->site, voice->site_key,
                        voice->page, voice->key, voice->origin, voice->number, voice->paid, voice->address};
    for (int at = 0; at < 12; at++)
        Py_XDECREF(held[at]);
    end_object(self);
}

static PyType_Slot voice_slots[] = {{Py_tp_new, voice_new}, {Py_tp_dealloc, voice_dealloc}, {0, NULL}};

PyType_Spec voice_spec = {"isotherm.core._counting.Voice", sizeof(Voice), 0, Py_TPFLAGS_DEFAULT, voice_slots};

/* -- what an event says */

/* An event's fields, each a reference of its own; `let_go` them. */
typedef struct {
    PyObject *type, *path, *session, *query, *window, *point, *timestamp;
} Event;

static void let_go(Event *event)
{
    PyObject **held[] = {&event->type, &event->path, &event->session, &event->query, &event->window, &event->point, &event->timestamp};
    for (int at = 0; at < 7; at++)
        Py_CLEAR(*held[at]);
}

static int read_event(PyObject *from, Event *event)
{
    return (event->type = PyObject_GetAttr(from, names.type)) && (event->path = PyObject_GetAttr(from, names.relative_path)) &&
           (event->session = PyObject_GetAttr(from, names.session_id)) && (event->query = PyObject_GetAttr(from, names.query_prams)) &&
           (event->window = PyObject_GetAttr(from, names.window)) && (event->point = PyObject_GetAttr(from, names.point)) &&
           (event->timestamp = PyObject_GetAttr(from, names.timestamp));
}

static double number_of(PyObject *object, PyObject *name)
{
    PyObject *found = PyObject_GetAttr(object, name);
    double number = found ? PyFloat_AsDouble(found) : -1;
    Py_XDECREF(found);
    return number;
}

static int is_same(PyObject *one, PyObject *other)
{
    return one == other || (PyUnicode_Check(one) && PyUnicode_Check(other) && PyUnicode_Compare(one, other) == 0);
}

static int says_the_same(const Event *event, const Voice *voice)
{
    PyObject *session = PyUnicode_Check(event->session) && PyUnicode_GetLength(event->session) ? event->session : voice->fallback;
    if (!is_same(event->path, voice->path) || !is_same(session, voice->session))
        return 0;
    return !voice->ruled || is_same(PyUnicode_Check(event->query) ? event->query : Py_None, voice->query);
}

/* -- taking */

/* Until when it is paid then: of the session's page, of the address. */
typedef struct {
    double session_ms, address_ms;
} Paid;

/* 1: it is within all rates; 0: it is not, or that is for the long way to tell; -1: an exception is set. */
static int within_rates(const Familiar *familiar, const Voice *voice, double time_ms, double now_ms, Paid *paid)
{
    if (voice->address != Py_None) {
        double before_ms = PyFloat_AsDouble(PyList_GetItem(voice->address, 0));
        if (PyErr_Occurred())
            return -1;
        before_ms = fmin(before_ms, now_ms + familiar->address_most_ms);
        paid->address_ms = fmax(before_ms, now_ms) + familiar->address_each_ms;
        if (paid->address_ms > now_ms + familiar->address_burst_ms)
            return 0;
    }
    if (voice->paid != Py_None) {
        double most_ms = now_ms + familiar->burst_ms;
        PyObject *before = PyDict_GetItemWithError(voice->paid, voice->key);
        if (!before)
            return PyErr_Occurred() ? -1 : 0;
        double before_ms = PyFloat_AsDouble(before);
        if (PyErr_Occurred())
            return -1;
        paid->session_ms = fmax(fmin(before_ms, most_ms), time_ms) + familiar->each_ms;
        if (paid->session_ms > most_ms + familiar->each_ms)
            return 0;
    }
    return 1;
}

static int set_paid(const Voice *voice, const Paid *paid)
{
    if (voice->paid != Py_None) { /* the newest stands last */
        PyObject *until_ms = PyFloat_FromDouble(paid->session_ms);
        int failed = !until_ms || PyDict_DelItem(voice->paid, voice->key) < 0 || PyDict_SetItem(voice->paid, voice->key, until_ms) < 0;
        Py_XDECREF(until_ms);
        if (failed)
            return -1;
    }
    if (voice->address != Py_None) {
        PyObject *until_ms = PyFloat_FromDouble(paid->address_ms);
        return until_ms ? PyList_SetItem(voice->address, 0, until_ms) : -1;
    }
    return 0;
}

/* The place of a name in a table; where it is not there, the next. -1: an exception is set. */
static long long place_in(PyObject *table, PyObject *name)
{
    PyObject *found = PyDict_GetItemWithError(table, name);
    if (found)
        return PyLong_AsLongLong(found);
    if (PyErr_Occurred())
        return -1;
    Py_ssize_t next = PyDict_Size(table);
    PyObject *place = PyLong_FromSsize_t(next);
    int failed = !place || PyDict_SetItem(table, name, place) < 0;
    Py_XDECREF(place);
    return failed ? -1 : next;
}

static int tell_origin(const Familiar *familiar, const Voice *voice, Py_ssize_t place)
{
    if (place == PyList_Size(familiar->origins))
        return PyList_Append(familiar->origins, voice->origin);
    return voice->origin == Py_None ? 0 : PyList_SetItem(familiar->origins, place, Py_NewRef(voice->origin));
}

static int count_one(const Familiar *familiar, PyObject *name)
{
    PyObject *before = PyDict_GetItemWithError(familiar->counted, name), *after = before ? PyNumber_Add(before, familiar->one) : NULL;
    int failed = !after || PyDict_SetItem(familiar->counted, name, after) < 0;
    Py_XDECREF(after);
    if (!before && !PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, name);
    return failed ? -1 : 0;
}

static int put(const Familiar *familiar, const Voice *voice, const Event *event, long long time_ms, long kind)
{
    double width = number_of(event->window, names.width), height = number_of(event->window, names.height);
    double x = number_of(event->point, names.x), y = number_of(event->point, names.y);
    if (PyErr_Occurred())
        return -1;
    long long page = place_in(familiar->pages, voice->page);
    if (page < 0 || tell_origin(familiar, voice, (Py_ssize_t)page) < 0)
        return -1;
    long long session = place_in(familiar->sessions, voice->session);
    int device = width < TABLET_FROM_PX ? 0 : width < DESKTOP_FROM_PX ? 1 : 2;
    const long long numbers[] = {page, session, device, -1, 0}; /* no load, no seq */
    if (session < 0 || put_event((Gathering *)familiar->columns, numbers, width, height, time_ms, x, y, (uint8_t)kind) < 0)
        return -1;
    PyObject *done = PyObject_CallFunctionObjArgs(familiar->put, voice->number, NULL);
    Py_XDECREF(done);
    return done && count_one(familiar, names.messages) == 0 && count_one(familiar, names.samples) == 0 ? 0 : -1;
}

/* When it was, ms since the epoch; -1: that is for the long way to tell, or an exception is set. */
static long long time_of(const Familiar *familiar, const Event *event, long long now_ms)
{
    if (event->timestamp == Py_None)
        return now_ms;
    double told_ms = PyFloat_AsDouble(event->timestamp);
    if (PyErr_Occurred() || !(told_ms <= (double)(now_ms + familiar->skew_ms)))
        return -1;
    return told_ms > 0 ? (long long)floor(told_ms) : 0;
}

static int take_event(const Familiar *familiar, const Voice *voice, const Event *event, long long now_ms)
{
    if (event->window == Py_None || event->point == Py_None || !says_the_same(event, voice))
        return NOT_TAKEN;
    PyObject *kind = PyDict_GetItemWithError(familiar->kinds, event->type);
    long long time_ms = kind && now_ms >= 0 ? time_of(familiar, event, now_ms) : -1;
    Paid paid = {0};
    if (time_ms < 0 || within_rates(familiar, voice, (double)time_ms, (double)now_ms, &paid) <= 0)
        return NOT_TAKEN;
    int first = PyDict_Size(familiar->pages) == 0;
    if (put(familiar, voice, event, time_ms, PyLong_AsLong(kind)) < 0 || set_paid(voice, &paid) < 0)
        return NOT_TAKEN;
    return first ? FIRST : TAKEN;
}

/* Whether the voice may hold: all that can be told before a byte is read. */
static int holds(const Familiar *familiar, const Voice *voice, long long now_ms)
{
    if (voice->epoch != familiar->epoch || now_ms < familiar->from_ms || now_ms >= familiar->until_ms || !familiar->columns)
        return 0;
    if (((const Gathering *)familiar->columns)->samples >= familiar->most)
        return 0;
    if (voice->address != Py_None && !(PyFloat_AsDouble(PyList_GetItem(voice->address, 0)) - (double)now_ms - familiar->address_burst_ms <= 0))
        return 0;
    PyObject *by_key = PyObject_GetAttr(familiar->sites, names.by_key);
    int same = by_key && PyDict_GetItemWithError(by_key, voice->site_key) == voice->site;
    Py_XDECREF(by_key);
    return same && !PyErr_Occurred();
}

/* take(voice, data, now_ms) */
static PyObject *take_one(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    const Familiar *familiar = (const Familiar *)self;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "expected a voice, bytes and a time");
        return NULL;
    }
    if (Py_TYPE(args[0]) != (PyTypeObject *)voice_type)
        return PyLong_FromLong(NOT_TAKEN);
    const Voice *voice = (const Voice *)args[0];
    long long now_ms = PyLong_AsLongLong(args[2]);
    int taken = NOT_TAKEN;
    if (!PyErr_Occurred() && holds(familiar, voice, now_ms)) {
        PyObject *decoded = PyObject_CallFunctionObjArgs(familiar->decode, args[1], NULL);
        Event event = {0};
        if (!decoded)
            PyErr_Clear(); /* the long way says what is wrong with it */
        else if (read_event(decoded, &event))
            taken = take_event(familiar, voice, &event, now_ms);
        let_go(&event);
        Py_XDECREF(decoded);
    }
    return PyErr_Occurred() ? NULL : PyLong_FromLong(taken);
}

/* -- the rest */

static PyObject *begin(PyObject *self, PyObject *args)
{
    Familiar *familiar = (Familiar *)self;
    PyObject *columns, *pages, *origins, *sessions, *numbers;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O", gathering_type, &columns, &PyDict_Type, &pages, &PyList_Type, &origins, &PyDict_Type, &sessions, &numbers))
        return NULL;
    PyObject *append = PyObject_GetAttr(numbers, names.append);
    if (!append)
        return NULL;
    PyObject *given[] = {columns, pages, origins, sessions, numbers}, **to[] = {&familiar->columns, &familiar->pages, &familiar->origins, &familiar->sessions, &familiar->numbers};
    for (int at = 0; at < 5; at++) {
        PyObject *before = *to[at];
        *to[at] = Py_NewRef(given[at]);
        Py_XDECREF(before);
    }
    Py_XDECREF(familiar->put);
    familiar->put = append;
    Py_RETURN_NONE;
}

static PyObject *rates(PyObject *self, PyObject *args)
{
    Familiar *familiar = (Familiar *)self;
    if (!PyArg_ParseTuple(args, "ddddd", &familiar->each_ms, &familiar->burst_ms, &familiar->address_each_ms, &familiar->address_burst_ms, &familiar->address_most_ms))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *span(PyObject *self, PyObject *args)
{
    Familiar *familiar = (Familiar *)self;
    if (!PyArg_ParseTuple(args, "LL", &familiar->from_ms, &familiar->until_ms))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *forget(PyObject *self, PyObject *unused)
{
    (void)unused;
    ((Familiar *)self)->epoch++;
    Py_RETURN_NONE;
}

static PyObject *epoch(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(((Familiar *)self)->epoch);
}

static PyObject *familiar_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    (void)named;
    PyObject *decode, *kinds, *counted, *sites;
    long long skew_ms, most;
    if (!PyArg_ParseTuple(args, "OO!O!OLL", &decode, &PyDict_Type, &kinds, &PyDict_Type, &counted, &sites, &skew_ms, &most) || know_names() < 0)
        return NULL;
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Familiar *familiar = (Familiar *)make(type, 0);
    if (!familiar)
        return NULL;
    familiar->decode = Py_NewRef(decode), familiar->kinds = Py_NewRef(kinds), familiar->counted = Py_NewRef(counted), familiar->sites = Py_NewRef(sites);
    familiar->skew_ms = skew_ms, familiar->most = most, familiar->from_ms = -(1LL << 62), familiar->until_ms = 1LL << 62;
    if (!(familiar->one = PyLong_FromLong(1)))
        Py_CLEAR(familiar);
    return (PyObject *)familiar;
}

static void familiar_dealloc(PyObject *self)
{
    Familiar *familiar = (Familiar *)self;
    PyObject *held[] = {familiar->decode, familiar->kinds, familiar->counted, familiar->sites, familiar->columns, familiar->pages,
                        familiar->origins, familiar->sessions, familiar->numbers, familiar->one, familiar->put};
    for (int at = 0; at < 11; at++)
        Py_XDECREF(held[at]);
    end_object(self);
}

static PyMethodDef familiar_methods[] = {{"take", (PyCFunction)(void (*)(void))take_one, METH_FASTCALL, NULL}, {"begin", begin, METH_VARARGS, NULL},
                                         {"rates", rates, METH_VARARGS, NULL}, {"span", span, METH_VARARGS, NULL},
                                         {"forget", forget, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyGetSetDef familiar_getters[] = {{"epoch", epoch, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot familiar_slots[] = {
    {Py_tp_methods, familiar_methods}, {Py_tp_getset, familiar_getters}, {Py_tp_new, familiar_new}, {Py_tp_dealloc, familiar_dealloc}, {0, NULL}};

PyType_Spec familiar_spec = {"isotherm.core._counting.Familiar", sizeof(Familiar), 0, Py_TPFLAGS_DEFAULT, familiar_slots};
