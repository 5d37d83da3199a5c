/* data.c - a split is looked up through HDF5 once and then read as a mapping of
 * the file, which the kernel pages in: a random image costs its own bytes.
 * Whatever is not as datasets/schema.h says is refused here, so that nobody who
 * reads pixels or the files of images has to check again. */
#include "data.h"
#include "../datasets/decode.h"
#include "../datasets/hdf.h"
#include "../datasets/schema.h"
#include "fault.h"
#include "file.h"
#include "paging.h"
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
#define MOST_SIDE (1 << 14)

struct dataset {
    char *name, *written, *digest, *source; /* written: the digest of what the file holds */
    int64_t n, side, resize;
    int32_t *labels;
    uint64_t at, bytes; /* where in the file the images begin; how many bytes all of them take */
    uint64_t *ends;     /* [n+1] image i is the bytes ends[i] .. ends[i+1]-1 behind `at`; NULL: pixels */
    void *map;          /* the whole file */
    size_t size;
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

/* An array of `type` with `rank` extents, none of them 0, in one piece; where in the file, or HADDR_UNDEF. */
static haddr_t in_one_piece(hid_t x, hid_t type, int rank, hsize_t dims[])
{
    hid_t space = H5Dget_space(x), is = H5Dget_type(x), how = H5Dget_create_plist(x);
    int good = H5Sget_simple_extent_ndims(space) == rank && H5Sget_simple_extent_dims(space, dims, NULL) == rank &&
               H5Tequal(is, type) > 0 && H5Pget_layout(how) == H5D_CONTIGUOUS && H5Pget_external_count(how) == 0;
    haddr_t at = H5Dget_offset(x);
    H5Pclose(how);
    H5Tclose(is);
    H5Sclose(space);
    for (int i = 0; good && i < rank; i++)
        good = dims[i] > 0;
    return good ? at : HADDR_UNDEF;
}

/* x is bytes [n][side][side][3]. */
static int read_pixels(dataset *d, hid_t x)
{
    hsize_t dims[4] = {0};
    haddr_t at = in_one_piece(x, H5T_STD_U8LE, 4, dims);
    if (at == HADDR_UNDEF || dims[1] != dims[2] || dims[3] != SCHEMA_CHANNELS || dims[0] > INT32_MAX ||
        dims[1] > MOST_SIDE)
        return -1;
    d->n = (int64_t)dims[0];
    d->side = (int64_t)dims[1];
    d->at = at;
    d->bytes = dims[0] * dims[1] * dims[2] * dims[3];
    return 0;
}

static int read_number(hid_t at, const char *name, int64_t least, int64_t *out)
{
    hid_t a = one_value(at, name);
    if (a < 0)
        return -1;
    hid_t type = H5Aget_type(a);
    int good = H5Tget_class(type) == H5T_INTEGER && H5Aread(a, H5T_NATIVE_INT64, out) >= 0;
    H5Tclose(type);
    H5Aclose(a);
    return good && *out >= least && *out <= MOST_SIDE ? 0 : -1;
}

/* Offsets that go up from 0 to the end: no image is empty, none reaches into what is not there. */
static int read_ends(dataset *d, hid_t at)
{
    hsize_t n = 0;
    haddr_t where = in_one_piece(at, H5T_STD_U64LE, 1, &n);
    if (where == HADDR_UNDEF || n < 2 || n - 1 > INT32_MAX || where > d->size ||
        n * sizeof *d->ends > d->size - where)
        return -1;
    d->n = (int64_t)n - 1;
    d->ends = text_more(NULL, n * sizeof *d->ends);
    if (H5Dread(at, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, d->ends) < 0)
        return -1;
    for (int64_t i = 0; i < d->n; i++)
        if (d->ends[i] >= d->ends[i + 1])
            return -1;
    return d->ends[0] == 0 && d->ends[d->n] == d->bytes ? 0 : -1;
}

/* What the pixels depend on besides the files: the same files shown in another way are other images. */
static void digest_reading(dataset *d)
{
    char *with = text_format("%s\nside %lld\nresize %lld\ndecoder %d\n", d->written, (long long)d->side,
                             (long long)d->resize, DECODE_VERSION);
    d->digest = text_more(NULL, FILE_DIGEST);
    file_digest_bytes(d->digest, with, strlen(with));
    free(with);
}

/* The images are the files they were made from. */
static int read_files(dataset *d, hid_t group)
{
    hsize_t n = 0;
    hid_t bytes = H5Dopen2(group, "bytes", H5P_DEFAULT), at = H5Dopen2(group, "at", H5P_DEFAULT);
    haddr_t where = bytes < 0 ? HADDR_UNDEF : in_one_piece(bytes, H5T_STD_U8LE, 1, &n);
    d->at = where;
    d->bytes = n;
    int good = at >= 0 && where != HADDR_UNDEF && read_ends(d, at) == 0 &&
               read_number(group, "side", 1, &d->side) == 0 && read_number(group, "resize", 0, &d->resize) == 0;
    if (at >= 0)
        H5Dclose(at);
    if (bytes >= 0)
        H5Dclose(bytes);
    return good ? 0 : -1;
}

static int read_images(dataset *d, hid_t group)
{
    if (H5Lexists(group, "bytes", H5P_DEFAULT) > 0)
        return read_files(d, group);
    hid_t x = H5Dopen2(group, "x", H5P_DEFAULT);
    int rc = x < 0 ? -1 : read_pixels(d, x);
    if (x >= 0)
        H5Dclose(x);
    return rc;
}

static int read_labels(dataset *d, hid_t group)
{
    hid_t y = H5Dopen2(group, "y", H5P_DEFAULT);
    if (y < 0)
        return -1;
    hid_t space = H5Dget_space(y), type = H5Dget_type(y);
    int good = H5Tget_class(type) == H5T_INTEGER && H5Sget_simple_extent_npoints(space) == d->n &&
               (uint64_t)d->n <= d->size; /* before memory is taken for them */
    H5Tclose(type);
    H5Sclose(space);
    if (good) {
        d->labels = text_more(NULL, (size_t)d->n * sizeof *d->labels);
        good = H5Dread(y, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, d->labels) >= 0;
    }
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
    d->written = read_string(group, "sha256");
    d->source = read_string(group, "source");
    int rc = read_images(d, group) != 0 || read_labels(d, group) != 0;
    H5Gclose(group);
    if (rc != 0)
        return fault("%s: the images or labels of `%s` are not as expected (bytes n x side x side x %d in one "
                     "piece, or files and where each ends; n integers): " AGAIN,
                     path, split, SCHEMA_CHANNELS);
    if (!d->written || strlen(d->written) != 64 || !d->source)
        return fault("%s: `%s` lacks its digest or source: " AGAIN, path, split);
    if (d->ends)
        digest_reading(d);
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

typedef struct reading {
    const char *path, *split;
    size_t size;
} reading;

static int rehearse_reading(void *arg)
{
    const reading *r = arg;
    dataset d = {.size = r->size};
    return read_file(&d, r->path, r->split);
}

static int map(dataset *d, const char *path, int fd)
{
    if (d->at > d->size || d->bytes > d->size - d->at)
        return fault("%s is truncated: %llu bytes, expected %llu: " AGAIN, path, (unsigned long long)d->size,
                     (unsigned long long)(d->at + d->bytes));
    d->map = mmap(NULL, d->size, PROT_READ, MAP_SHARED, fd, 0);
    if (d->map != MAP_FAILED)
        return 0;
    d->map = NULL;
    return fault("cannot map %s: %s", path, strerror(errno));
}

int dataset_open(dataset **out, const char *path, const char *split)
{
    struct stat s = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return fault("cannot read the data set %s: %s", path, strerror(why));
    }
    reading r = {path, split, (size_t)s.st_size};
    if (hdf_rehearse(path, split, rehearse_reading, &r) != 0) {
        close(fd);
        return -1;
    }
    dataset *d = text_more(NULL, sizeof *d);
    *d = (dataset){.size = (size_t)s.st_size};
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

static int lacks(const char *path, const char *split)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        return 0;
    int none = H5Lexists(file, split, H5P_DEFAULT) == 0;
    H5Fclose(file);
    return none;
}

static int rehearse_lacks(void *arg)
{
    const reading *r = arg;
    return lacks(r->path, r->split);
}

int dataset_lacks(const char *path, const char *split)
{
    reading r = {path, split, 0};
    char what[128];
    snprintf(what, sizeof what, "is there %s", split);
    return hdf_rehearse(path, what, rehearse_lacks, &r) == 0 && lacks(path, split);
}

void dataset_close(dataset *d)
{
    if (!d)
        return;
    if (d->map)
        munmap(d->map, d->size);
    free(d->name);
    free(d->written);
    free(d->digest);
    free(d->source);
    free(d->labels);
    free(d->ends);
    free(d);
}

const char *dataset_name(const dataset *d)
{
    return d->name;
}

const char *dataset_digest(const dataset *d)
{
    return d->digest ? d->digest : d->written;
}

const char *dataset_written(const dataset *d)
{
    return d->written;
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

int64_t dataset_resize(const dataset *d)
{
    return d->resize;
}

int dataset_encoded(const dataset *d)
{
    return d->ends != NULL;
}

const uint8_t *dataset_images(const dataset *d)
{
    return d->ends ? NULL : (const uint8_t *)d->map + d->at;
}

const void *dataset_file(const dataset *d, int64_t i, size_t *size)
{
    *size = (size_t)(d->ends[i + 1] - d->ends[i]);
    return (const uint8_t *)d->map + d->at + d->ends[i];
}

void dataset_leave(const dataset *d, int64_t first, int64_t n)
{
    const uint8_t *files = (const uint8_t *)d->map + d->at;
    paging_leave((paged){files + d->ends[first], d->ends[first + n] - d->ends[first]}, (paged){files, d->bytes});
}

const int32_t *dataset_labels(const dataset *d)
{
    return d->labels;
}
