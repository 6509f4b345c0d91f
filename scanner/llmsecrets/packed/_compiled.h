/* What the files of the compiled module share: reading numbers and deltas of packs. */

#ifndef LLMSECRETS_COMPILED_H
#define LLMSECRETS_COMPILED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

enum { TREE = 2, TAG = 4, OFFSET_DELTA = 6 };

typedef struct {
    const unsigned char *at, *end;
} Stream;

/* Set a ValueError. Always -1. */
int refuse(const char *why);

/* A size, seven bits a byte from the lowest on. 0 where it is cut short. */
int read_size(Stream *stream, uint64_t *size);

/* How far before a delta its base lies; 0, where none can be, if that is cut short. */
uint64_t read_distance(Stream *stream);

/* The number of the object that begins at an offset, of those before `number`; -1 if none does. */
Py_ssize_t number_at(const uint64_t *offsets, uint64_t offset, Py_ssize_t number);

/* What a delta makes of its base, as packed.applied; both are bytes. Copies are appended to `copies`, unless NULL. */
PyObject *make(PyObject *delta, PyObject *base, Py_ssize_t most, Py_ssize_t least, PyObject *copies);

extern PyType_Spec trees_spec;

#endif
