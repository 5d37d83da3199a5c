/* forms.h - image sets in the forms of others, written byte by byte below the
 * folder of folder.h, each of the same images. Included by one file of a program. */
#ifndef FORMS_H
#define FORMS_H

#include "listed.h"

#include <hdf5.h>
#include <zip.h>

enum { SIDE = 32, ROW = 3 * SIDE * SIDE, IMAGES = 12 };

/* Image i: [32][32][3]; its label is i mod 10. */
static inline uint8_t pixel(int i, int y, int x, int c)
{
    return (uint8_t)random_below((uint64_t)i + 1, (uint64_t)((y * SIDE + x) * 3 + c), 256);
}

/* Bytes in the order that `roles` says: n, c, h, w; images first .. first + n - 1; all channels, or c = 1. */
static inline bytes arranged(const char roles[4], int first, int n, int channels)
{
    bytes b = {0};
    int extent[128] = {0}, at[128] = {0};
    extent['n'] = n;
    extent['c'] = channels;
    extent['h'] = extent['w'] = SIDE;
    for (at[(int)roles[0]] = 0; at[(int)roles[0]] < extent[(int)roles[0]]; at[(int)roles[0]]++)
        for (at[(int)roles[1]] = 0; at[(int)roles[1]] < extent[(int)roles[1]]; at[(int)roles[1]]++)
            for (at[(int)roles[2]] = 0; at[(int)roles[2]] < extent[(int)roles[2]]; at[(int)roles[2]]++)
                for (at[(int)roles[3]] = 0; at[(int)roles[3]] < extent[(int)roles[3]]; at[(int)roles[3]]++) {
                    uint8_t v = pixel(first + at['n'], at['h'], at['w'], at['c']);
                    bytes_add(&b, &v, 1);
                }
    return b;
}

static inline void put_bytes(const char *name, bytes b)
{
    put(name, b.at, b.n);
    free(b.at);
}

/* The split of the file is images first .. first + n - 1, labels kept or -1; grey: of the first channel. */
static inline void expect_images(const char *file, const char *split, int first, int n, int labels, int grey)
{
    dataset *d;
    if (dataset_open(&d, at(file), split) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(dataset_count(d), n);
    assert_int_equal(dataset_side(d), SIDE);
    for (int i = 0; i < n; i++) {
        const uint8_t *px = dataset_images(d) + i * ROW;
        for (int k = 0; k < ROW; k++)
            if (px[k] != pixel(first + i, k / 3 / SIDE, k / 3 % SIDE, grey ? 0 : k % 3))
                fail_msg("%s %s: image %d differs at byte %d", file, split, i, k);
        assert_int_equal(dataset_labels(d)[i], labels ? (first + i) % 10 : -1);
    }
    dataset_close(d);
}

#define bytes_add_text(b, s) bytes_add(b, s, sizeof(s) - 1)

/* --- CIFAR --- */

/* n records of `before` bytes, the last of which is the label, and channels as planes. */
static inline void put_cifar(const char *name, int first, int n, int before)
{
    bytes b = {0};
    for (int i = first; i < first + n; i++) {
        const uint8_t head[2] = {7, (uint8_t)(i % 10)};
        bytes px = arranged("nchw", i, 1, 3);
        bytes_add(&b, head + 2 - before, (size_t)before);
        bytes_add(&b, px.at, px.n);
        free(px.at);
    }
    put_bytes(name, b);
}

/* {'labels': [...], 'data': array of n x 3072 bytes} as Python 2 pickles it; `call` is what makes the array. */
static inline bytes pickle_make(int first, int n, const char *call)
{
    bytes b = {0}, px = arranged("nchw", first, n, 3);
    bytes_add_text(&b, "\x80\x02}q\x01(U\x06labelsq\x02]q\x03(");
    for (int i = first; i < first + n; i++)
        bytes_add(&b, (const uint8_t[]){'K', (uint8_t)(i % 10)}, 2);
    bytes_add_text(&b, "eU\x04"
                       "data");
    bytes_add(&b, call, strlen(call));
    bytes_add_text(&b, "cnumpy\nndarray\nK\x00\x85U\x01"
                       "b\x87R(K\x01K");
    bytes_add(&b, (const uint8_t[]){(uint8_t)n, 'M', 0, 12, 0x86}, 5);
    bytes_add_text(&b, "cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN");
    bytes_add_text(&b, "J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T");
    const uint32_t size = (uint32_t)px.n;
    bytes_add(&b, &size, 4);
    bytes_add(&b, px.at, px.n);
    bytes_add_text(&b, "tbu.");
    free(px.at);
    return b;
}

/* --- IDX --- */

static inline bytes idx_make(const uint32_t *extent, int dims, bytes content)
{
    bytes b = {0};
    bytes_add(&b, (const uint8_t[]){0, 0, 8, (uint8_t)dims}, 4);
    for (int i = 0; i < dims; i++)
        bytes_add32(&b, extent[i]);
    bytes_add(&b, content.at, content.n);
    free(content.at);
    return b;
}

static inline bytes labels_make(int first, int n)
{
    bytes b = {0};
    for (int i = first; i < first + n; i++)
        bytes_add(&b, (const uint8_t[]){(uint8_t)(i % 10)}, 1);
    return b;
}

static inline void put_gz(const char *name, bytes b)
{
    gzFile g = gzopen(at(name), "wb");
    assert_non_null(g);
    assert_int_equal(gzwrite(g, b.at, (unsigned)b.n), b.n);
    assert_int_equal(gzclose(g), Z_OK);
    free(b.at);
}

/* --- MATLAB --- */

static inline void mat_element(bytes *b, uint32_t type, const void *content, size_t n)
{
    const uint32_t tag[2] = {type, (uint32_t)n};
    bytes_add(b, tag, 8);
    bytes_add(b, content, n);
    bytes_add(b, "\0\0\0\0\0\0\0", (8 - n % 8) % 8);
}

/* An array of bytes; packed as version 7 does it. */
static inline void mat_array(bytes *b, const char *name, const int32_t *extent, int dims, bytes content, int packed)
{
    bytes in = {0}, whole = {0};
    mat_element(&in, 6, "\x09\0\0\0\0\0\0\0", 8); /* of class uint8 */
    mat_element(&in, 5, extent, 4 * (size_t)dims);
    mat_element(&in, 1, name, strlen(name));
    mat_element(&in, 2, content.at, content.n);
    mat_element(packed ? &whole : b, 14, in.at, in.n);
    if (packed) {
        uLongf n = compressBound((uLong)whole.n);
        uint8_t *out = malloc(n);
        assert_int_equal(compress(out, &n, whole.at, (uLong)whole.n), Z_OK);
        const uint32_t tag[2] = {15, (uint32_t)n};
        bytes_add(b, tag, 8);
        bytes_add(b, out, n);
        free(out);
    }
    free(whole.at);
    free(in.at);
    free(content.at);
}

/* SVHN: X is (h, w, c, n), the first extent fastest, y from 1 to 10. */
static inline bytes mat_make(int n, int packed)
{
    bytes b = {0}, y = {0};
    char head[129];
    snprintf(head, sizeof head, "%-124s", "MATLAB 5.0 MAT-file");
    bytes_add(&b, head, 124);
    bytes_add(&b, "\0\1IM", 4);
    const int32_t extent[4] = {SIDE, SIDE, 3, n}, labels[2] = {n, 1};
    mat_array(&b, "X", extent, 4, arranged("ncwh", 0, n, 3), packed);
    for (int i = 0; i < n; i++)
        bytes_add(&y, (const uint8_t[]){(uint8_t)(i % 10 ? i % 10 : 10)}, 1);
    mat_array(&b, "y", labels, 2, y, packed);
    return b;
}

/* --- npz, HDF5 --- */

static inline bytes npy_make(const char *descr, const char *shape, bytes content)
{
    bytes b = {0};
    char dict[128];
    int n = snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr, shape);
    bytes_add(&b, "\x93NUMPY\1", 7);
    bytes_add(&b, (const uint8_t[]){0, (uint8_t)n, 0}, 3);
    bytes_add(&b, dict, (size_t)n);
    bytes_add(&b, content.at, content.n);
    free(content.at);
    return b;
}

static inline void put_zip(const char *name, const char *const members[], const bytes *content, int n)
{
    unlink(at(name));
    zip_t *z = zip_open(at(name), ZIP_CREATE, NULL);
    assert_non_null(z);
    for (int i = 0; i < n; i++)
        assert_true(zip_file_add(z, members[i], zip_source_buffer(z, content[i].at, content[i].n, 0), 0) >= 0);
    assert_int_equal(zip_close(z), 0);
    for (int i = 0; i < n; i++)
        free(content[i].at);
}

static inline void put_array(hid_t file, const char *name, int dims, const hsize_t *extent, const hsize_t *chunk,
                             hid_t type, const void *content)
{
    hid_t space = H5Screate_simple(dims, extent, NULL), how = H5Pcreate(H5P_DATASET_CREATE);
    if (chunk) {
        H5Pset_chunk(how, dims, chunk);
        H5Pset_deflate(how, 4);
    }
    hid_t d = H5Dcreate2(file, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    assert_true(d >= 0);
    if (content)
        assert_true(H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, content) >= 0);
    H5Dclose(d);
    H5Pclose(how);
    H5Sclose(space);
}

/* --- tar --- */

static inline void tar_add(bytes *b, const char *name, char type, const void *content, size_t n)
{
    char h[513] = {0};
    unsigned sum = 0;
    snprintf(h, 100, "%.99s", name);
    snprintf(h + 100, 8, "0000644");
    snprintf(h + 124, 12, "%011o", (unsigned)n);
    h[156] = type;
    memcpy(h + 257, "ustar\00000", 8);
    memset(h + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (uint8_t)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    bytes_add(b, h, 512);
    bytes_add(b, content, n);
    static const uint8_t zeros[512];
    bytes_add(b, zeros, (512 - n % 512) % 512);
}

static inline void tar_end(bytes *b)
{
    static const uint8_t zeros[1024];
    bytes_add(b, zeros, sizeof zeros);
}

/* A PNG of image i, without a filter. */
static inline bytes picture_of(int i)
{
    bytes b = {0}, head = {0}, raw = {0}, px = arranged("nhwc", i, 1, 3);
    bytes_add(&b, "\x89PNG\r\n\x1a\n", 8);
    bytes_add32(&head, SIDE);
    bytes_add32(&head, SIDE);
    bytes_add(&head, "\x08\x02\0\0\0", 5);
    png_chunk(&b, "IHDR", head.at, head.n);
    for (int y = 0; y < SIDE; y++) {
        bytes_add(&raw, "", 1);
        bytes_add(&raw, px.at + y * SIDE * 3, SIDE * 3);
    }
    uLongf n = compressBound((uLong)raw.n);
    uint8_t *packed = malloc(n);
    assert_int_equal(compress(packed, &n, raw.at, (uLong)raw.n), Z_OK);
    png_chunk(&b, "IDAT", packed, n);
    png_chunk(&b, "IEND", NULL, 0);
    free(packed);
    free(raw.at);
    free(head.at);
    free(px.at);
    return b;
}

#endif
