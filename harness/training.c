/* training.c - the calls of method.h that need a trainer. */
#include "../datasets/corruption.h"
#include "config.h"
#include "engine.h"
#include "fault.h"
#include "ranks.h"
#include "text.h"
#include "trainer.h"

#include <stdlib.h>
#include <string.h>

static trainer *training(run *r, const char *call)
{
    if (!r->trainer)
        run_refuse(r, "%s is for methods that train; a scoring method changes no network", call);
    return r->trainer;
}

/* A base's loss notes once a step, however often it is called. */
static bool is_repeated(const run *r)
{
    return r->trainer && r->trainer->replay.inside && r->trainer->replay.again;
}

const char *const trainer_columns[] = {"loss", "lr", "val_acc", "val_loss", "images_s", NULL};

static void check_column(run *r, const char *key)
{
    bool own = strcmp(key, "epoch") == 0;
    for (int i = 0; trainer_columns[i]; i++)
        own = own || strcmp(key, trainer_columns[i]) == 0;
    if (own)
        run_refuse(r, "run_note: the column `%s` is the host's own: choose another name", key);
}

void run_note(run *r, const char *key, double value)
{
    trainer *t = training(r, "run_note");
    check_column(r, key);
    if (!is_repeated(r) && diagnostics_note(t->notes, key, value) != 0)
        run_refuse(r, "%s", fault_text());
}

void run_note_tensor(run *r, const char *key, tensor *value)
{
    trainer *t = training(r, "run_note_tensor");
    check_column(r, key);
    if (is_repeated(r))
        return;
    if (t->nsaid == TRAINER_NOTES)
        run_refuse(r, "run_note_tensor: `%s` would be note %d of one step, at most %d are kept", key, t->nsaid + 1,
                   TRAINER_NOTES);
    t->said_of[t->nsaid++] = key;
    tx_assign(tx_view(t->said, t->nsaid, tx_dims(value)), value);
}

/* Outliers, and what one step's calls of run_base_loss share. */

void trainer_begin_step(trainer *t)
{
    t->replay.n = 0;
    t->replay.begun = false;
    t->nsaid = 0;
    t->has_loss = false;
}

void trainer_forget(trainer *t)
{
    free(t->replay.drawn);
    t->replay = (trainer_replay){0};
}

static const batch *draw_outliers(trainer *t, int64_t n)
{
    batch *b = run_scratch(t->run, sizeof *b);
    *b = stream_next(t->outlier_batches, n);
    if (!b->x)
        run_refuse(t->run, "%s", fault_text());
    return b;
}

static const batch *draw_again(trainer *t, int64_t n)
{
    trainer_replay *p = &t->replay;
    if (p->next < p->n) {
        const batch *b = p->drawn[p->next++];
        if (b->n != n)
            run_refuse(t->run, "%s asks for %lld outliers, and for %lld when called again in the same step",
                       plugin_method(t->base)->name, (long long)b->n, (long long)n);
        return b;
    }
    if (p->n == p->room) {
        p->room = p->room ? 2 * p->room : 4;
        const batch **more = pool_host((size_t)p->room * sizeof(const batch *));
        if (p->n)
            memcpy(more, p->drawn, (size_t)p->n * sizeof(const batch *));
        free(p->drawn);
        p->drawn = more;
    }
    p->next++;
    return p->drawn[p->n++] = draw_outliers(t, n);
}

const batch *run_outliers(run *r, int64_t n)
{
    trainer *t = training(r, "run_outliers");
    if (!t->outlier_batches)
        run_refuse(r, "%s asks for outliers but is not marked `.outliers = true`, or none are given (`outliers:`)",
                   plugin_method(t->replay.inside ? t->base : t->plugin)->name);
    return t->replay.inside ? draw_again(t, n) : draw_outliers(t, n);
}

int64_t run_outlier_batch(const run *r)
{
    return r->trainer ? r->trainer->job->recipe.outlier_batch / ranks_count() : 0;
}

static void __attribute__((noreturn)) refuse_augmentation(run *r, const char *name)
{
    const char *known[64];
    int n = 0;
    text all = {0};
    for (; n < 64 && corruption_at(n); n++) {
        known[n] = corruption_at(n)->name;
        text_add(&all, "%s%s", n ? ", " : "", known[n]);
    }
    const char *near = config_nearest(name, known, n);
    run_refuse(r, "run_augmented: there is no augmentation `%s`%s%s%s; known: %s", name,
               near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "", text_str(&all));
}

tensor *run_augmented(run *r, const batch *b, const char *augmentation, int64_t severity)
{
    trainer *t = training(r, "run_augmented");
    const corruption *c = corruption_find(augmentation);
    if (!c)
        refuse_augmentation(r, augmentation);
    if (severity < 1 || severity > 5)
        run_refuse(r, "run_augmented: expected a severity of 1 to 5, found %lld", (long long)severity);
    tensor *x = stream_view(t->batches, b->x, c, (int)severity);
    if (!x)
        run_refuse(
            r,
            "run_augmented: expected the batch that the step was given or a slice of it (tx_slice), found %s "
            "from elsewhere: what was computed from images has no bytes to change",
            tx_text(b->x));
    return x;
}

tensor *run_sum(run *r, tensor *x)
{
    (void)r;
    tensor *sum = tx_sum(x);
    return ranks_count() > 1 ? tx_scale(sum, ranks_count()) : sum;
}

tensor *run_base_loss(run *r, const batch *b)
{
    trainer *t = training(r, "run_base_loss");
    trainer_replay *p = &t->replay;
    if (!t->base)
        return tx_nll(nn_forward(r->net, b->x), b->y);
    p->again = p->begun;
    if (!p->begun) {
        p->begun = true;
        p->streams = r->streams;
        p->draws = r->draws;
    }
    r->streams = p->streams;
    r->draws = p->draws;
    p->next = 0;
    p->inside = true;
    tensor *loss = plugin_method(t->base)->loss(plugin_self(t->base), r, b);
    p->inside = false;
    return loss;
}

void run_backward(run *r, tensor *loss)
{
    trainer *t = training(r, "run_backward");
    if (!t->has_loss)
        tx_assign(tx_view(t->said, 0, tx_dims(loss)), loss);
    t->has_loss = true;
    tx_fill(nn_grads(r->net), 0);
    ad_backward(loss);
    ranks_sum(nn_grads(r->net));
}

void run_update(run *r)
{
    trainer *t = training(r, "run_update");
    optimiser_step(&t->optimiser, nn_weights(r->net), nn_grads(r->net), trainer_rate(t));
}

double run_progress(const run *r)
{
    return r->trainer ? (double)r->trainer->step / (double)r->trainer->steps : 0;
}
