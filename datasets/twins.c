/* twins.c - one table for all images, which are compared byte by byte. */
#include "twins.h"
#include "../harness/progress.h"
#include "../harness/text.h"
#include "alike.h"
#include "bag.h"

#include <stdlib.h>

/* Which split the image number lies in; less that split's first number. */
static int split_of(dataset *const d[], int64_t *number)
{
    int k = 0;
    for (; *number >= dataset_count(d[k]); k++)
        *number -= dataset_count(d[k]);
    return k;
}

static twins *pair(twins **all, int *n, int of, int in)
{
    for (int i = 0; i < *n; i++)
        if ((*all)[i].of == of && (*all)[i].in == in)
            return &(*all)[i];
    *all = text_more(*all, (size_t)(*n + 1) * sizeof **all);
    (*all)[*n] = (twins){.of = of, .in = in};
    return &(*all)[(*n)++];
}

/* Compares the images of split k with those in the table, which they then join. */
static void look(bag *seen, dataset *const d[], int k, const likeness *l, int64_t number, twins **out, int *pairs)
{
    for (int64_t i = 0; i < dataset_count(d[k]); i++) {
        size_t size;
        const void *bytes = likeness_of(l, i, &size);
        int64_t twin = bag_find(seen, bytes, size);
        if (twin < 0) {
            bag_add(seen, bytes, size, number + i);
            continue;
        }
        int in = split_of(d, &twin);
        twins *t = pair(out, pairs, k, in);
        if (t->count++ == 0) {
            t->image = i;
            t->twin = twin;
        }
    }
}

int twins_find(twins **out, dataset *const d[], int n)
{
    bag seen = {0};
    int pairs = 0, opened = 0;
    int64_t number = 0, total = 0;
    likeness *l = text_more(NULL, (size_t)(n + 1) * sizeof *l);
    *out = NULL;
    for (; opened < n && likeness_open(&l[opened], d[opened], alike_by(d, n)) == 0; opened++)
        total += dataset_count(d[opened]);
    progress_begin("comparing", "images", total);
    for (int k = 0; opened == n && k < n; k++) {
        look(&seen, d, k, &l[k], number, out, &pairs);
        number += dataset_count(d[k]);
        progress_step(number);
    }
    progress_end();
    bag_free(&seen);
    for (int k = 0; k < opened; k++)
        likeness_close(&l[k]);
    free(l);
    return opened == n ? pairs : -1;
}
