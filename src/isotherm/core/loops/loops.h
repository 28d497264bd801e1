/* What the compiled loops share: columns handed in by Python, a small hash table, exact divisions.
 *
 * Built for the stable ABI of Python 3.11, so that one binary serves all later releases. Every array comes in as a buffer whose element
 * size and length are checked; whatever is used as a place is checked against the table that it is a place in.
 */
#pragma once

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { INTERFACE = 20 }; /* `counting.py` has the same number, and takes no other */

/* Before loops without a jump, which a compiler makes two or four at a time. */
#if defined __GNUC__ && !defined __clang__
#define VECTORS __attribute__((optimize("O3")))
#else
#define VECTORS
#endif

enum { VIEWS_MAX = 24 };

enum { TABLE_BEGUN_MAX = 8191 }; /* slots less one: 32 KiB. To empty more would cost calls with few entries more than to grow costs others */

/* Buffers of one call, released together. Once something failed, `take` gives NULL and an exception is set. */
typedef struct {
    Py_buffer held[VIEWS_MAX];
    int count;
    int failed;
} Views;

void *take(Views *views, PyObject *object, size_t item_bytes, int writable, Py_ssize_t *length);
PyObject *done(Views *views, PyObject *result);
void refuse(Views *views, PyObject *exception, const char *message);

/* The last step of a type's dealloc, once all that the object held was let go. */
static inline void end_object(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc release_memory = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release_memory(object);
    Py_DECREF(type);
}

/* A packed column of integers; `raw` has room for its text. Returns how many there are; -1: it is none, or not to the letter. */
Py_ssize_t packed_whole(const char *text, Py_ssize_t size, uint8_t *raw, int64_t *to);

/* An open-addressed table of places in a list of the caller's, kept at most half full. */
typedef struct {
    uint32_t *places; /* 0: free; else a place + 1 */
    uint64_t mask;
} Table;

/* With room for so many entries, if they are not too many. */
int table_make(Table *table, Py_ssize_t entries);
int table_full(const Table *table, Py_ssize_t entries);
/* Larger, and empty: the caller puts its entries in anew. -1: an exception is set, and it is as it was. */
int table_double(Table *table);
/* The same without the interpreter's lock: no exception is set. */
int table_grow(Table *table);
void table_free(Table *table);

/* What slots of tables are made with: odd numbers, others in each process. Senders choose places, times and sessions; with numbers that all can read they
 * could choose thousands that share a slot, and each would have all before it looked at. */
extern uint64_t secret[2];

static inline uint64_t scattered(uint64_t key)
{
    key *= secret[0];
    key = (key ^ key >> 32) * secret[1]; /* once more: after one product, keys that differ in high bits only are alike */
    return key ^ key >> 32;
}

/* Asks for memory that is about to be written. */
static inline void ask_for(const void *address)
{
#ifdef __GNUC__
    __builtin_prefetch(address, 1);
#else
    (void)address;
#endif
}

/* Floor division by a fixed divisor above 0, by multiplying: exact below 2^52, where the guess is at most one off. */
typedef struct {
    int64_t by;
    double inverse;
} Divisor;

static inline Divisor divisor(int64_t by) { return (Divisor){by, 1.0 / (double)by}; }

static inline int64_t quotient(Divisor divisor, int64_t value)
{
    if (value > -(1LL << 52) && value < 1LL << 52) {
        int64_t guess = (int64_t)((double)value * divisor.inverse), rest = value - guess * divisor.by;
        return guess - (rest < 0) + (rest >= divisor.by);
    }
    int64_t exact = value / divisor.by;
    return exact - (value % divisor.by < 0);
}

PyObject *tally(PyObject *self, PyObject *args);
PyObject *tell(PyObject *self, PyObject *args);
PyObject *places(PyObject *self, PyObject *args);
PyObject *numbers(PyObject *self, PyObject *args);
PyObject *whole(PyObject *self, PyObject *args);
PyObject *texts(PyObject *self, PyObject *args);
PyObject *packed(PyObject *self, PyObject *args);
PyObject *sample_columns(PyObject *self, PyObject *args);
PyObject *order(PyObject *self, PyObject *args);
PyObject *zone_tally(PyObject *self, PyObject *args);
PyObject *pairs(PyObject *self, PyObject *args);
PyObject *arrange(PyObject *self, PyObject *args);
extern PyType_Spec known_spec, panes_spec, zone_sums_spec, gathering_spec, addresses_spec, folding_spec, familiar_spec, voice_spec;
