/* data.c - a split is looked up through HDF5 once and then read as a mapping of
 * the file, which the kernel pages in: a random image costs its own bytes.
 * Whatever is not as datasets/schema.h says is refused here, so that nobody who
 * reads pixels has to check again. */
#include "data.h"
#include "../datasets/hdf.h"
#include "../datasets/schema.h"
#include "fault.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGAIN "import it again"

struct dataset {
    char *name, *digest, *source;
    int64_t n, side;
    int32_t *labels;
    uint64_t at; /* where in the file the images begin */
    void *map;   /* the whole file */
    size_t mapped;
};

/* Opens an attribute that holds one value; -1 when there is none such. */
static hid_t one_value(hid_t at, const char *name)
{
    hid_t a = H5Aopen(at, name, H5P_DEFAULT);
    if (a < 0)
        return -1;
    hid_t space = H5Aget_space(a);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    if (n == 1)
        return a;
    H5Aclose(a);
    return -1;
}

/* A string of fixed length, which the caller frees; NULL when there is none. */
static char *read_string(hid_t at, const char *name)
{
    hid_t a = one_value(at, name);
    if (a < 0)
        return NULL;
    hid_t type = H5Aget_type(a);
    char *s = NULL;
    if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0) {
        size_t n = H5Tget_size(type);
        s = text_more(NULL, n + 1);
        memset(s, 0, n + 1);
        H5Aread(a, type, s);
    }
    H5Tclose(type);
    H5Aclose(a);
    return s;
}

static int read_schema(hid_t file, const char *path)
{
    int32_t schema = 0;
    hid_t a = one_value(file, "schema");
    if (a < 0)
        return fault("%s is HDF5 but no data set: make one with `oodbench import`", path);
    herr_t rc = H5Aread(a, H5T_NATIVE_INT32, &schema);
    H5Aclose(a);
    if (rc >= 0 && schema == SCHEMA_VERSION)
        return 0;
    return fault("%s has schema %d, expected %d: " AGAIN, path, (int)schema, SCHEMA_VERSION);
}

/* Checks that x is bytes [n][side][side][3] in one piece, and notes where. */
static int read_images(dataset *d, hid_t x)
{
    hsize_t dims[4] = {0};
    hid_t space = H5Dget_space(x), type = H5Dget_type(x), how = H5Dget_create_plist(x);
    int good = H5Sget_simple_extent_ndims(space) == 4 && H5Sget_simple_extent_dims(space, dims, NULL) == 4 &&
               H5Tequal(type, H5T_STD_U8LE) > 0 && H5Pget_layout(how) == H5D_CONTIGUOUS && dims[1] == dims[2] &&
               dims[3] == SCHEMA_CHANNELS && dims[0] > 0 && dims[0] <= INT32_MAX && dims[1] > 0 &&
               dims[1] <= 1 << 14;
    haddr_t at = H5Dget_offset(x);
    H5Pclose(how);
    H5Tclose(type);
    H5Sclose(space);
    d->n = (int64_t)dims[0];
    d->side = (int64_t)dims[1];
    d->at = at;
    return good && at != HADDR_UNDEF ? 0 : -1;
}

static int read_labels(dataset *d, hid_t y)
{
    hid_t space = H5Dget_space(y), type = H5Dget_type(y);
    int good = H5Tget_class(type) == H5T_INTEGER && H5Sget_simple_extent_npoints(space) == d->n;
    H5Tclose(type);
    H5Sclose(space);
    if (!good)
        return -1;
    d->labels = text_more(NULL, (size_t)d->n * sizeof *d->labels);
    return H5Dread(y, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, d->labels) < 0 ? -1 : 0;
}

static int read_arrays(dataset *d, hid_t group)
{
    hid_t x = H5Dopen2(group, "x", H5P_DEFAULT), y = H5Dopen2(group, "y", H5P_DEFAULT);
    int good = x >= 0 && y >= 0 && read_images(d, x) == 0 && read_labels(d, y) == 0;
    if (x >= 0)
        H5Dclose(x);
    if (y >= 0)
        H5Dclose(y);
    return good ? 0 : -1;
}

static int read_split(dataset *d, hid_t file, const char *path, const char *split)
{
    if (H5Lexists(file, split, H5P_DEFAULT) <= 0)
        return fault("%s has no split `%s`: " AGAIN " with a list for it", path, split);
    hid_t group = H5Gopen2(file, split, H5P_DEFAULT);
    if (group < 0)
        return fault("%s: `%s` is no group: " AGAIN, path, split);
    d->digest = read_string(group, "sha256");
    d->source = read_string(group, "source");
    int rc = read_arrays(d, group);
    H5Gclose(group);
    if (rc != 0)
        return fault("%s: the images or labels of `%s` are not as expected (bytes n x side x side x %d in one "
                     "piece, n integers): " AGAIN,
                     path, split, SCHEMA_CHANNELS);
    if (!d->digest || strlen(d->digest) != 64 || !d->source)
        return fault("%s: `%s` lacks its digest or source: " AGAIN, path, split);
    return 0;
}

static int read_file(dataset *d, const char *path, const char *split)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        return fault("%s is truncated or not HDF5: " AGAIN, path);
    int rc = read_schema(file, path);
    if (rc == 0 && !(d->name = read_string(file, "name")))
        rc = fault("%s lacks the attribute `name`: " AGAIN, path);
    if (rc == 0)
        rc = read_split(d, file, path, split);
    H5Fclose(file);
    return rc;
}

static int map(dataset *d, const char *path, int fd)
{
    struct stat s;
    uint64_t need = d->at + (uint64_t)(d->n * d->side * d->side * SCHEMA_CHANNELS);
    if (fstat(fd, &s) != 0)
        return fault("cannot read %s: %s", path, strerror(errno));
    if (need < d->at || (uint64_t)s.st_size < need)
        return fault("%s is truncated: %lld bytes, expected %llu: " AGAIN, path, (long long)s.st_size,
                     (unsigned long long)need);
    d->mapped = (size_t)s.st_size;
    d->map = mmap(NULL, d->mapped, PROT_READ, MAP_SHARED, fd, 0);
    if (d->map != MAP_FAILED)
        return 0;
    d->map = NULL;
    return fault("cannot map %s: %s", path, strerror(errno));
}

int dataset_open(dataset **out, const char *path, const char *split)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault("cannot read the data set %s: %s", path, strerror(errno));
    hdf_begin();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* its page of errors says less than one line of ours */
    dataset *d = text_more(NULL, sizeof *d);
    *d = (dataset){0};
    int rc = read_file(d, path, split);
    if (rc == 0)
        rc = map(d, path, fd);
    close(fd);
    if (rc == 0)
        *out = d;
    else
        dataset_close(d);
    return rc;
}

int dataset_lacks(const char *path, const char *split)
{
    hdf_begin();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        return 0;
    int lacks = H5Lexists(file, split, H5P_DEFAULT) == 0;
    H5Fclose(file);
    return lacks;
}

void dataset_close(dataset *d)
{
    if (!d)
        return;
    if (d->map)
        munmap(d->map, d->mapped);
    free(d->name);
    free(d->digest);
    free(d->source);
    free(d->labels);
    free(d);
}

const char *dataset_name(const dataset *d)
{
    return d->name;
}

const char *dataset_digest(const dataset *d)
{
    return d->digest;
}

const char *dataset_source(const dataset *d)
{
    return d->source;
}

int64_t dataset_count(const dataset *d)
{
    return d->n;
}

int64_t dataset_side(const dataset *d)
{
    return d->side;
}

int64_t dataset_channels(const dataset *d)
{
    (void)d;
    return SCHEMA_CHANNELS;
}

const uint8_t *dataset_images(const dataset *d)
{
    return (const uint8_t *)d->map + d->at;
}

const int32_t *dataset_labels(const dataset *d)
{
    return d->labels;
}
