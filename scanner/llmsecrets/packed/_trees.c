/* The walk through the trees of a history: what each commit brings in that none before it held, and at which path.
 *
 * A tree is compared with the one at its place in the commit's first parent, which has been walked: what they share
 * need not be looked at. So a commit costs what it changed, where git looks each entry of each tree up anew.
 *
 * All that is read here may be hostile. What is not in order raises ValueError, and git walks instead.
 */

#include "_compiled.h"

#include <stdlib.h>
#include <string.h>

enum {
    LONGEST_CHAIN = 4096, /* of deltas, as git has it */
    DEEPEST = 1024,       /* folder */
    LONGEST_PATH = 1 << 16,
    LARGEST_TREE = 1 << 28, /* bytes */
    HELD = 48 << 20,        /* bytes of trees */
    LARGEST_ID = 32,
};

enum { SEEN = 1, WALKED }; /* WALKED: with all that it leads to */

typedef struct {
    Py_buffer data, offsets, types, ids;
    uint32_t first; /* of its objects' numbers */
} Pack;

typedef struct {
    PyObject_HEAD
    Pack *packs;
    Py_ssize_t pack_count;
    Py_buffer loose; /* ids of objects that lie in no pack */
    uint32_t loose_from, count, id_size;
    uint32_t *slots, mask; /* number + 1 of the object whose id hashes here, or behind */
    unsigned char *seen;  /* 0, SEEN or WALKED */
    uint32_t *roots;      /* number + 1 of the tree of each commit that was walked */
    PyObject **contents;  /* of the trees that are held */
    uint32_t *held;       /* their numbers, a ring, the oldest first */
    uint32_t held_first, held_count;
    size_t held_size;
    PyObject *inflate, *read;
    unsigned char *lines; /* what `brought` returns */
    size_t written, room;
    unsigned char path[LONGEST_PATH];
} Trees;

/* ---- objects by their ids ---- */

static Pack *pack_of(const Trees *self, uint32_t number)
{
    Py_ssize_t low = 0, high = self->pack_count;
    while (high - low > 1) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (self->packs[middle].first <= number)
            low = middle;
        else
            high = middle;
    }
    return &self->packs[low];
}

static const unsigned char *id_of(const Trees *self, uint32_t number)
{
    if (number >= self->loose_from)
        return (const unsigned char *)self->loose.buf + (size_t)(number - self->loose_from) * self->id_size;
    const Pack *pack = pack_of(self, number);
    return (const unsigned char *)pack->ids.buf + (size_t)(number - pack->first) * self->id_size;
}

/* The slot of an object, or the empty one where it would be. */
static uint32_t *slot_of(const Trees *self, const unsigned char *id)
{
    uint32_t hash;
    memcpy(&hash, id, sizeof hash);
    for (uint32_t at = hash & self->mask;; at = (at + 1) & self->mask)
        if (!self->slots[at] || !memcmp(id_of(self, self->slots[at] - 1), id, self->id_size))
            return &self->slots[at];
}

/* Number + 1 of an object; 0 where there is none. */
static uint32_t look_up(const Trees *self, const unsigned char *id)
{
    return *slot_of(self, id);
}

/* ---- contents ---- */

static void hold(Trees *self, uint32_t number, PyObject *content)
{
    self->held_size += (size_t)PyBytes_GET_SIZE(content);
    self->contents[number] = Py_NewRef(content);
    self->held[(self->held_first + self->held_count++) % self->count] = number;
    while (self->held_size > HELD && self->held_count > 1) {
        uint32_t oldest = self->held[self->held_first];
        self->held_first = (self->held_first + 1) % self->count;
        self->held_count--;
        self->held_size -= (size_t)PyBytes_GET_SIZE(self->contents[oldest]);
        Py_CLEAR(self->contents[oldest]);
    }
}

typedef struct {
    int kind; /* TREE, OFFSET_DELTA, or 0 for what is not read from a pack here */
    uint64_t size;
    Stream packed;
    uint32_t base;
} Head;

static Head head_of(const Trees *self, uint32_t number)
{
    Head none = {0}, head = {0};
    if (number >= self->loose_from)
        return none;
    const Pack *pack = pack_of(self, number);
    const uint64_t *offsets = pack->offsets.buf;
    uint32_t local = number - pack->first;
    uint64_t start = offsets[local], end = offsets[local + 1], size;
    if (((unsigned char *)pack->types.buf)[local] != TREE || start >= end || end > (uint64_t)pack->data.len)
        return none;
    const unsigned char *data = pack->data.buf;
    head.packed = (Stream){data + start, data + end};
    head.kind = data[start] >> 4 & 7;
    if (!read_size(&head.packed, &size))
        return none;
    head.size = size >> 7 << 4 | (size & 15);
    if (head.kind == OFFSET_DELTA) {
        uint64_t distance = read_distance(&head.packed);
        Py_ssize_t base = distance <= start ? number_at(offsets, start - distance, local) : -1;
        if (base < 0)
            return none;
        head.base = pack->first + (uint32_t)base;
    }
    else if (head.kind != TREE)
        return none;
    return head.size <= LARGEST_TREE ? head : none;
}

/* What `inflate` or `read` returned, if it is bytes. */
static PyObject *only_bytes(PyObject *content)
{
    if (content != NULL && !PyBytes_Check(content)) {
        Py_CLEAR(content);
        refuse("not read as bytes");
    }
    return content;
}

static PyObject *inflated(Trees *self, const Head *head)
{
    return only_bytes(PyObject_CallFunction(self->inflate, "y#K", (const char *)head->packed.at,
                                            (Py_ssize_t)(head->packed.end - head->packed.at),
                                            (unsigned long long)head->size));
}

static PyObject *changed(Trees *self, const Head *head, PyObject *base)
{
    PyObject *delta = inflated(self, head), *content = delta != NULL ? make(delta, base, LARGEST_TREE, 0, NULL) : NULL;
    Py_XDECREF(delta);
    return content;
}

/* A tree that is not read from a pack here, as `read` gives it. */
static PyObject *read_elsewhere(Trees *self, uint32_t number)
{
    return only_bytes(
        PyObject_CallFunction(self->read, "y#", (const char *)id_of(self, number), (Py_ssize_t)self->id_size));
}

static PyObject *content_of(Trees *self, uint32_t number)
{
    uint32_t chain[LONGEST_CHAIN];
    int length = 0;
    PyObject *content;
    while ((content = Py_XNewRef(self->contents[number])) == NULL) {
        Head head = head_of(self, number);
        if (head.kind == OFFSET_DELTA && length < LONGEST_CHAIN) {
            chain[length++] = number;
            number = head.base;
            continue;
        }
        content = head.kind == TREE ? inflated(self, &head) : read_elsewhere(self, number);
        if (content == NULL)
            return NULL;
        hold(self, number, content);
        break;
    }
    while (content != NULL && length) {
        Head head = head_of(self, chain[--length]);
        Py_SETREF(content, changed(self, &head, content));
        if (content != NULL)
            hold(self, chain[length], content);
    }
    return content;
}

/* ---- entries ---- */

typedef struct {
    unsigned mode;
    const unsigned char *name, *id;
    size_t name_size;
} Entry;

enum { KIND = 0170000, FOLDER = 0040000, FILE_ = 0100000, LINK = 0120000 };

/* The next entry. 0 where the tree is not in order. */
static int read_entry(Stream *tree, size_t id_size, Entry *entry)
{
    entry->mode = 0;
    while (tree->at < tree->end && *tree->at >= '0' && *tree->at <= '7' && entry->mode <= KIND)
        entry->mode = entry->mode << 3 | (unsigned)(*tree->at++ - '0');
    if (tree->at == tree->end || !entry->mode || *tree->at++ != ' ')
        return 0;
    entry->name = tree->at;
    const unsigned char *end = memchr(tree->at, 0, (size_t)(tree->end - tree->at));
    if (end == NULL || end == tree->at || (size_t)(tree->end - end - 1) < id_size)
        return 0;
    entry->name_size = (size_t)(end - tree->at);
    entry->id = end + 1;
    tree->at = end + 1 + id_size;
    return 1;
}

static int is_folder(const Entry *entry)
{
    return (entry->mode & KIND) == FOLDER;
}

/* Which of two entries comes first: in a tree, a folder's name counts as ending in a slash. */
static int compare_names(const Entry *one, const Entry *other)
{
    size_t least = one->name_size < other->name_size ? one->name_size : other->name_size;
    int order = memcmp(one->name, other->name, least);
    if (order)
        return order;
    int left = least < one->name_size ? one->name[least] : is_folder(one) ? '/' : 0;
    int right = least < other->name_size ? other->name[least] : is_folder(other) ? '/' : 0;
    return left - right;
}

static size_t shared(const Stream *one, const Stream *other)
{
    size_t left = (size_t)(one->end - one->at), right = (size_t)(other->end - other->at);
    size_t most = left < right ? left : right, at = 0;
    while (at + 64 <= most && !memcmp(one->at + at, other->at + at, 64))
        at += 64;
    while (at < most && one->at[at] == other->at[at])
        at++;
    return at;
}

/* Go behind the entries that two trees share from here on: those of `known` have been read, and are in order. */
static void skip_shared(Stream *tree, Stream *known, size_t id_size)
{
    const unsigned char *start = tree->at, *end = start + shared(tree, known), *name_end;
    while (tree->at < end && (name_end = memchr(tree->at, 0, (size_t)(end - tree->at))) != NULL &&
           (size_t)(end - name_end) > id_size)
        tree->at = name_end + 1 + id_size;
    known->at += tree->at - start;
}

/* ---- lines ---- */

static const char digits[] = "0123456789abcdef";

static int make_room(Trees *self, size_t more)
{
    if (self->written + more <= self->room)
        return 0;
    size_t room = 2 * (self->written + more);
    unsigned char *lines = PyMem_Realloc(self->lines, room);
    if (lines == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->lines = lines;
    self->room = room;
    return 0;
}

static void write_id(Trees *self, const unsigned char *id)
{
    for (uint32_t at = 0; at < self->id_size; at++) {
        self->lines[self->written++] = (unsigned char)digits[id[at] >> 4];
        self->lines[self->written++] = (unsigned char)digits[id[at] & 15];
    }
}

/* A line for an object and its path, which ends where its first line does, as git has it. */
static int write_object(Trees *self, uint32_t number, size_t path_size)
{
    const unsigned char *end = memchr(self->path, '\n', path_size);
    size_t size = end == NULL ? path_size : (size_t)(end - self->path);
    if (make_room(self, 2 * self->id_size + size + 2))
        return -1;
    write_id(self, id_of(self, number));
    self->lines[self->written++] = ' ';
    memcpy(self->lines + self->written, self->path, size);
    self->written += size;
    self->lines[self->written++] = '\n';
    return 0;
}

static int write_missing(Trees *self, const unsigned char *id)
{
    if (make_room(self, 2 * self->id_size + 2))
        return -1;
    self->lines[self->written++] = '?';
    write_id(self, id);
    self->lines[self->written++] = '\n';
    return 0;
}

/* ---- the walk ---- */

static int visit(Trees *self, uint32_t number, uint32_t like, size_t path_size, int depth);

static int type_of(const Trees *self, uint32_t number)
{
    if (number >= self->loose_from)
        return 0;
    const Pack *pack = pack_of(self, number);
    return ((unsigned char *)pack->types.buf)[number - pack->first];
}

/* An entry that is not in the tree compared with; `like`, number + 1, is the folder that stood there. */
static int visit_entry(Trees *self, const Entry *entry, uint32_t like, size_t path_size, int depth)
{
    unsigned kind = entry->mode & KIND;
    if (kind != FOLDER && kind != FILE_ && kind != LINK)
        return 0; /* a submodule */
    uint32_t number = look_up(self, entry->id);
    if (!number)
        return write_missing(self, entry->id);
    number--;
    if (self->seen[number])
        return 0;
    size_t size = path_size + (path_size > 0) + entry->name_size;
    if (size > LONGEST_PATH)
        return refuse("a path that is too long");
    if (path_size)
        self->path[path_size] = '/';
    memcpy(self->path + size - entry->name_size, entry->name, entry->name_size);
    if (kind == FOLDER)
        return visit(self, number, like, size, depth + 1);
    if (type_of(self, number) == TREE)
        return refuse("a folder that is said to be a file");
    self->seen[number] = SEEN;
    return write_object(self, number, size);
}

static int visit_entries(Trees *self, Stream tree, Stream known, size_t path_size, int depth)
{
    Entry entry, other;
    size_t id_size = self->id_size;
    for (;;) {
        skip_shared(&tree, &known, id_size);
        if (tree.at == tree.end)
            return 0;
        if (!read_entry(&tree, id_size, &entry))
            return refuse("a tree that is not in order");
        Stream behind = known;
        uint32_t like = 0;
        while (known.at < known.end) {
            if (!read_entry(&behind, id_size, &other))
                return refuse("a tree that is not in order");
            int order = compare_names(&other, &entry);
            if (order > 0)
                break;
            known = behind;
            if (!order) {
                like = is_folder(&other) ? look_up(self, other.id) : 0;
                break;
            }
        }
        if (visit_entry(self, &entry, like, path_size, depth))
            return -1;
    }
}

static Stream stream_of(PyObject *content)
{
    const unsigned char *start = (unsigned char *)PyBytes_AS_STRING(content);
    return (Stream){start, start + PyBytes_GET_SIZE(content)};
}

/* All that a tree leads to and was not seen before; what it shares with `like`, number + 1 of a tree, was, if that has
 * been walked. */
static int visit(Trees *self, uint32_t number, uint32_t like, size_t path_size, int depth)
{
    int type = type_of(self, number);
    if (depth > DEEPEST || (type && type != TREE))
        return refuse("folders that are too deep, or none");
    PyObject *content = content_of(self, number), *known = NULL;
    like = like && self->seen[like - 1] == WALKED ? like : 0;
    if (content != NULL && like)
        known = content_of(self, like - 1);
    int failed = content == NULL || (like && known == NULL) || write_object(self, number, path_size);
    self->seen[number] = SEEN;
    if (!failed)
        failed = visit_entries(self, stream_of(content), known ? stream_of(known) : (Stream){0}, path_size, depth);
    Py_XDECREF(content);
    Py_XDECREF(known);
    self->seen[number] = WALKED;
    return failed ? -1 : 0;
}

/* Read an id written in hex; 0 where there is none. */
static int read_id(const Trees *self, Stream *line, unsigned char *id)
{
    for (uint32_t at = 0; at < 2 * self->id_size; at++) {
        const char *digit = line->at < line->end && *line->at ? strchr(digits, *line->at++) : NULL;
        if (digit == NULL)
            return 0;
        id[at / 2] = (unsigned char)(id[at / 2] << 4 | (digit - digits));
    }
    if (line->at < line->end && *line->at == ' ')
        line->at++;
    return 1;
}

/* Walk a commit, given a line of its id and those of its tree and parents. */
static int bring(Trees *self, Stream line)
{
    unsigned char commit_id[LARGEST_ID] = {0}, tree_id[LARGEST_ID] = {0}, parent_id[LARGEST_ID] = {0};
    if (!read_id(self, &line, commit_id) || !read_id(self, &line, tree_id))
        return refuse("not the line of a commit");
    uint32_t commit = look_up(self, commit_id), tree = look_up(self, tree_id), like = 0;
    if (!commit)
        return refuse("a commit that came while it was walked");
    if (read_id(self, &line, parent_id) && (like = look_up(self, parent_id)) != 0)
        like = self->roots[like - 1];
    self->roots[commit - 1] = tree;
    if (make_room(self, 2 * self->id_size + 1))
        return -1;
    write_id(self, commit_id);
    self->lines[self->written++] = '\n';
    if (!tree)
        return write_missing(self, tree_id);
    return self->seen[tree - 1] ? 0 : visit(self, tree - 1, like, 0, 0);
}

PyDoc_STRVAR(brought_doc, "brought(commits)\n--\n\nWhat `git rev-list --objects` prints of commits: lines of their ids, each with all it brings in.\n\n"
             "Of each commit a line: its id, that of its tree, and those of its parents, which must have come before.");

static PyObject *brought(PyObject *object, PyObject *argument)
{
    Trees *self = (Trees *)object;
    if (!PyBytes_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "lines are bytes");
        return NULL;
    }
    Stream rest = stream_of(argument);
    self->written = 0;
    while (rest.at < rest.end) {
        const unsigned char *end = memchr(rest.at, '\n', (size_t)(rest.end - rest.at));
        Stream line = {rest.at, end == NULL ? rest.end : end};
        if (bring(self, line))
            return NULL;
        rest.at = line.end + (end != NULL);
    }
    return PyBytes_FromStringAndSize((char *)self->lines, (Py_ssize_t)self->written);
}

/* ---- the type ---- */

static int take_pack(Trees *self, Pack *pack, PyObject *parts)
{
    PyObject *data, *offsets, *types, *ids;
    if (!PyArg_ParseTuple(parts, "OOOO", &data, &offsets, &types, &ids) ||
        PyObject_GetBuffer(data, &pack->data, PyBUF_SIMPLE) || PyObject_GetBuffer(offsets, &pack->offsets, PyBUF_SIMPLE) ||
        PyObject_GetBuffer(types, &pack->types, PyBUF_SIMPLE) || PyObject_GetBuffer(ids, &pack->ids, PyBUF_SIMPLE))
        return -1;
    if (pack->offsets.len != (pack->types.len + 1) * (Py_ssize_t)sizeof(uint64_t) ||
        pack->ids.len != pack->types.len * (Py_ssize_t)self->id_size || pack->types.len > INT32_MAX - (Py_ssize_t)self->count)
        return refuse("tables of different lengths");
    pack->first = self->count;
    self->count += (uint32_t)pack->types.len;
    return 0;
}

static int take_packs(Trees *self, PyObject *packs)
{
    self->packs = PyMem_Calloc((size_t)PyList_GET_SIZE(packs) + 1, sizeof(Pack));
    if (self->packs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(packs); at++) {
        self->pack_count++; /* whose buffers are given back, taken or not */
        if (take_pack(self, &self->packs[at], PyList_GET_ITEM(packs, at)))
            return -1;
    }
    return 0;
}

static int make_tables(Trees *self)
{
    uint32_t size = 16;
    while (size < 2 * (uint64_t)self->count)
        size *= 2;
    self->mask = size - 1;
    self->slots = PyMem_Calloc(size, sizeof *self->slots);
    self->seen = PyMem_Calloc((size_t)self->count + 1, 1);
    self->roots = PyMem_Calloc((size_t)self->count + 1, sizeof *self->roots);
    self->contents = PyMem_Calloc((size_t)self->count + 1, sizeof *self->contents);
    self->held = PyMem_Calloc((size_t)self->count + 1, sizeof *self->held);
    if (!self->slots || !self->seen || !self->roots || !self->contents || !self->held) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t number = 0; number < self->count; number++) {
        uint32_t *slot = slot_of(self, id_of(self, number));
        if (!*slot)
            *slot = number + 1;
    }
    return 0;
}

PyDoc_STRVAR(trees_doc, "Trees(packs, loose, id_size, inflate, read)\n--\n\nThe trees of a repository, to be walked once.\n\n"
             "`packs`: of each (bytes, offsets, types, ids), as packed.arrange and packed.classify have them. `loose`: ids of\n"
             "objects in no pack. `inflate(packed, size)` and `read(id)`, for a tree in no pack, return bytes.");

static int initialize(PyObject *object, PyObject *args, PyObject *keywords)
{
    Trees *self = (Trees *)object;
    PyObject *packs, *inflate, *read;
    if (self->packs != NULL || keywords != NULL)
        return refuse("made once, of positional arguments");
    if (!PyArg_ParseTuple(args, "O!y*IOO", &PyList_Type, &packs, &self->loose, &self->id_size, &inflate, &read))
        return -1;
    self->inflate = Py_NewRef(inflate);
    self->read = Py_NewRef(read);
    if (self->id_size < 4 || self->id_size > LARGEST_ID)
        return refuse("ids of an unknown size");
    if (take_packs(self, packs))
        return -1;
    self->loose_from = self->count;
    if (self->loose.len / (Py_ssize_t)self->id_size > INT32_MAX - (Py_ssize_t)self->count)
        return refuse("too many objects");
    self->count += (uint32_t)(self->loose.len / (Py_ssize_t)self->id_size);
    return make_tables(self);
}

static void deallocate(PyObject *object)
{
    Trees *self = (Trees *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (uint32_t at = 0; self->contents != NULL && at < self->held_count; at++)
        Py_CLEAR(self->contents[self->held[(self->held_first + at) % self->count]]);
    for (Py_ssize_t at = 0; at < self->pack_count; at++) {
        Pack *pack = &self->packs[at];
        PyBuffer_Release(&pack->data);
        PyBuffer_Release(&pack->offsets);
        PyBuffer_Release(&pack->types);
        PyBuffer_Release(&pack->ids);
    }
    PyBuffer_Release(&self->loose);
    PyMem_Free(self->packs);
    PyMem_Free(self->slots);
    PyMem_Free(self->seen);
    PyMem_Free(self->roots);
    PyMem_Free(self->contents);
    PyMem_Free(self->held);
    PyMem_Free(self->lines);
    Py_XDECREF(self->inflate);
    Py_XDECREF(self->read);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"brought", brought, METH_O, brought_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)trees_doc},
    {Py_tp_init, initialize},
    {Py_tp_dealloc, deallocate},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec trees_spec = {"llmsecrets.packed._compiled.Trees", sizeof(Trees), 0, Py_TPFLAGS_DEFAULT, slots};
