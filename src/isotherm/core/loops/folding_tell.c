/* Folding, the second half: what groups of rows hold (`folding.h`). */
#include "folding.h"

enum { CELL, COUNT, MARK, OLDEST, NEWEST, CELL_ENDS, MARK_ENDS, COLUMNS };

typedef struct {
    List columns[COLUMNS]; /* 8 bytes an element */
} Told;

static int tell_one(Told *told, int column, int64_t value)
{
    if (!room(&told->columns[column], 8))
        return 0;
    *(int64_t *)(told->columns[column].at + told->columns[column].used) = value;
    told->columns[column].used += 8;
    return 1;
}

static inline int lowest_bit(uint64_t word)
{
#if defined __GNUC__
    return __builtin_ctzll(word);
#else
    int bit = 0;
    while (!(word >> bit & 1))
        bit++;
    return bit;
#endif
}

/* Notes that a cell was met; whether it is for the first time. */
static inline int meet(Met *met, uint32_t cell)
{
    uint64_t *word = met->words + (cell >> 6), bit = 1ull << (cell & 63);
    int first = !(*word & bit);
    *word |= bit;
    met->above[cell >> 12] |= 1ull << (cell >> 6 & 63);
    return first;
}

#define EACH_MET(folding, cell, do_this)                                                          \
    for (int64_t top = 0; top <= (folding)->cells_max / 4096; top++)                            \
        for (; (folding)->met.above[top]; (folding)->met.above[top] &= (folding)->met.above[top] - 1) { \
            const size_t word = (size_t)top * 64 + (size_t)lowest_bit((folding)->met.above[top]);         \
            for (; (folding)->met.words[word]; (folding)->met.words[word] &= (folding)->met.words[word] - 1) { \
                const size_t cell = word * 64 + (size_t)lowest_bit((folding)->met.words[word]);   \
                do_this;                                                                          \
            }                                                                                     \
        }

static int tell_cells(Folding *folding, const int64_t *groups, Py_ssize_t number, Told *told)
{
    Met *met = &folding->met;
    int fine = 1;
    for (Py_ssize_t at = 0; at < number; at++)
        for (int32_t next = OF(folding->groups, Group)[groups[at]].first; next != NONE;) {
            const Stretch stretch = OF(folding->stretches, Stretch)[next];
            const uint32_t *cells = OF(folding->row_cell, uint32_t) + stretch.start;
            const int32_t *counts = OF(folding->row_count, int32_t) + stretch.start;
            for (uint32_t row = 0; row < stretch.length; row++)
                met->sums[cells[row]] = counts[row] + (meet(met, cells[row]) ? 0 : met->sums[cells[row]]);
            next = stretch.next;
        }
    EACH_MET(folding, cell, fine = fine && tell_one(told, CELL, (int64_t)cell) && tell_one(told, COUNT, met->sums[cell]));
    return fine;
}

static void meet_samples(Folding *folding, const Bin *bin)
{
    Met *met = &folding->met;
    for (int32_t next = bin->first; next != NONE;) {
        const Stretch stretch = OF(folding->stretches, Stretch)[next];
        const uint32_t *cells = OF(folding->sample_cell, uint32_t) + stretch.start;
        next = stretch.next;
        if (!folding->with_panes) {
            for (uint32_t at = 0; at < stretch.length; at++)
                meet(met, cells[at]);
            continue;
        }
        const int64_t *panes = OF(folding->sample_pane, int64_t) + stretch.start;
        for (uint32_t at = 0; at < stretch.length; at++) {
            const uint32_t cell = cells[at];
            if (meet(met, cell))
                met->oldest[cell] = met->newest[cell] = panes[at];
            met->oldest[cell] = panes[at] < met->oldest[cell] ? panes[at] : met->oldest[cell];
            met->newest[cell] = panes[at] > met->newest[cell] ? panes[at] : met->newest[cell];
        }
    }
}

static int ascending(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

/* Marks of all bins of the groups, by session: each is ``session's hash << 32 | cell``. */
static int tell_marks(Folding *folding, const int64_t *groups, Py_ssize_t number, Told *told, List *order)
{
    Met *met = &folding->met;
    order->used = 0;
    for (Py_ssize_t at = 0; at < number; at++)
        for (int32_t bin = OF(folding->groups, Group)[groups[at]].bins; bin != NONE; bin = OF(folding->bins, Bin)[bin].before) {
            if (!room(order, 8))
                return 0;
            *(uint64_t *)(order->at + order->used) = (uint64_t)OF(folding->bins, Bin)[bin].who << 32 | (uint32_t)bin;
            order->used += 8;
        }
    const uint64_t *bins = OF(*order, uint64_t);
    const Py_ssize_t length = LENGTH(*order, uint64_t);
    if (length > 1)
        qsort(order->at, (size_t)length, 8, ascending);
    int fine = 1;
    for (Py_ssize_t at = 0; at < length; at++) {
        meet_samples(folding, OF(folding->bins, Bin) + (uint32_t)bins[at]);
        if (at + 1 < length && bins[at + 1] >> 32 == bins[at] >> 32) /* the same session in another of the groups */
            continue;
        const uint64_t who = bins[at] >> 32 << 32;
        if (folding->with_panes)
            EACH_MET(folding, cell, fine = fine && tell_one(told, MARK, (int64_t)(who | cell)) && tell_one(told, OLDEST, met->oldest[cell]) &&
                                           tell_one(told, NEWEST, met->newest[cell]))
        else
            EACH_MET(folding, cell, fine = fine && tell_one(told, MARK, (int64_t)(who | cell)))
    }
    return fine;
}

/* tell(ends, groups) -> cells, counts, marks, oldest, newest, and of each set where its cells and its marks end. The first set is of the
 * `groups` before the first of the `ends`, and so on; what several groups have is told as one. */
PyObject *folding_tell(PyObject *self, PyObject *args)
{
    Folding *folding = (Folding *)self;
    PyObject *ends_object, *groups_object;
    if (!PyArg_ParseTuple(args, "OO", &ends_object, &groups_object))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t sets = -1, length = -1;
    const int64_t *ends = take(&views, ends_object, 8, 0, &sets), *groups = take(&views, groups_object, 8, 0, &length);
    for (Py_ssize_t at = 0; !views.failed && at < length; at++)
        if (groups[at] < 0 || groups[at] >= LENGTH(folding->groups, Group))
            refuse(&views, PyExc_ValueError, "expected groups that there are");
    for (Py_ssize_t at = 0; !views.failed && at < sets; at++)
        if (ends[at] < (at ? ends[at - 1] : 0) || ends[at] > length)
            refuse(&views, PyExc_ValueError, "expected ends that ascend");
    if (folding->failed)
        refuse(&views, PyExc_ValueError, "something went wrong before: begin anew");
    if (views.failed)
        return done(&views, NULL);
    Told told = {0};
    List order = {0};
    int fine = 1;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t at = 0, start = 0; fine && at < sets; start = ends[at++]) {
        fine = tell_cells(folding, groups + start, ends[at] - start, &told) && tell_marks(folding, groups + start, ends[at] - start, &told, &order);
        fine = fine && tell_one(&told, CELL_ENDS, LENGTH(told.columns[CELL], int64_t));
        fine = fine && tell_one(&told, MARK_ENDS, LENGTH(told.columns[MARK], int64_t));
    }
    Py_END_ALLOW_THREADS
    let_go(&order);
    PyObject *result = fine ? PyTuple_New(COLUMNS) : PyErr_NoMemory();
    for (int column = 0; column < COLUMNS; column++) {
        PyObject *bytes = result ? PyBytes_FromStringAndSize(told.columns[column].at, (Py_ssize_t)told.columns[column].used) : NULL;
        if (result && (!bytes || PyTuple_SetItem(result, column, bytes) < 0))
            Py_CLEAR(result);
        let_go(&told.columns[column]);
    }
    if (!result)
        views.failed = 1;
    return done(&views, result);
}
