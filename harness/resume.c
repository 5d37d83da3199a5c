/* resume.c - state as arrays of 32-bit words in one file of cache.h, which knows
 * a damaged or foreign one by checksums and by the text of what it depends on. */
#include "resume.h"
#include "cache.h"
#include "clock.h"
#include "engine.h"
#include "fault.h"
#include "file.h"
#include "network.h"
#include "ranks.h"
#include "report.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum part { NUMBERS, NOTES, WEIGHTS, STATISTICS, OPTIMISER, PARTS = OPTIMISER + OPTIMISER_STATE };
static const char *const part_names[PARTS] = {"numbers",    "diagnostics", "weights",
                                              "statistics", "optimiser_1", "optimiser_2"};

typedef struct numbers { /* eight bytes each, so there are no gaps */
    int64_t step, best, best_epoch, taken;
    uint64_t streams, draws;
    int64_t outlier_epoch, outlier_position;
    recipe_plateau plateau;
    double accuracy, epoch_s;
} numbers;
_Static_assert(sizeof(numbers) == 13 * 8, "words without gaps");

static int parts(const trainer *t)
{
    return OPTIMISER + t->optimiser.nstate;
}

static tensor *part_tensor(const trainer *t, int part)
{
    const net *n = t->run->net;
    return part == WEIGHTS ? n->weights : part == STATISTICS ? n->stats : t->optimiser.state[part - OPTIMISER];
}

/* What a state must have been made by to be taken up here. The name is a digest
 * of the configuration; the first weights stand for network and checkpoint. */
static char *describe(const trainer *t)
{
    const extractor *e = t->run->extractor;
    char weights[65], settings[1024], base[1024] = "";
    nn_digest(t->run->net, weights);
    plugin_settings(t->plugin, settings, sizeof settings);
    if (t->base)
        plugin_settings(t->base, base, sizeof base);
    return text_format(
        "state of a training, 1\nrun: %s\nmethod: %s %s\nbase: %s %s\nnet: %s\nweights: %s\n"
        "seed: %llu\nsteps: %lld of %lld\ntrain: %s\nval: %s\noutliers: %s\n"
        "mean: %.17g %.17g %.17g\nstd: %.17g %.17g %.17g\nbackend: %s\nprecision: %s\nfast: %d\nreal: %zu\nabi: "
        "%d\n",
        t->job->name, plugin_method(t->plugin)->name, settings, t->base ? plugin_method(t->base)->name : "", base,
        nn_name(t->run->net), weights, (unsigned long long)t->run->seed, (long long)t->steps,
        (long long)t->steps_each, dataset_digest(t->train), dataset_digest(t->val),
        t->outliers ? dataset_digest(t->outliers) : "", e->mean[0], e->mean[1], e->mean[2], e->std[0], e->std[1],
        e->std[2], device_name(), e->precision ? e->precision : "f32", e->fast, sizeof(real), BK_ABI);
}

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *fmt, ...)
{
    char line[4400];
    va_list args;
    if (ranks_here() > 0)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    fprintf(stderr, "%s\n", line);
    report_line("note\t%s", line);
}

int resume_begin(trainer *t)
{
    const method *m = plugin_method(t->plugin);
    if ((size_t)snprintf(t->state, sizeof t->state, "%s.state", t->job->out) >= sizeof t->state)
        return fault("out: the path %s is too long", t->job->out);
    t->made_of = describe(t);
    t->self = pool_host(m->self_bytes);
    if (m->self_bytes)
        memcpy(t->self, plugin_self(t->plugin), m->self_bytes);
    t->saved = clock_now();
    return 0;
}

void resume_end(trainer *t)
{
    free(t->made_of);
    free(t->self);
    t->made_of = NULL;
    t->self = NULL;
}

void resume_forget(const trainer *t)
{
    if (ranks_here() == 0)
        unlink(t->state);
}

/* Saving. */

static numbers gather_numbers(const trainer *t)
{
    numbers n = {.step = t->step,
                 .best = t->best,
                 .best_epoch = t->best_epoch,
                 .taken = t->optimiser.steps,
                 .streams = t->run->streams,
                 .draws = t->run->draws,
                 .plateau = t->plateau,
                 .accuracy = t->accuracy};
    if (t->step % t->steps_each)
        n.epoch_s = clock_now() - t->epoch_began;
    if (t->outlier_batches)
        stream_where(t->outlier_batches, &n.outlier_epoch, &n.outlier_position);
    return n;
}

static size_t part_bytes(const trainer *t, int part)
{
    if (part == NUMBERS)
        return sizeof(numbers);
    if (part == NOTES)
        return diagnostics_bytes(t->notes);
    return (size_t)part_tensor(t, part)->count * sizeof(real);
}

static cache_array gather(const trainer *t, int part)
{
    size_t bytes = part_bytes(t, part);
    cache_array a = {part_names[part], CACHE_INT, 1, (int64_t)(bytes / sizeof(int32_t)), pool_host(bytes)};
    numbers n = gather_numbers(t);
    if (part == NUMBERS)
        memcpy(a.values, &n, sizeof n);
    else if (part == NOTES)
        diagnostics_pack(t->notes, a.values);
    else
        tx_read(part_tensor(t, part), a.values);
    return a;
}

/* Whether the method's own struct is no longer as it was configured. */
static int keeps_state(const trainer *t)
{
    const method *m = plugin_method(t->plugin);
    return m->self_bytes && memcmp(t->self, plugin_self(t->plugin), m->self_bytes) != 0;
}

int resume_save(trainer *t)
{
    cache_array a[PARTS];
    t->saved = clock_now();
    if (ranks_here() > 0)
        return 0;
    if (keeps_state(t)) {
        if (!t->unsaved)
            tell("%s keeps state of its own, which is not saved: cut short, it starts over",
                 plugin_method(t->plugin)->name);
        t->unsaved = true;
        resume_forget(t);
        return 0;
    }
    for (int i = 0; i < parts(t); i++)
        a[i] = gather(t, i);
    int rc = cache_write(t->state, t->made_of, a, parts(t));
    for (int i = 0; i < parts(t); i++)
        free(a[i].values);
    return rc;
}

int resume_due(const trainer *t)
{
    return t->job->save_s > 0 && clock_now() - t->saved >= t->job->save_s;
}

/* Loading. */

static int fits(const trainer *t, const cache_array *a)
{
    for (int i = 0; i < parts(t); i++)
        if (i != NOTES && (size_t)(a[i].rows * a[i].cols) * sizeof(int32_t) != part_bytes(t, i))
            return 0;
    const numbers *n = a[NUMBERS].values;
    return n->step >= 0 && n->step <= t->steps;
}

static void take_up(trainer *t, const cache_array *a)
{
    numbers n;
    memcpy(&n, a[NUMBERS].values, sizeof n);
    t->step = n.step;
    t->best = n.best;
    t->best_epoch = n.best_epoch;
    t->optimiser.steps = n.taken;
    t->run->streams = n.streams;
    t->run->draws = n.draws;
    t->plateau = n.plateau;
    t->accuracy = n.accuracy;
    t->epoch_s = n.epoch_s;
    if (t->outlier_batches)
        stream_seek(t->outlier_batches, n.outlier_epoch, n.outlier_position);
    tx_open();
    for (int i = WEIGHTS; i < parts(t); i++)
        tx_assign(part_tensor(t, i), tx_from(tx_dims(part_tensor(t, i)), a[i].values));
    tx_close();
}

/* 1 when the arrays were taken up, 0 when they make no sense together. */
static int resume(trainer *t, const cache_array *a)
{
    const numbers *n = a[NUMBERS].values;
    size_t notes = (size_t)(a[NOTES].rows * a[NOTES].cols) * sizeof(int32_t);
    if (!fits(t, a) || (n->best >= 0 && !file_exists(t->kept)))
        return 0;
    int rc = diagnostics_unpack(t->notes, a[NOTES].values, notes);
    if (rc <= 0)
        return rc;
    take_up(t, a);
    tell("resumed at epoch %lld, step %lld", (long long)(t->step / t->steps_each + 1), (long long)t->step);
    return 1;
}

static int load_state(trainer *t)
{
    cache_array a[PARTS];
    if (!file_exists(t->state))
        return 0;
    for (int i = 0; i < PARTS; i++)
        a[i] = (cache_array){.name = part_names[i], .type = CACHE_INT};
    int rc = cache_read(t->state, t->made_of, a, parts(t)) ? resume(t, a) : 0;
    for (int i = 0; i < parts(t); i++)
        free(a[i].values);
    if (rc == 0)
        tell("training starts over: %s is damaged or of another training", t->state);
    return rc;
}

int resume_load(trainer *t)
{
    int rc = load_state(t);
    double first = rc < 0 ? -1 : (double)t->step, own = first;
    ranks_tell(&first, sizeof first);
    if (first == own)
        return rc;
    return fault("rank %d: found the training at step %.0f, rank 0 at %.0f: all ranks must see the same %s",
                 ranks_here(), own, first, t->state);
}
