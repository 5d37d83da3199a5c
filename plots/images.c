/* images.c - of every set the images that a scorer finds most in-distribution, and least.
 * All of them are one raster, so that a script draws them at once. */
#include "../harness/cellfile.h"
#include "../harness/reader.h"
#include "../harness/text.h"
#include "kept.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 3, CAPTION = 11, TITLE = 13 }; /* in pixels, of 32 an image */

typedef struct raster { /* white where nothing is */
    int64_t width, height;
    uint8_t *rgb; /* [height][width][3] */
} raster;

typedef struct sheet_of_images {
    figure_data *out;
    const config *cell;
    raster r;
    int across;      /* images side by side */
    int64_t y, side; /* where the next set begins; side of an image as drawn */
} sheet_of_images;

typedef struct ranked {
    float score;
    int64_t at; /* in the set */
} ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    return p->score != q->score ? (p->score > q->score) - (p->score < q->score) : (p->at > q->at) - (p->at < q->at);
}

/* From the highest score downwards; of the lowest, upwards. */
static ranked *rank(const kept_set *s)
{
    ranked *all = text_more(NULL, (size_t)s->n * sizeof *all);
    for (int64_t i = 0; i < s->n; i++)
        all[i] = (ranked){s->scores[i], i};
    qsort(all, (size_t)s->n, sizeof *all, by_score);
    return all;
}

static void put_text(figure_data *out, const char *kind, const char *says, double x, double y)
{
    data_text(out, kind);
    data_text(out, says);
    data_number(out, x);
    data_number(out, y);
    data_none(out);
    data_none(out);
    data_none(out);
}

/* Grows it downwards. */
static void make_room(raster *r, int64_t height)
{
    size_t was = (size_t)(r->width * r->height * 3), now = (size_t)(r->width * height * 3);
    r->rgb = text_more(r->rgb, now);
    memset(r->rgb + was, 255, now - was);
    r->height = height;
}

/* The nearest pixel, where an image is larger than it is drawn. */
static void paste(const sheet_of_images *g, const uint8_t *px, int64_t side, int64_t x, int64_t y)
{
    for (int64_t i = 0; i < g->side; i++)
        for (int64_t j = 0; j < g->side; j++)
            memcpy(g->r.rgb + ((y + i) * g->r.width + x + j) * 3,
                   px + (i * side / g->side * side + j * side / g->side) * 3, 3);
}

/* Puts those of the wanted images that are in this split, whose first is number `first` of the set. */
static int paste_split(sheet_of_images *g, const char *set, const char *split, const int64_t *wanted, int64_t y0,
                       int64_t *first)
{
    dataset *d;
    char key[300];
    if (dataset_open(&d, cellfile_path(g->cell, set, key), split) != 0)
        return -1;
    int64_t side = dataset_side(d), n = dataset_count(d);
    reader *r = reader_open(d, 0);
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2 * g->across; i++) {
        if (wanted[i] < *first || wanted[i] >= *first + n)
            continue;
        const uint8_t *px = reader_range(r, wanted[i] - *first, 1);
        if (px)
            paste(g, px, side, i % g->across * (g->side + GAP), y0 + i / g->across * (g->side + CAPTION));
        rc = px ? 0 : -1;
    }
    *first += n;
    reader_close(r);
    dataset_close(d);
    return rc;
}

static void put_captions(sheet_of_images *g, const ranked *all, const int64_t *wanted, int64_t n, int64_t y0)
{
    static const char *const rows[] = {"highest", "lowest"};
    for (int i = 0; i < 2 * g->across; i++) {
        char score[32];
        double y = (double)(y0 + (i / g->across) * (g->side + CAPTION) + g->side) + CAPTION / 2.0;
        float value = i < g->across ? all[n - 1 - i].score : all[i - g->across].score;
        snprintf(score, sizeof score, fabsf(value) >= 10 && fabsf(value) < 1e5f ? "%.0f" : "%.2g", value);
        if (wanted[i] >= 0)
            put_text(g->out, "score", score, (double)(i % g->across * (g->side + GAP)) + (double)g->side / 2, y);
        if (i % g->across == 0)
            put_text(g->out, "row", rows[i / g->across], 0, y - CAPTION / 2.0 - (double)g->side / 2);
    }
}

static int put_set(sheet_of_images *g, const kept_set *s)
{
    int64_t *wanted = text_more(NULL, 2 * (size_t)g->across * sizeof *wanted), first = 0, y0 = g->y + TITLE;
    ranked *all = rank(s);
    char key[300];
    int rc = cellfile_path(g->cell, s->name, key)
                 ? 0
                 : fault("plot images: the run says nothing of where %s is", s->name);
    for (int i = 0; i < g->across; i++) {
        wanted[i] = i < s->n ? all[s->n - 1 - i].at : -1;
        wanted[g->across + i] = i < s->n ? all[i].at : -1;
    }
    g->y = y0 + 2 * (g->side + CAPTION);
    make_room(&g->r, g->y);
    put_text(g->out, "title", s->name, (double)g->r.width / 2, (double)y0 - TITLE / 2.0);
    const char *split;
    for (int i = 0; rc == 0 && (split = cellfile_part(g->cell, s->name, i)) != NULL; i++)
        rc = paste_split(g, s->name, split, wanted, y0, &first);
    if (rc == 0 && first != s->n)
        rc = fault("plot images: %s holds %lld images now, and %lld scores were kept: `oodbench run` once more",
                   s->name, (long long)first, (long long)s->n);
    if (rc == 0)
        put_captions(g, all, wanted, s->n, y0);
    free(wanted);
    free(all);
    return rc;
}

static void put_pixels(figure_data *out, const raster *r)
{
    for (int64_t y = 0; y < r->height; y++)
        for (int64_t x = 0; x < r->width; x++) {
            const uint8_t *px = r->rgb + (y * r->width + x) * 3;
            data_text(out, "pixel");
            data_text(out, "");
            data_number(out, (double)x);
            data_number(out, (double)y);
            for (int c = 0; c < 3; c++)
                data_number(out, px[c]);
        }
}

static int put_verdict(const figure_input *in, figure_data *out, const kept *k, int across)
{
    const verdict *v = &k->at[0];
    const char *folder = in->sources[0].folder, *run = sheet_at(v->results, v->sets[0].row, RESULT_RUN);
    char *path = text_format("%s/cache/%s.yml", folder, run);
    config *cell = config_new();
    sheet_of_images g = {.out = out, .cell = cell, .across = across, .side = 32};
    g.r.width = across * (g.side + GAP) - GAP;
    int rc = config_read(cell, path);
    for (int i = 0; i < v->n && rc == 0; i++)
        rc = put_set(&g, &v->sets[i]);
    if (rc == 0)
        put_pixels(out, &g.r);
    data_note(out, "scored by %s", v->label);
    if (k->n > 1)
        data_note(out, "left out: %d more that --train and --score chose", k->n - 1);
    free(g.r.rgb);
    config_free(cell);
    free(path);
    return rc;
}

static int data(const figure_input *in, figure_data *out)
{
    double across;
    kept k;
    if (figure_number(in, "images", &across, 1, 32) != 0 || kept_make(&k, in) != 0)
        return -1;
    int rc = put_verdict(in, out, &k, (int)across);
    kept_free(&k);
    return rc;
}

static const figure_option options[] = {
    KEPT_OPTIONS, {"images", "8", NULL, "side by side: of the highest scores, and of the lowest"}, {0}};

static const figure images = {
    .name = "images",
    .help = "the images of every set with the highest scores and the lowest",
    .columns = "kind text x y red green blue",
    .numbers = "x y red green blue",
    .varies = "red",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(images);
