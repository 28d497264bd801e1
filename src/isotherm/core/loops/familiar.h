/* Events of sockets that go on as before (`familiar.c`). */
#pragma once
#include "gathering.h"

/* The type `Voice`, once the module is made. */
extern PyObject *voice_type;
