/* What is gathered (`gathering.c`), for whatever else puts something into it. */
#pragma once
#include "loops.h"

enum { PAGE, SESSION, DEVICE, LOAD, SEQ, SIZE, WIDTH, HEIGHT, TIME_MS, X, Y, KIND, COLUMNS };

typedef struct {
    PyObject_HEAD
    PyObject *arrays[COLUMNS];
    void *columns[COLUMNS]; /* where their bytes are */
    Py_ssize_t runs, runs_room, samples, samples_room;
    Py_ssize_t runs_begun, samples_begun; /* room to begin with: for as many as came the last time */
} Gathering;

/* A run of one sample. `numbers` are those before `SIZE`. -1: an exception is set, and nothing was put in. */
int put_event(Gathering *gathering, const long long *numbers, double width, double height, long long time_ms, double x, double y, uint8_t kind);

/* The type `Gathering`, once the module is made. */
extern PyObject *gathering_type;
