/* tally: samples become counts, one row a (page, layer, pane, tile), in the order of their panes.
 *
 * Two ways. Where a record names few (page, layer, pane), each has a block of counters (`tally_blocks.c`). Where it names many, rows gather
 * in a list and a hash table finds the row of each sample. Blocks and table are kept from call to call: blocks are emptied by their lists, an
 * entry of the table holds for the call that made it. Rows are written out as columns, in two pieces, which have room for as many rows as
 * there are samples:
 *
 *     wide   page, page …  │ layer, layer … │ pane, pane …      8 bytes each
 *     narrow tile, tile …  │ count, count …                     4
 */
#include "tally.h"

/* Of one (page, layer, pane, tile); all but the pane are packed into one number. */
typedef struct {
    int64_t pane;
    uint64_t what;
    int32_t count;
    uint32_t place; /* where it comes in the order of the panes */
} Row;

enum { TILE_BITS = 30, LAYER_BITS = 6 };

static inline uint64_t what_of(int64_t page, int layer) { return ((uint64_t)page << LAYER_BITS | (uint64_t)layer) << TILE_BITS; }

/* An entry of the table: the place of a row, of the call that `turn` numbers. */
typedef struct {
    uint32_t turn, place;
} Slot;

static Slot *slots;
static uint64_t slots_mask;
static uint32_t turn;

static Row *kept_rows; /* of the call before: memory that was given back would come back empty, page by page */
static Py_ssize_t kept_room;

enum { KEPT_ROOM_MAX = 1 << 17 };

typedef struct {
    Row *rows;
    Py_ssize_t used;
    int64_t low, high; /* panes */
} Rows;

/* Room for a row a sample: the table is at most half full whatever comes. */
static int rows_begin(Rows *rows, Py_ssize_t samples)
{
    uint64_t mask = slots_mask ? slots_mask : 1023;
    while (2 * (uint64_t)samples > mask)
        mask = 2 * mask + 1;
    if (mask != slots_mask) {
        Slot *larger = calloc(mask + 1, sizeof *larger);
        if (!larger) {
            PyErr_NoMemory();
            return -1;
        }
        free(slots);
        slots = larger, slots_mask = mask, turn = 0;
    }
    if (!++turn) {
        memset(slots, 0, (slots_mask + 1) * sizeof *slots);
        turn = 1;
    }
    if (samples > kept_room) {
        Row *larger = realloc(kept_rows, (size_t)samples * sizeof *larger);
        if (!larger) {
            PyErr_NoMemory();
            return -1;
        }
        kept_rows = larger, kept_room = samples;
    }
    *rows = (Rows){.rows = kept_rows, .low = INT64_MAX, .high = INT64_MIN};
    return 0;
}

static void rows_end(void)
{
    if (kept_room <= KEPT_ROOM_MAX)
        return;
    free(kept_rows);
    kept_rows = NULL, kept_room = 0;
}

static int by_pane(const void *one, const void *other)
{
    const Row *a = *(const Row *const *)one, *b = *(const Row *const *)other;
    return a->pane != b->pane ? (a->pane > b->pane) - (a->pane < b->pane) : (a > b) - (a < b);
}

static inline void put_row(const Row *row, uint32_t place, Columns to)
{
    int64_t *page = to.wide, *layer = page + to.rows, *pane = layer + to.rows;
    int32_t *tile = to.narrow, *count = tile + to.rows;
    page[place] = (int64_t)(row->what >> (LAYER_BITS + TILE_BITS)), layer[place] = row->what >> TILE_BITS & ((1 << LAYER_BITS) - 1);
    pane[place] = row->pane, tile[place] = (int32_t)(row->what & ((1 << TILE_BITS) - 1)), count[place] = row->count;
}

/* Writes the rows in the order of their panes, and gives each its place: by counting where panes lie close together, as they do but for wild
 * clocks. */
static int write_rows(const Rows *rows, Columns to)
{
    to.rows = rows->used;
    Row *row = rows->rows;
    const Py_ssize_t used = rows->used;
    const int64_t low = rows->low;
    if (!used || rows->high == low) {
        for (Py_ssize_t at = 0; at < used; at++)
            put_row(&row[at], row[at].place = (uint32_t)at, to);
        return 0;
    }
    if ((uint64_t)rows->high - (uint64_t)low < 4096 + (uint64_t)used) {
        uint32_t *starts = calloc((size_t)(rows->high - low) + 2, sizeof *starts);
        if (!starts)
            goto no_memory;
        for (Py_ssize_t at = 0; at < used; at++)
            starts[row[at].pane - low + 1]++;
        for (int64_t pane = 0; pane < rows->high - low; pane++)
            starts[pane + 1] += starts[pane];
        for (Py_ssize_t at = 0; at < used; at++)
            put_row(&row[at], row[at].place = starts[row[at].pane - low]++, to);
        free(starts);
        return 0;
    }
    Row **order = malloc((size_t)used * sizeof *order);
    if (!order)
        goto no_memory;
    for (Py_ssize_t at = 0; at < used; at++)
        order[at] = &row[at];
    qsort(order, (size_t)used, sizeof *order, by_pane);
    for (Py_ssize_t at = 0; at < used; at++)
        put_row(order[at], order[at]->place = (uint32_t)at, to);
    free(order);
    return 0;
no_memory:
    PyErr_NoMemory();
    return -1;
}

/* -- by rows */

static const char *const UNFIT = "expected runs that fit their samples and pages";

/* Rows written; -1: an exception is set. */
static Py_ssize_t tally_in_rows(const Asked *given, Views *views)
{
    const Asked asked[1] = {*given}; /* as above */
    Rows rows;
    if (rows_begin(&rows, asked->samples) < 0)
        return -1;
    Slot *const table = slots;
    const uint64_t mask = slots_mask;
    const uint32_t this_turn = turn;
    Now now = {0};
    Py_ssize_t at = 0;
    uint32_t used = 0;
    for (Py_ssize_t run = 0; run < asked->runs; run++) {
        if (!fits(asked, run, at)) {
            refuse(views, PyExc_ValueError, UNFIT);
            break;
        }
        if (!asked->is_fresh[run]) {
            pass_over(asked, at, run);
            at += asked->size[run];
            continue;
        }
        const Run of = run_of(asked, run);
        int64_t page = asked->page[run], newest = asked->newest[page];
        for (Py_ssize_t end = at + asked->size[run]; at < end; at++) {
            int layer = layer_of(asked, &of, at);
            if (asked->to_row)
                asked->to_row[at] = -1;
            if (layer < 0)
                continue;
            int64_t time_ms = asked->time_ms[at];
            moved(asked, &now, time_ms);
            newest = time_ms > newest ? time_ms : newest;
            uint64_t what = what_of(page, layer) | (uint64_t)tile_at(asked, &of, at);
            uint64_t slot = scattered(what ^ (uint64_t)now.pane * 0xD6E8FEB86659FD93u) & mask;
            uint32_t place = used;
            for (; table[slot].turn == this_turn; slot = (slot + 1) & mask) {
                const Row *row = &rows.rows[table[slot].place];
                if (row->what == what && row->pane == now.pane) {
                    place = table[slot].place;
                    break;
                }
            }
            if (place == used) {
                table[slot] = (Slot){this_turn, place};
                rows.rows[used++] = (Row){now.pane, what, 0, 0};
                rows.low = now.pane < rows.low ? now.pane : rows.low;
                rows.high = now.pane > rows.high ? now.pane : rows.high;
            }
            rows.rows[place].count++;
            if (asked->to_row)
                asked->to_row[at] = place;
        }
        asked->newest[page] = newest;
    }
    rows.used = used;
    if (!views->failed && at < asked->samples) /* their rows would be whatever stood there */
        refuse(views, PyExc_ValueError, UNFIT);
    if (!views->failed && write_rows(&rows, asked->columns) < 0)
        views->failed = 1;
    for (at = 0; asked->to_row && at < asked->samples && !views->failed; at++)
        if (asked->to_row[at] >= 0)
            asked->to_row[at] = rows.rows[asked->to_row[at]].place;
    rows_end();
    return views->failed ? -1 : rows.used;
}

/* tally(x, y, time_ms, kind, kind_places, is_fresh, within or None, size, page, device, width, height, hop_ms, grid_size, devices, layers,
 *       -> wide, -> narrow, -> newest_ms, -> row or None) -> rows written */
PyObject *tally(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *o[11], *within, *wide, *narrow, *newest, *to_row;
    long long hop_ms, grid, devices, layers;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOOOOLLLLOOOO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &within, &o[6], &o[7], &o[8], &o[9], &o[10],
                          &hop_ms, &grid, &devices, &layers, &wide, &narrow, &newest, &to_row))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Asked asked = {.samples = -1, .runs = -1, .pages = -1, .hop_ms = hop_ms, .grid = grid, .devices = devices};
    asked.x = take(&views, o[0], 8, 0, &asked.samples), asked.y = take(&views, o[1], 8, 0, &asked.samples);
    asked.time_ms = take(&views, o[2], 8, 0, &asked.samples);
    Py_ssize_t kinds = -1;
    const uint8_t *kind_places = take(&views, o[4], 1, 0, &kinds);
    asked.kind = take(&views, o[3], 1, 0, &asked.samples);
    asked.is_fresh = take(&views, o[5], 1, 0, &asked.runs), asked.size = take(&views, o[6], 8, 0, &asked.runs);
    asked.page = take(&views, o[7], 8, 0, &asked.runs), asked.device = take(&views, o[8], 8, 0, &asked.runs);
    asked.width = take(&views, o[9], 8, 0, &asked.runs), asked.height = take(&views, o[10], 8, 0, &asked.runs);
    Py_ssize_t room = asked.samples < 0 ? 0 : asked.samples, wide_length = 3 * room, narrow_length = 2 * room;
    asked.columns.wide = take(&views, wide, 8, 1, &wide_length), asked.columns.narrow = take(&views, narrow, 4, 1, &narrow_length);
    asked.newest = take(&views, newest, 8, 1, &asked.pages);
    asked.within = within == Py_None ? NULL : take(&views, within, 1, 0, &asked.samples);
    asked.to_row = to_row == Py_None ? NULL : take(&views, to_row, 8, 1, &asked.samples);
    if (!views.failed && (hop_ms < 1 || grid < 1 || grid > 32768 || asked.samples >= UINT32_MAX / 4 || asked.pages >= 1 << 27))
        refuse(&views, PyExc_ValueError, "expected a hop and a grid above 0");
    int16_t first_layer[256];
    memset(first_layer, 0xFF, sizeof first_layer);
    for (Py_ssize_t kind = 0; !views.failed && kind < kinds && kind < 256; kind++) {
        if (kind_places[kind] == 0xFF)
            continue;
        if ((kind_places[kind] + 1) * devices > layers || layers > 1 << LAYER_BITS)
            refuse(&views, PyExc_ValueError, "expected kinds that have a layer, and not too many layers");
        first_layer[kind] = (int16_t)(kind_places[kind] * devices);
    }
    asked.first_layer = first_layer;
    if (views.failed)
        return done(&views, NULL);
    asked.hop = divisor(hop_ms);
    Py_ssize_t written = -1;
    if (asked.pages <= BLOCK_PAGES_MAX && grid * grid <= BLOCK_CELLS_MAX)
        written = tally_in_blocks(&asked);
    if (written < 0)
        written = tally_in_rows(&asked, &views);
    if (written < 0)
        views.failed = 1;
    return done(&views, views.failed ? NULL : PyLong_FromSsize_t(written));
}
