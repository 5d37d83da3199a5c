/* samples.c - what a scoring method sees of a data set: rows of its cached
 * features and logits, and its images when it asks for them. */
#include "clock.h"
#include "engine.h"
#include "experiment.h"
#include "fault.h"
#include "given_features.h"

#include <stdlib.h>
#include <string.h>

void samples_begin(samples *s, run *r, const char *path, const char *split)
{
    *s = (samples){.run = r, .path = path, .split = split};
}

int samples_load(samples *s)
{
    if (s->loaded)
        return 0;
    double began = clock_now();
    if (features_get(&s->known, s->run->extractor, s->path, s->split) != 0)
        return -1;
    s->run->loading_s += clock_now() - began;
    samples_show(s, 0, s->known.n);
    s->loaded = 1;
    return 0;
}

void samples_show(samples *s, int64_t first, int64_t n)
{
    s->first = first;
    s->n = n;
}

void samples_unload(samples *s)
{
    reader_close(s->pixels);
    if (s->images)
        dataset_close(s->images);
    if (s->loaded)
        features_free(&s->known);
    s->pixels = NULL;
    s->images = NULL;
    s->loaded = 0;
}

void samples_end(samples *s)
{
    samples_unload(s);
    *s = (samples){0};
}

/* Of a file of features, what is asked for is read then, once for all that show it. */
static void fetch(samples *s, enum given_piece piece)
{
    samples *home = s->whole ? s->whole : s;
    double began = clock_now();
    if (!s->run->extractor->given)
        return;
    if (given_fetch(&home->known, s->run->extractor, home->path, home->split, piece) != 0)
        run_refuse(s->run, "%s", fault_text());
    s->run->loading_s += clock_now() - began;
    s->known = home->known;
}

int64_t samples_correct(samples *s)
{
    const extractor *e = s->run->extractor;
    if (!s->known.labels || (e->given && !given_knows(e->given, s->path, s->split, GIVEN_LOGITS)))
        return -1;
    fetch(s, GIVEN_LOGITS);
    return features_correct(s->known.logits, s->known.labels, s->known.n, s->known.classes);
}

samples *run_split(run *r, enum run_split which)
{
    if (which != RUN_TRAIN && which != RUN_VAL)
        run_refuse(r, "run_split: there are RUN_TRAIN and RUN_VAL, not %d", (int)which);
    if (r->trainer)
        run_refuse(r, "run_split is for methods that score; a training method is shown its batches");
    samples *s = &r->splits[which];
    if (samples_load(s) != 0)
        run_refuse(r, "%s", fault_text());
    return s;
}

samples *run_part(run *r, enum run_split which, int64_t first, int64_t n)
{
    samples *whole = run_split(r, which);
    if (first < 0 || first >= whole->known.n || n < 1)
        run_refuse(r, "run_part: rows %lld to %lld are none of the %lld there are", (long long)first,
                   (long long)(first + n - 1), (long long)whole->known.n);
    r->part = *whole;
    r->part.whole = whole;
    samples_show(&r->part, first, n);
    return &r->part;
}

int64_t samples_count(const samples *s)
{
    return s->n;
}

/* Rows of `bytes` from s->first on; past the end, the last again. The rows themselves
 * where they lie whole, else a copy to be freed (*copy). */
static const void *fill_up(const samples *s, const char *at, size_t bytes, void **copy)
{
    int64_t there = s->known.n - s->first;
    *copy = NULL;
    if (s->n <= there)
        return at;
    char *whole = *copy = pool_host((size_t)s->n * bytes);
    memcpy(whole, at, (size_t)there * bytes);
    for (int64_t i = there; i < s->n; i++)
        memcpy(whole + (size_t)i * bytes, at + (size_t)(there - 1) * bytes, bytes);
    return whole;
}

/* Rows `first` to `first + n` of [total][bytes]. */
static const void *rows(const samples *s, const void *all, size_t bytes, void **copy)
{
    return fill_up(s, (const char *)all + (size_t)s->first * bytes, bytes, copy);
}

static tensor *from_floats(dims d, const float *values)
{
    int64_t n = d.d[0] * d.d[1];
    if (sizeof(real) == sizeof(float))
        return tx_from(d, (const real *)(const void *)values);
    real *wide = pool_host((size_t)n * sizeof *wide);
    for (int64_t i = 0; i < n; i++)
        wide[i] = values[i];
    tensor *t = tx_from(d, wide);
    free(wide);
    return t;
}

static tensor *matrix(const samples *s, const float *all, int64_t cols)
{
    void *copy;
    const float *part = rows(s, all, (size_t)cols * sizeof(float), &copy);
    tensor *t = from_floats(DIMS(s->n, cols), part);
    free(copy);
    return t;
}

tensor *samples_features(samples *s)
{
    fetch(s, GIVEN_FEATURES);
    return matrix(s, s->known.values, s->known.width);
}

tensor *samples_logits(samples *s)
{
    fetch(s, GIVEN_LOGITS);
    return matrix(s, s->known.logits, s->known.classes);
}

tensor *samples_labels(samples *s)
{
    void *copy;
    if (!s->known.labels)
        run_refuse(s->run, "needs: labels of %s, which %s does not have", s->split, s->run->extractor->given->name);
    const int32_t *part = rows(s, s->known.labels, sizeof(int32_t), &copy);
    tensor *t = tx_index(DIMS(s->n, 1), part);
    free(copy);
    return t;
}

tensor *samples_input(samples *s)
{
    const extractor *e = s->run->extractor;
    samples *home = s->whole ? s->whole : s;
    void *copy;
    if (e->given && given_needs_images(e->given) != 0)
        run_refuse(s->run, "%s", fault_text());
    if (!home->images && dataset_open(&home->images, s->path, s->split) != 0)
        run_refuse(s->run, "%s", fault_text());
    int64_t side = dataset_side(home->images), c = dataset_channels(home->images), there = s->known.n - s->first;
    home->pixels = home->pixels ? home->pixels : reader_open(home->images, 0);
    const uint8_t *px = reader_range(home->pixels, s->first, s->n < there ? s->n : there);
    if (!px)
        run_refuse(s->run, "%s", fault_text());
    if (s->n < there) /* a scorer is mostly shown the rows in order */
        reader_ahead(home->pixels, s->first + s->n, s->n < there - s->n ? s->n : there - s->n);
    px = fill_up(s, (const char *)px, (size_t)(side * side * c), &copy);
    tensor *x = tx_images(DIMS(s->n, side, side, c), px, NULL, tx_channels(e->mean), tx_channels(e->std));
    free(copy);
    return x;
}
