/* given_tensors.c - arrays of a file of tensors: .safetensors, or a dictionary of
 * tensors that torch.save() wrote, in which nothing is executed. */
#include "checkpoint.h"
#include "given_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int open_tensors(given *g)
{
    checkpoint *c;
    if (checkpoint_open(&c, g->path) != 0)
        return -1;
    g->open = c;
    for (int64_t i = 0; i < checkpoint_count(c); i++) {
        const checkpoint_tensor *t = checkpoint_at(c, i);
        given_array *a = given_add(g, t->name);
        a->real = t->dtype[0] == 'F' || strcmp(t->dtype, "BF16") == 0;
        a->dims = t->ndims <= 4 && strcmp(t->dtype, "BOOL") != 0 ? t->ndims : -1;
        a->index = i;
        for (int d = 0; d < a->dims; d++)
            a->shape[d] = t->dims[d];
    }
    return 0;
}

static void close_tensors(given *g)
{
    checkpoint_close(g->open);
}

/* Whole numbers come by way of float: those that are no labels by far lose digits, labels none. */
static int read_tensors(const given *g, const given_array *a, int64_t first, int64_t n, void *out)
{
    const checkpoint *c = g->open;
    int64_t row = given_row(a), count = n * row;
    float *floats = a->real ? out : malloc((size_t)count * sizeof *floats + 1);
    int rc = checkpoint_part(c, checkpoint_at(c, a->index), first * row, count, floats);
    for (int64_t i = 0; rc == 0 && !a->real && i < count; i++)
        ((int64_t *)out)[i] = fabsf(floats[i]) < 0x1p53f ? (int64_t)floats[i] : INT64_MIN;
    if (!a->real)
        free(floats);
    return rc;
}

const given_reader given_tensors = {"a file of tensors", open_tensors, close_tensors, read_tensors};
