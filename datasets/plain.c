/* plain.c - HDF5 files of others: their arrays by name, whatever they are packed
 * with. MATLAB's files of version 7.3 are HDF5 with the extents backwards. What
 * refers to other files is refused: a file brings its own bytes or none. */
#include "../harness/fault.h"
#include "arrays.h"
#include "hdf.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 4, MOST_NAME = 256, SLAB = 16 << 20 };

static void add(arrays *a, hid_t file, hid_t d, const char *name)
{
    hid_t type = H5Dget_type(d), space = H5Dget_space(d);
    hsize_t extent[H5S_MAX_RANK];
    int dims = H5Sget_simple_extent_ndims(space), integer = H5Tget_class(type) == H5T_INTEGER;
    int numbers = integer || H5Tget_class(type) == H5T_FLOAT;
    array *x = arrays_add(a, name);
    x->dims = numbers && dims > 0 && dims <= ARRAYS_DIMS ? H5Sget_simple_extent_dims(space, extent, NULL) : 0;
    int matlab = H5Aexists(d, "MATLAB_class") > 0;
    for (int i = 0; i < x->dims; i++)
        x->extent[matlab ? x->dims - 1 - i : i] = extent[i] <= INT64_MAX ? (int64_t)extent[i] : INT64_MAX;
    if (matlab)
        a->order = PIXELS_FORTRAN;
    x->bytes = integer && H5Tget_size(type) == 1 && H5Tget_sign(type) == H5T_SGN_NONE;
    int64_t count = array_count(x);
    if (!hdf_is_whole(file, d, count < 0 || count > INT64_MAX / 8 ? -1 : count * (int64_t)H5Tget_size(type)))
        x->dims = x->bytes = 0;
    H5Tclose(type);
    H5Sclose(space);
}

static int list_group(arrays *a, hid_t file, hid_t group, const char *prefix, int depth)
{
    H5G_info_t info;
    if (H5Gget_info(group, &info) < 0)
        return fault("%s: the group /%s cannot be read: the file is damaged", a->path, prefix);
    int rc = 0;
    for (hsize_t i = 0; rc == 0 && i < info.nlinks; i++) {
        char link[MOST_NAME];
        H5L_info_t l;
        if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, link, sizeof link, H5P_DEFAULT) < 0 ||
            H5Lget_info(group, link, &l, H5P_DEFAULT) < 0)
            return fault("%s: the group /%s cannot be read: the file is damaged", a->path, prefix);
        hid_t object = l.type == H5L_TYPE_HARD ? H5Oopen(group, link, H5P_DEFAULT) : -1;
        if (object < 0)
            continue;
        char *name = text_format("%s%s%s", prefix, *prefix ? "/" : "", link);
        if (H5Iget_type(object) == H5I_DATASET)
            add(a, file, object, name);
        else if (H5Iget_type(object) == H5I_GROUP && depth < DEPTH && link[0] != '#') /* MATLAB's own are #... */
            rc = list_group(a, file, object, name, depth + 1);
        H5Oclose(object);
        free(name);
    }
    return rc;
}

static hid_t file_of(const arrays *a)
{
    return *(const hid_t *)a->own;
}

static int unreadable(const arrays *a, const array *which)
{
    return fault("%s: %s cannot be read: the file is damaged, or packed by a filter that this HDF5 does not have",
                 a->path, which->name);
}

/* `rows` of the first extent, from `first` on, as bytes in the order of the file. */
static int read_rows(hid_t d, hid_t space, hsize_t first, hsize_t rows, void *out)
{
    hsize_t start[ARRAYS_DIMS] = {first}, count[ARRAYS_DIMS];
    int dims = H5Sget_simple_extent_dims(space, count, NULL);
    count[0] = rows;
    hid_t memory = H5Screate_simple(dims, count, NULL);
    int good = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
               H5Dread(d, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, out) >= 0;
    H5Sclose(memory);
    return good ? 0 : -1;
}

/* HDF5 reads by one thread at a time: slab by slab aside, where all can get at it. */
static int read_all(const arrays *a, const array *which, hid_t d, spill *s)
{
    hsize_t extent[ARRAYS_DIMS];
    hid_t space = H5Dget_space(d);
    H5Sget_simple_extent_dims(space, extent, NULL);
    hsize_t row = extent[0] ? (hsize_t)array_count(which) / extent[0] : 1;
    hsize_t most = row && row < SLAB ? SLAB / row : 1;
    most = most < extent[0] ? most : extent[0];
    uint8_t *block = text_more(NULL, (size_t)(most * row + 1));
    int rc = 0;
    for (hsize_t i = 0, n; rc == 0 && i < extent[0]; i += n) {
        n = extent[0] - i < most ? extent[0] - i : most;
        rc = read_rows(d, space, i, n, block) != 0 ? unreadable(a, which)
                                                   : spill_write(s, block, (size_t)(n * row));
    }
    free(block);
    H5Sclose(space);
    return rc;
}

static const uint8_t *pixels_of(const arrays *a, opened *f, const array *which)
{
    spill s;
    hid_t d = H5Dopen2(file_of(a), which->name, H5P_DEFAULT);
    int rc = d < 0 ? unreadable(a, which) : spill_begin(&s);
    if (rc == 0 && (rc = read_all(a, which, d, &s)) != 0)
        spill_drop(&s);
    if (d >= 0)
        H5Dclose(d);
    const blob *b = rc == 0 ? opened_spill(f, &s) : NULL;
    return b ? b->at : NULL;
}

static int numbers_of(const arrays *a, opened *f, const array *which, int64_t *out)
{
    (void)f;
    hid_t d = H5Dopen2(file_of(a), which->name, H5P_DEFAULT);
    herr_t rc = d < 0 ? -1 : H5Dread(d, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
    if (d >= 0)
        H5Dclose(d);
    return rc < 0 ? unreadable(a, which) : 0;
}

static int begin(arrays *a, hid_t *file, const char *path)
{
    *a = (arrays){.path = path, .order = PIXELS_C, .own = file, .pixels = pixels_of, .numbers = numbers_of};
    hdf_begin();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* what fails is said by us */
    *file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (*file < 0)
        return fault("%s: HDF5 cannot open it: it is damaged, or another program writes to it", path);
    return list_group(a, *file, *file, "", 1);
}

static void end(arrays *a, hid_t file)
{
    if (file >= 0)
        H5Fclose(file);
    arrays_free(a);
}

static unsigned look(const char *path)
{
    arrays a;
    hid_t file;
    unsigned bits = begin(&a, &file, path) == 0 ? arrays_splits(&a) : 0;
    end(&a, file);
    return bits;
}

static int rehearse_look(void *path)
{
    look(path);
    return 0;
}

static unsigned splits(const char *path)
{
    return hdf_rehearse(path, "arrays", rehearse_look, (void *)(uintptr_t)path) == 0 ? look(path) : 0;
}

static int read_plain(opened *f, const wanted *w)
{
    arrays a;
    hid_t file;
    int rc = begin(&a, &file, w->path);
    if (rc == 0)
        rc = arrays_open(f, w, &a);
    end(&a, file);
    return rc;
}

typedef struct reading {
    opened *f;
    const wanted *w;
} reading;

static int rehearse_reading(void *arg)
{
    const reading *r = arg;
    return read_plain(r->f, r->w);
}

/* Read twice, arrays and all, first where it may die: what comes from elsewhere comes once. */
static int open_plain(opened *f, const wanted *w)
{
    reading r = {f, w};
    char what[256];
    snprintf(what, sizeof what, "%s %.20s %.20s", w->split, w->images ? w->images : "", w->labels ? w->labels : "");
    return hdf_rehearse(w->path, what, rehearse_reading, &r) == 0 ? read_plain(f, w) : -1;
}

/* The signature is at 0, or behind a user's block, as in MATLAB's. */
static int recognise(const char *path, const uint8_t *head, int64_t n)
{
    static const char signature[] = "\x89HDF\r\n\x1a\n";
    (void)path;
    for (int64_t at = 0; at + 8 <= n; at = at ? 2 * at : 512)
        if (memcmp(head + at, signature, 8) == 0)
            return 1;
    return 0;
}

const format format_hdf5 = {.name = "hdf5",
                            .what = "arrays in HDF5 (also .mat of version 7.3)",
                            .recognise = recognise,
                            .splits = splits,
                            .open = open_plain};
