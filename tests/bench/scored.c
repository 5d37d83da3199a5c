/* scored.c - features such as a network leaves behind its last ReLU: not negative,
 * a cluster for each class, logits that mostly name it. */
#include "scored.h"

#include "../../harness/config.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/models.h"
#include "../../harness/score.h"
#include "../../kernels/random.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLASSES = 10 };

static features make_features(int64_t n, int64_t width, uint64_t seed)
{
    features f = {.n = n, .width = width, .classes = CLASSES};
    f.values = pool_host((size_t)(n * width) * sizeof *f.values);
    f.logits = pool_host((size_t)(n * CLASSES) * sizeof *f.logits);
    f.labels = pool_host((size_t)n * sizeof *f.labels);
    for (int64_t i = 0; i < n; i++) {
        float own[CLASSES] = {0};
        f.labels[i] = (int32_t)random_below(~seed, (uint64_t)i, CLASSES);
        for (int64_t j = 0; j < width; j++) {
            float z = random_normal(seed, (uint64_t)(i * width + j)) + (j % CLASSES == f.labels[i] ? 2 : 0);
            f.values[i * width + j] = z > 0 ? z : 0;
            own[j % CLASSES] += z > 0 ? z : 0;
        }
        for (int64_t k = 0; k < CLASSES; k++)
            f.logits[i * CLASSES + k] = own[k] * 32 / (float)width; /* 0 to 6, with a few beyond */
    }
    return f;
}

static samples make_samples(scored *s, int64_t n, uint64_t seed)
{
    return (samples){.run = &s->run, .known = make_features(n, nn_features(s->head), seed), .loaded = 1, .n = n};
}

static int open_method(scored *s, const char *name, const char *key, const char *value)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/methods/%s.so", getenv("B"), name);
    config *c = config_new();
    int rc = plugin_open(&s->method, path);
    if (rc == 0 && key)
        rc = config_set(c, key, value, "bench");
    if (rc == 0)
        rc = plugin_configure(s->method, c);
    config_free(c);
    return rc == 0 ? 0 : -1;
}

int scored_begin(scored *s, const scored_size *size, const char *name, const char *key, const char *value)
{
    *s = (scored){.method = NULL};
    if (open_method(s, name, key, value) != 0 || nn_build(&s->head, size->net, CLASSES, 1) != 0)
        return -1;
    s->source = (extractor){.net = s->head};
    run_begin(&s->run, &s->source, NULL, 0);
    s->run.splits[RUN_TRAIN] = make_samples(s, size->train, 1);
    s->run.splits[RUN_VAL] = make_samples(s, size->val, 2);
    s->queries = make_samples(s, size->queries, 3);
    s->outliers = make_samples(s, size->val, 4);
    s->scores = pool_host((size_t)size->queries * sizeof *s->scores);
    tx_open();
    return 0;
}

int scored_change(scored *s, const char *name, const char *key, const char *value)
{
    plugin_close(s->method);
    s->method = NULL;
    return open_method(s, name, key, value);
}

void scored_fit(scored *s)
{
    score_fit(s->method, &s->run);
}

void scored_score(scored *s)
{
    if (score_samples(s->method, &s->run, &s->queries, s->scores) == 0)
        return;
    fprintf(stderr, "bench: %s: a score is not finite: %s\n", plugin_method(s->method)->name, fault_text());
    exit(EXIT_NOT_FINITE);
}

void scored_end(scored *s)
{
    tx_close();
    samples_end(&s->queries);
    samples_end(&s->outliers);
    run_end(&s->run);
    plugin_close(s->method);
    nn_free(s->head);
    free(s->scores);
    pool_trim();
}
