/* The functions of llmsecrets.packed, compiled: the same answers, and the same refusals, at many times the speed.
 *
 * All that is read here may be hostile. Every operand, span and size is held against what there is before it is used.
 * What is not in order is left to git: an object keeps type 0, a delta raises ValueError.
 */

#include "_compiled.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 8 };

int refuse(const char *why)
{
    PyErr_SetString(PyExc_ValueError, why);
    return -1;
}

int read_size(Stream *stream, uint64_t *size)
{
    *size = 0;
    for (int count = 0; count < LONGEST_NUMBER && stream->at < stream->end; count++) {
        unsigned char byte = *stream->at++;
        *size |= (uint64_t)(byte & 127) << (7 * count);
        if (byte < 128)
            return 1;
    }
    return 0;
}

/* ---- the index ---- */

typedef struct {
    uint64_t offset;
    Py_ssize_t entry; /* of the index */
} Place;

static int compare_places(const void *one, const void *other)
{
    const Place *left = one, *right = other;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return left->entry < right->entry ? -1 : 1;
}

static PyObject *arrange_all(const char *names, uint64_t *offsets, Py_ssize_t count, Py_ssize_t size)
{
    Place *places = PyMem_New(Place, count);
    PyObject *arranged = PyBytes_FromStringAndSize(NULL, count * size);
    if (places == NULL || arranged == NULL) {
        PyMem_Free(places);
        Py_XDECREF(arranged);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t entry = 0; entry < count; entry++)
        places[entry] = (Place){offsets[entry], entry};
    qsort(places, (size_t)count, sizeof(Place), compare_places);
    for (Py_ssize_t number = 0; number < count; number++) {
        offsets[number] = places[number].offset;
        memcpy(PyBytes_AS_STRING(arranged) + number * size, names + places[number].entry * size, (size_t)size);
    }
    PyMem_Free(places);
    return arranged;
}

PyDoc_STRVAR(arrange_doc, "arrange(names, offsets)\n--\n\nAs packed.arrange.");

static PyObject *arrange(PyObject *module, PyObject *args)
{
    PyObject *names, *arranged;
    Py_buffer offsets;
    (void)module;
    if (!PyArg_ParseTuple(args, "Sw*", &names, &offsets))
        return NULL;
    Py_ssize_t count = offsets.len / (Py_ssize_t)sizeof(uint64_t);
    arranged = arrange_all(PyBytes_AS_STRING(names), offsets.buf, count, count ? PyBytes_GET_SIZE(names) / count : 0);
    PyBuffer_Release(&offsets);
    return arranged;
}

/* ---- the heads of objects ---- */

typedef struct {
    const unsigned char *data;
    uint64_t size;
    const uint64_t *offsets; /* one more than there are objects */
    unsigned char *types;
    int32_t *child, *sibling;
} Pack;

uint64_t read_distance(Stream *stream)
{
    uint64_t distance = UINT64_MAX;
    for (int count = 0; count < LONGEST_NUMBER && stream->at < stream->end; count++) {
        unsigned char byte = *stream->at++;
        distance = ((distance + 1) << 7) | (byte & 127);
        if (byte < 128)
            return distance;
    }
    return 0;
}

Py_ssize_t number_at(const uint64_t *offsets, uint64_t offset, Py_ssize_t number)
{
    Py_ssize_t low = 0, high = number;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (offsets[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < number && offsets[low] == offset ? low : -1;
}

/* Enter the type and descent of an object. Whether it is stored whole, and no tree. */
static int classify_one(const Pack *pack, Py_ssize_t number)
{
    uint64_t start = pack->offsets[number], end = pack->offsets[number + 1];
    if (end > pack->size)
        end = pack->size;
    if (start >= end)
        return 0;
    Stream head = {pack->data + start, pack->data + end};
    while (head.at < head.end && *head.at & 0x80)
        head.at++;
    if (head.at == head.end)
        return 0;
    head.at++;
    int kind = pack->data[start] >> 4 & 7;
    if (kind == OFFSET_DELTA) {
        uint64_t distance = read_distance(&head);
        Py_ssize_t base = distance <= start ? number_at(pack->offsets, start - distance, number) : -1;
        if (base < 0)
            return 0;
        pack->types[number] = pack->types[base];
        if (pack->types[base] && pack->types[base] != TREE) {
            pack->sibling[number] = pack->child[base];
            pack->child[base] = (int32_t)number;
        }
        return 0;
    }
    if (kind < 1 || kind > TAG)
        return 0;
    pack->types[number] = (unsigned char)kind;
    return kind != TREE;
}

static PyObject *classify_all(const Pack *pack, Py_ssize_t first, Py_ssize_t last)
{
    PyObject *whole = PyList_New(0);
    for (Py_ssize_t number = first; whole != NULL && number < last; number++)
        if (classify_one(pack, number)) {
            PyObject *entry = PyLong_FromSsize_t(number);
            if (entry == NULL || PyList_Append(whole, entry))
                Py_CLEAR(whole);
            Py_XDECREF(entry);
        }
    return whole;
}

PyDoc_STRVAR(classify_doc, "classify(pack, offsets, first, last, types, child, sibling)\n--\n\nAs packed.classify.");

static PyObject *classify(PyObject *module, PyObject *args)
{
    Py_buffer data, offsets, types, child, sibling;
    Py_ssize_t first, last;
    PyObject *whole = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*nnw*w*w*", &data, &offsets, &first, &last, &types, &child, &sibling))
        return NULL;
    Py_ssize_t count = types.len;
    if (offsets.len != (count + 1) * (Py_ssize_t)sizeof(uint64_t) || child.len != count * (Py_ssize_t)sizeof(int32_t) ||
        sibling.len != child.len || count > INT32_MAX || first < 0 || last > count)
        refuse("tables of different lengths");
    else {
        Pack pack = {data.buf, (uint64_t)data.len, offsets.buf, types.buf, child.buf, sibling.buf};
        whole = classify_all(&pack, first, last);
    }
    PyBuffer_Release(&data);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&types);
    PyBuffer_Release(&child);
    PyBuffer_Release(&sibling);
    return whole;
}

PyDoc_STRVAR(head_doc, "head(pack, start, end)\n--\n\nAs packed.head.");

static PyObject *head(PyObject *module, PyObject *args)
{
    Py_buffer pack;
    Py_ssize_t start, end;
    uint64_t size;
    PyObject *answer = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*nn", &pack, &start, &end))
        return NULL;
    if (start < 0 || start > end || end > pack.len)
        start = end = 0;
    const unsigned char *data = pack.buf;
    Stream stream = {data + start, data + end};
    int kind = stream.at < stream.end ? *stream.at >> 4 & 7 : 0, whole = read_size(&stream, &size);
    if (whole && kind == OFFSET_DELTA)
        while (stream.at < stream.end && *stream.at++ & 0x80)
            ;
    if (whole && stream.at < stream.end)
        answer = Py_BuildValue("(Kn)", (unsigned long long)(size >> 7 << 4 | (size & 15)), (Py_ssize_t)(stream.at - data));
    else
        refuse("an object that is cut short");
    PyBuffer_Release(&pack);
    return answer;
}

/* ---- deltas ---- */

/* Where a copy starts in the base, and its length; operands that are zero are left out. 0 where it is cut short. */
static int read_copy(Stream *stream, unsigned char command, uint64_t *start, uint64_t *length)
{
    uint64_t value = 0;
    for (int bit = 0; bit < 7; bit++)
        if (command & (1 << bit)) {
            if (stream->at >= stream->end)
                return 0;
            value |= (uint64_t)*stream->at++ << (8 * bit);
        }
    *start = value & 0xFFFFFFFF;
    *length = value >> 32 ? value >> 32 : 0x10000;
    return 1;
}

static int add_copy(PyObject *copies, uint64_t start, uint64_t filled, uint64_t length)
{
    PyObject *copy = Py_BuildValue("(nnn)", (Py_ssize_t)start, (Py_ssize_t)filled, (Py_ssize_t)length);
    int failed = copy == NULL || PyList_Append(copies, copy);
    Py_XDECREF(copy);
    return failed ? -1 : 0;
}

/* Carry out the instructions of a delta. -1 with an exception set where that cannot be. */
static int carry_out(Stream *delta, const unsigned char *base, uint64_t base_size, unsigned char *content,
                     uint64_t size, uint64_t least, PyObject *copies)
{
    uint64_t filled = 0;
    while (delta->at < delta->end) {
        unsigned char command = *delta->at++;
        const unsigned char *from = delta->at;
        uint64_t length = command, start = 0;
        int is_copy = command >= 128;
        if (is_copy && read_copy(delta, command, &start, &length) && start <= base_size && length <= base_size - start)
            from = base + start;
        else if (!is_copy && length && length <= (uint64_t)(delta->end - delta->at))
            delta->at += length;
        else
            return refuse("an instruction that cannot be carried out");
        if (length > size - filled)
            return refuse("the delta makes something of another size");
        memcpy(content + filled, from, length);
        if (is_copy && copies != NULL && length >= least && add_copy(copies, start, filled, length))
            return -1;
        filled += length;
    }
    return filled == size ? 0 : refuse("the delta makes something of another size");
}

PyObject *make(PyObject *delta, PyObject *base, Py_ssize_t most, Py_ssize_t least, PyObject *copies)
{
    uint64_t of, size;
    const unsigned char *start = (unsigned char *)PyBytes_AS_STRING(delta);
    Stream stream = {start, start + PyBytes_GET_SIZE(delta)};
    if (!read_size(&stream, &of) || !read_size(&stream, &size) || of != (uint64_t)PyBytes_GET_SIZE(base) || most < 0 ||
        size > (uint64_t)most) {
        refuse("a delta of something else, or too large");
        return NULL;
    }
    PyObject *content = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (content != NULL &&
        carry_out(&stream, (unsigned char *)PyBytes_AS_STRING(base), of, (unsigned char *)PyBytes_AS_STRING(content),
                  size, least > 0 ? (uint64_t)least : 0, copies))
        Py_CLEAR(content);
    return content;
}

PyDoc_STRVAR(applied_doc, "applied(delta, base, most, least)\n--\n\nAs packed.applied.");

static PyObject *applied(PyObject *module, PyObject *args)
{
    PyObject *delta, *base;
    Py_ssize_t most, least;
    (void)module;
    if (!PyArg_ParseTuple(args, "SSnn", &delta, &base, &most, &least))
        return NULL;
    PyObject *copies = PyList_New(0), *content = copies != NULL ? make(delta, base, most, least, copies) : NULL;
    if (content == NULL) {
        Py_XDECREF(copies);
        return NULL;
    }
    return Py_BuildValue("(NN)", content, copies);
}

/* ---- the module ---- */

static PyMethodDef methods[] = {
    {"arrange", arrange, METH_VARARGS, arrange_doc},
    {"classify", classify, METH_VARARGS, classify_doc},
    {"head", head, METH_VARARGS, head_doc},
    {"applied", applied, METH_VARARGS, applied_doc},
    {NULL, NULL, 0, NULL},
};

static int add_types(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&trees_spec);
    int failed = type == NULL || PyModule_AddObjectRef(module, "Trees", type);
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_types},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "llmsecrets.packed._compiled", "llmsecrets.packed, compiled.", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__compiled(void)
{
    return PyModuleDef_Init(&definition);
}
