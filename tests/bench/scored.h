/* scored.h - a scoring method on made-up features, run as a cell runs it. One at a
 * time; scored_begin opens a scope that holds what the method keeps. */
#ifndef SCORED_H
#define SCORED_H

#include "../../harness/experiment.h"
#include "../../harness/plugin.h"

typedef struct scored {
    plugin *method;
    net *head;
    extractor source;
    run run;
    samples queries, outliers;
    float *scores; /* of the queries */
} scored;

/* What the features are of: a network, from which they take their width, and images. */
typedef struct scored_size {
    const char *net;
    int64_t train, val, queries; /* queries: as many as all sets to be scored have together */
} scored_size;

/* key: "knn.k", or NULL. Returns 0, or -1 with fault() set. */
int scored_begin(scored *s, const scored_size *size, const char *name, const char *key, const char *value);
void scored_fit(scored *s);
void scored_score(scored *s); /* ends the process where a score is not finite */
void scored_end(scored *s);

/* Another method on the same data. */
int scored_change(scored *s, const char *name, const char *key, const char *value);

#endif
