/* store.c - HDF5 writing. HDF5 prints its own page of errors unless told not
 * to; its one line that matters, the operating system's, goes into the fault. */
#include "store.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/text.h"
#include "hdf.h"
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_STRINGS 65536 /* and bytes of one: more is a damaged file */

typedef struct shape { /* of a split */
    int64_t n, side, resize;
    const uint64_t *at; /* [n+1] where its files begin; NULL: pixels */
} shape;

struct store {
    char path[PATH_MAX], aside[PATH_MAX];
    hid_t file;
    /* the split being written; x <= 0: none */
    hid_t group, x, y; /* x: its pixels or files */
    shape is;
    int64_t done;
    int32_t *labels;
    EVP_MD_CTX *sha;
};

/* What the operating system said when a call failed first; "" so far. */
static _Thread_local char reason[128];

static herr_t keep_reason(unsigned n, const H5E_error2_t *e, void *unused)
{
    (void)n;
    (void)unused;
    static const char key[] = "error message = '";
    const char *at = e->desc ? strstr(e->desc, key) : NULL;
    if (at && !reason[0])
        snprintf(reason, sizeof reason, "%.*s", (int)strcspn(at + sizeof key - 1, "'"), at + sizeof key - 1);
    return 0;
}

/* HDF5 calls this when one of its functions fails, in place of printing: the next call forgets the errors. */
static herr_t note_failure(hid_t stack, void *unused)
{
    H5Ewalk2(stack, H5E_WALK_DOWNWARD, keep_reason, unused);
    return 0;
}

static int store_fault(const store *s)
{
    return fault("cannot write %s: %s", s->path, reason[0] ? reason : "HDF5 refused it");
}

static int put(hid_t at, const char *name, hid_t type, hid_t space, const void *value)
{
    hid_t a = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int good = a >= 0 && H5Awrite(a, type, value) >= 0;
    if (a >= 0)
        H5Aclose(a);
    return good ? 0 : -1;
}

/* n = 0: a scalar. */
static int put_numbers(hid_t at, const char *name, hid_t type, hsize_t n, const void *value)
{
    hid_t space = n ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
    int rc = put(at, name, type, space, value);
    H5Sclose(space);
    return rc;
}

/* n = 0: a scalar, else a vector of strings as long as the longest. */
static int put_strings(hid_t at, const char *name, const char *const *strings, size_t n)
{
    size_t longest = 1, count = n ? n : 1;
    for (size_t i = 0; i < count; i++)
        longest = strlen(strings[i]) + 1 > longest ? strlen(strings[i]) + 1 : longest;
    char *packed = text_more(NULL, longest * count);
    for (size_t i = 0; i < count; i++) /* strncpy fills up with zeros */
        strncpy(packed + i * longest, strings[i], longest);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, longest);
    H5Tset_cset(type, H5T_CSET_UTF8);
    int rc = put_numbers(at, name, type, (hsize_t)n, packed);
    H5Tclose(type);
    free(packed);
    return rc;
}

static int put_header(const store *s, const store_header *h)
{
    int32_t schema = SCHEMA_VERSION;
    int rc = put_numbers(s->file, "schema", H5T_STD_I32LE, 0, &schema);
    rc |= put_strings(s->file, "name", &h->name, 0);
    rc |= h->n_classes > 0 ? put_strings(s->file, "classes", h->classes, (size_t)h->n_classes) : 0;
    rc |= put_numbers(s->file, "mean", H5T_IEEE_F64LE, 3, h->mean);
    rc |= put_numbers(s->file, "std", H5T_IEEE_F64LE, 3, h->std);
    return rc == 0 ? 0 : store_fault(s);
}

int store_create(store **out, const char *path, const store_header *h)
{
    store *s = text_more(NULL, sizeof *s);
    *s = (store){.file = -1, .group = -1, .x = -1, .y = -1};
    hdf_begin();
    H5Eset_auto2(H5E_DEFAULT, note_failure, NULL);
    reason[0] = '\0';
    file_join(s->path, sizeof s->path, "", path);
    if (file_aside(s->aside, sizeof s->aside, path) != 0) {
        free(s);
        return -1;
    }
    s->file = H5Fcreate(s->aside, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (s->file < 0)
        store_fault(s);
    if (s->file < 0 || put_header(s, h) != 0) {
        store_discard(s);
        return -1;
    }
    *out = s;
    return 0;
}

static hid_t create_array(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dims)
{
    hid_t space = H5Screate_simple(rank, dims, NULL), how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(how, H5D_CONTIGUOUS);
    H5Pset_alloc_time(how, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(how, H5D_FILL_TIME_NEVER);
    H5Pset_obj_track_times(how, 0); /* the same set is the same bytes, whenever it is imported */
    hid_t d = H5Dcreate2(group, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    H5Pclose(how);
    H5Sclose(space);
    return d;
}

/* Takes room on the disk for a split before any work goes into it. HDF5 finds it hard to close a
 * file that it could not write. File systems that cannot promise room are believed to have it. */
static int reserve(const store *s, int64_t bytes)
{
    struct stat now;
    int fd = open(s->aside, O_WRONLY | O_CLOEXEC);
    int rc = fd < 0 || fstat(fd, &now) != 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, now.st_size, bytes) != 0;
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (rc == 0 || (why != ENOSPC && why != EDQUOT && why != EFBIG))
        return 0;
    return fault("cannot write %s: %s; it needs %lld bytes", s->path, strerror(why), (long long)bytes);
}

/* Of image i and where it begins; i = n: all of them. */
static uint64_t offset(const shape *h, int64_t i)
{
    return h->at ? h->at[i] : (uint64_t)(i * h->side * h->side * SCHEMA_CHANNELS);
}

static int put_offsets(const store *s)
{
    hsize_t n = (hsize_t)s->is.n + 1;
    hid_t at = create_array(s->group, "at", H5T_STD_U64LE, 1, &n);
    int good = at >= 0 && H5Dwrite(at, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, s->is.at) >= 0;
    if (at >= 0)
        good = H5Dclose(at) >= 0 && good;
    return good && put_numbers(s->group, "side", H5T_STD_I64LE, 0, &s->is.side) == 0 &&
                   put_numbers(s->group, "resize", H5T_STD_I64LE, 0, &s->is.resize) == 0
               ? 0
               : -1;
}

/* Makes the arrays of images and labels. */
static int create_split(store *s, const char *split)
{
    const shape *h = &s->is;
    hsize_t total = offset(h, h->n), n = (hsize_t)h->n, side = (hsize_t)h->side;
    hsize_t dims[4] = {n, side, side, SCHEMA_CHANNELS};
    s->group = H5Gcreate2(s->file, split, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (s->group < 0 || (h->at && put_offsets(s) != 0))
        return -1;
    s->x = h->at ? create_array(s->group, "bytes", H5T_STD_U8LE, 1, &total)
                 : create_array(s->group, "x", H5T_STD_U8LE, 4, dims);
    s->y = s->x < 0 ? -1 : create_array(s->group, "y", H5T_STD_I32LE, 1, &n);
    return s->y < 0 ? -1 : 0;
}

static int begin_split(store *s, const char *split, const shape *is, const char *source)
{
    int64_t each = is->at ? 12 : 4; /* label, offset */
    if (reserve(s, (int64_t)offset(is, is->n) + is->n * each + 65536) != 0)
        return -1;
    s->is = *is;
    s->done = 0;
    if (create_split(s, split) != 0 || put_strings(s->group, "source", &source, 0) != 0)
        return store_fault(s);
    s->labels = text_more(NULL, (size_t)is->n * sizeof *s->labels);
    s->sha = EVP_MD_CTX_new();
    if (!s->sha || EVP_DigestInit_ex(s->sha, EVP_sha256(), NULL) != 1)
        abort(); /* libcrypto without SHA-256 is a broken installation */
    return 0;
}

int store_split(store *s, const char *split, int64_t n, int64_t side, const char *source)
{
    const shape is = {.n = n, .side = side};
    return begin_split(s, split, &is, source);
}

int store_files(store *s, const char *split, int64_t n, const uint64_t *at, int64_t side, int64_t resize,
                const char *source)
{
    const shape is = {.n = n, .side = side, .resize = resize, .at = at};
    return begin_split(s, split, &is, source);
}

/* HDF5 writes what it still holds of a small array when that is closed. */
static int close_split(store *s)
{
    int bad = s->x >= 0 && H5Dclose(s->x) < 0;
    bad |= s->y >= 0 && H5Dclose(s->y) < 0;
    bad |= s->group >= 0 && H5Gclose(s->group) < 0;
    s->x = s->y = s->group = -1;
    free(s->labels);
    EVP_MD_CTX_free(s->sha);
    s->labels = NULL;
    s->sha = NULL;
    return bad ? -1 : 0;
}

static int finish_split(store *s)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    char digest[FILE_DIGEST];
    const char *hex = digest;
    if (s->is.at)
        EVP_DigestUpdate(s->sha, s->is.at, (size_t)(s->is.n + 1) * sizeof *s->is.at);
    EVP_DigestUpdate(s->sha, s->labels, (size_t)s->is.n * sizeof *s->labels);
    EVP_DigestFinal_ex(s->sha, raw, NULL);
    file_digest_text(digest, raw);
    if (H5Dwrite(s->y, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, s->labels) < 0 ||
        put_strings(s->group, "sha256", &hex, 0) != 0)
        return store_fault(s);
    return close_split(s) == 0 ? 0 : store_fault(s);
}

/* Selects `count` images from s->done on; 4 extents of pixels, one of files. */
static hid_t select_images(const store *s, hid_t there, int64_t count)
{
    const shape *h = &s->is;
    hsize_t start[4] = {(hsize_t)s->done}, size[4];
    int rank = H5Sget_simple_extent_dims(there, size, NULL);
    size[0] = (hsize_t)count;
    if (h->at) {
        start[0] = h->at[s->done];
        size[0] = h->at[s->done + count] - start[0];
    }
    H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, size, NULL);
    return H5Screate_simple(rank, size, NULL);
}

int store_images(store *s, const uint8_t *bytes, const int32_t *labels, int64_t count)
{
    hid_t there = H5Dget_space(s->x), here = select_images(s, there, count);
    herr_t rc = H5Dwrite(s->x, H5T_NATIVE_UINT8, here, there, H5P_DEFAULT, bytes);
    H5Sclose(here);
    H5Sclose(there);
    if (rc < 0)
        return store_fault(s);
    EVP_DigestUpdate(s->sha, bytes, (size_t)(offset(&s->is, s->done + count) - offset(&s->is, s->done)));
    memcpy(s->labels + s->done, labels, (size_t)count * sizeof *labels);
    s->done += count;
    return s->done == s->is.n ? finish_split(s) : 0;
}

static int close_file(store *s)
{
    int rc = s->file >= 0 && H5Fclose(s->file) < 0 ? -1 : 0;
    if (rc != 0)
        hdf_broken();
    s->file = -1;
    return rc;
}

int store_commit(store *s)
{
    int rc = close_file(s) != 0 ? store_fault(s) : file_commit(s->aside, s->path);
    if (rc == 0) {
        free(s);
        return 0;
    }
    store_discard(s);
    return -1;
}

void store_discard(store *s)
{
    if (!s)
        return;
    close_split(s);
    close_file(s);
    unlink(s->aside);
    free(s);
}

/* --- the header of another file --- */

/* A vector of strings of fixed length, each of which the caller frees; NULL when there is none. */
static char **read_strings(hid_t at, const char *name, int64_t *n)
{
    hid_t a = H5Aexists(at, name) > 0 ? H5Aopen(at, name, H5P_DEFAULT) : -1;
    if (a < 0)
        return NULL;
    hid_t type = H5Aget_type(a), space = H5Aget_space(a);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    size_t size = H5Tget_size(type);
    char **strings = NULL, *packed = NULL;
    if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && count > 0 && count <= MOST_STRINGS &&
        size <= MOST_STRINGS) {
        packed = text_more(NULL, (size_t)count * size);
        strings = text_more(NULL, (size_t)count * sizeof *strings);
        memset(packed, 0, (size_t)count * size);
        H5Aread(a, type, packed);
        for (hssize_t i = 0; i < count; i++)
            strings[i] = text_format("%.*s", (int)size, packed + (size_t)i * size);
        *n = count;
    }
    free(packed);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(a);
    return strings;
}

static double *read_triple(hid_t at, const char *name)
{
    hid_t a = H5Aexists(at, name) > 0 ? H5Aopen(at, name, H5P_DEFAULT) : -1;
    if (a < 0)
        return NULL;
    hid_t space = H5Aget_space(a);
    double *v = text_more(NULL, 3 * sizeof *v);
    int good = H5Sget_simple_extent_npoints(space) == 3 && H5Aread(a, H5T_NATIVE_DOUBLE, v) >= 0;
    H5Sclose(space);
    H5Aclose(a);
    if (good)
        return v;
    free(v);
    return NULL;
}

static int read_header(store_header *h, const char *path)
{
    int64_t n = 0;
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        return fault("%s is no HDF5 file, or cannot be read", path);
    char **name = read_strings(file, "name", &n);
    h->name = name ? name[0] : NULL;
    for (int64_t i = 1; name && i < n; i++)
        free(name[i]);
    free(name);
    h->classes = (const char *const *)read_strings(file, "classes", &h->n_classes);
    h->mean = read_triple(file, "mean");
    h->std = read_triple(file, "std");
    H5Fclose(file);
    if (h->name && h->mean && h->std)
        return 0;
    store_header_free(h);
    return fault("%s is HDF5 but no data set: make one with `oodbench import`", path);
}

typedef struct reading {
    store_header *h;
    const char *path;
} reading;

static int rehearse_header(void *arg)
{
    const reading *r = arg;
    return read_header(r->h, r->path);
}

int store_header_read(store_header *h, const char *path)
{
    reading r = {h, path};
    *h = (store_header){0};
    return hdf_rehearse(path, "header", rehearse_header, &r) == 0 ? read_header(h, path) : -1;
}

void store_header_free(store_header *h)
{
    for (int64_t i = 0; i < h->n_classes; i++)
        free((char *)h->classes[i]);
    free((void *)h->classes);
    free((char *)h->name);
    free((double *)h->mean);
    free((double *)h->std);
    *h = (store_header){0};
}
