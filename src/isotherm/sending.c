/* The module `_sending`: frames to many sockets in one call. `sockets.py` says which sockets it may be given, and does the same without it.
 *
 * The interpreter's lock is given back meanwhile, so that a commit of the log goes on beside. No descriptor can be closed under it, and
 * given to somebody else: only the event loop closes sockets, and it is the one that waits here. Built for the stable ABI of Python 3.11,
 * as core/loops is.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* where there is none: Python ignores the signal */
#endif

enum { INTERFACE = 2 }; /* `sockets.py` has the same number, and takes no other */

typedef struct {
    PyObject *frame;
    const char *data;
    Py_ssize_t size, sent;
    Py_ssize_t next_cut; /* of those that were cut short before this one; -1: there are none */
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

/* The newest that was cut short; the others follow by `next_cut`. What comes behind it on the same socket would stand in its midst: it is
 * left. A number below 0 is no file: nothing is sent. */
static Py_ssize_t send_all(Sending *sendings, Py_ssize_t count)
{
    Py_ssize_t newest_cut = -1;
    for (Py_ssize_t at = 0; at < count; at++) {
        Sending *one = &sendings[at];
        Py_ssize_t cut = newest_cut;
        while (cut >= 0 && sendings[cut].file != one->file)
            cut = sendings[cut].next_cut;
        one->sent = cut < 0 && one->file >= 0 ? sent_of(one->file, one->data, one->size) : 0;
        if (one->sent < one->size) {
            one->next_cut = newest_cut;
            newest_cut = at;
        }
    }
    return newest_cut;
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

/* Places, the last first, each with how much of its frame was sent. */
static PyObject *cuts(const Sending *sendings, Py_ssize_t cut)
{
    PyObject *found = PyList_New(0);
    for (; found && cut >= 0; cut = sendings[cut].next_cut) {
        PyObject *pair = Py_BuildValue("(nn)", cut, sendings[cut].sent);
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
    if (!PyArg_ParseTuple(args, "O!O!:send_each", &PyList_Type, &files, &PyList_Type, &frames))
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
        Py_ssize_t cut;
        Py_BEGIN_ALLOW_THREADS
        cut = send_all(sendings, count);
        Py_END_ALLOW_THREADS
        result = cuts(sendings, cut);
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
