/* Rings: memory of the lists of `cold.c`, which lie apart from all else so that large pages can hold them: at each hop some hundred lists are
 * written, each somewhere else, and to find where a page of 4 KiB lies costs as much as to write there.
 *
 * A chunk of 2 MiB is cut in halves, a half in halves, down to what is asked for; two halves that are free again become one (buddies; Knowlton,
 * CACM 1965), and a chunk that is free again goes back:
 *
 *     │ head │ 4 KiB │ 8 KiB  │ 16 KiB         │ … │ 1 MiB                │      a chunk of which nothing is in use
 *
 * What is smaller or larger than its sizes is the C library's.
 */
#include "rings.h"
#include <sys/mman.h>

enum { BLOCK = 1 << 10, HEAD_ORDER = 2, ENTRY = sizeof(uint64_t) };
enum { CHUNKS_PLAIN = 4 }; /* before that a server has so little in lists that memory counts for more */
static const uint64_t CHUNK = 1 << 21;

/* Stands at its beginning. */
typedef struct {
    uint32_t used;                      /* pieces in use */
    uint8_t free_of[(1 << 21) / BLOCK]; /* order + 1 of the free piece that begins there */
} Chunk;

_Static_assert(sizeof(Chunk) <= BLOCK << HEAD_ORDER, "a chunk's head has its place");

static inline Chunk *chunk_of(const void *piece) { return (Chunk *)((uintptr_t)piece & ~(uintptr_t)(CHUNK - 1)); }
static inline size_t block_of(const void *piece) { return ((uintptr_t)piece & (CHUNK - 1)) / BLOCK; }

/* Below 0: it is not cut out of a chunk. */
static int order_of(uint64_t room)
{
    int order = 0;
    while (((uint64_t)BLOCK << order) < room * ENTRY)
        order++;
    return ((uint64_t)BLOCK << order) == room * ENTRY && order < RING_ORDERS ? order : -1;
}

static void put_in(Rings *rings, void *piece, int order)
{
    Free *one = piece, *next = rings->free[order];
    *one = (Free){.next = next};
    if (next)
        next->before = one;
    rings->free[order] = one;
    chunk_of(piece)->free_of[block_of(piece)] = (uint8_t)(order + 1);
}

static void take_out(Rings *rings, void *piece, int order)
{
    Free *one = piece;
    if (one->next)
        one->next->before = one->before;
    *(one->before ? &one->before->next : &rings->free[order]) = one->next;
    chunk_of(piece)->free_of[block_of(piece)] = 0;
}

static int add_chunk(Rings *rings)
{
    char *memory = mmap(NULL, 2 * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    char *chunk = (char *)(((uintptr_t)memory + CHUNK - 1) & ~(uintptr_t)(CHUNK - 1)), *end = memory + 2 * CHUNK;
    if (chunk > memory)
        munmap(memory, (size_t)(chunk - memory));
    if (end > chunk + CHUNK)
        munmap(chunk + CHUNK, (size_t)(end - (chunk + CHUNK)));
#ifdef MADV_HUGEPAGE
    if (rings->chunks >= CHUNKS_PLAIN)
        (void)madvise(chunk, CHUNK, MADV_HUGEPAGE); /* where there are none, it is as before */
#endif
    rings->chunks++;
    for (int order = HEAD_ORDER; order < RING_ORDERS; order++)
        put_in(rings, chunk + ((size_t)BLOCK << order), order);
    return 0;
}

static void drop_chunk(Rings *rings, Chunk *chunk)
{
    for (int order = HEAD_ORDER; order < RING_ORDERS; order++)
        take_out(rings, (char *)chunk + ((size_t)BLOCK << order), order);
    munmap(chunk, CHUNK);
    rings->chunks--;
}

uint64_t *ring_take(Rings *rings, uint64_t room)
{
    const int order = order_of(room);
    if (order < 0)
        return malloc((size_t)room * ENTRY);
    int from = order;
    while (from < RING_ORDERS && !rings->free[from])
        from++;
    if (from == RING_ORDERS) {
        if (add_chunk(rings) < 0)
            return NULL;
        for (from = order > HEAD_ORDER ? order : HEAD_ORDER; !rings->free[from];)
            from++;
    }
    char *piece = (char *)rings->free[from];
    take_out(rings, piece, from);
    while (from > order) {
        from--;
        put_in(rings, piece + ((size_t)BLOCK << from), from);
    }
    chunk_of(piece)->used++;
    return (uint64_t *)piece;
}

void ring_give(Rings *rings, uint64_t *entries, uint64_t room)
{
    int order = entries ? order_of(room) : -1;
    if (order < 0) {
        free(entries);
        return;
    }
    Chunk *chunk = chunk_of(entries);
    size_t block = block_of(entries);
    chunk->used--;
    for (; order < RING_ORDERS - 1; order++) {
        const size_t buddy = block ^ (size_t)1 << order;
        if (chunk->free_of[buddy] != order + 1)
            break;
        take_out(rings, (char *)chunk + buddy * BLOCK, order);
        block &= ~((size_t)1 << order);
    }
    put_in(rings, (char *)chunk + block * BLOCK, order);
    if (!chunk->used && rings->chunks > 1)
        drop_chunk(rings, chunk);
}

void rings_end(Rings *rings)
{
    while (rings->free[RING_ORDERS - 1]) /* one was kept, so that what comes and goes asks for no memory each time */
        drop_chunk(rings, chunk_of(rings->free[RING_ORDERS - 1]));
}
