/* nn_file.c - a network's parameters and statistics to and from checkpoints,
 * under the names and in the layout of the PyTorch original, and their digest. */
#include "checkpoint.h"
#include "engine.h"
#include "fault.h"
#include "file.h"
#include "network.h"

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

/* PyTorch's extents of a part: filters are K,C,R,S there. */
static void torch_dims(const net_part *p, checkpoint_tensor *t)
{
    *t = (checkpoint_tensor){.name = p->name, .ndims = p->d.n, .count = p->count, .dtype = "F32"};
    for (int i = 0; i < p->d.n; i++)
        t->dims[i] = p->d.d[i];
    if (p->kind == PART_FILTER) {
        t->dims[1] = p->d.d[3];
        t->dims[2] = p->d.d[1];
        t->dims[3] = p->d.d[2];
    }
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

/* ---- what does not fit ---- */

typedef struct misfit { /* names of one kind, the first few of them */
    char text[600];
    int count;
} misfit;

static void note(misfit *m, const char *text)
{
    size_t used = strlen(m->text);
    if (++m->count <= 3)
        snprintf(m->text + used, sizeof m->text - used, "%s%s", used ? ", " : "", text);
}

static const char *extents(char *out, size_t cap, const checkpoint_tensor *t)
{
    size_t used = (size_t)snprintf(out, cap, "[");
    for (int i = 0; i < t->ndims && used < cap; i++)
        used += (size_t)snprintf(out + used, cap - used, i ? ",%lld" : "%lld", (long long)t->dims[i]);
    if (used < cap)
        snprintf(out + used, cap - used, "]");
    return out;
}

static bool same_extents(const checkpoint_tensor *a, const checkpoint_tensor *b)
{
    return a->ndims == b->ndims && memcmp(a->dims, b->dims, (size_t)a->ndims * sizeof a->dims[0]) == 0;
}

static void compare(const net *n, const checkpoint *c, misfit *shape, misfit *missing)
{
    char want[128], have[128], text[400];
    for (int i = 0; i < n->nparts; i++) {
        checkpoint_tensor t;
        torch_dims(&n->parts[i], &t);
        const checkpoint_tensor *found = checkpoint_find(c, t.name);
        if (found && same_extents(found, &t))
            continue;
        extents(want, sizeof want, &t);
        if (found)
            snprintf(text, sizeof text, "%s is %s, %s was expected", t.name, extents(have, sizeof have, found),
                     want);
        else
            snprintf(text, sizeof text, "%s %s", t.name, want);
        note(found ? shape : missing, text);
    }
}

static bool known(const net *n, const char *name)
{
    static const char counter[] = "num_batches_tracked"; /* of no use to inference or to a fixed momentum */
    size_t k = strlen(name), tail = sizeof counter - 1;
    if (k >= tail && strcmp(name + k - tail, counter) == 0)
        return true;
    for (int i = 0; i < n->nparts; i++)
        if (strcmp(n->parts[i].name, name) == 0)
            return true;
    return false;
}

static void look_over(const net *n, const checkpoint *c, misfit *left)
{
    char have[128], text[400];
    for (int64_t i = 0; i < checkpoint_count(c); i++) {
        const checkpoint_tensor *t = checkpoint_at(c, i);
        if (known(n, t->name))
            continue;
        snprintf(text, sizeof text, "%.200s %s", t->name, extents(have, sizeof have, t));
        note(left, text);
    }
}

static void tell(char *out, size_t cap, const char *what, const misfit *m)
{
    size_t used = strlen(out);
    if (!m->count)
        return;
    used += (size_t)snprintf(out + used, cap - used, "%s%s%s", used ? "; " : "", what, m->text);
    if (m->count > 3 && used < cap)
        snprintf(out + used, cap - used, " and %d more", m->count - 3);
}

static int check_fit(const net *n, const checkpoint *c, const char *path)
{
    misfit shape = {0}, missing = {0}, left = {0};
    char all[2400] = "";
    compare(n, c, &shape, &missing);
    look_over(n, c, &left);
    if (!shape.count && !missing.count && !left.count)
        return 0;
    tell(all, sizeof all, "", &shape);
    tell(all, sizeof all, "missing: ", &missing);
    tell(all, sizeof all, "left over: ", &left);
    return fault("%s does not fit %s with %lld classes: %s", path, n->name, (long long)n->classes, all);
}

/* ---- reading and writing ---- */

static int load_part(const net_part *p, const checkpoint *c, real *out)
{
    const checkpoint_tensor *t = checkpoint_find(c, p->name);
    float *values = pool_host((size_t)p->count * sizeof *values);
    int rc = checkpoint_floats(c, t, values);
    for (int64_t i = 0; i < p->count && rc == 0; i++)
        out[ours(p, i)] = values[i];
    free(values);
    return rc;
}

static int load_parts(net *n, const checkpoint *c)
{
    real *all = pool_host((size_t)(n->nweights + n->nstats) * sizeof *all);
    int rc = 0;
    for (int i = 0; i < n->nparts && rc == 0; i++)
        rc = load_part(&n->parts[i], c, part_at(n, all, &n->parts[i]));
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
    if (checkpoint_open(&c, path) != 0)
        return -1;
    int rc = check_fit(n, c, path) == 0 ? load_parts(n, c) : -1;
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
        torch_dims(p, &t[i]);
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
