/* peer.c - the knn scorer against faiss' exact index: tests/peer/faiss_knn.py, run by
 * the Python that PEER names, or python3. Both search the same number of features for
 * the same number of queries, one right after the other. */
#include "bench.h"
#include "scored.h"

#include "../../harness/clock.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERIES = 10000, NEAREST = 50, VAL = 1000 };

static const scored_size sizes[] = {{"resnet20", 25000, VAL, QUERIES}, {"resnet18-32", 50000, VAL, QUERIES}};
static scored at;

/* The first line that it prints; 0 when its end was a good one. */
static int ask(const char *arguments, char line[256])
{
    char command[4096];
    const char *python = getenv("PEER");
    snprintf(command, sizeof command, "%.3000s tests/peer/faiss_knn.py %s 2>&1", python ? python : "python3",
             arguments);
    FILE *f = popen(command, "r");
    line[0] = '\0';
    if (!f || !fgets(line, 256, f))
        snprintf(line, 256, "it printed nothing");
    line[strcspn(line, "\n")] = '\0';
    return f && pclose(f) == 0 ? 0 : -1;
}

static int begin(const subject *s)
{
    if (scored_begin(&at, &sizes[s->number], "knn", "knn.k", "50") != 0)
        return -1;
    scored_fit(&at);
    return 0;
}

static int begin_against(const subject *s)
{
    char line[256];
    if (card_is_open()) {
        fault("faiss is compared with on processors");
        return 1;
    }
    if (ask("--check", line) != 0) {
        fault("faiss: %s", line);
        return 1;
    }
    return begin(s);
}

static void end(const subject *s)
{
    (void)s;
    scored_end(&at);
}

static void search(const subject *s)
{
    (void)s;
    scored_score(&at);
}

static double times_faster(const subject *s)
{
    char arguments[128], line[256], *rest;
    snprintf(arguments, sizeof arguments, "%d %lld %lld %d %d", QUERIES, (long long)sizes[s->number].train,
             (long long)at.queries.known.width, NEAREST, machine_threads());
    int rc = ask(arguments, line);
    double theirs = strtod(line, &rest), began = clock_now();
    if (rc != 0 || rest == line || *rest) {
        fprintf(stderr, "bench: %s: expected seconds, found: %s\n", s->name, line);
        exit(EXIT_CONFIG);
    }
    search(s);
    return theirs / (clock_now() - began);
}

#define OURS(label, text, bank, width, which)                                                                      \
    {                                                                                                              \
        .name = "knn-" label, .size = text, .unit = "s", .amount = 1, .peak = PEAK_F32,                            \
        .cost = 2e-9 * QUERIES * (bank) * (width), .least = 5, .begin = begin, .run = search, .end = end,          \
        .number = which                                                                                            \
    }
#define FAISS(label, text, which)                                                                                  \
    {                                                                                                              \
        .name = "faiss-" label, .size = text, .unit = "x knn's time", .least = 3, .begin = begin_against,          \
        .figure = times_faster, .end = end, .number = which                                                        \
    }
const subject peer_subjects[] = {
    OURS("64", "10000 x 25000 x 64 k 50", 25000, 64, 0),
    OURS("512", "10000 x 50000 x 512 k 50", 50000, 512, 1),
    FAISS("64", "10000 x 25000 x 64 k 50", 0),
    FAISS("512", "10000 x 50000 x 512 k 50", 1),
    {.name = NULL},
};
