/* givens.h - files of features made by tests, in every format that is read: a list of
 * small arrays, changed at will, then written. One test program includes it once; they
 * go to the folder of program.h. */
#ifndef GIVENS_H
#define GIVENS_H

#include "../harness/checkpoint.h"
#include "../kernels/random.h"
#include "program.h"

#include <hdf5.h>
#include <math.h>
#include <stdint.h>
#include <sys/stat.h>
#include <zip.h>

enum { GIVENS = 40, WIDTH = 8, CLASSES = 4 };

typedef struct piece {
    char name[64];
    int whole; /* numbers: int64, else float */
    int dims;
    int64_t shape[2];
    float *floats;
    int64_t *labels;
} piece;

typedef struct givens {
    piece at[GIVENS];
    int n;
} givens;

static inline int64_t piece_count(const piece *p)
{
    return p->shape[0] * (p->dims == 2 ? p->shape[1] : 1);
}

static inline piece *find_piece(givens *g, const char *name)
{
    for (int i = 0; i < g->n; i++)
        if (strcmp(g->at[i].name, name) == 0)
            return &g->at[i];
    fail_msg("no array %s", name);
    return NULL;
}

static inline piece *add_piece(givens *g, const char *name, int64_t rows, int64_t cols)
{
    assert_true(g->n < GIVENS);
    piece *p = &g->at[g->n++];
    *p = (piece){.dims = cols ? 2 : 1, .shape = {rows, cols}};
    snprintf(p->name, sizeof p->name, "%s", name);
    p->floats = calloc((size_t)piece_count(p) + 1, sizeof(float));
    p->labels = calloc((size_t)piece_count(p) + 1, sizeof(int64_t));
    assert_true(p->floats && p->labels);
    return p;
}

static inline void drop_piece(givens *g, const char *name)
{
    piece *p = find_piece(g, name);
    free(p->floats);
    free(p->labels);
    *p = g->at[--g->n];
}

/* All whose name has this in it. */
static inline void drop_pieces(givens *g, const char *part)
{
    for (int i = g->n - 1; i >= 0; i--)
        if (strstr(g->at[i].name, part))
            drop_piece(g, g->at[i].name);
}

static inline void free_givens(givens *g)
{
    drop_pieces(g, "");
}

static inline void rename_piece(givens *g, const char *from, const char *to)
{
    snprintf(find_piece(g, from)->name, sizeof g->at[0].name, "%s", to);
}

/* Random features around `shift`, in steps of 1/64: every format holds them exactly. */
static inline void add_set(givens *g, const char *set, int64_t n, double shift, int labelled)
{
    char name[64];
    snprintf(name, sizeof name, "%.40s/features", set);
    piece *f = add_piece(g, name, n, WIDTH);
    for (int64_t i = 0; i < n * WIDTH; i++)
        f->floats[i] =
            (float)round(64 * (shift + (double)random_normal((uint64_t)strlen(set) + (uint64_t)n, (uint64_t)i))) /
            64;
    snprintf(name, sizeof name, "%.40s/logits", set);
    const piece *w = find_piece(g, "head/weight"), *b = find_piece(g, "head/bias");
    piece *z = add_piece(g, name, n, CLASSES);
    snprintf(name, sizeof name, "%.40s/labels", set);
    piece *y = labelled ? add_piece(g, name, n, 0) : NULL;
    if (y)
        y->whole = 1;
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < CLASSES; k++) {
            float *sum = &z->floats[i * CLASSES + k];
            *sum = b->floats[k];
            for (int j = 0; j < WIDTH; j++)
                *sum += w->floats[k * WIDTH + j] * f->floats[i * WIDTH + j];
            if (y && *sum > z->floats[i * CLASSES + y->labels[i]])
                y->labels[i] = k;
        }
}

/* What a user would have: a head of powers of two, so that logits are exact. */
static inline givens usual_givens(void)
{
    givens g = {.n = 0};
    piece *w = add_piece(&g, "head/weight", CLASSES, WIDTH), *b = add_piece(&g, "head/bias", CLASSES, 0);
    for (int i = 0; i < CLASSES * WIDTH; i++)
        w->floats[i] = i % WIDTH % CLASSES == i / WIDTH ? 1 : i % 3 == 0 ? -0.5f : 0.25f;
    b->floats[0] = 0.5f;
    add_set(&g, "train", 120, 0, 1);
    add_set(&g, "val", 40, 0, 1);
    add_set(&g, "test", 60, 0, 1);
    add_set(&g, "near/tin", 30, 0.5, 0);
    add_set(&g, "far/noise_2", 50, 2, 0);
    add_set(&g, "tune/other", 35, 1, 0);
    return g;
}

/* --- HDF5 --- */

static inline char *given_path(const char *name)
{
    return text_format("%s/%s", here, name);
}

/* type: of floats in the file; packed: in chunks of 7 rows, deflated. */
static inline void write_hdf(const givens *g, const char *name, hid_t type, int packed)
{
    char *path = given_path(name);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), links = H5Pcreate(H5P_LINK_CREATE);
    assert_true(file >= 0);
    H5Pset_create_intermediate_group(links, 1);
    for (int i = 0; i < g->n; i++) {
        const piece *p = &g->at[i];
        hsize_t extent[2] = {(hsize_t)p->shape[0], (hsize_t)p->shape[1]}, chunk[2] = {7, extent[1]};
        hid_t space = H5Screate_simple(p->dims, extent, NULL), make = H5Pcreate(H5P_DATASET_CREATE);
        if (packed && extent[0] > 7) {
            H5Pset_chunk(make, p->dims, chunk);
            H5Pset_deflate(make, 1);
        }
        hid_t d = H5Dcreate2(file, p->name, p->whole ? H5T_STD_I64LE : type, space, links, make, H5P_DEFAULT);
        assert_true(d >= 0);
        if (piece_count(p) > 0)
            H5Dwrite(d, p->whole ? H5T_NATIVE_INT64 : H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                     p->whole ? (void *)p->labels : p->floats);
        H5Dclose(d);
        H5Pclose(make);
        H5Sclose(space);
    }
    H5Pclose(links);
    H5Fclose(file);
    free(path);
}

/* IEEE binary16, which HDF5 knows how to convert but has no name for. */
static inline hid_t half_type(void)
{
    hid_t t = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(t, 15, 10, 5, 0, 10);
    H5Tset_size(t, 2);
    H5Tset_ebias(t, 15);
    return t;
}

/* --- NumPy --- */

/* One .npy; descr "<f4", "<f8", "<i8", ">f4"; freed by the caller. */
static inline char *npy_bytes(const piece *p, const char *descr, const char *fortran, size_t *size)
{
    char dict[118], shape[48];
    int64_t n = piece_count(p), one = descr[2] - '0';
    snprintf(shape, sizeof shape, p->dims == 2 ? "%lld, %lld" : "%lld,", (long long)p->shape[0],
             (long long)p->shape[1]);
    snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr, fortran, shape);
    *size = 128 + (size_t)(n * one);
    char *all = calloc(*size, 1), *to = all + 128;
    assert_non_null(all);
    memcpy(all, "\x93NUMPY\1\0\x76\0", 10);
    memset(all + 10, ' ', 117);
    memcpy(all + 10, dict, strlen(dict));
    all[127] = '\n';
    for (int64_t i = 0; i < n; i++) {
        double wide = (double)p->floats[i];
        memcpy(to + i * one,
               descr[1] == 'i' ? (void *)&p->labels[i]
               : one == 8      ? (void *)&wide
                               : (void *)&p->floats[i],
               (size_t)one);
    }
    return all;
}

static inline const char *descr_of(const piece *p, const char *floats)
{
    return p->whole ? "<i8" : floats;
}

/* A folder; `_` in the names where the set has no name of its own. */
static inline void write_folder(const givens *g, const char *name, const char *floats)
{
    for (int i = 0; i < g->n; i++) {
        const piece *p = &g->at[i];
        size_t size;
        char *bytes = npy_bytes(p, descr_of(p, floats), "False", &size);
        char *path = text_format("%s/%s/%s.npy", here, name, p->name), *last = strrchr(path, '/');
        int slashes = 0;
        for (const char *c = p->name; *c; c++)
            slashes += *c == '/';
        if (slashes == 1)
            *last = '_';
        if (file_write(path, bytes, size) != 0)
            fail_msg("%s", fault_text());
        free(path);
        free(bytes);
    }
}

static inline void write_npz(const givens *g, const char *name, const char *floats, int packed)
{
    char *path = given_path(name), *held[GIVENS];
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(z);
    for (int i = 0; i < g->n; i++) {
        size_t size;
        held[i] = npy_bytes(&g->at[i], descr_of(&g->at[i], floats), "False", &size);
        char *member = text_format("%s.npy", g->at[i].name);
        for (char *c = member; *c; c++)
            *c = *c == '/' ? '_' : *c;
        zip_int64_t at = zip_file_add(z, member, zip_source_buffer(z, held[i], size, 0), 0);
        assert_true(at >= 0);
        zip_set_file_compression(z, (zip_uint64_t)at, packed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
        free(member);
    }
    assert_int_equal(zip_close(z), 0);
    for (int i = 0; i < g->n; i++)
        free(held[i]);
    free(path);
}

/* --- tensors: floats alone, so labels are left to where they are wanted as such --- */

static inline void write_tensors(const givens *g, const char *name)
{
    checkpoint_tensor t[GIVENS];
    const float *values[GIVENS];
    char names[GIVENS][64], *path = given_path(name);
    int64_t n = 0;
    for (int i = 0; i < g->n; i++) {
        const piece *p = &g->at[i];
        if (p->whole)
            continue;
        snprintf(names[n], sizeof names[n], "%s", p->name);
        for (char *c = names[n]; *c; c++)
            *c = *c == '/' ? '.' : *c;
        t[n] = (checkpoint_tensor){.name = names[n], .ndims = p->dims, .count = piece_count(p), .dtype = "F32"};
        t[n].dims[0] = p->shape[0];
        t[n].dims[1] = p->shape[1];
        values[n++] = p->floats;
    }
    if (checkpoint_save(path, t, values, n, NULL) != 0)
        fail_msg("%s", fault_text());
    free(path);
}

#endif
