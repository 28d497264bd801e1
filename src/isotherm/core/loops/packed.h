/* Packed columns (`columns.py`) as the loops know them. */
#pragma once

#include "loops.h"

/* A column as text: its type, its elements' number, and its digits. */
typedef struct {
    const uint8_t *digits;
    Py_ssize_t size, length;
    char letter;
} Text;

/* Whether a text has the form of a column; whether all of its digits are any is told by `put_column`. */
int text_of(const char *packed, Py_ssize_t size, Text *text);

/* Its elements, as finite float64 (`most` below 0) or int64 from 0 to `most`: 1; 0: they are not that; -1: an exception is set. */
int put_column(const Text *text, long long most, void *to);
