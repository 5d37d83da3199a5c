/* toy.h - small problems for the tests of scorers: a linear head, training and
 * validation features, and the score that a plugin gives one more vector.
 *
 * A problem has at most the 64 features of the network that carries its head,
 * and is embedded in them by zeros. toy_t is problem T of the specification. */
#ifndef TOY_H
#define TOY_H

#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/plugin.h"
#include "../harness/score.h"
#include "../kernels/random.h"
#include "tested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOY_WIDTH = 64 };

/* All matrices are dense, a row per class or sample. */
typedef struct toy_set {
    int n;
    const float *features;
    const int32_t *labels;
} toy_set;

typedef struct toy {
    int classes, features;
    const float *weight, *bias;
    toy_set splits[2]; /* by RUN_TRAIN and RUN_VAL */
} toy;

static const float toy_t_features[] = {2, 0, 3, 1, 0, 3, 1, 2, 0, 0, 1, 0};
static const int32_t toy_t_labels[] = {0, 0, 1, 1, 2, 2};
static const toy toy_t = {
    .classes = 3,
    .features = 2,
    .weight = (const float[]){2, 0, 0, 2, -1, -1},
    .bias = (const float[]){0, 0, 0.5f},
    .splits = {{6, toy_t_features, toy_t_labels}, {6, toy_t_features, toy_t_labels}},
};

/* The network that all scorers see, its device, and whose head it has. */
static net *toy_net;
static const char *toy_device;
static const toy *toy_head;

/* Before anything else. */
static inline void toy_begin(void)
{
    tested_kernels();
    setenv("OMP_NUM_THREADS", "1", 0); /* the leak checker of `make san` stumbles over libgomp's waiting threads */
}

static inline void toy_close(void)
{
    if (toy_net)
        nn_free(toy_net);
    toy_net = NULL;
    toy_head = NULL;
}

static inline void toy_open_device(const char *name)
{
    if (toy_device && strcmp(toy_device, name) == 0)
        return;
    toy_close();
    if (toy_device)
        device_close();
    toy_device = NULL;
    if (device_open(name, 0) != 0)
        fail_msg("%s", fault_text());
    toy_device = name;
}

/* Makes toy_net a network with this head; free of charge when it has it. */
static inline void toy_open(const char *device, const toy *t)
{
    toy_open_device(device);
    if (toy_head == t)
        return;
    toy_close();
    assert_int_equal(nn_build(&toy_net, "resnet20", t->classes, 1), 0);
    assert_int_equal(nn_features(toy_net), TOY_WIDTH);
    size_t cells = (size_t)t->classes * TOY_WIDTH;
    real *weight = calloc(cells, sizeof *weight), *bias = calloc((size_t)t->classes, sizeof *bias);
    assert_true(weight && bias && t->features <= TOY_WIDTH);
    for (int k = 0; k < t->classes; k++) {
        bias[k] = t->bias[k];
        for (int j = 0; j < t->features; j++)
            weight[k * TOY_WIDTH + j] = t->weight[k * t->features + j];
    }
    tx_open();
    tx_assign(nn_head_weight(toy_net), tx_from(DIMS(t->classes, TOY_WIDTH), weight));
    tx_assign(nn_head_bias(toy_net), tx_from(DIMS(t->classes), bias));
    tx_close();
    free(weight);
    free(bias);
    toy_head = t;
}

/* Room for n samples; freed by samples_end. */
static inline features toy_room(int64_t n, int classes)
{
    return (features){.n = n,
                      .width = TOY_WIDTH,
                      .classes = classes,
                      .values = pool_host((size_t)n * TOY_WIDTH * sizeof(float)),
                      .logits = pool_host((size_t)n * (size_t)classes * sizeof(float)),
                      .labels = pool_host((size_t)n * sizeof(int32_t))};
}

/* Features like those after a ReLU, and logits of their own; sample i of a seed is the
 * same whatever n. */
static inline features toy_random(int64_t n, int classes, uint64_t seed)
{
    features f = toy_room(n, classes);
    for (int64_t i = 0; i < n * TOY_WIDTH; i++) {
        float z = random_normal(seed, (uint64_t)i);
        f.values[i] = z > 0 ? z : 0;
    }
    for (int64_t i = 0; i < n; i++)
        f.labels[i] = (int32_t)(i % classes);
    for (int64_t i = 0; i < n * classes; i++)
        f.logits[i] = 4 * random_normal(seed + 1, (uint64_t)i);
    return f;
}

/* Sample i gets this vector and the logits that the head gives it. */
static inline void toy_put(const toy *t, features *f, int64_t i, const float *h, int32_t label)
{
    memset(f->values + i * TOY_WIDTH, 0, TOY_WIDTH * sizeof *h);
    memcpy(f->values + i * TOY_WIDTH, h, (size_t)t->features * sizeof *h);
    f->labels[i] = label;
    for (int k = 0; k < t->classes; k++) {
        double sum = (double)t->bias[k];
        for (int j = 0; j < t->features; j++)
            sum += (double)t->weight[k * t->features + j] * (double)h[j];
        f->logits[i * t->classes + k] = (float)sum;
    }
}

static inline void toy_fill(samples *s, run *r, features f)
{
    *s = (samples){.run = r, .known = f, .loaded = 1, .n = f.n};
}

/* The run of an opened problem; ended by run_end. */
static inline void toy_begin_run(const toy *t, run *r, extractor *e)
{
    *e = (extractor){.net = toy_net};
    run_begin(r, e, NULL, 0);
    for (int which = 0; which < 2; which++) {
        const toy_set *set = &t->splits[which];
        features f = toy_room(set->n, t->classes);
        for (int i = 0; i < set->n; i++)
            toy_put(t, &f, i, set->features + i * t->features, set->labels[i]);
        toy_fill(&r->splits[which], r, f);
    }
}

/* Sets parameters from "k=1;x=2". */
static inline void toy_configure(plugin *p, const char *text)
{
    config *c = config_new();
    char all[256], *rest = all;
    snprintf(all, sizeof all, "%s", text);
    for (char *one; (one = strsep(&rest, ";")) && *one;) {
        char key[96], *value = strchr(one, '=');
        assert_non_null(value);
        *value++ = '\0';
        snprintf(key, sizeof key, "%s.%.48s", plugin_method(p)->name, one);
        assert_int_equal(config_set(c, key, value, "tests/methods"), 0);
    }
    if (plugin_configure(p, c) != 0)
        fail_msg("%s", fault_text());
    config_free(c);
}

static inline plugin *toy_method(const char *name, const char *parameters)
{
    char path[512];
    plugin *p;
    snprintf(path, sizeof path, "%s/methods/%s.so", tested_build(), name);
    if (plugin_open(&p, path) != 0)
        fail_msg("%s", fault_text());
    toy_configure(p, parameters);
    return p;
}

/* What the method, fitted on the problem, gives the vector h[t->features]. */
static inline float toy_score(const char *device, const toy *t, const char *name, const char *parameters,
                              const float *h)
{
    run r;
    extractor e;
    samples s;
    float got = NAN;
    toy_open(device, t);
    plugin *p = toy_method(name, parameters);
    toy_begin_run(t, &r, &e);
    features f = toy_room(1, t->classes);
    toy_put(t, &f, 0, h, -1);
    toy_fill(&s, &r, f);
    tx_open();
    score_fit(p, &r);
    assert_int_equal(score_samples(p, &r, &s, &got), 0);
    tx_close();
    samples_end(&s);
    run_end(&r);
    plugin_close(p);
    return got;
}

/* six digits in `want`; float near 1 in the scores */
static inline void toy_expect(const char *device, const toy *t, const char *name, const char *parameters,
                              const float *h, double want)
{
    double got = (double)toy_score(device, t, name, parameters, h);
    if (!(fabs(got - want) <= 1e-5 * fabs(want) + 5e-7))
        fail_msg("%s on %s at (%g, %g, ...) with `%s`: expected %.9g, found %.9g", name, device, (double)h[0],
                 t->features > 1 ? (double)h[1] : 0, parameters, want, got);
}

#endif
