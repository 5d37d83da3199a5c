/* landscape.c - filter-normalised random directions (Li et al. 2018). */
#include "landscape.h"
#include "../kernels/random.h"
#include "engine.h"
#include "network.h"

#include <math.h>
#include <stdlib.h>

static bool moves(const net_part *p, landscape_options o)
{
    switch (p->kind) {
    case PART_FILTER:
    case PART_WEIGHT:
        return true;
    case PART_GAMMA:
    case PART_BETA:
        return o.bn;
    case PART_BIAS:
        return o.bias;
    default:
        return false;
    }
}

static double norm(const real *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    return sqrt(sum);
}

/* Of one filter: v gets w's norm. */
static void match(real *v, const real *w, int64_t n)
{
    double by = norm(w, n) / (norm(v, n) + 1e-10);
    for (int64_t i = 0; i < n; i++)
        v[i] = (real)((double)v[i] * by);
}

/* A draw depends on the parameter's place among all, so what else moves changes nothing. */
static void draw_direction(const net *n, const real *w, real *v, uint64_t seed, landscape_options o)
{
    for (int i = 0; i < n->nparts; i++) {
        const net_part *p = &n->parts[i];
        if (!net_is_parameter(p) || !moves(p, o))
            continue;
        int64_t filters = p->d.n > 1 ? p->d.d[0] : 1, each = p->count / filters;
        for (int64_t j = p->offset; j < p->offset + p->count; j++)
            v[j] = (real)random_normal(seed, (uint64_t)j);
        for (int64_t f = 0; f < filters; f++)
            match(v + p->offset + f * each, w + p->offset + f * each, each);
    }
}

static double cosine(const real *a, const real *b, int64_t n)
{
    double dot = 0, norms = norm(a, n) * norm(b, n);
    for (int64_t i = 0; i < n; i++)
        dot += (double)a[i] * (double)b[i];
    return norms > 0 ? dot / norms : 0;
}

void landscape_open(landscape *l, net *n, landscape_options o)
{
    size_t bytes = (size_t)n->nweights * sizeof(real);
    real *w = pool_host(bytes), *v[2];
    tx_open();
    tx_read(n->weights, w);
    *l = (landscape){.n = n, .home = tx_copy(n->weights)};
    for (int i = 0; i < 2; i++) {
        v[i] = pool_host(bytes);
        draw_direction(n, w, v[i], random_stream(o.draw, (uint64_t)i), o);
        l->along[i] = tx_from(DIMS(n->nweights), v[i]);
    }
    l->cosine = cosine(v[0], v[1], n->nweights);
    free(v[0]);
    free(v[1]);
    free(w);
}

void landscape_close(landscape *l)
{
    tx_assign(l->n->weights, l->home);
    tx_close();
}

void landscape_go(const landscape *l, double alpha, double beta)
{
    int recording = ad_record(0);
    tx_open();
    tensor *there = tx_add(l->home, tx_scale(l->along[0], alpha));
    tx_assign(l->n->weights, tx_add(there, tx_scale(l->along[1], beta)));
    tx_close();
    ad_record(recording);
}
