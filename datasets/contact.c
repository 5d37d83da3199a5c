/* contact.c - small images are enlarged by whole factors, large ones shrunk. */
#include "contact.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/reader.h"
#include "resize.h"

#include <spng.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 12, MOST_CLASSES = 10, CELL = 64, LARGE = 128, GAP = 2, BETWEEN = 12, FEW = 4, LOOSE_ROWS = 4 };

typedef struct line { /* a row of the sheet */
    const dataset *d;
    int64_t at[COLUMNS]; /* which images; -1: none */
    int first;           /* of its split */
} line;

typedef struct sheet {
    line *lines;
    int n;
} sheet;

static line *add(sheet *s, const dataset *d, int first)
{
    s->lines = text_more(s->lines, (size_t)(s->n + 1) * sizeof *s->lines);
    line *l = &s->lines[s->n++];
    *l = (line){.d = d, .first = first};
    for (int i = 0; i < COLUMNS; i++)
        l->at[i] = -1;
    return l;
}

/* Rows k of n of a split, its images evenly chosen. */
static void add_even(sheet *s, const dataset *d, int k, int n)
{
    line *l = add(s, d, k == 0);
    int64_t cells = (int64_t)n * COLUMNS, count = dataset_count(d);
    for (int64_t i = 0; i < COLUMNS; i++) {
        int64_t cell = k * COLUMNS + i;
        l->at[i] = count <= cells ? (cell < count ? cell : -1)
                                  : cell * (count / cells) + cell * (count % cells) / cells;
    }
}

static void add_class(sheet *s, const dataset *d, int32_t label, int first)
{
    line *l = add(s, d, first);
    const int32_t *y = dataset_labels(d);
    for (int64_t i = 0, k = 0; i < dataset_count(d) && k < COLUMNS; i++)
        if (y[i] == label)
            l->at[k++] = i;
}

static int64_t greatest_label(const dataset *d)
{
    int32_t most = -1;
    for (int64_t i = 0; i < dataset_count(d); i++)
        most = dataset_labels(d)[i] > most ? dataset_labels(d)[i] : most;
    return most;
}

/* One line for a split: "cifar10 test: airplane, automobile, ..." */
static void name_row(text *rows, const char *const classes[], int64_t n_classes, int64_t label, int first)
{
    text_add(rows, "%s", first ? ": " : ", ");
    if (label < n_classes)
        text_add(rows, "%s", classes[label]);
    else
        text_add(rows, "%lld", (long long)label);
}

static void add_split(sheet *s, const dataset *d, const char *name, const char *const classes[], int64_t n_classes,
                      text *rows)
{
    int64_t labels = greatest_label(d) + 1, shown = labels < MOST_CLASSES ? labels : MOST_CLASSES;
    int64_t loose = (dataset_count(d) + COLUMNS - 1) / COLUMNS;
    text_add(rows, "%s", name);
    for (int64_t k = 0; k < shown; k++) {
        int64_t label = k * labels / shown;
        add_class(s, d, (int32_t)label, k == 0);
        name_row(rows, classes, n_classes, label, k == 0);
    }
    loose = labels ? 0 : loose < LOOSE_ROWS ? loose : LOOSE_ROWS;
    for (int k = 0; k < loose; k++)
        add_even(s, d, k, (int)loose);
    if (loose > 1)
        text_add(rows, " (%d rows)", (int)loose);
    text_char(rows, '\n');
}

/* --- drawing --- */

static int64_t cell_of(const dataset *d)
{
    int64_t side = dataset_side(d), times = side < CELL ? CELL / side : 1;
    return side > LARGE ? LARGE : side * times;
}

typedef struct picture {
    uint8_t *px;
    int64_t w, h;
} picture;

static int draw_image(const picture *p, resizer *r, reader *images, const dataset *d, int64_t i, int64_t left,
                      int64_t top)
{
    uint8_t small[LARGE * LARGE * 3];
    int64_t side = dataset_side(d), cell = cell_of(d), times = side > LARGE ? 1 : cell / side;
    const uint8_t *from = reader_range(images, i, 1);
    if (!from)
        return -1;
    if (side > LARGE) {
        if (resize_centre(r, small, cell, from, side, side, cell) != 0)
            return -1;
        from = small;
        side = cell;
    }
    for (int64_t y = 0; y < cell; y++)
        for (int64_t x = 0; x < cell; x++)
            memcpy(p->px + ((top + y) * p->w + left + x) * 3, from + (y / times * side + x / times) * 3, 3);
    return 0;
}

static int draw(picture *p, const sheet *s)
{
    resizer r = {0};
    int rc = 0;
    for (int i = 0; i < s->n; i++) {
        int64_t cell = cell_of(s->lines[i].d), w = GAP + COLUMNS * (cell + GAP);
        p->w = w > p->w ? w : p->w;
        p->h += cell + (s->lines[i].first && i ? BETWEEN : GAP);
    }
    p->h += 2 * GAP;
    p->px = memset(text_more(NULL, (size_t)(p->w * p->h * 3)), 255, (size_t)(p->w * p->h * 3));
    int64_t top = GAP;
    for (int i = 0; i < s->n; i++) {
        const line *l = &s->lines[i];
        int64_t cell = cell_of(l->d);
        reader *images = reader_open(l->d, 1);
        top += l->first && i ? BETWEEN - GAP : 0;
        for (int k = 0; rc == 0 && k < COLUMNS; k++)
            if (l->at[k] >= 0)
                rc = draw_image(p, &r, images, l->d, l->at[k], GAP + k * (cell + GAP), top);
        reader_close(images);
        top += cell + GAP;
    }
    resize_free(&r);
    return rc;
}

static int write_png(const char *file, const picture *p)
{
    struct spng_ihdr head = {
        .width = (uint32_t)p->w, .height = (uint32_t)p->h, .bit_depth = 8, .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    size_t n = 0;
    void *png = NULL;
    spng_ctx *c = spng_ctx_new(SPNG_CTX_ENCODER);
    int rc = !c ? SPNG_EMEM : spng_set_option(c, SPNG_ENCODE_TO_BUFFER, 1);
    rc = rc == 0 ? spng_set_ihdr(c, &head) : rc;
    rc = rc == 0 ? spng_encode_image(c, p->px, (size_t)(p->w * p->h * 3), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE) : rc;
    if (rc == 0)
        png = spng_get_png_buffer(c, &n, &rc);
    rc = rc == 0 ? file_write(file, png, n) : fault("%s: cannot be drawn: %s", file, spng_strerror(rc));
    free(png);
    spng_ctx_free(c);
    return rc;
}

int contact_sheet(const char *file, dataset *const d[], const char *const names[], int n,
                  const char *const classes[], int64_t n_classes, text *rows)
{
    sheet s = {0};
    picture p = {0};
    for (int i = 0; i < n; i++) {
        if (n <= FEW) {
            add_split(&s, d[i], names[i], classes, n_classes, rows);
            continue;
        }
        add_even(&s, d[i], 0, 1);
        text_add(rows, "%s\n", names[i]);
    }
    int rc = draw(&p, &s);
    if (rc == 0)
        rc = write_png(file, &p);
    free(p.px);
    free(s.lines);
    return rc;
}
