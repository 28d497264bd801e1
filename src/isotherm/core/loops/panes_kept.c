/* Panes, kept in the order of their numbers: found, made, taken out. Mostly there are no gaps, so one look is enough to find one; to make one that
 * is not the newest may move the others. */
#include "panes.h"

int room_for(List *list, Py_ssize_t more)
{
    if (list->used + more <= list->room)
        return 0;
    Py_ssize_t room = list->used + more + list->room / 2 + 64;
    uint64_t *items = realloc(list->items, (size_t)room * sizeof *items);
    if (!items) {
        PyErr_NoMemory();
        return -1;
    }
    list->items = items, list->room = room;
    return 0;
}

/* The place of a pane, or the one that it would have. */
static Py_ssize_t place_of(const Panes *self, int64_t number)
{
    Py_ssize_t low = self->first, high = self->end;
    if (low < high) { /* mostly there are no gaps: one look, from either end */
        int64_t from_first = (int64_t)((uint64_t)number - (uint64_t)self->panes[low].number);
        int64_t from_last = (int64_t)((uint64_t)self->panes[high - 1].number - (uint64_t)number);
        if (from_first >= 0 && from_first < high - low && self->panes[low + from_first].number == number)
            return low + (Py_ssize_t)from_first;
        if (from_last >= 0 && from_last < high - low && self->panes[high - 1 - from_last].number == number)
            return high - 1 - (Py_ssize_t)from_last;
        if (self->panes[high - 1].number < number)
            return high;
    }
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (self->panes[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

Pane *find_pane(const Panes *self, int64_t number)
{
    Py_ssize_t place = place_of(self, number);
    return place < self->end && self->panes[place].number == number ? &self->panes[place] : NULL;
}

Pane *find_or_make(Panes *self, int64_t number)
{
    Py_ssize_t place = place_of(self, number);
    if (place < self->end && self->panes[place].number == number)
        return &self->panes[place];
    if (self->end == self->room) {
        Py_ssize_t number_of = self->end - self->first;
        if (self->first > number_of) {
            memmove(self->panes, self->panes + self->first, (size_t)number_of * sizeof *self->panes);
        } else {
            Py_ssize_t room = 2 * self->room + 64;
            Pane *panes = malloc((size_t)room * sizeof *panes);
            if (!panes) {
                PyErr_NoMemory();
                return NULL;
            }
            if (number_of)
                memcpy(panes, self->panes + self->first, (size_t)number_of * sizeof *panes);
            free(self->panes);
            self->panes = panes, self->room = room;
        }
        place -= self->first, self->end -= self->first, self->first = 0;
    }
    memmove(self->panes + place + 1, self->panes + place, (size_t)(self->end - place) * sizeof *self->panes);
    self->end++;
    self->panes[place] = (Pane){.number = number};
    return &self->panes[place];
}

void take_out(Panes *self, Pane *pane)
{
    free(pane->entries);
    Py_ssize_t place = pane - self->panes;
    if (place == self->first)
        self->first++;
    else
        memmove(pane, pane + 1, (size_t)(--self->end - place) * sizeof *pane);
}

int pane_room(Pane *pane, Py_ssize_t more)
{
    if (more <= (Py_ssize_t)(pane->room - pane->used))
        return 0;
    uint64_t room = pane->used ? (uint64_t)pane->used + (uint64_t)more + pane->used / 2 : (uint64_t)more;
    uint64_t *entries = room <= UINT32_MAX ? realloc(pane->entries, (size_t)room * sizeof *entries) : NULL;
    if (!entries) {
        PyErr_NoMemory();
        return -1;
    }
    pane->entries = entries, pane->room = (uint32_t)room;
    return 0;
}

/* Puts entries into a pane, behind those that are there. */
int put(Panes *self, int64_t number, const uint64_t *entries, Py_ssize_t length)
{
    Pane *pane = find_or_make(self, number);
    if (!pane || pane_room(pane, length) < 0 || room_for(&self->unsettled, 1) < 0)
        return -1;
    if (pane->used == pane->settled)
        self->unsettled.items[self->unsettled.used++] = (uint64_t)number;
    memcpy(pane->entries + pane->used, entries, (size_t)length * sizeof *entries);
    pane->used += (uint32_t)length;
    return 0;
}

/* Gives back the room behind its entries. */
void trim(Pane *pane)
{
    uint64_t *entries = pane && pane->used && pane->used < pane->room ? realloc(pane->entries, pane->used * sizeof *entries) : NULL;
    if (entries)
        pane->entries = entries, pane->room = pane->used;
}
