/* benchmark_settings.c - what holds for all sets of a benchmark: its classes, the
 * size of its images, their mean and deviation, its generator, how they are kept. */
#include "../harness/fault.h"
#include "../harness/text.h"
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COUNTED = 1000000, DIGITS = 24 };

static int read_triple(const benchmark *b, const char *key, double out[3])
{
    if (config_items(b->c, key) != 3)
        return fault("%s: `%s` is a list of three numbers (red, green, blue)", b->file, key);
    for (int i = 0; i < 3; i++) {
        char *end;
        const char *item = config_item(b->c, key, i);
        out[i] = strtod(item, &end);
        if (*end || end == item || !(out[i] > 0) || out[i] > 1)
            return fault("%s: `%s`: expected three numbers in 0..1, found %s", config_origin(b->c, key), key, item);
    }
    return 0;
}

/* `classes: 1000`: they are called by their labels, "0" to "999". */
static int count_classes(benchmark *b)
{
    if (config_int(b->c, "classes", &b->n_classes, 2, MOST_COUNTED) != 0)
        return -1;
    b->numbers = text_more(NULL, (size_t)b->n_classes * DIGITS);
    b->classes = text_more(NULL, (size_t)b->n_classes * sizeof *b->classes);
    for (int64_t i = 0; i < b->n_classes; i++) {
        b->classes[i] = b->numbers + i * DIGITS;
        snprintf(b->numbers + i * DIGITS, DIGITS, "%lld", (long long)i);
    }
    return 0;
}

static int read_classes(benchmark *b)
{
    const char *only = config_text(b->c, "classes");
    if (only && *only && strspn(only, "0123456789") == strlen(only))
        return count_classes(b);
    b->n_classes = config_items(b->c, "classes");
    if (b->n_classes < 2)
        return fault("%s: `classes` is a list of at least two names, or how many there are", b->file);
    b->classes = text_more(NULL, (size_t)b->n_classes * sizeof *b->classes);
    for (int i = 0; i < b->n_classes; i++)
        b->classes[i] = config_item(b->c, "classes", i);
    return 0;
}

static int read_generator(const benchmark *b)
{
    const char *generator = config_text(b->c, "generator");
    if (!generator)
        return 0;
    if (strcmp(generator, "shapes") != 0)
        return fault("%s: unknown generator `%s`: there is `shapes`", config_origin(b->c, "generator"), generator);
    if (b->side != SHAPES_SIDE || b->n_classes != SHAPES_CLASSES)
        return fault("%s: the generator draws %d classes of %d x %d pixels", b->file, SHAPES_CLASSES, SHAPES_SIDE,
                     SHAPES_SIDE);
    return 0;
}

int benchmark_settings(benchmark *b)
{
    int64_t seed = 0;
    b->side = 32;
    if (config_int(b->c, "side", &b->side, 1, 1024) != 0 || config_int(b->c, "seed", &seed, 0, INT64_MAX) != 0)
        return -1;
    b->seed = (uint64_t)seed;
    b->resize = b->side;
    if (config_int(b->c, "resize", &b->resize, 1, 4096) != 0 || read_classes(b) != 0 ||
        read_triple(b, "mean", b->mean) != 0 || read_triple(b, "std", b->std) != 0)
        return -1;
    return read_generator(b);
}

int benchmark_store(const benchmark *b, bench_set *s)
{
    char key[160];
    const char *given = benchmark_text(b, s->name, "store", key), *all = config_text(b->c, "store");
    const char *word = given ? given : all ? all : "pixels";
    int can = s->drawn < 0 && !s->corrupt && !s->npy && (!s->form || s->form == &format_tree);
    if (strcmp(word, "pixels") != 0 && strcmp(word, "files") != 0)
        return fault("%s: `store`: expected pixels or files, found `%s`",
                     config_origin(b->c, given ? key : "store"), word);
    s->files = can && strcmp(word, "files") == 0;
    if (!given || s->files || strcmp(word, "pixels") == 0)
        return 0;
    return fault("%s: the set %s: `store: files` goes with lists and with `tree`, whose images are files",
                 config_origin(b->c, key), s->name);
}
