/* train.c - one network, one method, one pass after another over the training
 * split. Batches that would be incomplete are dropped, as the benchmark does.
 * A step waits for the device once, to read its loss. Of several ranks (ranks.h)
 * each computes its share of every batch and of the validation split; all take
 * the same decisions, and the first alone writes files. */
#include "train.h"
#include "../kernels/random.h"
#include "clock.h"
#include "engine.h"
#include "fault.h"
#include "progress.h"
#include "ranks.h"
#include "report.h"
#include "resume.h"
#include "trainer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The loop. */

double trainer_rate(const trainer *t)
{
    return recipe_rate(&t->job->recipe, t->step, t->steps_each, t->plateau.cuts);
}

/* Hands on what is left of the run, and says where it went wrong. */
static int not_finite(const trainer *t, const char *what, double value)
{
    char kept[4400] = "no checkpoint was kept";
    if (t->best >= 0)
        snprintf(kept, sizeof kept, "the checkpoint of epoch %lld is %s", (long long)t->best_epoch, t->kept);
    if (ranks_here() == 0)
        report_status("nan: %s is %s at step %lld (epoch %lld of %lld): lower the learning rate (lr: %g); %s", what,
                      isnan(value) ? "no number" : "infinite", (long long)t->step,
                      (long long)((t->step - 1) / t->steps_each + 1), (long long)t->job->recipe.epochs,
                      t->job->recipe.lr, kept);
    return EXIT_NOT_FINITE;
}

/* Reads what the step left on the device: the only wait of a single rank. */
static int note_step(trainer *t)
{
    real said[1 + TRAINER_NOTES];
    double each = 1.0 / ranks_count();
    ranks_sum(t->said);
    tx_read(t->said, said);
    double loss = t->has_loss ? (double)said[0] * each : NAN;
    if (!isfinite(loss))
        return not_finite(t, "the loss", loss);
    for (int i = 0; i < t->nsaid; i++)
        if (diagnostics_note(t->notes, t->said_of[i], (double)said[1 + i] * each) != 0)
            return -1;
    return diagnostics_note(t->notes, "loss", loss);
}

static int train_step(trainer *t)
{
    const method *m = plugin_method(t->plugin);
    run *r = t->run;
    trainer_begin_step(t);
    pool_step();
    tx_open();
    batch b = stream_next(t->batches, t->job->recipe.batch / ranks_count());
    if (!b.x) {
        tx_close();
        return -1;
    }
    if (m->step) {
        m->step(plugin_self(t->plugin), r, &b);
    } else {
        run_backward(r, m->loss(plugin_self(t->plugin), r, &b));
        run_update(r);
    }
    tx_close();
    run_forget_scratch(r);
    t->step++;
    return note_step(t);
}

/* Cross-entropy, in double. */
static double sum_losses(const float *logits, const int32_t *labels, int64_t n, int64_t classes)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *z = logits + i * classes;
        double most = (double)z[0];
        for (int64_t k = 1; k < classes; k++)
            most = fmax(most, (double)z[k]);
        double sum = exp((double)z[0] - most);
        for (int64_t k = 1; k < classes; k++)
            sum += exp((double)z[k] - most);
        total += most + log(sum) - (double)z[labels[i]];
    }
    return total;
}

/* The mean loss and the right answers on the validation split; EXIT_OK, EXIT_NOT_FINITE or -1. */
static int validate(trainer *t, int64_t *correct, double *loss)
{
    int64_t n = dataset_count(t->val), classes = nn_classes(t->run->net), count = ranks_count();
    int64_t first = n * ranks_here() / count, last = n * (ranks_here() + 1) / count;
    enum nn_mode mode = nn_mode(t->run->net, NN_EVAL);
    const float *own = t->logits + first * classes;
    const int32_t *labels = dataset_labels(t->val) + first;
    double bad = 0;
    int rc = features_forward(t->run->net, t->val, first, last, t->run->extractor->mean, t->run->extractor->std,
                              t->logits);
    nn_mode(t->run->net, mode);
    if (rc != 0)
        return -1;
    for (int64_t i = 0; i < (last - first) * classes && bad == 0; i++)
        bad = isfinite(own[i]) ? 0 : (double)own[i];
    double all[] = {(double)features_correct(own, labels, last - first, classes),
                    bad == 0 ? sum_losses(own, labels, last - first, classes) : 0, bad};
    ranks_add(all, 3);
    if (all[2] != 0)
        return not_finite(t, "a logit of the validation split", all[2]);
    *correct = (int64_t)all[0];
    *loss = all[1] / (double)n;
    return EXIT_OK;
}

/* What the weights were trained in, which `precision` leaves to the device. */
static const char *trained_in(const trainer *t)
{
    static const char *const names[][4] = {{"f32", "f32", "bf16", "bf16, f32"},
                                           {"tf32", "tf32", "bf16", "bf16, tf32"}};
    const char *asked = t->run->extractor->precision;
    return names[asked && strcmp(asked, "tf32") == 0][nn_trained(t->run->net)];
}

static int keep(trainer *t, int64_t epoch, int64_t correct)
{
    char number[32], accuracy[32];
    snprintf(number, sizeof number, "%lld", (long long)epoch);
    snprintf(accuracy, sizeof accuracy, "%.9g", 100.0 * (double)correct / (double)dataset_count(t->val));
    const char *const metadata[] = {"net",
                                    nn_name(t->run->net),
                                    "method",
                                    plugin_method(t->plugin)->name,
                                    "run",
                                    t->job->name,
                                    "epoch",
                                    number,
                                    "val_accuracy",
                                    accuracy,
                                    "trained_in",
                                    trained_in(t),
                                    NULL};
    t->best = correct;
    t->best_epoch = epoch;
    return ranks_here() > 0 ? 0 : nn_save(t->run->net, t->kept, metadata);
}

/* Validates, keeps the weights when they are to be kept, ends the row. */
static int end_epoch(trainer *t, int64_t epoch, double lr, double seconds)
{
    const recipe *c = &t->job->recipe;
    int64_t correct = 0;
    double loss = 0;
    int rc = validate(t, &correct, &loss);
    if (rc != 0)
        return rc;
    t->accuracy = 100.0 * (double)correct / (double)dataset_count(t->val);
    recipe_plateau_see(&t->plateau, c, loss);
    if ((c->keep == RECIPE_LAST || correct >= t->best) && keep(t, epoch, correct) != 0)
        return -1;
    const struct {
        const char *key;
        double value;
    } row[] = {{"lr", lr},
               {"val_acc", t->accuracy},
               {"val_loss", loss},
               {"images_s", (double)(t->steps_each * c->batch) / seconds}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (diagnostics_note(t->notes, row[i].key, row[i].value) != 0)
            return -1;
    return diagnostics_epoch(t->notes);
}

/* All ranks must hold what the first one writes. */
static int check_same(const trainer *t)
{
    char first[65], own[65];
    if (ranks_count() == 1)
        return 0;
    nn_digest(t->run->net, own);
    memcpy(first, own, sizeof first);
    ranks_tell(first, sizeof first);
    if (memcmp(first, own, sizeof own) == 0)
        return 0;
    return fault("rank %d: its network differs from rank 0's after step %lld: equal processors, cards and "
                 "libraries are expected on all machines",
                 ranks_here(), (long long)t->step);
}

/* What is left of an epoch, counted from 1. */
static int train_epoch(trainer *t, int64_t epoch)
{
    const recipe *c = &t->job->recipe;
    int64_t last = epoch * t->steps_each, first = last - t->steps_each;
    double lr = recipe_rate(c, first, t->steps_each, t->plateau.cuts);
    int rc = 0;
    t->epoch_began = clock_now() - t->epoch_s;
    t->epoch_s = 0;
    stream_seek(t->batches, epoch - 1, (t->step - first) * c->batch);
    while (t->step < last && rc == 0) {
        rc = train_step(t);
        progress_say("epoch %lld/%lld  loss %.4f  val %.2f %%", (long long)epoch, (long long)c->epochs,
                     diagnostics_mean(t->notes, "loss"), t->accuracy);
        progress_step(t->step * c->batch);
        if (rc == 0 && t->step < last && resume_due(t))
            rc = resume_save(t);
    }
    if (rc == 0)
        rc = check_same(t);
    if (rc == 0)
        rc = end_epoch(t, epoch, lr, clock_now() - t->epoch_began);
    return rc == 0 ? resume_save(t) : rc;
}

static int train_epochs(trainer *t)
{
    int rc = resume_load(t) < 0 ? -1 : 0;
    char label[64];
    snprintf(label, sizeof label, "training %s with %s", nn_name(t->run->net), plugin_method(t->plugin)->name);
    progress_begin(label, "images", t->steps * t->job->recipe.batch);
    progress_from(t->step * t->job->recipe.batch);
    enum nn_mode mode = nn_mode(t->run->net, NN_TRAIN);
    for (int64_t epoch = t->step / t->steps_each + 1; epoch <= t->job->recipe.epochs && rc == 0; epoch++)
        rc = train_epoch(t, epoch);
    nn_mode(t->run->net, mode);
    progress_end();
    if (rc == 0 && ranks_here() == 0 && rename(t->kept, t->job->out) != 0)
        rc = fault("cannot rename %s to %s: %s", t->kept, t->job->out, strerror(errno));
    if (rc == 0 || rc == EXIT_NOT_FINITE)
        resume_forget(t);
    return rc;
}

/* Labels the network has no output for would be read beyond its logits. */
static int check_labels(const dataset *d, int64_t classes)
{
    const int32_t *y = dataset_labels(d);
    for (int64_t i = 0; i < dataset_count(d); i++)
        if (y[i] < 0 || y[i] >= classes)
            return fault("%s: image %lld has label %d, expected 0 to %lld (`classes: %lld`)", dataset_name(d),
                         (long long)i, y[i], (long long)classes - 1, (long long)classes);
    return 0;
}

static int check_images(const dataset *d, const net *n)
{
    if (dataset_side(d) == nn_side(n))
        return 0;
    return fault("%s takes images of %lld x %lld, those of %s are %lld x %lld: import the set for this network",
                 nn_name(n), (long long)nn_side(n), (long long)nn_side(n), dataset_name(d),
                 (long long)dataset_side(d), (long long)dataset_side(d));
}

static int open_data(trainer *t)
{
    const train_job *job = t->job;
    const method *m = plugin_method(t->plugin);
    int64_t classes = nn_classes(t->run->net);
    if (dataset_open(&t->train, job->id, "train") != 0 || dataset_open(&t->val, job->id, "val") != 0 ||
        check_images(t->train, t->run->net) != 0 || check_labels(t->train, classes) != 0 ||
        check_labels(t->val, classes) != 0)
        return -1;
    if (dataset_count(t->train) < job->recipe.batch)
        return fault("batch: %lld is more than the %lld training images of %s: lower it",
                     (long long)job->recipe.batch, (long long)dataset_count(t->train), dataset_name(t->train));
    if (!job->outliers && (m->outliers || (job->base && plugin_method(job->base)->outliers)))
        return fault("%s needs auxiliary outliers: name a set in `outliers:`",
                     m->outliers ? m->name : plugin_method(job->base)->name);
    return job->outliers && (dataset_open(&t->outliers, job->outliers, "train") != 0 ||
                             check_images(t->outliers, t->run->net) != 0)
               ? -1
               : 0;
}

static int open_streams(trainer *t)
{
    const extractor *e = t->run->extractor;
    const recipe *c = &t->job->recipe;
    stream_options o = {.seed = random_stream(t->run->seed, RUN_BATCHES),
                        .crop = c->crop,
                        .flip = c->flip,
                        .resized = c->resized,
                        .blocks = c->blocks,
                        .rank = ranks_here(),
                        .ranks = ranks_count()};
    memcpy(o.mean, e->mean, sizeof o.mean);
    memcpy(o.std, e->std, sizeof o.std);
    if (stream_open(&t->batches, t->train, &o) != 0)
        return -1;
    o.seed = random_stream(t->run->seed, RUN_OUTLIERS);
    o.crop = c->aux_augment ? c->crop : 0;
    o.flip = c->aux_augment && c->flip;
    if (!c->aux_augment)
        o.resized = (crop_range){0};
    return t->outliers ? stream_open(&t->outlier_batches, t->outliers, &o) : 0;
}

int train_suits(const plugin *p, const plugin *base, const recipe *c, int64_t ranks)
{
    const method *m = plugin_method(p), *b = base ? plugin_method(base) : m;
    if (ranks == 1)
        return 0;
    if (!m->ranks || !b->ranks)
        return fault("%s looks at several images of a batch together or draws for each, so shares of batches are "
                     "not the whole: train it without `ranks: %lld`",
                     m->ranks ? b->name : m->name, (long long)ranks);
    if (c->batch % ranks != 0)
        return fault("batch: %lld images cannot be shared equally by %lld ranks: choose a multiple",
                     (long long)c->batch, (long long)ranks);
    if ((m->outliers || b->outliers) && c->outlier_batch % ranks != 0)
        return fault("outlier_batch: %lld outliers cannot be shared equally by %lld ranks: choose a multiple",
                     (long long)c->outlier_batch, (long long)ranks);
    return 0;
}

static int begin(trainer *t)
{
    if (train_suits(t->plugin, t->base, &t->job->recipe, ranks_count()) != 0)
        return -1;
    if (open_data(t) != 0 || open_streams(t) != 0)
        return -1;
    if ((size_t)snprintf(t->kept, sizeof t->kept, "%s.best", t->job->out) >= sizeof t->kept)
        return fault("out: the path %s is too long", t->job->out);
    t->steps_each = dataset_count(t->train) / t->job->recipe.batch;
    if (t->job->recipe.epoch_steps > 0 && t->job->recipe.epoch_steps < t->steps_each)
        t->steps_each = t->job->recipe.epoch_steps;
    t->steps = t->steps_each * t->job->recipe.epochs;
    t->notes = diagnostics_begin(ranks_here() == 0 ? t->job->csv : NULL, trainer_columns);
    t->logits = pool_host((size_t)(dataset_count(t->val) * nn_classes(t->run->net)) * sizeof *t->logits);
    return resume_begin(t);
}

static void end(trainer *t)
{
    stream_close(t->batches);
    stream_close(t->outlier_batches);
    trainer_forget(t);
    resume_end(t);
    diagnostics_end(t->notes);
    free(t->logits);
    dataset *const sets[] = {t->train, t->val, t->outliers};
    for (int i = 0; i < 3; i++)
        if (sets[i])
            dataset_close(sets[i]);
}

int train_run(plugin *p, run *r, const train_job *job)
{
    trainer t = {
        .plugin = p, .base = job->base, .run = r, .job = job, .best = -1, .plateau = recipe_plateau_begin()};
    int rc = begin(&t);
    if (rc == 0) {
        bool wanted = engine_parameters(true);
        r->trainer = &t;
        tx_open();
        t.optimiser = optimiser_begin(&job->recipe, nn_parameters(r->net));
        t.said = tx_full(DIMS(1 + TRAINER_NOTES), 0);
        rc = train_epochs(&t);
        tx_close();
        r->trainer = NULL;
        engine_parameters(wanted);
    }
    end(&t);
    return rc;
}
