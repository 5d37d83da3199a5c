/* tsne.c - gradient descent with momentum and gains, from the first two principal
 * components. The schedule is van der Maaten's with the step size of Belkina and
 * others (2019), as in scikit-learn. */
#include "tsne.h"
#include "../kernels/random.h"
#include "engine.h"
#include "fault.h"
#include "forces.h"
#include "pca.h"
#include "progress.h"

#include <math.h>
#include <stdlib.h>

static const double exaggeration = 12, start_spread = 1e-4;

/* Components in the first rows of `x`, scaled so that the first spreads by
 * start_spread. A second one that is nothing would stay so: it is drawn. */
static void begin_at(double *at, const double *x, const double *variances, int64_t n, int64_t d, uint64_t seed)
{
    double scale = start_spread / sqrt(variances[0]);
    int flat = d < 2 || variances[1] < 1e-12 * variances[0];
    for (int64_t i = 0; i < n; i++) {
        at[2 * i] = x[i] * scale;
        at[2 * i + 1] = flat ? (double)random_normal(seed, (uint64_t)i) * start_spread / 100 : x[n + i] * scale;
    }
}

static void move(double *at, double *moving, double *gain, const double *g, int64_t n, double rate, double momentum)
{
    for (int64_t i = 0; i < n; i++) {
        gain[i] = g[i] * moving[i] < 0 ? gain[i] + 0.2 : fmax(gain[i] * 0.8, 0.01);
        moving[i] = momentum * moving[i] - rate * gain[i] * g[i];
        at[i] += moving[i];
    }
}

static void descend(double *at, forces *f, int64_t n, const tsne_options *o)
{
    double *g = pool_host((size_t)n * 2 * sizeof *g), *moving = pool_host((size_t)n * 2 * sizeof *moving);
    double *gain = pool_host((size_t)n * 2 * sizeof *gain), rate = fmax((double)n / 48, 50);
    for (int64_t i = 0; i < 2 * n; i++)
        gain[i] = 1;
    for (int64_t s = 0; s < o->steps; s++) {
        int early = s < o->steps / 4;
        forces_gradient(f, at, early ? exaggeration : 1, g);
        move(at, moving, gain, g, 2 * n, rate, early ? 0.5 : 0.8);
        if (o->label)
            progress_step(s + 1);
    }
    free(g);
    free(moving);
    free(gain);
}

static void centre(double *at, int64_t n)
{
    double mean[2] = {0, 0};
    for (int64_t i = 0; i < 2 * n; i++)
        mean[i % 2] += at[i] / (double)n;
    for (int64_t i = 0; i < 2 * n; i++)
        at[i] -= mean[i % 2];
}

static void embed(double *at, tsne_fit *fit, const double *x, int64_t n, int64_t d, const tsne_options *o)
{
    affinity a;
    if (o->label)
        progress_begin(o->label, "steps", o->steps);
    affinity_of(&a, x, n, d, o->perplexity, n <= o->exact, o->threads);
    forces *f = forces_new(&a, o->threads);
    descend(at, f, n, o);
    centre(at, n);
    *fit = (tsne_fit){forces_divergence(f, at), a.crowded};
    if (o->label)
        progress_end();
    forces_free(f);
    affinity_free(&a);
}

static int fits(int64_t n, double perplexity)
{
    if (!(perplexity >= 2 && perplexity <= 1e6))
        return fault("t-SNE: a perplexity is a number of neighbours, from 2 on, often 5 to 50; found %g",
                     perplexity);
    if ((double)n > 3 * perplexity)
        return 0;
    return fault("t-SNE: a perplexity of %g wants more than %.0f points, there are %lld: take more samples, or a "
                 "perplexity below %.3g",
                 perplexity, floor(3 * perplexity), (long long)n, (double)n / 3);
}

int tsne(double *at, tsne_fit *fit, const float *x, int64_t n, int64_t d, const tsne_options *o)
{
    double variances[TSNE_DIMENSIONS];
    int64_t kept = d < TSNE_DIMENSIONS ? d : TSNE_DIMENSIONS;
    if (fits(n, o->perplexity) != 0)
        return -1;
    double *components = pool_host((size_t)(n * kept) * sizeof *components);
    int rc = pca(components, variances, x, n, d, kept);
    if (rc == 0 && !(variances[0] > 0))
        rc = fault("t-SNE: all %lld points are the same, there is nothing to draw", (long long)n);
    if (rc == 0) {
        begin_at(at, components, variances, n, kept, o->seed);
        embed(at, fit, components, n, kept, o);
    }
    free(components);
    return rc;
}
