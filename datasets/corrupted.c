/* corrupted.c - from a whole image to a damaged one; labels stay. */
#include "corrupted.h"
#include "../harness/file.h"
#include "../harness/reader.h"
#include "../harness/text.h"

#include <stdlib.h>

static int open_reader(const void *what, void **own)
{
    *own = reader_open(((const corrupted *)what)->d, 1);
    return 0;
}

static void close_reader(void *own)
{
    reader_close(own);
}

static int make(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label)
{
    const corrupted *w = what;
    const uint8_t *whole = reader_range(own, i, 1);
    if (!whole)
        return -1;
    w->c->apply(px, whole, (int)dataset_side(w->d), w->severity, corruption_seed(w->seed, w->c, w->severity, i));
    *label = dataset_labels(w->d)[i];
    return 0;
}

fill corrupted_fill(const corrupted *what)
{
    return (fill){.what = what,
                  .n = dataset_count(what->d),
                  .side = dataset_side(what->d),
                  .open = open_reader,
                  .make = make,
                  .close = close_reader};
}

/* Ramps and edges in all channels, as large as the images. */
static void test_card(uint8_t *px, int side)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++, px += 3) {
            px[0] = (uint8_t)(255 * x / side);
            px[1] = (uint8_t)(255 * y / side);
            px[2] = (x / 5 + y / 5) % 2 ? 230 : 40;
        }
}

char *corrupted_source(const corrupted *w)
{
    int side = (int)dataset_side(w->d);
    size_t bytes = (size_t)side * (size_t)side * 3;
    char digest[FILE_DIGEST];
    uint8_t *card = text_more(NULL, 2 * bytes);
    test_card(card, side);
    w->c->apply(card + bytes, card, side, w->severity, corruption_seed(w->seed, w->c, w->severity, 0));
    file_digest_bytes(digest, card + bytes, bytes);
    free(card);
    return text_format("corrupted %s\ncorruption %s\nseverity %d\nseed %llu\ntest card %.16s\n",
                       dataset_digest(w->d), w->c->name, w->severity, (unsigned long long)w->seed, digest);
}
