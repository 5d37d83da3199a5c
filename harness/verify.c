/* verify.c - SHA-256 over images and labels, split by split, by libcrypto. */
#include "verify.h"
#include "../datasets/hdf.h"
#include "data.h"
#include "fault.h"
#include "file.h"
#include "progress.h"
#include "text.h"

#include <hdf5.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK (1 << 24) /* bytes between two looks at the clock */

/* --- the note --- */

/* What changes when somebody writes to the file; "" when it cannot be read. */
static void describe(char out[160], const char *path)
{
    struct stat s;
    out[0] = '\0';
    if (stat(path, &s) == 0)
        snprintf(out, 160, "%lld bytes, changed %lld.%09ld, file %llu\n", (long long)s.st_size,
                 (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (unsigned long long)s.st_ino);
}

static char *note_of(const char *path)
{
    return text_format("%s.verified", path);
}

/* Where the folder cannot be written to, every run looks again. */
static void put_note(const char *path, const char *state)
{
    char *note = note_of(path);
    (void)file_write(note, state, strlen(state));
    free(note);
}

static void drop_note(const char *path)
{
    char *note = note_of(path);
    unlink(note);
    free(note);
}

static int is_noted(const char *path, const char *state)
{
    char *note = note_of(path), *bytes = NULL;
    size_t n;
    int same = file_exists(note) && file_read(note, &bytes, &n) == 0 && strcmp(bytes, state) == 0;
    free(bytes);
    free(note);
    return same;
}

void verify_note(const char *path)
{
    char state[160];
    describe(state, path);
    put_note(path, state);
}

/* --- the digest --- */

typedef struct reading {
    EVP_MD_CTX *sha;
    int64_t done; /* bytes */
} reading;

static void take(reading *r, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    while (n > 0) {
        size_t part = n < BLOCK ? n : BLOCK;
        EVP_DigestUpdate(r->sha, at, part);
        at += part;
        n -= part;
        r->done += (int64_t)part;
        progress_step(r->done >> 20);
    }
}

/* The files of images lie back to back; where each begins is part of the digest. */
static void take_files(reading *r, const dataset *d)
{
    int64_t n = dataset_count(d);
    uint64_t *at = text_more(NULL, (size_t)(n + 1) * sizeof *at);
    at[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        size_t size;
        const void *file = dataset_file(d, i, &size);
        take(r, file, size);
        at[i + 1] = at[i] + size;
    }
    take(r, at, (size_t)(n + 1) * sizeof *at);
    free(at);
}

static int check_split(reading *r, const char *path, const char *split)
{
    dataset *d;
    unsigned char raw[EVP_MAX_MD_SIZE];
    char found[FILE_DIGEST] = "";
    if (dataset_open(&d, path, split) != 0)
        return -1;
    EVP_DigestInit_ex(r->sha, EVP_sha256(), NULL);
    if (dataset_encoded(d))
        take_files(r, d);
    else
        take(r, dataset_images(d),
             (size_t)(dataset_count(d) * dataset_side(d) * dataset_side(d) * dataset_channels(d)));
    take(r, dataset_labels(d), (size_t)dataset_count(d) * sizeof(int32_t));
    EVP_DigestFinal_ex(r->sha, raw, NULL);
    file_digest_text(found, raw);
    int rc =
        strcmp(found, dataset_written(d)) == 0
            ? 0
            : fault("%s: the images or labels of `%s` are damaged (SHA-256 %.12s when they were written, %.12s "
                    "now): delete the file, and it is imported again",
                    path, split, dataset_written(d), found);
    dataset_close(d);
    return rc;
}

typedef struct splits {
    char *names[256];
    int n;
} splits;

static herr_t add_split(hid_t file, const char *name, const H5L_info_t *info, void *arg)
{
    splits *all = arg;
    (void)file, (void)info;
    if (all->n < (int)(sizeof all->names / sizeof *all->names))
        all->names[all->n++] = text_copy(name);
    return 0;
}

static int list_splits(splits *all, const char *path)
{
    hdf_begin();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        return fault("%s is truncated or not HDF5: delete it, and it is imported again", path);
    herr_t rc = H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, add_split, all);
    H5Fclose(file);
    return rc >= 0 ? 0 : fault("%s: its splits cannot be listed: delete it, and it is imported again", path);
}

/* As it is on the disk now. */
static int look(const char *path)
{
    splits all = {.n = 0};
    reading r = {.sha = EVP_MD_CTX_new()};
    struct stat s;
    char *label = text_format("verifying %s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    int rc = list_splits(&all, path);
    progress_begin(label, "MB", stat(path, &s) == 0 ? (int64_t)s.st_size >> 20 : 0);
    for (int i = 0; i < all.n && rc == 0; i++)
        rc = check_split(&r, path, all.names[i]);
    progress_end();
    for (int i = 0; i < all.n; i++)
        free(all.names[i]);
    EVP_MD_CTX_free(r.sha);
    free(label);
    return rc;
}

int verify_fully(const char *path)
{
    int rc = look(path);
    if (rc != 0)
        drop_note(path);
    return rc;
}

int verify_set(const char *path)
{
    char state[160];
    describe(state, path); /* first: what changes meanwhile is looked at again */
    if (is_noted(path, state))
        return 0;
    int rc = verify_fully(path);
    if (rc == 0)
        put_note(path, state);
    return rc;
}
