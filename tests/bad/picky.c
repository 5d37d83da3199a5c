/* picky.c - for tests of searches. Its score is one column of the features, chosen
 * by its parameters; PICKY in the environment names points that it does not like,
 * "fit 1 4, score 2 4, nan 3 4, kill 3 5" for values of column and block; it
 * writes what it is called for to the file PICKY_LOG. */
#include "../../methods/method.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct picky {
    int64_t column, block, plain;
    int64_t fits, fitted; /* times since the struct was zero; the block that it was fitted with */
} picky;

static const param params[] = {
    PARAM(picky, column, .init = 1, .min = 1, .max = 3, .sweep = "1 2 3", .help = "of a block"),
    PARAM(picky, block, .init = 4, .min = 4, .max = 5, .refit = true, .sweep = "4 5", .help = "of three columns"),
    PARAM(picky, plain, .init = 7, .min = 0, .max = 9, .help = "has no sweep"),
};

static int dislikes(const picky *p, const char *how)
{
    char point[64];
    const char *points = getenv("PICKY");
    snprintf(point, sizeof point, "%s %lld %lld", how, (long long)p->column, (long long)p->block);
    return points && strstr(points, point);
}

static void note(const char *what, const picky *p, int64_t number)
{
    const char *path = getenv("PICKY_LOG");
    FILE *log = path ? fopen(path, "a") : NULL;
    if (!log)
        return;
    fprintf(log, "%s %lld %lld: %lld\n", what, (long long)p->column, (long long)p->block, (long long)number);
    fclose(log);
}

static void fit(void *self, run *r)
{
    picky *p = self;
    note("fit", p, run_int(r, 1000000));
    tx_open();
    run_scratch(r, 100);
    if (dislikes(p, "fit"))
        run_refuse(r, "picky: no fit");
    tx_close();
    p->fitted = p->block;
    p->fits++;
}

static tensor *score(void *self, run *r, samples *s)
{
    picky *p = self;
    note("score", p, p->fits);
    tx_open();
    run_scratch(r, 100);
    if (dislikes(p, "score"))
        run_refuse(r, "picky: no score");
    tx_close();
    if (dislikes(p, "kill"))
        raise(SIGKILL);
    tensor *x = tx_slice_cols(samples_features(s), 3 * (p->fitted - 4) + p->column - 1, 1);
    return dislikes(p, "nan") ? tx_map(BK_LOG, tx_affine(tx_square(x), -1, -1)) : x;
}

const method method_entry = {METHOD_HEAD,           .name = "picky", .cite = "nobody",
                             PARAMS(picky, params), .fit = fit,      .score = score};
