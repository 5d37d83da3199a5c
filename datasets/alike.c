/* alike.c - digests are taken of a block of images at a time, so that no more than
 * that is ever decoded at once. */
#include "alike.h"
#include "../harness/crew.h"
#include "../harness/progress.h"
#include "../harness/reader.h"
#include "../harness/text.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { DIGEST = 32, BLOCK = 128 };

enum alike alike_by(dataset *const d[], int n)
{
    int files = 0;
    for (int i = 0; i < n; i++)
        files += dataset_encoded(d[i]);
    return files == 0 ? ALIKE_PIXELS : files == n ? ALIKE_FILES : ALIKE_SHOWN;
}

typedef struct block {
    const uint8_t *px;
    size_t image;
    uint8_t *out;
} block;

static void digest_rows(void *what, int64_t first, int64_t last)
{
    const block *b = what;
    for (int64_t i = first; i < last; i++)
        if (EVP_Digest(b->px + (size_t)i * b->image, b->image, b->out + i * DIGEST, NULL, EVP_sha256(), NULL) != 1)
            abort(); /* libcrypto without SHA-256 is a broken installation */
}

static int digest_all(likeness *l)
{
    int64_t n = dataset_count(l->d), side = dataset_side(l->d);
    block b = {.image = (size_t)(side * side * dataset_channels(l->d))};
    reader *r = reader_open(l->d, 0);
    int rc = 0;
    progress_begin("decoding", "images", n);
    for (int64_t first = 0, rows; rc == 0 && first < n; first += rows) {
        rows = n - first < BLOCK ? n - first : BLOCK;
        b.px = reader_range(r, first, rows);
        b.out = l->digests + first * DIGEST;
        if (b.px)
            crew_share(0, rows, digest_rows, &b);
        else
            rc = -1;
        progress_step(first + rows);
    }
    progress_end();
    reader_close(r);
    return rc;
}

int likeness_open(likeness *l, const dataset *d, enum alike by)
{
    *l = (likeness){.by = by, .d = d};
    if (by != ALIKE_SHOWN)
        return 0;
    l->digests = text_more(NULL, (size_t)dataset_count(d) * DIGEST);
    int rc = digest_all(l);
    if (rc != 0)
        likeness_close(l);
    return rc;
}

void likeness_close(likeness *l)
{
    free(l->digests);
    *l = (likeness){0};
}

const void *likeness_of(const likeness *l, int64_t i, size_t *size)
{
    if (l->by == ALIKE_FILES)
        return dataset_file(l->d, i, size);
    *size = l->digests ? DIGEST : (size_t)(dataset_side(l->d) * dataset_side(l->d) * dataset_channels(l->d));
    return (l->digests ? l->digests : dataset_images(l->d)) + (size_t)i * *size;
}
