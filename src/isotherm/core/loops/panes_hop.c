/* A hop: panes come into the window and leave it, and what waited comes into its pane.
 *
 * Rows beyond the slab have no cells here: what comes to them and leaves them is handed back as notes,
 *
 *     63                          24 23        0
 *     ├ cell ────────────────────────┼ by ───────┤      the sum over a cell is what its count changed by
 */
#include "panes.h"

static const uint64_t BY_MASK = (1 << BY_BITS) - 1;

enum { CALM_PANES = 64, FAR_KEPT = 4096, AHEAD = 32 }; /* for the cells of so many entries ahead memory is asked before it is their turn */

/* Entries come into the window (sign 1) or leave it (-1); cells of watched rows are noted as touched. */
static int apply(Panes *self, const uint64_t *entries, Py_ssize_t number, int sign)
{
    if (room_for_touched(self, number) < 0)
        return -1;
    int32_t *slab = self->bound[0].buf;
    int64_t *totals = self->bound[1].buf;
    const uint8_t *watched = self->bound[2].buf;
    uint64_t *words = self->level[0];
    Touched *touched = self->touched + self->touched_used;
    const int to_row = COUNT_BITS + self->tile_bits;
    const int64_t tile_mask = (1LL << self->tile_bits) - 1, tiles = self->tiles, dense_rows = self->dense_rows, row_bits = 64 * self->row_words;
    for (Py_ssize_t at = 0; at < number; at++) {
        const uint64_t entry = entries[at], later = entries[at + AHEAD < number ? at + AHEAD : at];
        const int64_t row = (int64_t)(entry >> to_row), tile = (int64_t)(entry >> COUNT_BITS) & tile_mask, cell = row * tiles + tile;
        const int32_t by = sign * (int32_t)(entry & COUNT_MAX);
        __builtin_prefetch((const char *)slab + 4 * ((later >> to_row) * (uint64_t)tiles + (later >> COUNT_BITS & (uint64_t)tile_mask)), 1);
        if (row >= dense_rows) {
            if (room_for(&self->beyond, 1) < 0)
                return -1;
            self->beyond.items[self->beyond.used++] = (uint64_t)cell << BY_BITS | ((uint64_t)by & BY_MASK);
            continue;
        }
        const int32_t before = slab[cell];
        if (watched[row]) {
            const uint64_t bit = (uint64_t)(row * row_bits + tile), word = words[bit >> 6];
            *touched = (Touched){bit, (uint32_t)cell, before};
            touched += ~word >> (bit & 63) & 1;
            words[bit >> 6] = word | 1ULL << (bit & 63);
        }
        slab[cell] = before + by;
        totals[row] += by;
    }
    self->touched_used = touched - self->touched;
    return 0;
}

static int64_t sum_of(const Pane *pane, uint32_t from)
{
    int64_t sum = 0;
    for (uint32_t at = from; at < pane->used; at++)
        sum += (int64_t)(pane->entries[at] & COUNT_MAX);
    return sum;
}

/* Nothing names the row any more. */
int drop_row(PyObject *dropped, int64_t row)
{
    PyObject *number = PyLong_FromLongLong(row);
    int failed = !number || PyList_Append(dropped, number) < 0;
    Py_XDECREF(number);
    return failed ? -1 : 0;
}

/* Entries go: their rows are named so many times less. A row that nothing names any more is added to `dropped`. */
static int let_go(Panes *self, const uint64_t *entries, Py_ssize_t number, PyObject *dropped)
{
    int64_t *references = self->bound[3].buf;
    const int to_row = COUNT_BITS + self->tile_bits;
    int failed = 0;
    for (Py_ssize_t at = 0, end; at < number; at = end) {
        const int64_t row = (int64_t)(entries[at] >> to_row);
        end = run_of_row(entries, at, number, to_row);
        if (!(references[row] -= end - at))
            failed |= drop_row(dropped, row) < 0;
    }
    return failed ? -1 : 0;
}

/* A pane goes, with all its entries. */
static int drop(Panes *self, Pane *pane, PyObject *dropped)
{
    int failed = let_go(self, pane->entries, pane->used, dropped);
    take_out(self, pane);
    return failed;
}

/* Where the window is to end, and how long it is. */
typedef struct {
    int64_t old, new, window, skew;
} Step;

/* What was settled of a pane comes into the window or leaves it; the pane goes if it lies outside. 1: it went. */
static int slide_pane(Panes *self, Pane *pane, const Step *step, PyObject *dropped)
{
    int64_t number = pane->number;
    int was_in = step->old - step->window <= number && number < step->old, is_in = step->new - step->window <= number && number < step->new;
    if (was_in != is_in && apply(self, pane->entries, pane->settled, is_in ? 1 : -1) < 0)
        return -1;
    if (number >= step->new - step->window && number < step->new + step->skew)
        return 0;
    if (number >= step->new)
        self->ahead += sum_of(pane, 0);
    else
        self->late += sum_of(pane, pane->settled);
    return drop(self, pane, dropped) < 0 ? -1 : 1;
}

static int slide_number(Panes *self, int64_t number, const Step *step, PyObject *dropped)
{
    Pane *pane = find_pane(self, number);
    return pane ? slide_pane(self, pane, step, dropped) : 0;
}

static int slide(Panes *self, const Step *step, PyObject *dropped)
{
    int64_t by = step->new - step->old;
    int failed = 0;
    if (by > 0 && by < self->end - self->first && by <= step->window) {
        for (int64_t number = step->old; number < step->new && !failed; number++)
            failed = slide_number(self, number, step, dropped) < 0;
        for (int64_t number = step->old - step->window; number < step->new - step->window && !failed; number++)
            failed = slide_number(self, number, step, dropped) < 0;
        return failed ? -1 : 0;
    }
    for (Py_ssize_t place = self->first; place < self->end && !failed;) {
        Py_ssize_t first = self->first;
        int went = slide_pane(self, &self->panes[place], step, dropped);
        failed = went < 0;
        place += went == 1 && first == self->first ? 0 : 1; /* those behind it closed up, or it was the first */
    }
    return failed ? -1 : 0;
}

/* What was far gets its pane if that is near now; else it was late, or ahead. */
static int come_near(Panes *self, const Step *step, PyObject *dropped)
{
    Py_ssize_t used = self->far.used;
    self->far.used = 0;
    for (Py_ssize_t at = 0; at < used; at += 2) {
        int64_t number = (int64_t)self->far.items[at];
        const uint64_t *entry = &self->far.items[at + 1];
        if (number >= step->new - step->window && number < step->new + step->skew) {
            if (put(self, number, entry, 1) < 0)
                return -1;
            continue;
        }
        *(number >= step->new ? &self->ahead : &self->late) += (int64_t)(*entry & COUNT_MAX);
        if (let_go(self, entry, 1, dropped) < 0)
            return -1;
    }
    if (self->far.room > FAR_KEPT) { /* it was a burst, or a start */
        free(self->far.items);
        self->far = (List){.items = NULL};
    }
    self->low = step->new - step->window, self->high = step->new + step->skew, self->started = 1;
    return 0;
}

/* What waited comes into the window, where its pane is in it. */
static int settle(Panes *self, const Step *step, PyObject *dropped)
{
    for (Py_ssize_t at = 0; at < self->unsettled.used; at++) {
        Pane *pane = find_pane(self, (int64_t)self->unsettled.items[at]);
        if (!pane)
            continue;
        if (pane->number < step->new - step->window || pane->number >= step->new + step->skew) {
            *(pane->number >= step->new ? &self->ahead : &self->late) += sum_of(pane, pane->settled);
            if (drop(self, pane, dropped) < 0)
                return -1;
            continue;
        }
        if (pane->number < step->new && apply(self, pane->entries + pane->settled, pane->used - pane->settled, 1) < 0)
            return -1;
        pane->settled = pane->used;
    }
    self->unsettled.used = 0;
    return 0;
}

/* advance(old end or None, new end)
 *     -> (tiles, counts, {row: slice of these}, rows dropped, samples late, samples ahead, notes of rows beyond the slab) */
PyObject *advance(PyObject *object, PyObject *args)
{
    Panes *self = (Panes *)object;
    PyObject *old;
    long long new_end;
    if (!PyArg_ParseTuple(args, "OL", &old, &new_end))
        return NULL;
    if (self->bounds < BOUND) {
        PyErr_SetString(PyExc_ValueError, "expected arrays of rows");
        return NULL;
    }
    self->beyond.used = 0;
    self->late = self->ahead = 0;
    Step step = {.old = old == Py_None ? 0 : PyLong_AsLongLong(old), .new = new_end, .window = self->window, .skew = self->skew};
    if (PyErr_Occurred())
        return NULL;
    const int leaps = old != Py_None && (step.new <= step.old || step.new - step.old > self->margin);
    PyObject *tiles = NULL, *counts = NULL, *places = PyDict_New(), *dropped = PyList_New(0), *beyond = NULL, *result = NULL;
    if (!places || !dropped || (leaps && cold_leap(self, step.new - step.window, dropped) < 0) || (old != Py_None && slide(self, &step, dropped) < 0) ||
        come_near(self, &step, dropped) < 0 ||
        (old != Py_None && cold_step(self, step.old - self->window, step.new - self->window, dropped) < 0) || settle(self, &step, dropped) < 0 ||
        tell_touched(self, &tiles, &counts, places) < 0) {
        forget_touched(self);
        goto end;
    }
    self->hop++;
    give_touched_back(self);
    trim(find_pane(self, new_end - CALM_PANES));
    beyond = PyBytes_FromStringAndSize((const char *)self->beyond.items, self->beyond.used * 8);
    if (beyond)
        result = Py_BuildValue("(OOOOLLO)", tiles, counts, places, dropped, (long long)self->late, (long long)self->ahead, beyond);
end:
    Py_XDECREF(tiles), Py_XDECREF(counts), Py_XDECREF(places), Py_XDECREF(dropped), Py_XDECREF(beyond);
    return result;
}
