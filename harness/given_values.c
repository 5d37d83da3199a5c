/* given_values.c - the numbers in a file of features: reading them, and looking at each
 * of them once, so that no scorer stumbles over what is wrong with the file. */
#include "fault.h"
#include "file.h"
#include "given_reader.h"
#include "progress.h"
#include "text.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 21, HEAD_ROWS = 32 }; /* elements; rows whose logits are compared */

int given_floats(const given *g, const given_array *a, int64_t first, int64_t n, float *out)
{
    return g->reader->read(g, a, first, n, out);
}

int given_integers(const given *g, const given_array *a, int64_t first, int64_t n, int64_t *out)
{
    return g->reader->read(g, a, first, n, out);
}

static double length_of(const float *row, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)row[i] * (double)row[i];
    return sqrt(sum);
}

static int is_compared(const given *g, const given_array *a)
{
    if (g->cosine > 0 && a == g->head.at[GIVEN_WEIGHT])
        return 1;
    for (int i = 0; g->cosine > 0 && i < g->nsets; i++)
        if (a == g->sets[i].at[GIVEN_FEATURES])
            return 1;
    return 0;
}

/* Some rows, which a comparison by cosine makes as long as one, the head's as long as its scale. */
static int read_rows(const given *g, const given_array *a, int64_t first, int64_t n, float *out)
{
    int64_t row = given_row(a);
    double want = a == g->head.at[GIVEN_WEIGHT] ? g->cosine : 1;
    if (given_floats(g, a, first, n, out) != 0)
        return -1;
    for (int64_t i = 0; is_compared(g, a) && i < n; i++) {
        double by = want / length_of(out + i * row, row);
        for (int64_t j = 0; j < row; j++)
            out[i * row + j] = (float)((double)out[i * row + j] * by);
    }
    return 0;
}

static int64_t block_rows(const given_array *a)
{
    int64_t n = BLOCK / given_row(a);
    return n > 1 ? n : 1;
}

int given_matrix(const given *g, const given_array *a, float **out)
{
    int64_t n = a->shape[0], row = given_row(a), some = block_rows(a);
    int rc = 0;
    *out = text_more(NULL, (size_t)(n * row) * sizeof **out);
    for (int64_t i = 0; i < n && rc == 0; i += some)
        rc = read_rows(g, a, i, n - i < some ? n - i : some, *out + i * row);
    if (rc != 0) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

/* --- labels --- */

static int read_labels(const given *g, const given_set *s, int64_t **out)
{
    *out = text_more(NULL, (size_t)s->n * sizeof **out);
    return given_integers(g, s->at[GIVEN_LABELS], 0, s->n, *out);
}

int given_labels(const given *g, const given_set *s, int32_t **out)
{
    int64_t *wide;
    int rc = read_labels(g, s, &wide);
    *out = rc == 0 ? text_more(NULL, (size_t)s->n * sizeof **out) : NULL;
    for (int64_t i = 0; rc == 0 && i < s->n; i++)
        (*out)[i] = (int32_t)wide[i];
    free(wide);
    return rc;
}

int given_count_classes(const given *g, int64_t *classes)
{
    int rc = 0;
    *classes = g->classes ? g->classes : 2;
    for (int i = 0; i < g->nsets && !g->classes && rc == 0; i++) {
        const given_set *s = &g->sets[i];
        int64_t *labels = NULL;
        if (s->role > GIVEN_TEST || !s->at[GIVEN_LABELS])
            continue;
        rc = read_labels(g, s, &labels);
        for (int64_t j = 0; rc == 0 && j < s->n; j++)
            if (labels[j] >= *classes && labels[j] < INT32_MAX)
                *classes = labels[j] + 1;
        free(labels);
    }
    return rc;
}

/* Of out-of-distribution sets nobody asks for them. */
static int check_labels(const given *g, const given_set *s, int64_t classes)
{
    int64_t *labels = NULL;
    if (!s->at[GIVEN_LABELS] || (s->role > GIVEN_TEST && s->role != GIVEN_CSID))
        return 0;
    int rc = read_labels(g, s, &labels);
    for (int64_t i = 0; rc == 0 && i < s->n; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            rc = fault("%s: %s: label %lld is %lld, expected 0 to %lld", g->path, s->at[GIVEN_LABELS]->name,
                       (long long)i, (long long)labels[i], (long long)classes - 1);
    free(labels);
    return rc;
}

/* --- floats --- */

/* One number per row that shows whatever is wrong with it: not finite when one is not. */
static int check_rows(const given *g, const given_array *a, int64_t first, int64_t n, const float *rows)
{
    int64_t row = given_row(a);
    for (int64_t i = 0; i < n; i++) {
        double length = length_of(rows + i * row, row);
        if (isfinite(length) && (length > 0 || !is_compared(g, a)))
            continue;
        if (length == 0)
            return fault("--cosine: %s: row %lld of %s is all zeros and has no direction", g->path,
                         (long long)(first + i), a->name);
        for (int64_t j = 0; j < row; j++)
            if (!isfinite(rows[i * row + j]))
                return fault("%s: %s: row %lld, column %lld is %g as float32, expected a finite number", g->path,
                             a->name, (long long)(first + i), (long long)j, (double)rows[i * row + j]);
    }
    return 0;
}

static int check_floats(const given *g, const given_array *a, int64_t *done)
{
    if (!a)
        return 0;
    int64_t n = a->shape[0], some = block_rows(a);
    float *rows = text_more(NULL, (size_t)(some * given_row(a)) * sizeof *rows);
    int rc = 0;
    for (int64_t i = 0; i < n && rc == 0; i += some) {
        int64_t now = n - i < some ? n - i : some;
        rc = given_floats(g, a, i, now, rows);
        if (rc == 0)
            rc = check_rows(g, a, i, now, rows);
        progress_step(*done += now);
    }
    free(rows);
    return rc;
}

/* --- head and logits --- */

static int compare(const given *g, const given_set *s, int64_t i, const float *logits, const double *computed)
{
    double largest = 0;
    for (int64_t k = 0; k < g->classes; k++)
        largest = fmax(largest, fabs(computed[k]));
    for (int64_t k = 0; k < g->classes; k++)
        if (!(fabs(computed[k] - (double)logits[k]) <= 0.05 * largest + 1e-3)) /* half precision is far closer */
            return fault("%s: %s are not what features and head give: row %lld has %.4g for class %lld, not %.4g. "
                         "Leave the logits out to have them computed, or the head if it is another one's%s",
                         g->path, s->at[GIVEN_LOGITS]->name, (long long)i, (double)logits[k], (long long)k,
                         computed[k], g->cosine > 0 ? "" : "; of a CLIP model, see --cosine");
    return 0;
}

static int check_head(const given *g, const given_set *s, const float *weight, const float *bias)
{
    int64_t n = s->n < HEAD_ROWS ? s->n : HEAD_ROWS;
    if (!weight || !s->at[GIVEN_FEATURES] || !s->at[GIVEN_LOGITS])
        return 0;
    float *h = text_more(NULL, (size_t)(n * g->width) * sizeof *h);
    float *z = text_more(NULL, (size_t)(n * g->classes) * sizeof *z);
    double *computed = text_more(NULL, (size_t)g->classes * sizeof *computed);
    int rc = read_rows(g, s->at[GIVEN_FEATURES], 0, n, h) != 0 || given_floats(g, s->at[GIVEN_LOGITS], 0, n, z) != 0
                 ? -1
                 : 0;
    for (int64_t i = 0; i < n && rc == 0; i++) {
        for (int64_t k = 0; k < g->classes; k++) {
            computed[k] = bias ? (double)bias[k] : 0;
            for (int64_t j = 0; j < g->width; j++)
                computed[k] += (double)weight[k * g->width + j] * (double)h[i * g->width + j];
        }
        rc = compare(g, s, i, z + i * g->classes, computed);
    }
    free(h);
    free(z);
    free(computed);
    return rc;
}

static int check_heads(const given *g)
{
    float *weight = NULL, *bias = NULL;
    int rc = g->head.at[GIVEN_WEIGHT] ? given_matrix(g, g->head.at[GIVEN_WEIGHT], &weight) : 0;
    if (rc == 0 && g->head.at[GIVEN_BIAS])
        rc = given_matrix(g, g->head.at[GIVEN_BIAS], &bias);
    for (int i = 0; i < g->nsets && rc == 0; i++)
        rc = check_head(g, &g->sets[i], weight, bias);
    free(weight);
    free(bias);
    return rc;
}

int given_check(const given *g)
{
    int64_t classes, total = 0, done = 0;
    char label[300];
    for (int i = 0; i < g->nsets; i++)
        total += g->sets[i].n * (!!g->sets[i].at[GIVEN_FEATURES] + !!g->sets[i].at[GIVEN_LOGITS]);
    snprintf(label, sizeof label, "checking %.200s", g->name);
    progress_begin(label, "rows", total);
    int rc = given_count_classes(g, &classes);
    for (int i = 0; i < g->nsets && rc == 0; i++) {
        const given_set *s = &g->sets[i];
        rc = check_labels(g, s, classes) != 0 || check_floats(g, s->at[GIVEN_FEATURES], &done) != 0 ||
                     check_floats(g, s->at[GIVEN_LOGITS], &done) != 0
                 ? -1
                 : 0;
    }
    if (rc == 0)
        rc = check_floats(g, g->head.at[GIVEN_WEIGHT], &done);
    if (rc == 0)
        rc = check_floats(g, g->head.at[GIVEN_BIAS], &done);
    progress_end();
    return rc == 0 ? check_heads(g) : -1;
}

/* --- the bytes --- */

int given_digest(const given *g, char digest[65])
{
    text all = {0};
    int rc = 0;
    if (g->reader != &given_folder)
        return file_digest(digest, g->path);
    for (int i = 0; i < g->narrays && rc == 0; i++) {
        char path[PATH_MAX], name[512], one[FILE_DIGEST];
        snprintf(name, sizeof name, "%.500s.npy", g->arrays[i].name);
        rc = file_digest(one, file_join(path, sizeof path, g->path, name));
        text_add(&all, "%s %s\n", g->arrays[i].name, rc == 0 ? one : "");
    }
    file_digest_bytes(digest, text_str(&all), all.n);
    text_free(&all);
    return rc;
}
