/* The module `_sending`: frames to many sockets in one call. `sockets.py` says which sockets it may be given, and does the same without it.
 *
 * The interpreter's lock is given back meanwhile, so that a commit of the log goes on beside. No descriptor can be closed under it, and
 * given to somebody else: only the event loop closes sockets, and it is the one that waits here. Built for the stable ABI of Python 3.11,
 * as core/loops is.
 *
 * What it costs is the kernel's send(2), which goes on as many cores as it is called on. So a second thread may help, for the time of a call:
 *
 *     caller  ── takes lanes ──────────────────┬── waits for a lane that is under way ── returns
 *     helper  ── (wakes up) ── takes lanes ────┘
 *
 * A lane is all sockets whose numbers have the same last bits, so what is for one socket is sent by one thread, in order. A helper that gets
 * no core in time takes no lane, and is not waited for.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* where there is none: Python ignores the signal */
#endif

enum { INTERFACE = 3 }; /* `sockets.py` has the same number, and takes no other */
enum { LANES = 16 };   /* a power of two */

typedef struct {
    PyObject *frame;
    const char *data;
    Py_ssize_t size, sent;
    Py_ssize_t next_cut; /* of those of its lane that were cut short before this one; -1: there are none */
    int file;
} Sending;

static Py_ssize_t sent_of(int file, const char *data, Py_ssize_t size)
{
    ssize_t sent;
    do
        sent = send(file, data, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? 0 : sent; /* why not, the transport is told when it tries */
}

/* What comes behind a frame that was cut short, on the same socket, would stand in its midst: it is left. A number below 0 is no file: nothing
 * is sent. */
static void send_lane(Sending *sendings, Py_ssize_t count, int lane)
{
    Py_ssize_t newest_cut = -1;
    for (Py_ssize_t at = 0; at < count; at++) {
        Sending *one = &sendings[at];
        if ((one->file & (LANES - 1)) != lane)
            continue;
        Py_ssize_t cut = newest_cut;
        while (cut >= 0 && sendings[cut].file != one->file)
            cut = sendings[cut].next_cut;
        one->sent = cut < 0 && one->file >= 0 ? sent_of(one->file, one->data, one->size) : 0;
        if (one->sent < one->size) {
            one->next_cut = newest_cut;
            newest_cut = at;
        }
    }
}

/* One call's. */
typedef struct {
    Sending *sendings;
    Py_ssize_t count;
    atomic_int next_lane;
} Job;

static void take_lanes(Job *job)
{
    int lane;
    while ((lane = atomic_fetch_add(&job->next_lane, 1)) < LANES)
        send_lane(job->sendings, job->count, lane);
}

static struct {
    pthread_mutex_t calling; /* whose call is helped: one at a time */
    pthread_mutex_t lock;    /* of what follows */
    pthread_cond_t wanted, done;
    Job *job;      /* has not been looked at */
    int at_work;
    pid_t process; /* that it is a thread of; 0: of none. A fork does not have it */
} helper = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0, 0};

static void *help(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&helper.lock);
    for (;;) {
        while (!helper.job)
            pthread_cond_wait(&helper.wanted, &helper.lock);
        Job *job = helper.job;
        helper.job = NULL;
        helper.at_work = 1;
        pthread_mutex_unlock(&helper.lock);
        take_lanes(job);
        pthread_mutex_lock(&helper.lock);
        helper.at_work = 0;
        pthread_cond_signal(&helper.done);
    }
    return NULL;
}

/* 0: there is none. It is begun when it is first asked for, and ends with the process; signals are for others. */
static int has_helper(void)
{
    if (helper.process == 0) {
        pthread_t thread;
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        helper.process = pthread_create(&thread, NULL, help, NULL) == 0 ? getpid() : -1;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (helper.process > 0)
            pthread_detach(thread);
    }
    return helper.process == getpid();
}

static void send_helped(Job *job)
{
    pthread_mutex_lock(&helper.lock);
    helper.job = job;
    pthread_cond_signal(&helper.wanted);
    pthread_mutex_unlock(&helper.lock);
    take_lanes(job);
    pthread_mutex_lock(&helper.lock);
    helper.job = NULL;
    while (helper.at_work)
        pthread_cond_wait(&helper.done, &helper.lock);
    pthread_mutex_unlock(&helper.lock);
}

static void send_all(Sending *sendings, Py_ssize_t count, Py_ssize_t helped_from)
{
    Job job = {.sendings = sendings, .count = count};
    if (helped_from > 0 && count >= helped_from && pthread_mutex_trylock(&helper.calling) == 0) {
        if (has_helper())
            send_helped(&job);
        pthread_mutex_unlock(&helper.calling);
    }
    take_lanes(&job); /* none is left where it was helped */
}

static int take(Sending *one, PyObject *file, PyObject *frame)
{
    if (!file || !frame)
        return -1;
    one->frame = Py_NewRef(frame); /* another thread may empty the list */
    char *data;
    long number = PyLong_AsLong(file);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (number < INT_MIN || number > INT_MAX) {
        PyErr_Format(PyExc_ValueError, "expected the number of a file, got %ld", number);
        return -1;
    }
    if (PyBytes_AsStringAndSize(frame, &data, &one->size) < 0)
        return -1;
    one->file = (int)number;
    one->data = data;
    return 0;
}

/* Of those that were cut short: places, the last first, each with how much of its frame was sent. */
static PyObject *cuts(const Sending *sendings, Py_ssize_t count)
{
    PyObject *found = PyList_New(0);
    for (Py_ssize_t at = count - 1; found && at >= 0; at--) {
        if (sendings[at].sent == sendings[at].size)
            continue;
        PyObject *pair = Py_BuildValue("(nn)", at, sendings[at].sent);
        if (!pair || PyList_Append(found, pair) < 0)
            Py_CLEAR(found);
        Py_XDECREF(pair);
    }
    return found;
}

static PyObject *send_each(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *files, *frames, *result = NULL;
    Py_ssize_t helped_from;
    if (!PyArg_ParseTuple(args, "O!O!n:send_each", &PyList_Type, &files, &PyList_Type, &frames, &helped_from))
        return NULL;
    Py_ssize_t count = PyList_Size(files), taken = 0;
    if (PyList_Size(frames) != count) {
        PyErr_SetString(PyExc_ValueError, "expected a frame for each file");
        return NULL;
    }
    Sending *sendings = PyMem_Calloc((size_t)count + 1, sizeof *sendings);
    if (!sendings)
        return PyErr_NoMemory();
    while (taken < count && take(&sendings[taken], PyList_GetItem(files, taken), PyList_GetItem(frames, taken)) == 0)
        taken++;
    if (taken == count) {
        Py_BEGIN_ALLOW_THREADS
        send_all(sendings, count, helped_from);
        Py_END_ALLOW_THREADS
        result = cuts(sendings, count);
    }
    for (Py_ssize_t at = 0; at < count; at++)
        Py_XDECREF(sendings[at].frame);
    PyMem_Free(sendings);
    return result;
}

static PyMethodDef methods[] = {{"send_each", send_each, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_sending", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__sending(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddIntConstant(made, "INTERFACE", INTERFACE) < 0)
        Py_CLEAR(made);
    return made;
}
