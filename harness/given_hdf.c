/* given_hdf.c - arrays of an HDF5 file, rows by hyperslab; HDF5 itself converts
 * numbers of any size and byte order and unpacks what is compressed. */
#include "../datasets/hdf.h"
#include "fault.h"
#include "given_reader.h"
#include "text.h"

#include <hdf5.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 4, MOST_NAME = 256, CHUNK_CACHE = 256 << 20, PART = 1 << 18 };

typedef struct hdf {
    hid_t file, array; /* array: the one that was read last, or -1 */
    int64_t index;     /* its number */
} hdf;

/* What is no array of numbers (strings, records) is left to given.c by its name. */
static int add(given *g, hid_t d, const char *name)
{
    char own[PATH_MAX], other[PATH_MAX] = "";
    const hdf *h = g->open;
    H5Fget_name(h->file, own, sizeof own);
    H5Fget_name(d, other, sizeof other);
    if (strcmp(own, other) != 0)
        return fault("%s: %s is a link to another file, %s: copy it into this one", g->path, name, other);
    hid_t type = H5Dget_type(d), space = H5Dget_space(d);
    hsize_t extent[H5S_MAX_RANK];
    hssize_t count = H5Sget_simple_extent_npoints(space);
    H5T_class_t class = H5Tget_class(type);
    given_array *a = given_add(g, name);
    a->index = g->narrays;
    a->real = class == H5T_FLOAT;
    a->dims = class == H5T_FLOAT || class == H5T_INTEGER ? H5Sget_simple_extent_dims(space, extent, NULL) : -1;
    for (int i = 0; i < a->dims && i < 4; i++)
        a->shape[i] = (int64_t)extent[i];
    size_t size = H5Tget_size(type);
    H5Tclose(type);
    H5Sclose(space);
    if (count >= 0 && count <= INT64_MAX / (hssize_t)(size + 8) && hdf_is_whole(h->file, d, count * (int64_t)size))
        return 0;
    return fault("%s: %s has more numbers than come out of the bytes that are stored: the file is damaged, or "
                 "lacks what is kept in another one",
                 g->path, name);
}

static int list(given *g, hid_t group, const char *prefix, int depth)
{
    H5G_info_t info;
    int rc = 0;
    if (H5Gget_info(group, &info) < 0)
        return fault("%s: the group /%s cannot be read: the file is damaged", g->path, prefix);
    for (hsize_t i = 0; i < info.nlinks && rc == 0; i++) {
        char link[MOST_NAME];
        if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, link, sizeof link, H5P_DEFAULT) < 0)
            return fault("%s: the group /%s cannot be read: the file is damaged", g->path, prefix);
        char *name = text_format("%s%s%s", prefix, *prefix ? "/" : "", link);
        hid_t object = H5Oopen(group, link, H5P_DEFAULT);
        H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
        if (object < 0)
            rc = fault("%s: %s leads nowhere: a link to what is not there, or the file is damaged", g->path, name);
        else if (type == H5I_DATASET)
            rc = add(g, object, name);
        else if (type == H5I_GROUP && depth < DEPTH)
            rc = list(g, object, name, depth + 1);
        if (object >= 0)
            H5Oclose(object);
        free(name);
    }
    return rc;
}

static int open_and_list(given *g)
{
    hdf *h = text_more(NULL, sizeof *h);
    g->open = h;
    h->array = -1;
    h->file = H5Fopen(g->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (h->file < 0)
        return fault("%s: HDF5 cannot open it: it is damaged, or another program writes to it", g->path);
    return list(g, h->file, "", 1);
}

static void close_hdf(given *g)
{
    hdf *h = g->open;
    if (h->array >= 0)
        H5Dclose(h->array);
    if (h->file >= 0)
        H5Fclose(h->file);
    free(h);
}

/* Rows are read some at a time, chunks may hold more: the array stays open, and
 * with it what was unpacked. */
static hid_t open_array(hdf *h, const given_array *a)
{
    if (h->array >= 0 && h->index == a->index)
        return h->array;
    if (h->array >= 0)
        H5Dclose(h->array);
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, 12421, CHUNK_CACHE, 1);
    h->array = H5Dopen2(h->file, a->name, access);
    h->index = a->index;
    H5Pclose(access);
    return h->array;
}

static int select_and_read(hid_t d, hid_t space, const given_array *a, int64_t first, int64_t n, void *out)
{
    hsize_t start[4] = {(hsize_t)first}, count[4] = {(hsize_t)n};
    for (int i = 1; i < a->dims; i++)
        count[i] = (hsize_t)a->shape[i];
    hid_t memory = H5Screate_simple(a->dims, count, NULL);
    int good = memory >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
               H5Dread(d, a->real ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, out) >= 0;
    if (memory >= 0)
        H5Sclose(memory);
    return good;
}

static int read_hdf(const given *g, const given_array *a, int64_t first, int64_t n, void *out)
{
    hid_t d = open_array(g->open, a), space = d < 0 ? -1 : H5Dget_space(d);
    int good = space >= 0 && select_and_read(d, space, a, first, n, out);
    if (space >= 0)
        H5Sclose(space);
    return good ? 0
                : fault("%s: %s cannot be read from row %lld on: the file is damaged, or packed by a filter that "
                        "this HDF5 does not have",
                        g->path, a->name, (long long)first);
}

/* Every array to its end, a part at a time: given_open() comes first, and nothing after it is new to HDF5. */
static int rehearse_all(void *arg)
{
    given *g = arg;
    int rc = open_and_list(g);
    for (int i = 0; rc == 0 && i < g->narrays; i++) {
        const given_array *a = &g->arrays[i];
        int64_t row = a->dims > 0 && a->dims <= 4 ? given_row(a) : 0, n = row > 0 ? PART / row + 1 : 0;
        void *part = n ? malloc((size_t)(n * row) * sizeof(int64_t)) : NULL;
        for (int64_t at = 0; part && rc == 0 && at < a->shape[0]; at += n)
            rc = read_hdf(g, a, at, a->shape[0] - at < n ? a->shape[0] - at : n, part);
        free(part);
    }
    close_hdf(g);
    return rc;
}

static int open_hdf(given *g)
{
    return hdf_rehearse(g->path, "features", rehearse_all, g) == 0 ? open_and_list(g) : -1;
}

const given_reader given_hdf = {"HDF5", open_hdf, close_hdf, read_hdf};
