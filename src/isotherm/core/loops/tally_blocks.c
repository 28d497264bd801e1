/* Tally, where a record names few (page, layer, pane): each has a *block*, one counter a tile, and a list of its tiles that are above 0:
 *
 *     block   0 0 3 0 0 1 0 …      one addition a sample, no question asked
 *     tiles   2 5                  in the order in which they came
 *
 * Samples that stand together and have page, device and document in common, of one run or of runs of one sample each, are a *stretch*: that
 * they are alike, and their tiles, is found in loops without a jump, which a compiler makes two or four at a time. Within it, those of one
 * kind and pane are counted one after the other.
 */
#include "tally.h"

enum { BLOCKS_MAX = 64 };

typedef struct {
    int64_t pane, page;
    int32_t layer;
    uint32_t used;   /* tiles that are above 0 */
    uint32_t start;  /* the place of its first row */
} Block;

static int32_t *block_counts; /* of all blocks, one behind the other: all 0 between calls */
static int32_t *block_tiles; /* of each block, one more than it can have: the next is written before it is known whether it is new */

static int block_of(Block *blocks, int *number, int most, int64_t page, int32_t layer, int64_t pane)
{
    for (int at = *number - 1; at >= 0; at--)
        if (blocks[at].pane == pane && blocks[at].page == page && blocks[at].layer == layer)
            return at;
    if (*number == most)
        return -1;
    blocks[*number] = (Block){.pane = pane, .page = page, .layer = layer};
    return (*number)++;
}

static void empty_blocks(const Block *blocks, int number, int64_t tiles)
{
    for (int block = 0; block < number; block++)
        for (uint32_t at = 0; at < blocks[block].used; at++)
            block_counts[block * tiles + block_tiles[block * (tiles + 1) + at]] = 0;
}

/* Writes the rows of the blocks, those of one pane after those of the pane before, and empties the blocks. */
static Py_ssize_t write_blocks(const Asked *asked, Block *blocks, int number, int64_t tiles)
{
    int order[BLOCKS_MAX];
    for (int block = 0; block < number; block++) {
        int at = block;
        for (; at > 0 && blocks[order[at - 1]].pane > blocks[block].pane; at--)
            order[at] = order[at - 1];
        order[at] = block;
    }
    const Columns to = asked->columns;
    Py_ssize_t row = 0;
    for (int at = 0; at < number; at++) {
        Block *block = &blocks[order[at]];
        int32_t *counts = block_counts + order[at] * tiles, *of_block = block_tiles + order[at] * (tiles + 1);
        block->start = (uint32_t)row;
        for (uint32_t place = 0; place < block->used; place++, row++) {
            int32_t *counted = &counts[of_block[place]];
            to.page[row] = block->page, to.layer[row] = block->layer, to.pane[row] = block->pane;
            to.tile[row] = of_block[place], to.count[row] = *counted;
            *counted = asked->to_row ? (int32_t)place : 0; /* which row it is, for `to_row`; else it is empty again */
        }
    }
    for (Py_ssize_t at = 0; asked->to_row && at < asked->samples; at++)
        if (asked->to_row[at] >= 0) {
            int64_t cell = asked->to_row[at];
            asked->to_row[at] = blocks[cell / tiles].start + block_counts[cell];
        }
    if (asked->to_row)
        empty_blocks(blocks, number, tiles);
    return row;
}

/* -- stretches: samples that stand together and have page, device and document in common, of one run or of runs of one sample each */

static inline int64_t bits_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Not 0: the run is stale, or not of one sample, or of another page, device or document than the first. */
static inline int64_t unlike(const Asked *asked, Py_ssize_t first, Py_ssize_t run)
{
    return (asked->size[run] ^ 1) | (asked->page[run] ^ asked->page[first]) | (asked->device[run] ^ asked->device[first]) |
           (bits_of(asked->width[run]) ^ bits_of(asked->width[first])) | (bits_of(asked->height[run]) ^ bits_of(asked->height[first])) |
           !asked->is_fresh[run];
}

enum { AT_ONCE = 16, AHEAD = 24 }; /* runs looked at together; samples, for whose counters memory is asked before it is their turn */

/* How many runs from this one on are fresh, of one sample, and else alike: looked at without a jump, some at once. */
VECTORS static Py_ssize_t alike_from(const Asked *given, const Py_ssize_t first)
{
    const Asked asked[1] = {*given};
    Py_ssize_t run = first;
    for (; run + AT_ONCE <= asked->runs; run += AT_ONCE) {
        int64_t differ = 0;
        for (int more = 0; more < AT_ONCE; more++)
            differ |= unlike(asked, first, run + more);
        if (differ)
            break;
    }
    while (run < asked->runs && !unlike(asked, first, run))
        run++;
    return run - first;
}

/* The tiles of up to STRETCH_MAX samples: floor(grid * position / extent) each way, clamped to 0 ... grid - 1, between which a cast is a floor.
 * Without a jump: two at a time where the machine can. */
VECTORS void tiles_of_stretch(const double *restrict x, const double *restrict y, Run of, int32_t grid, Py_ssize_t size,
                              int32_t *restrict tiles)
{
    const double side = grid, last = grid - 1;
    for (Py_ssize_t at = 0; at < size; at++) {
        double column = side * x[at] / of.width, row = side * y[at] / of.height;
        column = column > 0 ? column : 0, row = row > 0 ? row : 0;
        column = column < last ? column : last, row = row < last ? row : last;
        tiles[at] = (int32_t)row * grid + (int32_t)column;
    }
}

/* Where samples are being counted: a block, kept where no store through a pointer can change it. */
typedef struct {
    int64_t page;
    int32_t *counts, *tiles;
    uint32_t used;
    int block, layer;
    Now now;
} Counting;

/* Turns to the block of a (page, layer, pane). -1: there is no room for one more. */
static int turn_to(Counting *on, Block *blocks, int *number, int most, int64_t tiles, int64_t page, int layer)
{
    if (on->block >= 0)
        blocks[on->block].used = on->used;
    int block = on->block = block_of(blocks, number, most, page, layer, on->now.pane);
    if (block < 0)
        return -1;
    on->page = page, on->layer = layer, on->used = blocks[block].used;
    on->counts = block_counts + block * tiles, on->tiles = block_tiles + block * (tiles + 1);
    return 0;
}

static inline void count_in(Counting *on, int32_t tile)
{
    int32_t before = on->counts[tile];
    on->tiles[on->used] = tile;
    on->used += !before;
    on->counts[tile] = before + 1;
}

/* How many samples from this one on are of its kind and pane (whose number is known), up to `end`; and the newest of these. */
VECTORS static Py_ssize_t together_from(const Asked *asked, Now now, Py_ssize_t at, Py_ssize_t end, int64_t *newest)
{
    const int64_t *time_ms = asked->time_ms, begin_ms = now.ms, hop_ms = asked->hop_ms;
    const uint8_t *kinds = asked->kind, kind = kinds[at];
    int64_t latest = *newest;
    for (; at < end; at++) {
        if ((kinds[at] != kind) | ((uint64_t)time_ms[at] - (uint64_t)begin_ms >= (uint64_t)hop_ms))
            break;
        latest = time_ms[at] > latest ? time_ms[at] : latest;
    }
    *newest = latest;
    return at;
}

Py_ssize_t tally_in_blocks(const Asked *given)
{
    const Asked asked[1] = {*given}; /* a copy of our own, which no store through a pointer can change: it stays in registers */
    int64_t tiles = asked->grid * asked->grid;
    int most = BLOCK_CELLS_MAX / tiles > BLOCKS_MAX ? BLOCKS_MAX : (int)(BLOCK_CELLS_MAX / tiles);
    if (!block_counts && !(block_counts = calloc(BLOCK_CELLS_MAX, sizeof *block_counts)))
        return -1;
    if (!block_tiles && !(block_tiles = malloc((BLOCK_CELLS_MAX + BLOCKS_MAX) * sizeof *block_tiles)))
        return -1;
    Block blocks[BLOCKS_MAX];
    int number = 0;
    Counting on = {.block = -1};
    int32_t tile_of_stretch[STRETCH_MAX];
    Py_ssize_t at = 0, run = 0;
    while (run < asked->runs) {
        if (!fits(asked, run, at))
            goto no_blocks;
        if (!asked->is_fresh[run]) {
            pass_over(asked, at, run);
            at += asked->size[run++];
            continue;
        }
        const Run of = run_of(asked, run);
        const int64_t page = asked->page[run];
        Py_ssize_t runs = asked->size[run] == 1 ? alike_from(asked, run) : 1, end = at + (runs > 1 ? runs : asked->size[run]);
        if (end > asked->samples)
            goto no_blocks;
        run += runs;
        int64_t newest = asked->newest[page];
        for (Py_ssize_t begin = at; at < end; begin = at) {
            Py_ssize_t size = end - at < STRETCH_MAX ? end - at : STRETCH_MAX;
            tiles_of_stretch(asked->x + at, asked->y + at, of, (int32_t)asked->grid, size, tile_of_stretch);
            for (Py_ssize_t stop = at + size; at < stop;) {
                int layer = layer_of(asked, &of, at);
                if (layer < 0) {
                    if (asked->to_row)
                        asked->to_row[at] = -1;
                    at++;
                    continue;
                }
                if (moved(asked, &on.now, asked->time_ms[at]) | (page != on.page) | (layer != on.layer) | (on.block < 0))
                    if (turn_to(&on, blocks, &number, most, tiles, page, layer) < 0)
                        goto no_blocks;
                Counting here = on;
                Py_ssize_t from = at;
                at = together_from(asked, on.now, at, asked->within ? at + 1 : stop, &newest);
                for (Py_ssize_t one = from; one < at; one++) {
                    __builtin_prefetch(&here.counts[tile_of_stretch[(one + AHEAD < at ? one + AHEAD : one) - begin]], 1);
                    count_in(&here, tile_of_stretch[one - begin]);
                }
                on.used = here.used;
                for (; asked->to_row && from < at; from++)
                    asked->to_row[from] = on.block * tiles + tile_of_stretch[from - begin];
            }
        }
        asked->newest[page] = newest;
    }
    if (at < asked->samples)
        goto no_blocks;
    if (on.block >= 0)
        blocks[on.block].used = on.used;
    return write_blocks(given, blocks, number, tiles);
no_blocks:
    if (on.block >= 0)
        blocks[on.block].used = on.used;
    empty_blocks(blocks, number, tiles);
    return -1;
}
