/* order.c - ranks: a row's model, then its scorer, then its group and set. What one
 * cell reported of one thing after another keeps its order. */
#include "order.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* A run of the plan, and the place of its rows. */
typedef struct named {
    const char *run;
    int rank;
} named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const named *)a)->run, ((const named *)b)->run);
}

/* The rank of each row by what its first column, the run, says; -1: of another plan. */
static int *rank_by_run(const sheet *s, named *runs, int n)
{
    int *rank = text_more(NULL, ((size_t)sheet_rows(s) + 1) * sizeof *rank);
    qsort(runs, (size_t)n, sizeof *runs, by_name);
    for (int row = 0; row < sheet_rows(s); row++) {
        const named key = {sheet_at(s, row, 0), 0}, *found = bsearch(&key, runs, (size_t)n, sizeof *runs, by_name);
        rank[row] = found ? found->rank : -1;
    }
    return rank;
}

/* The places of groups and sets within one scorer's rows. */
static int most_sets(const config *wanted)
{
    int n = 0;
    for (int g = 0; g < config_count(wanted); g++)
        n += config_items(wanted, config_key(wanted, g));
    return n + 1;
}

static int place_of(const config *wanted, const char *group, const char *set)
{
    int place = 0;
    for (int g = 0; g < config_count(wanted); g++)
        for (int i = 0; i < config_items(wanted, config_key(wanted, g)); i++, place++)
            if (strcmp(config_key(wanted, g), group) == 0 &&
                strcmp(config_item(wanted, config_key(wanted, g), i), set) == 0)
                return place;
    return place;
}

/* Rows of scores; of sheets where `within` is not set, by run alone. */
static int order_scores(const rows *r, sheet *s, int within)
{
    int n = 0, most;
    named *runs = text_more(NULL, ((size_t)r->p.n * (size_t)r->p.score.n + 1) * sizeof *runs);
    config *wanted = config_new();
    rows_wanted(r, wanted);
    most = most_sets(wanted);
    for (int i = 0; i < r->p.n; i++)
        for (int j = 0; j < r->p.score.n; j++, n++)
            runs[n] = (named){r->p.models[i].scores[j].run, n * most};
    int *rank = rank_by_run(s, runs, n);
    for (int row = 0; within && row < sheet_rows(s); row++)
        if (rank[row] >= 0)
            rank[row] += place_of(wanted, sheet_at(s, row, RESULT_GROUP), sheet_at(s, row, RESULT_OOD));
    int rc = sheet_arrange(s, rank);
    free(rank);
    free(runs);
    config_free(wanted);
    return rc;
}

/* Rows of models: of features, or of an analysis. */
static int order_models(const rows *r, sheet *s, int analysis)
{
    named *runs = text_more(NULL, ((size_t)r->p.n + 1) * sizeof *runs);
    for (int i = 0; i < r->p.n; i++)
        runs[i] = (named){analysis < 0 ? r->p.models[i].run : r->p.models[i].analyses[analysis], i};
    int *rank = rank_by_run(s, runs, r->p.n);
    int rc = sheet_arrange(s, rank);
    free(rank);
    free(runs);
    return rc;
}

int order_rows(rows *r)
{
    int rc = order_scores(r, r->results, 1);
    if (rc == 0)
        rc = order_models(r, r->accuracy, -1);
    if (rc == 0 && r->search)
        rc = order_scores(r, r->search, 0);
    for (int a = 0; rc == 0 && a < ANALYSES; a++)
        if (r->analyses[a])
            rc = order_models(r, r->analyses[a], a);
    return rc;
}
