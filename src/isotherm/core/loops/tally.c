/* tally: samples become counts, one row a (page, layer, pane, tile), in the order of their panes.
 *
 * One pass over the samples; a hash table finds the row of each. Rows gather as they come and are written out as columns, in one piece with room
 * for as many rows as there are samples:
 *
 *     page, page …  │ layer, layer … │ pane, pane … │ tile, tile …  │ count, count …
 *     8 bytes each  │ 8              │ 8            │ 4             │ 4
 */
#include "loops.h"

typedef struct {
    int64_t pane;
    int64_t page;
    int32_t layer;
    int32_t tile;
    int32_t count;
    uint32_t place; /* where it comes in the order of the panes */
} Row;

typedef struct {
    Row *rows;
    Py_ssize_t used, room;
    Table table;
} Rows;

static inline uint64_t slot_of(const Rows *rows, int64_t page, int64_t layer, int64_t pane, int64_t tile)
{
    return scattered(((uint64_t)page << 40 ^ (uint64_t)layer << 32 ^ (uint64_t)tile) ^ (uint64_t)pane * 0xD6E8FEB86659FD93u) & rows->table.mask;
}

static int grow(Rows *rows)
{
    if (rows->used == rows->room) {
        Py_ssize_t room = rows->room ? 4 * rows->room : 512;
        Row *larger = realloc(rows->rows, (size_t)room * sizeof *larger);
        if (!larger) {
            PyErr_NoMemory();
            return -1;
        }
        rows->rows = larger;
        rows->room = room;
    }
    if (table_full(&rows->table, rows->used + 1)) {
        if (table_double(&rows->table) < 0)
            return -1;
        for (Py_ssize_t at = 0; at < rows->used; at++) {
            Row *row = &rows->rows[at];
            uint64_t slot = slot_of(rows, row->page, row->layer, row->pane, row->tile);
            while (rows->table.places[slot])
                slot = (slot + 1) & rows->table.mask;
            rows->table.places[slot] = (uint32_t)at + 1;
        }
    }
    return 0;
}

/* floor(grid * position / extent), clamped to 0 ... grid - 1: between these bounds a cast is a floor. */
static inline int64_t tile_of(double position, double extent, double grid)
{
    double at = grid * position / extent;
    return at >= grid - 1 ? (int64_t)grid - 1 : at >= 1 ? (int64_t)at : 0;
}

static int by_pane(const void *one, const void *other)
{
    const Row *a = *(const Row *const *)one, *b = *(const Row *const *)other;
    return a->pane != b->pane ? (a->pane > b->pane) - (a->pane < b->pane) : (a > b) - (a < b);
}

/* Gives each row its place in the order of the panes: by counting where they lie close together, as they do but for wild clocks. */
static int put_in_order(Rows *rows)
{
    Row *row = rows->rows;
    Py_ssize_t used = rows->used;
    int64_t low = used ? row[0].pane : 0, high = low;
    for (Py_ssize_t at = 1; at < used; at++) {
        low = row[at].pane < low ? row[at].pane : low;
        high = row[at].pane > high ? row[at].pane : high;
    }
    if ((uint64_t)high - (uint64_t)low < 4096 + (uint64_t)used) {
        uint32_t *starts = calloc((size_t)(high - low) + 2, sizeof *starts);
        if (!starts)
            goto no_memory;
        for (Py_ssize_t at = 0; at < used; at++)
            starts[row[at].pane - low + 1]++;
        for (int64_t pane = 0; pane < high - low; pane++)
            starts[pane + 1] += starts[pane];
        for (Py_ssize_t at = 0; at < used; at++)
            row[at].place = starts[row[at].pane - low]++;
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
        order[at]->place = (uint32_t)at;
    free(order);
    return 0;
no_memory:
    PyErr_NoMemory();
    return -1;
}

static void put_into(const Rows *rows, int64_t *columns, Py_ssize_t room)
{
    int64_t *page = columns, *layer = page + room, *pane = layer + room;
    int32_t *tile = (int32_t *)(pane + room), *count = tile + room;
    for (Py_ssize_t at = 0; at < rows->used; at++) {
        const Row *row = &rows->rows[at];
        page[row->place] = row->page, layer[row->place] = row->layer, pane[row->place] = row->pane;
        tile[row->place] = row->tile, count[row->place] = row->count;
    }
}

/* tally(x, y, time_ms, kind, kind_places, is_fresh, within or None, size, page, device, width, height, hop_ms, grid_size, devices, layers,
 *       -> columns, -> newest_ms, -> row or None) -> rows written */
PyObject *tally(PyObject *self, PyObject *args)
{
    (void)self;
    PyObject *o[11], *within_object, *columns_object, *newest_object, *row_object;
    long long hop_ms, grid, devices, layers;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOOOOLLLLOOO", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &within_object, &o[6], &o[7], &o[8], &o[9],
                          &o[10], &hop_ms, &grid, &devices, &layers, &columns_object, &newest_object, &row_object))
        return NULL;
    Views views = {.count = 0, .failed = 0};
    Py_ssize_t samples = -1, runs = -1, pages = -1, kinds = -1;
    const double *x = take(&views, o[0], 8, 0, &samples), *y = take(&views, o[1], 8, 0, &samples);
    const int64_t *time_ms = take(&views, o[2], 8, 0, &samples);
    const uint8_t *kind = take(&views, o[3], 1, 0, &samples), *kind_places = take(&views, o[4], 1, 0, &kinds);
    const uint8_t *is_fresh = take(&views, o[5], 1, 0, &runs);
    const int64_t *size = take(&views, o[6], 8, 0, &runs), *page = take(&views, o[7], 8, 0, &runs), *device = take(&views, o[8], 8, 0, &runs);
    const double *width = take(&views, o[9], 8, 0, &runs), *height = take(&views, o[10], 8, 0, &runs);
    Py_ssize_t columns_length = samples < 0 ? 0 : 4 * samples;
    int64_t *columns = take(&views, columns_object, 8, 1, &columns_length);
    int64_t *newest = take(&views, newest_object, 8, 1, &pages);
    const uint8_t *within = within_object == Py_None ? NULL : take(&views, within_object, 1, 0, &samples);
    int64_t *to_row = row_object == Py_None ? NULL : take(&views, row_object, 8, 1, &samples);
    if (!views.failed && (hop_ms < 1 || grid < 1 || grid > 32768 || samples >= UINT32_MAX))
        refuse(&views, PyExc_ValueError, "expected a hop and a grid above 0");
    Rows rows = {0};
    if (views.failed || table_make(&rows.table, samples) < 0)
        return done(&views, NULL);
    Divisor hop = divisor(hop_ms);
    int64_t pane = 0, pane_ms = 0; /* of the newest sample: the next mostly lies in the same */
    Py_ssize_t at = 0;
    for (Py_ssize_t run = 0; run < runs && !views.failed; run++) {
        if (size[run] < 0 || size[run] > samples - at || page[run] < 0 || page[run] >= pages || device[run] < 0 || device[run] >= devices) {
            refuse(&views, PyExc_ValueError, "expected runs that fit their samples and pages");
            break;
        }
        for (Py_ssize_t end = at + size[run]; at < end; at++) {
            uint8_t place = is_fresh[run] && (!within || within[at]) && kind[at] < kinds ? kind_places[kind[at]] : 0xFF;
            if (to_row)
                to_row[at] = -1;
            if (place == 0xFF)
                continue;
            int32_t tile = (int32_t)(tile_of(y[at], height[run], (double)grid) * grid + tile_of(x[at], width[run], (double)grid));
            int32_t layer = (int32_t)(place * devices + device[run]);
            if ((uint64_t)time_ms[at] - (uint64_t)pane_ms >= (uint64_t)hop_ms) {
                pane = quotient(hop, time_ms[at]);
                pane_ms = (int64_t)((uint64_t)pane * (uint64_t)hop_ms); /* may wrap at the end of all times, as the difference above */
            }
            if (time_ms[at] > newest[page[run]])
                newest[page[run]] = time_ms[at];
            uint64_t slot = slot_of(&rows, page[run], layer, pane, tile);
            uint32_t found;
            while ((found = rows.table.places[slot])) {
                const Row *row = &rows.rows[found - 1];
                if (row->tile == tile && row->page == page[run] && row->layer == layer && row->pane == pane)
                    break;
                slot = (slot + 1) & rows.table.mask;
            }
            if (!found) {
                if (rows.used == rows.room || table_full(&rows.table, rows.used + 1)) {
                    if (grow(&rows) < 0) {
                        views.failed = 1;
                        break;
                    }
                    slot = slot_of(&rows, page[run], layer, pane, tile);
                    while (rows.table.places[slot])
                        slot = (slot + 1) & rows.table.mask;
                }
                rows.rows[rows.used] = (Row){.pane = pane, .page = page[run], .layer = layer, .tile = tile};
                rows.table.places[slot] = found = (uint32_t)++rows.used;
            }
            rows.rows[found - 1].count++;
            if (to_row)
                to_row[at] = found - 1;
        }
    }
    if (!views.failed && at < samples) /* their rows would be whatever stood there */
        refuse(&views, PyExc_ValueError, "expected runs that fit their samples and pages");
    if (!views.failed && put_in_order(&rows) < 0)
        views.failed = 1;
    if (!views.failed)
        put_into(&rows, columns, samples);
    for (at = 0; to_row && at < samples && !views.failed; at++)
        if (to_row[at] >= 0)
            to_row[at] = rows.rows[to_row[at]].place;
    free(rows.rows);
    table_free(&rows.table);
    return done(&views, views.failed ? NULL : PyLong_FromSsize_t(rows.used));
}
