/* Touched: which cells of watched rows a hop changed, told row by row and ascending, without a sort.
 *
 * Every cell has a bit, each row beginning with a word of its own; above these, a bit a word says that there are bits in it, up to one word:
 *
 *     level 2                      1
 *     level 1            0110 0000 … 0001          bits of level 0's words
 *     level 0   0000 0100 0001 0000 …               bits of cells
 *
 * When an entry comes to a cell whose bit is not set, the cell is put into a list with what its count was; so each stands there once, however
 * often it is met. At the end those whose count is what it was lose their bit, the others raise theirs, and the bits that are set are read from
 * the top: the cells that changed, in their order, and all is empty for the next hop. No step of it asks a question whose answer is open, but for
 * where words end.
 */
#include "panes.h"

enum { TOUCHED_KEPT = 4096 };

int room_for_touched(Panes *self, Py_ssize_t more)
{
    if (self->touched_used + more > self->touched_asked)
        self->touched_asked = self->touched_used + more;
    if (self->touched_used + more <= self->touched_room)
        return 0;
    Py_ssize_t room = self->touched_used + more + self->touched_room / 2 + 64;
    Touched *touched = realloc(self->touched, (size_t)room * sizeof *touched);
    if (!touched) {
        PyErr_NoMemory();
        return -1;
    }
    self->touched = touched, self->touched_room = room;
    return 0;
}

/* After a hop: of a leap, a burst or a start nothing is kept, once a hop asks for less than a quarter of it. */
void give_touched_back(Panes *self)
{
    if (self->touched_room > TOUCHED_KEPT && self->touched_asked < self->touched_room / 4) {
        free(self->touched);
        self->touched = NULL, self->touched_room = 0;
    }
    self->touched_asked = 0;
}

uint64_t touched_bytes(const Panes *self)
{
    uint64_t bytes = (uint64_t)self->touched_room * sizeof *self->touched;
    for (int level = 0; level < self->levels; level++)
        bytes += (self->level_words[level] + 1) * sizeof **self->level;
    return bytes;
}

static uint64_t words_above(uint64_t words) { return (words + 63) / 64; }

/* There may be more rows. Nothing is touched between hops, so the words are made anew; without memory for them those of before stay. */
int bind_touched(Panes *self)
{
    const int64_t rows = self->rows < self->dense_rows ? self->rows : self->dense_rows;
    if (self->levels && rows <= self->touched_rows)
        return 0;
    self->row_words = (int64_t)words_above((uint64_t)self->tiles);
    uint64_t *level[LEVELS_MAX] = {NULL}, level_words[LEVELS_MAX] = {0}, words = (uint64_t)(rows * self->row_words);
    int levels = 0;
    do {
        words = levels ? words_above(words) : words;
        level[levels] = calloc(words + 1, sizeof **level);
        if (!level[levels]) {
            while (levels)
                free(level[--levels]);
            PyErr_NoMemory();
            return -1;
        }
        level_words[levels++] = words;
    } while (words > 1 || levels < 2);
    free_touched(self);
    memcpy(self->level, level, sizeof level), memcpy(self->level_words, level_words, sizeof level_words);
    self->levels = levels, self->touched_rows = rows;
    return 0;
}

void free_touched(Panes *self)
{
    while (self->levels)
        free(self->level[--self->levels]);
    free(self->touched);
    self->touched = NULL;
    self->touched_used = self->touched_room = self->touched_asked = self->touched_rows = 0;
}

/* After an error: nothing is touched. */
void forget_touched(Panes *self)
{
    for (int level = 0; level < self->levels; level++)
        memset(self->level[level], 0, self->level_words[level] * sizeof **self->level);
    self->touched_used = 0;
}

/* Sets the bits above a word of level 1. */
static void raise_bit(Panes *self, uint64_t bit)
{
    for (int level = 2; level < self->levels; level++) {
        uint64_t *word = &self->level[level][bit >> 6 * (level + 1)], before = *word;
        *word |= 1ULL << (bit >> 6 * level & 63);
        if (before)
            return;
    }
}

/* Of the touched cells those that changed keep their bit, and raise the one above it. Returns how many these are. */
static Py_ssize_t settle_touched(Panes *self)
{
    const int32_t *slab = self->bound[0].buf;
    Py_ssize_t changed = 0;
    for (Py_ssize_t at = 0; at < self->touched_used; at++) {
        const Touched touched = self->touched[at];
        const uint64_t differs = slab[touched.cell] != touched.before;
        self->level[0][touched.bit >> 6] ^= (differs ^ 1) << (touched.bit & 63);
        uint64_t *above = &self->level[1][touched.bit >> 12], before = *above;
        *above = before | differs << (touched.bit >> 6 & 63);
        if (!before)
            raise_bit(self, touched.bit);
        changed += (Py_ssize_t)differs;
    }
    self->touched_used = 0;
    return changed;
}

/* What is being told. */
typedef struct {
    const int32_t *slab, *cells; /* of all rows; of this row */
    int64_t *tiles;
    int32_t *counts;
    Py_ssize_t told, start; /* where this row's begin */
    int64_t row;
    uint64_t first, end; /* words of this row */
    PyObject *places;
} Telling;

static int put_row(const Telling *telling)
{
    PyObject *key = PyLong_FromLongLong(telling->row), *from = PyLong_FromSsize_t(telling->start), *to = PyLong_FromSsize_t(telling->told);
    PyObject *value = from && to ? PySlice_New(from, to, NULL) : NULL;
    int failed = !key || !value || PyDict_SetItem(telling->places, key, value) < 0;
    Py_XDECREF(key), Py_XDECREF(from), Py_XDECREF(to), Py_XDECREF(value);
    return failed ? -1 : 0;
}

static int begin_row(const Panes *self, Telling *telling, uint64_t at)
{
    if (telling->end && put_row(telling) < 0)
        return -1;
    telling->row = (int64_t)at / self->row_words;
    telling->first = (uint64_t)(telling->row * self->row_words), telling->end = telling->first + (uint64_t)self->row_words;
    telling->cells = telling->slab + telling->row * self->tiles;
    telling->start = telling->told;
    return 0;
}

/* Tells the cells of words that a word of level 1 names, up to the first that is of another row; returns what is left of it. Of each two cells
 * are written at once, the second anew if it is none: most have few, and how many nobody could guess. */
static uint64_t tell_words(const Panes *self, Telling *telling, uint64_t at, uint64_t named)
{
    const int32_t *cells = telling->cells;
    const uint64_t first = telling->first, end = telling->end;
    uint64_t *words = self->level[0];
    int64_t *tiles = telling->tiles + telling->told;
    int32_t *counts = telling->counts + telling->told;
    for (; named; named &= named - 1) {
        const uint64_t place = at * 64 + (uint64_t)__builtin_ctzll(named);
        if (place >= end)
            break;
        const int64_t base = (int64_t)(place - first) * 64;
        uint64_t word = words[place];
        words[place] = 0;
        do {
            const uint64_t rest = word & (word - 1), more = rest != 0; /* arithmetic, so that no compiler makes a jump of it */
            const int64_t tile = base + __builtin_ctzll(word), next = base + __builtin_ctzll(rest | (word & (more - 1)));
            tiles[0] = tile, tiles[1] = next;
            counts[0] = cells[tile], counts[1] = cells[next];
            tiles += 1 + more, counts += 1 + more;
            word = rest & (rest - 1); /* of 0 it is 0 */
        } while (word);
    }
    telling->told = tiles - telling->tiles;
    return named;
}

/* Tells what stands under a word of a level above 0, and empties it. */
static int tell_under(Panes *self, Telling *telling, int level, uint64_t at)
{
    uint64_t word = self->level[level][at];
    self->level[level][at] = 0;
    while (word) {
        const uint64_t below = at * 64 + (uint64_t)__builtin_ctzll(word);
        if (level > 1) {
            if (tell_under(self, telling, level - 1, below) < 0)
                return -1;
            word &= word - 1;
            continue;
        }
        if (below >= telling->end && begin_row(self, telling, below) < 0)
            return -1;
        word = tell_words(self, telling, at, word);
    }
    return 0;
}

/* Of the touched cells those whose count changed, ascending: their tiles, counts, and where each row's stand in these. */
int tell_touched(Panes *self, PyObject **tiles_made, PyObject **counts_made, PyObject *places)
{
    const Py_ssize_t changed = settle_touched(self);
    self->spare.used = 0;
    if (room_for(&self->spare, changed + changed / 2 + 3) < 0)
        return -1;
    int64_t *tiles = (int64_t *)self->spare.items;
    int32_t *counts = (int32_t *)(tiles + changed + 1);
    Telling telling = {.slab = self->bound[0].buf, .tiles = tiles, .counts = counts, .places = places};
    if (tell_under(self, &telling, self->levels - 1, 0) < 0 || (telling.end && put_row(&telling) < 0))
        return -1;
    *tiles_made = PyBytes_FromStringAndSize((const char *)tiles, telling.told * 8);
    *counts_made = PyBytes_FromStringAndSize((const char *)counts, telling.told * 4);
    return *tiles_made && *counts_made ? 0 : -1;
}
