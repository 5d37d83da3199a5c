/* cache.c - entries as HDF5 files, one contiguous data set an array, each with
 * a checksum, since HDF5 itself guards only its own structures. */
#include "cache.h"
#include "../datasets/hdf.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* HDF5 prints its errors unless told not to; what fails here is said by us. */
static void quiet(void)
{
    hdf_begin();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static hid_t type_of(const cache_array *a)
{
    return a->type == CACHE_REAL ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT32;
}

static size_t bytes_of(const cache_array *a)
{
    return (size_t)(a->rows * a->cols) * 4; /* both types have four bytes */
}

static uint32_t checksum(const cache_array *a)
{
    const unsigned char *at = a->values;
    size_t left = bytes_of(a);
    uLong sum = crc32(0, NULL, 0);
    while (left > 0) {
        uInt part = left > 1u << 30 ? 1u << 30 : (uInt)left;
        sum = crc32(sum, at, part);
        at += part;
        left -= part;
    }
    return (uint32_t)sum;
}

char *cache_path(char *path, size_t cap, const char *folder, const char *kind, const char *ingredients)
{
    char digest[FILE_DIGEST], name[64];
    file_digest_bytes(digest, ingredients, strlen(ingredients));
    snprintf(name, sizeof name, "%s-%.16s.h5", kind, digest);
    return file_join(path, cap, folder, name);
}

static int same_ingredients(hid_t file, const char *ingredients)
{
    size_t n = strlen(ingredients);
    hid_t a = H5Aopen(file, "ingredients", H5P_DEFAULT);
    hid_t t = a < 0 ? -1 : H5Aget_type(a);
    char *found = t >= 0 && H5Tget_class(t) == H5T_STRING && H5Tget_size(t) == n ? text_more(NULL, n) : NULL;
    int same = found && H5Aread(a, t, found) >= 0 && memcmp(found, ingredients, n) == 0;
    free(found);
    if (t >= 0)
        H5Tclose(t);
    if (a >= 0)
        H5Aclose(a);
    return same;
}

static int read_checksum(hid_t d, uint32_t *sum)
{
    hid_t a = H5Aopen(d, "crc32", H5P_DEFAULT);
    int good = a >= 0 && H5Aread(a, H5T_NATIVE_UINT32, sum) >= 0;
    if (a >= 0)
        H5Aclose(a);
    return good;
}

static int read_values(hid_t d, hid_t space, cache_array *a)
{
    hsize_t extent[2];
    uint32_t sum;
    if (H5Sget_simple_extent_ndims(space) != 2 || H5Sget_simple_extent_dims(space, extent, NULL) != 2)
        return 0;
    a->rows = (int64_t)extent[0];
    a->cols = (int64_t)extent[1];
    a->values = malloc(bytes_of(a) + 1);
    if (!a->values && H5Dget_storage_size(d) >= bytes_of(a)) /* else its extents are wrong */
        text_out_of_memory(bytes_of(a));
    return a->values && H5Dread(d, type_of(a), H5S_ALL, H5S_ALL, H5P_DEFAULT, a->values) >= 0 &&
           read_checksum(d, &sum) && sum == checksum(a);
}

static int read_array(hid_t file, cache_array *a)
{
    hid_t d = H5Dopen2(file, a->name, H5P_DEFAULT);
    hid_t space = d < 0 ? -1 : H5Dget_space(d);
    int good = space >= 0 && read_values(d, space, a);
    if (space >= 0)
        H5Sclose(space);
    if (d >= 0)
        H5Dclose(d);
    return good;
}

int cache_read(const char *path, const char *ingredients, cache_array *arrays, int n)
{
    quiet();
    for (int i = 0; i < n; i++)
        arrays[i].values = NULL;
    hid_t file = file_exists(path) ? H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT) : -1;
    int good = file >= 0 && same_ingredients(file, ingredients);
    for (int i = 0; i < n && good; i++)
        good = read_array(file, &arrays[i]);
    if (file >= 0)
        H5Fclose(file);
    for (int i = 0; i < n && !good; i++) {
        free(arrays[i].values);
        arrays[i].values = NULL;
    }
    return good;
}

static int write_attribute(hid_t at, const char *name, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int good = a >= 0 && H5Awrite(a, type, value) >= 0;
    if (a >= 0)
        good = H5Aclose(a) >= 0 && good;
    H5Sclose(space);
    return good;
}

static int write_ingredients(hid_t file, const char *ingredients)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    int good = H5Tset_size(type, strlen(ingredients)) >= 0 &&
               write_attribute(file, "ingredients", type, ingredients);
    H5Tclose(type);
    return good;
}

static int write_array(hid_t file, const cache_array *a)
{
    uint32_t sum = checksum(a);
    hsize_t extent[2] = {(hsize_t)a->rows, (hsize_t)a->cols};
    hid_t space = H5Screate_simple(2, extent, NULL), how = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(how, 0); /* the same arrays are the same bytes, whenever they are written */
    hid_t d = H5Dcreate2(file, a->name, type_of(a), space, H5P_DEFAULT, how, H5P_DEFAULT);
    int good = d >= 0 && H5Dwrite(d, type_of(a), H5S_ALL, H5S_ALL, H5P_DEFAULT, a->values) >= 0 &&
               write_attribute(d, "crc32", H5T_NATIVE_UINT32, &sum);
    if (d >= 0)
        good = H5Dclose(d) >= 0 && good;
    H5Pclose(how);
    H5Sclose(space);
    return good;
}

int cache_write(const char *path, const char *ingredients, const cache_array *arrays, int n)
{
    char aside[4096];
    quiet();
    if (file_aside(aside, sizeof aside, path) != 0)
        return -1;
    errno = 0;
    hid_t file = H5Fcreate(aside, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    int good = file >= 0 && write_ingredients(file, ingredients);
    for (int i = 0; i < n && good; i++)
        good = write_array(file, &arrays[i]);
    int why = errno;
    if (file >= 0 && H5Fclose(file) < 0) {
        why = errno;
        good = 0;
        hdf_broken();
    }
    if (good)
        return file_commit(aside, path);
    unlink(aside);
    return fault("cannot write the cache entry %s: %s", path, why ? strerror(why) : "HDF5 refused");
}
