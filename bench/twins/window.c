/* The least program for one page's window: one addition a sample that comes or goes, and what changed, ascending. Nothing is checked, no session
 * looked at, every document as large as the first, one layer, no late samples, no other page.
 *
 * A cell has its count beside what was last told of it. Cells that were met have a bit, their words one above, so that they are read in order.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { AHEAD = 32 };

typedef struct {
    int32_t now, told;
} Cell;

typedef struct {
    int32_t grid, panes, next;
    Cell *cells;
    uint64_t *met, *above;
    size_t above_words;
    int32_t **pane; /* a ring: the tiles of each pane */
    int32_t *used;
} Window;

Window *window_make(int32_t grid, int32_t panes)
{
    Window *window = calloc(1, sizeof *window);
    const size_t words = (size_t)grid * (size_t)grid / 64 + 1;
    window->grid = grid, window->panes = panes, window->above_words = words / 64 + 1;
    window->cells = calloc(words * 64, sizeof *window->cells);
    window->met = calloc(words, sizeof *window->met), window->above = calloc(window->above_words, sizeof *window->above);
    window->pane = calloc((size_t)panes, sizeof *window->pane), window->used = calloc((size_t)panes, sizeof *window->used);
    return window;
}

static void apply(Window *window, const int32_t *tiles, int32_t number, int32_t by)
{
    for (int32_t at = 0; at < number; at++) {
        const int32_t tile = tiles[at];
        __builtin_prefetch(&window->cells[tiles[at + AHEAD < number ? at + AHEAD : at]], 1);
        window->cells[tile].now += by;
        window->met[tile >> 6] |= 1ULL << (tile & 63), window->above[tile >> 12] |= 1ULL << (tile >> 6 & 63);
    }
}

static int32_t tell(Window *window, int64_t *tiles, int32_t *counts)
{
    int32_t told = 0;
    for (size_t top = 0; top < window->above_words; top++) {
        for (uint64_t words = window->above[top]; words; words &= words - 1) {
            const size_t at = top * 64 + (size_t)__builtin_ctzll(words);
            for (uint64_t met = window->met[at]; met; met &= met - 1) {
                const size_t tile = at * 64 + (size_t)__builtin_ctzll(met);
                Cell *cell = &window->cells[tile];
                tiles[told] = (int64_t)tile, counts[told] = cell->now;
                told += cell->now != cell->told;
                cell->told = cell->now;
            }
            window->met[at] = 0;
        }
        window->above[top] = 0;
    }
    return told;
}

/* One hop. `tiles` and `counts` have room for two a sample and one more; returns how many changed. */
int32_t window_hop(Window *window, const double *x, const double *y, double width, double height, int32_t number, int64_t *tiles, int32_t *counts)
{
    const int32_t place = window->next, grid = window->grid, last = grid - 1;
    window->next = place + 1 < window->panes ? place + 1 : 0;
    apply(window, window->pane[place], window->used[place], -1);
    int32_t *pane = window->pane[place] = realloc(window->pane[place], (size_t)number * sizeof *pane);
    window->used[place] = number;
    for (int32_t at = 0; at < number; at++) {
        double column = grid * x[at] / width, row = grid * y[at] / height;
        column = column > 0 ? column : 0, row = row > 0 ? row : 0;
        column = column < last ? column : last, row = row < last ? row : last;
        pane[at] = (int32_t)row * grid + (int32_t)column;
    }
    apply(window, pane, number, 1);
    return tell(window, tiles, counts);
}
