/* tally: samples become counts, a row a (page, layer, pane, tile).
 *
 * Two ways. Where a record names few (page, layer, pane), each has a block of counters (`tally_blocks.c`), kept from call to call and emptied by
 * its list. Where it names many, rows come as the samples do. Of a page with few samples nearly each has a (page, layer, pane, tile) of its
 * own, and to look for the others that share it costs more than to count these apart: there only what follows one another is one row. Of a page
 * that has had PLAIN_SAMPLES each further run's samples look for the row they share, in a table; so a page has at most so many rows more than
 * it need have, however many others the record names.
 *
 * Rows are written out as columns, in two pieces, each with room for as many rows as there are samples:
 *
 *     wide   page, page …  │ layer, layer … │ pane, pane …      8 bytes each
 *     narrow tile, tile …  │ count, count …                     4
 */
#include "tally.h"

enum { LAYERS_MAX = 64 };

/* -- by rows */

static const char *const UNFIT = "expected runs that fit their samples and pages";

enum { PLAIN_SAMPLES = 64 };

/* An entry of the table: a row, of the call that `turn` numbers. The table is kept from call to call, unless it is large. */
typedef struct {
    uint32_t turn, row;
} Slot;

enum { SLOTS_MIN = 1 << 12, SLOTS_KEPT_MAX = 1 << 18 };

static Slot *slots;
static uint64_t slots_mask;
static uint32_t turn;

/* Readies the table for one call: at most half full even if each sample has a row of its own. -1: an exception is set. */
static int begin_looking(Py_ssize_t samples)
{
    uint64_t number = slots ? slots_mask + 1 : SLOTS_MIN;
    while (2 * (uint64_t)samples > number)
        number *= 2;
    if (!slots || number != slots_mask + 1) {
        Slot *larger = calloc(number, sizeof *larger);
        if (!larger) {
            PyErr_NoMemory();
            return -1;
        }
        free(slots);
        slots = larger, slots_mask = number - 1, turn = 0;
    }
    if (!++turn) {
        memset(slots, 0, (slots_mask + 1) * sizeof *slots);
        turn = 1;
    }
    return 0;
}

static void end_looking(void)
{
    if (slots_mask < SLOTS_KEPT_MAX)
        return;
    free(slots);
    slots = NULL, slots_mask = 0;
}

static inline int is_row(Columns to, Py_ssize_t row, int64_t page, int layer, int64_t pane, int32_t tile)
{
    return to.tile[row] == tile && to.pane[row] == pane && to.layer[row] == layer && to.page[row] == page;
}

#if defined __GNUC__
#define APART __attribute__((noinline)) /* its variables would push those of the plain way out of the registers */
#else
#define APART
#endif

/* Where a sample's row is looked for. */
typedef struct {
    int64_t pane;
    uint64_t slot;
} Aim;

/* The panes of samples from `at` up to `end`, and where in the table their rows would be. The table is mostly in no cache, so all of it is asked for
 * before any is looked at. */
static void aim_at(const Asked *asked, const Run *of, int64_t page, Py_ssize_t at, Py_ssize_t end, const int32_t *tiles, Now *now, Aim *aims)
{
    for (; at < end; at++, tiles++, aims++) {
        moved(asked, now, asked->time_ms[at]);
        const uint64_t what = ((uint64_t)page * LAYERS_MAX + (uint64_t)layer_of(asked, of, at)) << 30 | (uint64_t)*tiles;
        *aims = (Aim){now->pane, scattered(what ^ (uint64_t)now->pane * secret[1]) & slots_mask};
        ask_for((const char *)&slots[aims->slot]);
    }
}

/* The row that is in the table; `used`, if none is, which then is. */
APART static Py_ssize_t look_for(Columns to, Py_ssize_t used, int64_t page, int layer, const Aim *aim, int32_t tile)
{
    uint64_t slot = aim->slot;
    for (; slots[slot].turn == turn; slot = (slot + 1) & slots_mask)
        if (is_row(to, slots[slot].row, page, layer, aim->pane, tile))
            return slots[slot].row;
    slots[slot] = (Slot){turn, (uint32_t)used};
    return used;
}

/* The rows of samples from `at` up to `end`, whose tiles are known, behind the `used` that are there. Returns how many there are then. `aims`: of
 * each sample, where its row is looked for; NULL: nowhere. */
static Py_ssize_t write_rows(const Asked *asked, const Run *of, int64_t page, Py_ssize_t at, Py_ssize_t end, const int32_t *tiles, Now *now,
                             Py_ssize_t used, const Aim *aims)
{
    const Columns to = asked->columns;
    const Py_ssize_t begin = at;
    int64_t newest = asked->newest[page];
    for (; at < end; at++) {
        int layer = layer_of(asked, of, at);
        if (asked->to_row)
            asked->to_row[at] = -1;
        if (layer < 0)
            continue;
        int64_t time_ms = asked->time_ms[at];
        newest = time_ms > newest ? time_ms : newest;
        if (!aims)
            moved(asked, now, time_ms);
        const int64_t pane = aims ? aims[at - begin].pane : now->pane;
        const int32_t tile = tiles[at - begin];
        Py_ssize_t row = used;
        if (used && is_row(to, used - 1, page, layer, pane, tile))
            row = used - 1;
        else if (aims)
            row = look_for(to, used, page, layer, &aims[at - begin], tile);
        if (row < used)
            to.count[row]++;
        else
            to.page[row] = page, to.layer[row] = layer, to.pane[row] = pane, to.tile[row] = tile, to.count[row] = 1, used++;
        if (asked->to_row)
            asked->to_row[at] = row;
    }
    asked->newest[page] = newest;
    return used;
}

enum { BATCH_LEAST = 4 }; /* samples; with fewer it takes longer to begin than it spares */

/* The same, where each sample is a row of its own, as in a batch that a tracker gathered: all of one kind, none within the pane and on the tile of
 * the one before. Loops without a jump, but for panes. -1: it is not so; nothing is written that counts. */
VECTORS static Py_ssize_t write_batch(const Asked *asked, const Run *of, int64_t page, Py_ssize_t at, Py_ssize_t size, const int32_t *restrict tiles,
                                      Now *now, Py_ssize_t used)
{
    const uint8_t *kinds = asked->kind + at;
    const int64_t *restrict time_ms = asked->time_ms + at;
    int64_t *restrict pages = asked->columns.page + used, *restrict layers = asked->columns.layer + used;
    int64_t *restrict panes = asked->columns.pane + used;
    int32_t *restrict counts = asked->columns.count + used;
    const int64_t layer = layer_of(asked, of, at);
    int other_kinds = layer < 0, alike = 0;
    for (Py_ssize_t one = 1; one < size; one++)
        other_kinds |= kinds[one] ^ kinds[0];
    if (other_kinds)
        return -1;
    Now here = *now;
    int64_t newest = asked->newest[page];
    for (Py_ssize_t one = 0; one < size; one++) {
        const int64_t time = time_ms[one];
        const int next = moved(asked, &here, time);
        alike |= one && !next && tiles[one] == tiles[one - 1];
        newest = time > newest ? time : newest;
        panes[one] = here.pane;
    }
    if (alike)
        return -1;
    for (Py_ssize_t one = 0; one < size; one++)
        pages[one] = page, layers[one] = layer, counts[one] = 1;
    for (Py_ssize_t one = 0; asked->to_row && one < size; one++)
        asked->to_row[at + one] = used + one;
    memcpy(asked->columns.tile + used, tiles, (size_t)size * sizeof *tiles);
    *now = here;
    asked->newest[page] = newest;
    return used + size;
}

/* Rows written; -1: an exception is set. `seen`: of each page, 0. */
static Py_ssize_t rows_of_runs(const Asked *given, Views *views, Py_ssize_t *seen)
{
    const Asked asked[1] = {*given}; /* a copy of our own, which no store through a pointer can change: it stays in registers */
    int32_t tiles[STRETCH_MAX];
    Aim aims[STRETCH_MAX];
    Now now = {0};
    Py_ssize_t at = 0, used = 0;
    int looks = 0;
    for (Py_ssize_t run = 0; run < asked->runs; run++) {
        if (!fits(asked, run, at)) {
            refuse(views, PyExc_ValueError, UNFIT);
            return -1;
        }
        if (!asked->is_fresh[run]) {
            pass_over(asked, at, run);
            at += asked->size[run];
            continue;
        }
        const Run of = run_of(asked, run);
        const int64_t page = asked->page[run];
        const int look = (seen[page] += asked->size[run]) > PLAIN_SAMPLES;
        if (look && !looks && begin_looking(asked->samples) < 0)
            return -1;
        looks |= look;
        for (Py_ssize_t end = at + asked->size[run]; at < end;) {
            Py_ssize_t size = end - at < STRETCH_MAX ? end - at : STRETCH_MAX;
            tiles_of_stretch(asked->x + at, asked->y + at, of, (int32_t)asked->grid, size, tiles);
            if (look)
                aim_at(asked, &of, page, at, at + size, tiles, &now, aims);
            const int batch = !look && size >= BATCH_LEAST && !asked->within;
            const Py_ssize_t more = batch ? write_batch(asked, &of, page, at, size, tiles, &now, used) : -1;
            used = more >= 0 ? more : write_rows(asked, &of, page, at, at + size, tiles, &now, used, look ? aims : NULL);
            at += size;
        }
    }
    if (at < asked->samples) { /* their rows would be whatever stood there */
        refuse(views, PyExc_ValueError, UNFIT);
        return -1;
    }
    return used;
}

/* Rows written; -1: an exception is set. */
static Py_ssize_t tally_in_rows(const Asked *asked, Views *views)
{
    Py_ssize_t *seen = calloc((size_t)asked->pages + 1, sizeof *seen);
    if (!seen) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t used = rows_of_runs(asked, views, seen);
    free(seen);
    end_looking();
    return used;
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
    int64_t *page = take(&views, wide, 8, 1, &wide_length);
    int32_t *tile = take(&views, narrow, 4, 1, &narrow_length);
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
        if ((kind_places[kind] + 1) * devices > layers || layers > LAYERS_MAX)
            refuse(&views, PyExc_ValueError, "expected kinds that have a layer, and not too many layers");
        first_layer[kind] = (int16_t)(kind_places[kind] * devices);
    }
    asked.first_layer = first_layer;
    if (views.failed)
        return done(&views, NULL);
    asked.columns = (Columns){page, page + room, page + 2 * room, tile, tile + room};
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
