/* differences.h - holds derivatives against differences of values, in double.
 *
 * A function y = f(x0, x1, ...) is tested through L = sum(u * y) with random u,
 * which is a variable as well. First order: every gradient of L against values
 * of L. Second order: with S = sum(v * all gradients of L), every gradient of S
 * against values of S. A linear f still has a second order: u and x mix. The
 * five-point rule leaves an error of about 1e-12. */
#ifndef DIFFERENCES_H
#define DIFFERENCES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../harness/engine.h"

#define VARIABLES 9   /* of one function, u included */
#define POSITIONS 8   /* of each variable are tried */
#define DISTANCE 2e-4 /* between two values that a difference is taken of */

enum values {
    ANY,      /* normal */
    POSITIVE, /* between 0.5 and 2 */
    SPACED,   /* within (-1, 1), distinct, none near 0 or the bounds in use */
};

typedef tensor *computed(tensor *const x[], const void *about);

typedef struct variable {
    dims d;
    enum values kind;
    double *at;
    int64_t count;
} variable;

typedef struct experiment {
    const char *name;
    computed *f;
    const void *about;
    int n; /* variables, the last one u */
    variable x[VARIABLES];
    double *v[VARIABLES]; /* the second functional */
    int compared;
} experiment;

static uint64_t differences_state;

static double next_uniform(void) /* in (0,1) */
{
    uint64_t z = differences_state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static double next_normal(void)
{
    return sqrt(-2 * log(next_uniform())) * cos(6.283185307179586 * next_uniform());
}

static void fill_spaced(double *at, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        at[i] = 2 * ((double)i + 0.3) / (double)n - 1;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)(next_uniform() * (double)(i + 1));
        double t = at[i];
        at[i] = at[j];
        at[j] = t;
    }
}

static void draw(variable *v)
{
    v->count = 1;
    for (int i = 0; i < v->d.n; i++)
        v->count *= v->d.d[i];
    v->at = calloc((size_t)v->count + 1, sizeof *v->at);
    if (v->kind == SPACED)
        fill_spaced(v->at, v->count);
    for (int64_t i = 0; v->kind != SPACED && i < v->count; i++)
        v->at[i] = v->kind == ANY ? next_normal() : 0.5 + 1.5 * next_uniform();
}

/* L, with every variable a leaf. */
static tensor *functional(const experiment *e, tensor *x[])
{
    for (int i = 0; i < e->n; i++)
        x[i] = ad_leaf(tx_from(e->x[i].d, (const real *)e->x[i].at));
    return tx_sum(tx_mul(e->f(x, e->about), x[e->n - 1]));
}

static double value_first(const experiment *e)
{
    tensor *x[VARIABLES];

    tx_open();
    double value = tx_item(functional(e, x));
    tx_close();
    return value;
}

static double value_second(const experiment *e)
{
    tensor *x[VARIABLES], *g[VARIABLES];
    double value = 0;

    tx_open();
    ad_grad(functional(e, x), e->n, x, g, 0);
    for (int i = 0; i < e->n; i++) {
        double *host = calloc((size_t)e->x[i].count + 1, sizeof *host);
        tx_read(g[i], host);
        for (int64_t j = 0; j < e->x[i].count; j++)
            value += host[j] * e->v[i][j];
        free(host);
    }
    tx_close();
    return value;
}

/* All gradients: of L with the given flags, or of S. */
static void gradients(const experiment *e, bool second, unsigned flags, double *out[])
{
    tensor *x[VARIABLES], *g[VARIABLES];

    tx_open();
    tensor *y = functional(e, x);
    ad_grad(y, e->n, x, g, second ? AD_CREATE : flags);
    if (second) {
        tensor *s = tx_full(DIMS(1), 0);
        for (int i = 0; i < e->n; i++)
            s = tx_add(s, tx_sum(tx_mul(g[i], tx_from(e->x[i].d, (const real *)e->v[i]))));
        ad_grad(s, e->n, x, g, flags);
    }
    for (int i = 0; i < e->n; i++) {
        assert_true(tx_same_dims(tx_dims(g[i]), e->x[i].d));
        tx_read(g[i], out[i]);
    }
    tx_close();
}

static double difference(experiment *e, double (*value)(const experiment *), double *at)
{
    static const double weight[] = {1, -8, 0, 8, -1};
    double was = *at, sum = 0;

    for (int i = 0; i < 5; i++) {
        if (i == 2)
            continue;
        *at = was + (i - 2) * DISTANCE;
        sum += weight[i] * value(e);
    }
    *at = was;
    return sum / (12 * DISTANCE);
}

static void compare(experiment *e, bool second, unsigned flags, double tolerance)
{
    double *g[VARIABLES];

    for (int i = 0; i < e->n; i++)
        g[i] = calloc((size_t)e->x[i].count + 1, sizeof *g[i]);
    gradients(e, second, flags, g);
    for (int i = 0; i < e->n; i++) {
        double scale = 0.1;
        for (int64_t j = 0; j < e->x[i].count; j++)
            scale = fmax(scale, fabs(g[i][j]));
        for (int k = 0; k < POSITIONS && k < e->x[i].count; k++) {
            int64_t j = e->x[i].count <= POSITIONS ? k : (int64_t)(next_uniform() * (double)e->x[i].count);
            double expected = difference(e, second ? value_second : value_first, &e->x[i].at[j]);
            if (!(fabs(g[i][j] - expected) <= tolerance * scale))
                fail_msg("%s: order %d, flags %u, variable %d[%lld]: %.12g, by differences %.12g (scale %g)",
                         e->name, 1 + second, flags, i, (long long)j, g[i][j], expected, scale);
            e->compared++;
        }
    }
    for (int i = 0; i < e->n; i++)
        free(g[i]);
}

/* Both orders, each with and without AD_CREATE, so that fused and composed
 * rules meet the same numbers. Returns how many derivatives were compared. */
static int hold_against_differences(const char *name, computed *f, const void *about, int n, const variable *x)
{
    experiment e = {.name = name, .f = f, .about = about, .n = n + 1};

    differences_state = 1;
    tx_open();
    tensor *leaf[VARIABLES];
    for (int i = 0; i < n; i++) {
        e.x[i] = x[i];
        draw(&e.x[i]);
        leaf[i] = ad_leaf(tx_from(e.x[i].d, (const real *)e.x[i].at));
    }
    e.x[n] = (variable){.d = tx_dims(f(leaf, about)), .kind = ANY};
    draw(&e.x[n]);
    tx_close();
    for (int i = 0; i <= n; i++) {
        variable v = {.d = e.x[i].d, .kind = ANY};
        draw(&v);
        e.v[i] = v.at;
    }
    compare(&e, false, 0, 1e-7);
    compare(&e, false, AD_CREATE, 1e-7);
    compare(&e, true, 0, 1e-6);
    compare(&e, true, AD_CREATE, 1e-6);
    for (int i = 0; i <= n; i++) {
        free(e.x[i].at);
        free(e.v[i]);
    }
    return e.compared;
}

#endif
