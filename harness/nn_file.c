/* nn_file.c - a network's parameters and statistics to and from checkpoints,
 * under the names and in the layout of the PyTorch original, and their digest. */
#include "checkpoint.h"
#include "engine.h"
#include "file.h"
#include "network.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both vectors on the host, parameters first. */
static real *read_all(const net *n)
{
    real *all = pool_host((size_t)(n->nweights + n->nstats) * sizeof *all);
    tx_read(n->weights, all);
    tx_read(n->stats, all + n->nweights);
    return all;
}

static real *part_at(const net *n, real *all, const net_part *p)
{
    bool stat = p->kind == PART_MEAN || p->kind == PART_VARIANCE;
    return all + p->offset + (stat ? n->nweights : 0);
}

/* Element i of the part, counted in PyTorch's order, as an index in ours. */
static int64_t ours(const net_part *p, int64_t i)
{
    if (p->kind != PART_FILTER)
        return i;
    int64_t pixels = p->d.d[1] * p->d.d[2], c = p->d.d[3];
    int64_t k = i / (c * pixels), channel = i / pixels % c, pixel = i % pixels;
    return (k * pixels + pixel) * c + channel;
}

/* ---- reading and writing ---- */

static int load_part(const net_part *p, const checkpoint *c, const checkpoint_tensor *t, real *out)
{
    float *values = pool_host((size_t)p->count * sizeof *values);
    int rc = checkpoint_floats(c, t, values);
    for (int64_t i = 0; i < p->count && rc == 0; i++)
        out[ours(p, i)] = values[i];
    free(values);
    return rc;
}

static int load_parts(net *n, const checkpoint *c, const checkpoint_tensor *const of[])
{
    real *all = pool_host((size_t)(n->nweights + n->nstats) * sizeof *all);
    int rc = 0;
    for (int i = 0; i < n->nparts && rc == 0; i++)
        rc = load_part(&n->parts[i], c, of[i], part_at(n, all, &n->parts[i]));
    if (rc == 0) {
        tx_open();
        tx_assign(n->weights, tx_from(DIMS(n->nweights), all));
        tx_assign(n->stats, tx_from(DIMS(n->nstats), all + n->nweights));
        tx_close();
    }
    free(all);
    return rc;
}

int nn_load(net *n, const char *path)
{
    checkpoint *c;
    text why = {0};
    if (checkpoint_open(&c, path) != 0)
        return -1;
    const checkpoint_tensor **of = pool_host((size_t)n->nparts * sizeof *of);
    int rc = net_match(n, c, of, &why) == 0 ? load_parts(n, c, of) : net_misfit(n, path, text_str(&why));
    free(of);
    text_free(&why);
    checkpoint_close(c);
    return rc;
}

int nn_save(net *n, const char *path, const char *const metadata[])
{
    size_t count = (size_t)n->nparts;
    real *all = read_all(n);
    checkpoint_tensor *t = pool_host(count * sizeof *t);
    const float **values = pool_host(count * sizeof *values);
    float *floats = pool_host((size_t)(n->nweights + n->nstats) * sizeof *floats), *next = floats;
    for (size_t i = 0; i < count; i++) {
        const net_part *p = &n->parts[i];
        const real *from = part_at(n, all, p);
        net_torch_dims(p, &t[i]);
        values[i] = next;
        for (int64_t j = 0; j < p->count; j++)
            *next++ = (float)from[ours(p, j)];
    }
    int rc = checkpoint_save(path, t, values, (int64_t)count, metadata);
    free(floats);
    free(values);
    free(t);
    free(all);
    return rc;
}

void nn_digest(net *n, char digest[65])
{
    real *all = read_all(n);
    file_digest_bytes(digest, all, (size_t)(n->nweights + n->nstats) * sizeof *all);
    free(all);
}
