/* experiment.c - the part of method.h that is the same in training and scoring:
 * the network, randomness, scratch memory, refusing to go on. */
#include "experiment.h"
#include "../kernels/random.h"
#include "engine.h"
#include "fault.h"
#include "given_features.h"
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void run_begin(run *r, const extractor *e, const char *path, uint64_t seed)
{
    *r = (run){.extractor = e, .net = e->net, .seed = seed};
    samples_begin(&r->splits[RUN_TRAIN], r, path, "train");
    samples_begin(&r->splits[RUN_VAL], r, path, "val");
}

void run_end(run *r)
{
    samples_end(&r->splits[RUN_TRAIN]);
    samples_end(&r->splits[RUN_VAL]);
    run_forget_scratch(r);
}

net *run_net(run *r)
{
    if (r->extractor->given && given_needs_head(r->extractor->given) != 0)
        run_refuse(r, "%s", fault_text());
    return r->net;
}

int64_t run_classes(const run *r)
{
    return nn_classes(r->net);
}

tensor *run_input_mean(run *r)
{
    return tx_channels(r->extractor->mean);
}

tensor *run_input_std(run *r)
{
    return tx_channels(r->extractor->std);
}

void run_refuse(run *r, const char *fmt, ...)
{
    char why[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    int needs = strncmp(why, "needs: ", 7) == 0; /* no other parameters would help */
    if (r->refused && !needs) {
        fault("%s", why);
        longjmp(*r->refused, 1);
    }
    fprintf(stderr, "%s\n", why);
    report_line("status\t%s%s", needs ? "" : "failed: ", why);
    exit(EXIT_CONFIG);
}

uint64_t run_seed(run *r)
{
    return random_stream(random_stream(r->seed, RUN_STREAMS), r->streams++);
}

int64_t run_int(run *r, int64_t below)
{
    if (below < 1 || below > INT64_C(1) << 32)
        run_refuse(r, "run_int: expected 1 to 2^32 values to choose from, found %lld", (long long)below);
    return random_below(random_stream(r->seed, RUN_DRAWS), r->draws++, below);
}

double run_uniform(run *r)
{
    return random_uniform(random_stream(r->seed, RUN_DRAWS), r->draws++);
}

void *run_scratch(run *r, size_t bytes)
{
    struct scratch *s = calloc(1, sizeof *s + bytes);
    if (!s) {
        report_status("memory: %zu bytes of scratch", bytes);
        exit(EXIT_MEMORY);
    }
    s->next = r->scratch;
    r->scratch = s;
    return s->bytes;
}

void run_forget_scratch(run *r)
{
    while (r->scratch) {
        struct scratch *s = r->scratch;
        r->scratch = s->next;
        free(s);
    }
}
