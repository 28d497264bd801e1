/* Cold: what comes to rows that nobody watches.
 *
 * Such a row keeps its own entries, in the order they came, and its window is not summed until somebody looks: to take a sample is to write
 * eight bytes behind those of the row before it, and nothing is to be taken away when it leaves the window. So of every row
 *
 *     window  =  what the slab has, of entries that stand in panes  +  the sum over its cold entries that are in the window
 *
 *     63                          16 15        0
 *     ├ pane ───────┬ tile ────────┼ count ─────┤     as in panes, but that the pane stands where the row does there; of its number as many bits
 *                   └ as many bits as the tiles need       as there is room for, which is at least two more than tell the panes apart
 *
 * How many samples the window has is told without reading the list. Entries stand nearly in the order of their panes: at hop `end` only those from
 * `end - lag` up to `end + skew` come into it, what is older goes into panes. So what left the window lies within `lag + skew` panes of the oldest
 * entry that is in it, and what is not in it yet within as many of its end; of all others there is a running sum.
 *
 * When somebody begins to watch, or looks at a row with many entries, these go into panes at once (`warm`), and what comes goes there, too.
 *
 * Entries that left the window go when the ring is full, and when the row is due: in the pane that was its newest when that was last looked at.
 * A row whose newest pane left the window has nothing any more. When the clock leaps forward, it is the same, but that what came since the last
 * hop may be late; when it leaps back, the entries that stay are told from the others once.
 */
#include "cold.h"

enum { MARGIN_MAX = 64, LAG_MIN = 64, ROOM_FIRST = 8, WARM_HOPS = 40 };
static const uint64_t SLOTS_MAX = 1 << 20;

int cold_make(Panes *self, long long looks_max)
{
    const uint64_t panes = (uint64_t)(self->window + self->skew) + 1;
    self->slots = 64;
    while (self->slots < panes && self->slots < SLOTS_MAX)
        self->slots *= 2;
    self->margin = self->window < 2 ? 1 : self->window / 2 < MARGIN_MAX ? self->window / 2 : MARGIN_MAX;
    self->lag = 2 * self->skew > LAG_MIN ? 2 * self->skew : LAG_MIN; /* trackers gather for some seconds, as clocks differ by some */
    self->lag = self->lag < self->window - self->margin ? self->lag : self->window - self->margin;
    self->looks_max = looks_max;
    if (self->slots < panes || 4 * self->slots - 1 > pane_mask(self))
        return 0; /* so long a window, or so many tiles: all goes into panes */
    self->due = calloc(self->slots, sizeof *self->due);
    if (!self->due)
        PyErr_NoMemory();
    return self->due ? 0 : -1;
}

/* There are more rows. */
int cold_bind(Panes *self)
{
    Py_ssize_t rows = self->rows < self->dense_rows ? self->rows : (Py_ssize_t)self->dense_rows;
    if (!self->due || rows <= self->colds)
        return 0;
    Cold *larger = aligned_alloc(64, (size_t)rows * sizeof *larger);
    if (!larger) {
        PyErr_NoMemory();
        return -1;
    }
    if (self->colds)
        memcpy(larger, self->cold, (size_t)self->colds * sizeof *larger);
    memset(larger + self->colds, 0, (size_t)(rows - self->colds) * sizeof *larger);
    free(self->cold);
    self->cold = larger, self->colds = rows;
    return 0;
}

void cold_empty(Cold *cold)
{
    free(cold->entries);
    cold->entries = NULL;
    cold->newest = INT64_MIN, cold->samples = 0;
    cold->first = cold->used = cold->room = cold->settled = 0;
}

void cold_free(Panes *self)
{
    for (Py_ssize_t row = 0; row < self->colds; row++)
        cold_empty(&self->cold[row]);
    free(self->cold), free(self->due);
}

uint64_t cold_bytes(const Panes *self)
{
    uint64_t bytes = 0;
    for (Py_ssize_t row = 0; row < self->colds; row++)
        bytes += self->cold[row].room * sizeof(uint64_t);
    return bytes;
}

/* -- what comes in */

/* How many entries from the first on have left, of some that stand one behind the other. */
static uint32_t leaving(const Panes *self, const uint64_t *entries, uint32_t length, uint64_t *samples)
{
    const int to_pane = COUNT_BITS + self->tile_bits;
    const uint64_t low = (uint64_t)self->low, mask = pane_mask(self), panes = (uint64_t)(self->window + self->skew);
    uint64_t sum = 0;
    uint32_t gone = 0;
    for (; gone < length && (((entries[gone] >> to_pane) - low) & mask) >= panes; gone++)
        sum += entries[gone] & COUNT_MAX;
    *samples += sum;
    return gone;
}

static void let_old_go(const Panes *self, Cold *cold)
{
    const uint32_t till_end = cold->room - cold->first, before = cold->used < till_end ? cold->used : till_end;
    uint64_t samples = 0;
    uint32_t gone = leaving(self, cold->entries + cold->first, before, &samples);
    if (gone == till_end)
        gone += leaving(self, cold->entries, cold->used - gone, &samples);
    cold->first = (uint32_t)(at_place(cold, gone) - cold->entries);
    cold->samples -= samples, cold->used -= gone;
    cold->settled -= gone < cold->settled ? gone : cold->settled;
}

/* Copies the entries, the oldest first. */
static void unrolled(const Cold *cold, uint64_t *to)
{
    uint32_t till_end = cold->room - cold->first, before = cold->used < till_end ? cold->used : till_end;
    if (cold->used) {
        memcpy(to, cold->entries + cold->first, (size_t)before * sizeof *to);
        memcpy(to + before, cold->entries, (size_t)(cold->used - before) * sizeof *to);
    }
}

static int move_to(Cold *cold, uint64_t room)
{
    uint64_t *entries = room <= UINT32_MAX ? malloc((size_t)room * sizeof *entries) : NULL;
    if (!entries)
        return -1;
    unrolled(cold, entries);
    free(cold->entries);
    cold->entries = entries, cold->first = 0, cold->room = (uint32_t)room;
    return 0;
}

static inline uint64_t room_of(uint64_t needed) { return needed + needed / 2 < ROOM_FIRST ? ROOM_FIRST : needed + needed / 2; }

/* What was a peak is given back: a ring that is filled to less than a quarter. */
static void give_back(Cold *cold, uint64_t needed)
{
    if (cold->room > ROOM_FIRST && needed < cold->room / 4)
        (void)move_to(cold, room_of(needed)); /* without memory for a smaller one it stays */
}

static int make_room(const Panes *self, Cold *cold, Py_ssize_t more)
{
    if (cold->room)
        let_old_go(self, cold);
    uint64_t needed = (uint64_t)cold->used + (uint64_t)more;
    if (cold->room && needed + cold->room / 8 <= cold->room) {
        give_back(cold, needed);
        return 0;
    }
    if (move_to(cold, room_of(needed)) == 0)
        return 0;
    PyErr_NoMemory();
    return -1;
}

static inline void wait_for(Panes *self, int64_t row, int64_t pane)
{
    uint32_t *due = &self->due[(uint64_t)pane & (self->slots - 1)];
    self->cold[row].next = *due;
    *due = (uint32_t)row + 1;
}

/* What is put, as a ring has it. Returns the samples. */
VECTORS static uint64_t put_plain(uint64_t *restrict to, const uint64_t *restrict entries, const int64_t *restrict panes, Py_ssize_t length,
                                  int to_pane, uint64_t what)
{
    uint64_t samples = 0;
    for (Py_ssize_t at = 0; at < length; at++) {
        to[at] = (uint64_t)panes[at] << to_pane | (entries[at] & what);
        samples += entries[at] & COUNT_MAX;
    }
    return samples;
}

/* Puts entries into the row's own list; their panes are near. */
int cold_put(Panes *self, int64_t row, const uint64_t *entries, const int64_t *panes, Py_ssize_t length)
{
    Cold *cold = &self->cold[row];
    if (cold->hop != self->hop)
        cold->hop = self->hop, cold->settled = cold->used;
    if ((uint64_t)cold->used + (uint64_t)length > cold->room && make_room(self, cold, length) < 0)
        return -1;
    const int to_pane = COUNT_BITS + self->tile_bits;
    const uint64_t what = what_mask(self);
    uint64_t *to = at_place(cold, cold->used);
    const Py_ssize_t till_end = cold->entries + cold->room - to, first = length < till_end ? length : till_end;
    cold->samples += put_plain(to, entries, panes, first, to_pane, what);
    cold->samples += put_plain(cold->entries, entries + first, panes + first, length - first, to_pane, what);
    int64_t newest = cold->alive ? cold->newest : INT64_MIN;
    for (Py_ssize_t at = 0; at < length; at++)
        newest = panes[at] > newest ? panes[at] : newest;
    cold->used += (uint32_t)length, cold->newest = newest;
    if (!cold->alive) {
        cold->alive = 1, self->alive++;
        ((int64_t *)self->bound[3].buf)[row]++;
        wait_for(self, row, newest);
    }
    return 0;
}

/* -- the clock */

static int die(Panes *self, int64_t row, PyObject *dropped)
{
    Cold *cold = &self->cold[row];
    cold_empty(cold);
    cold->alive = 0, self->alive--;
    return --((int64_t *)self->bound[3].buf)[row] ? 0 : drop_row(dropped, row);
}

/* Panes `from` up to `to` leave the window; the window is set already. Rows that are due then have nothing any more, or newer panes. All that
 * are due at all are so within as many panes as there are slots. */
int cold_step(Panes *self, int64_t from, int64_t to, PyObject *dropped)
{
    int failed = 0;
    int64_t last = to - from < (int64_t)self->slots ? to : from + (int64_t)self->slots;
    for (int64_t pane = from; pane < last && self->alive; pane++) {
        uint32_t *due = &self->due[(uint64_t)pane & (self->slots - 1)], row = *due;
        *due = 0;
        while (row) {
            Cold *cold = &self->cold[row - 1];
            uint32_t next = cold->next;
            if (cold->newest >= to) {
                if (cold->used) {
                    let_old_go(self, cold);
                    give_back(cold, cold->used);
                }
                wait_for(self, row - 1, cold->newest);
            } else {
                failed |= die(self, row - 1, dropped) < 0;
            }
            row = next;
        }
    }
    return failed ? -1 : 0;
}

/* The clock leaps forward by so many panes: what came since the last hop is late where the window has passed it. To be called before the step. */
static void count_late(Panes *self, uint64_t by)
{
    for (Py_ssize_t row = 0; row < self->colds; row++) {
        const Cold *cold = &self->cold[row];
        if (!cold->alive || cold->hop != self->hop)
            continue;
        for (uint32_t place = cold->settled; place < cold->used; place++) {
            uint64_t entry = *at_place(cold, place);
            self->late += offset_of(self, entry) < by ? (int64_t)(entry & COUNT_MAX) : 0;
        }
    }
}

/* The clock leaps back by so many panes: a row keeps what was kept until now and does not lie too far ahead from now on.
 * So its entries stand as if none had come at a later hop than the one that is to be. */
static void keep_near(Panes *self, Cold *cold, uint64_t by)
{
    const uint64_t panes = (uint64_t)(self->window + self->skew), near = by < panes ? panes - by : 0;
    const uint32_t used = cold->used;
    cold->newest = INT64_MIN, cold->used = 0, cold->samples = 0;
    for (uint32_t place = 0; place < used; place++) {
        uint64_t entry = *at_place(cold, place), at = offset_of(self, entry);
        if (at >= near) {
            self->ahead += at < panes ? (int64_t)(entry & COUNT_MAX) : 0;
            continue;
        }
        *at_place(cold, cold->used++) = entry;
        cold->samples += entry & COUNT_MAX;
        cold->newest = self->low + (int64_t)at > cold->newest ? self->low + (int64_t)at : cold->newest;
    }
    cold->settled = cold->used;
}

static int leap_back(Panes *self, uint64_t by, PyObject *dropped)
{
    int failed = 0;
    memset(self->due, 0, self->slots * sizeof *self->due);
    for (Py_ssize_t row = 0; row < self->colds; row++) {
        Cold *cold = &self->cold[row];
        if (!cold->alive)
            continue;
        keep_near(self, cold, by);
        if (cold->used)
            wait_for(self, row, cold->newest);
        else
            failed |= die(self, row, dropped) < 0;
    }
    return failed ? -1 : 0;
}

/* The window is to begin at pane `low`, further on than by a step, or further back: before it is moved. */
int cold_leap(Panes *self, int64_t low, PyObject *dropped)
{
    if (!self->alive)
        return 0;
    if (low <= self->low)
        return leap_back(self, (uint64_t)self->low - (uint64_t)low, dropped);
    count_late(self, (uint64_t)low - (uint64_t)self->low);
    return 0;
}

/* -- who looks */

static int is_row(const Panes *self, long long row)
{
    if (row >= 0 && row < self->rows && self->bounds == BOUND)
        return 1;
    PyErr_SetString(PyExc_IndexError, "expected a row that exists");
    return 0;
}

/* warm(row): it is to be watched. What it has goes into panes. */
PyObject *warm(PyObject *object, PyObject *args)
{
    Panes *self = (Panes *)object;
    long long row;
    if (!PyArg_ParseTuple(args, "L", &row) || !is_row(self, row))
        return NULL;
    if (row < self->colds && self->cold[row].used && cold_into_panes(self, row) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* add_cold(row, -> window): adds what the slab does not have of the row's window, one column a tile. A row with many entries goes into panes then,
 * and is warm for a while: whoever looks again and again has them summed once. */
PyObject *add_cold(PyObject *object, PyObject *args)
{
    Panes *self = (Panes *)object;
    long long row;
    PyObject *to;
    if (!PyArg_ParseTuple(args, "LO", &row, &to) || !is_row(self, row))
        return NULL;
    if (row >= self->colds)
        Py_RETURN_NONE;
    Cold *cold = &self->cold[row];
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t tiles = (Py_ssize_t)self->tiles;
    int64_t *window = take(&views, to, 8, 1, &tiles);
    const uint32_t known = shown(self, cold);
    for (uint32_t place = 0; place < known && !views.failed; place++) {
        uint64_t entry = *at_place(cold, place);
        if (offset_of(self, entry) < (uint64_t)self->window)
            window[entry >> COUNT_BITS & ((1ULL << self->tile_bits) - 1)] += (int64_t)(entry & COUNT_MAX);
    }
    int many = cold->used > self->looks_max;
    if (many && !views.failed && cold_into_panes(self, row) < 0)
        views.failed = 1;
    if (many || cold->warm_until > self->hop)
        cold->warm_until = self->hop + WARM_HOPS;
    return done(&views, views.failed ? NULL : Py_NewRef(Py_None));
}

/* Samples of entries that left the window. They lie before one of a pane that only came when all panes that a later one may have were in it. */
static uint64_t samples_gone(const Panes *self, const Cold *cold, int64_t *read)
{
    const uint64_t sure = (uint64_t)(self->lag + self->skew);
    uint64_t samples = 0;
    for (uint32_t place = 0; place < cold->used; place++, ++*read) {
        uint64_t entry = *at_place(cold, place);
        if (has_left(self, entry))
            samples += entry & COUNT_MAX;
        else if (offset_of(self, entry) >= sure)
            break;
    }
    return samples;
}

/* Samples of entries that are not in the window yet, or that the last hop did not know: the same from the other end. */
static uint64_t samples_to_come(const Panes *self, const Cold *cold, int64_t *read)
{
    const uint64_t window = (uint64_t)self->window, about = (uint64_t)(self->lag + self->skew);
    const uint32_t known = shown(self, cold);
    uint64_t samples = 0;
    if (known == cold->used && cold->newest < self->low + self->window)
        return 0;
    for (uint32_t place = cold->used; place-- > 0; ++*read) {
        uint64_t entry = *at_place(cold, place), at = has_left(self, entry) ? 0 : offset_of(self, entry);
        if (place >= known || at >= window)
            samples += has_left(self, entry) ? 0 : entry & COUNT_MAX;
        else if (at + about <= window)
            break;
    }
    return samples;
}

static int64_t total_of(const Panes *self, Cold *cold, int64_t *read)
{
    let_old_go(self, cold);
    return (int64_t)(cold->samples - samples_gone(self, cold, read) - samples_to_come(self, cold, read));
}

/* add_cold_totals(rows, -> totals): adds to each total the samples of the row's window that `totals` of the rows does not have. -1: no row
 * Returns how many entries were read for that. */
PyObject *add_cold_totals(PyObject *object, PyObject *args)
{
    Panes *self = (Panes *)object;
    PyObject *rows_object, *totals_object;
    if (!PyArg_ParseTuple(args, "OO", &rows_object, &totals_object))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t length = -1;
    const int64_t *rows = take(&views, rows_object, 8, 0, &length);
    int64_t *totals = take(&views, totals_object, 8, 1, &length), read = 0;
    for (Py_ssize_t at = 0; at < length && !views.failed; at++)
        if (rows[at] >= 0 && rows[at] < self->colds && self->cold[rows[at]].used)
            totals[at] += total_of(self, &self->cold[rows[at]], &read);
    return done(&views, views.failed ? NULL : PyLong_FromLongLong(read));
}
