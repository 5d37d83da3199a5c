/* given_features.c - sets of a file of features as scorers know sets. Logits that the
 * file does not have are computed in tiles of a fixed number of rows. */
#include "given_features.h"
#include "engine.h"
#include "fault.h"

#include <stdlib.h>
#include <string.h>

enum { TILE = 1024 };

static void put_floats(tensor *to, const float *values, int64_t n)
{
    real *all = pool_host((size_t)n * sizeof *all);
    for (int64_t i = 0; i < n; i++)
        all[i] = values[i];
    tx_open();
    tx_assign(to, tx_reshape(tx_from(DIMS(n), all), tx_dims(to)));
    tx_close();
    free(all);
}

static int put_array(tensor *to, const given *g, const given_array *a)
{
    float *values = NULL;
    int64_t n = a->dims == 2 ? a->shape[0] * a->shape[1] : a->shape[0];
    int rc = given_matrix(g, a, &values);
    if (rc == 0)
        put_floats(to, values, n);
    free(values);
    return rc;
}

int given_net(net **n, const given *g)
{
    const given_array *weight = g->head.at[GIVEN_WEIGHT], *bias = g->head.at[GIVEN_BIAS];
    int64_t classes;
    if (given_count_classes(g, &classes) != 0)
        return -1;
    nn_build_head(n, classes, g->width ? g->width : 1);
    return (weight && put_array(nn_head_weight(*n), g, weight) != 0) ||
                   (bias && put_array(nn_head_bias(*n), g, bias) != 0)
               ? -1
               : 0;
}

int given_needs_head(const given *g)
{
    return g->head.at[GIVEN_WEIGHT] ? 0
                                    : fault("needs: the last layer, head/weight, which %s does not have", g->name);
}

int given_needs_images(const given *g)
{
    return fault("needs: images, which %s does not have", g->name);
}

static const given_set *find(const given *g, const char *path, const char *split)
{
    enum given_role id = strcmp(split, "train") == 0 ? GIVEN_TRAIN
                         : strcmp(split, "val") == 0 ? GIVEN_VAL
                                                     : GIVEN_TEST;
    if (strcmp(path, GIVEN_ID) == 0)
        return given_find(g, id, "");
    if (strcmp(split, "val") == 0)
        return given_find(g, GIVEN_TUNE, path);
    for (enum given_role role = GIVEN_NEAR; role <= GIVEN_CSID; role++)
        if (given_find(g, role, path))
            return given_find(g, role, path);
    return NULL;
}

int given_begin(features *f, const extractor *e, const char *path, const char *split)
{
    const given *g = e->given;
    const given_set *s = find(g, path, split);
    int id = strcmp(path, GIVEN_ID) == 0;
    if (!s)
        return fault("needs: %s%s, which %s does not have", id ? "the set " : "tune/", id ? split : path, g->name);
    *f = (features){.n = s->n, .width = nn_features(e->net), .classes = nn_classes(e->net)};
    int known = s->at[GIVEN_LABELS] && (s->role <= GIVEN_TEST || s->role == GIVEN_CSID);
    return known ? given_labels(g, s, &f->labels) : 0;
}

int given_knows(const given *g, const char *path, const char *split, enum given_piece piece)
{
    const given_set *s = find(g, path, split);
    int computed = piece == GIVEN_LOGITS && s && s->at[GIVEN_FEATURES] && g->head.at[GIVEN_WEIGHT];
    return s && (s->at[piece] || computed);
}

static int lacks(const given *g, const given_set *s, const char *what)
{
    const char *name = s->name;
    return fault("needs: %s%s%s/%s, which %s does not have", given_role_name(s->role), *name ? "/" : "", name, what,
                 g->name);
}

/* The last tile ends with the last row: its first ones are computed twice. */
static void compute(features *f, net *n)
{
    int64_t rows = f->n < TILE ? f->n : TILE;
    real *held = pool_host((size_t)(rows * (f->width > f->classes ? f->width : f->classes)) * sizeof *held);
    f->logits = pool_host((size_t)(f->n * f->classes) * sizeof *f->logits);
    for (int64_t next = 0; next < f->n; next += rows) {
        int64_t first = next + rows <= f->n ? next : f->n - rows;
        for (int64_t i = 0; i < rows * f->width; i++)
            held[i] = f->values[first * f->width + i];
        pool_step();
        tx_open();
        tx_read(nn_head(n, tx_from(DIMS(rows, f->width), held)), held);
        tx_close();
        for (int64_t i = 0; i < rows * f->classes; i++)
            f->logits[first * f->classes + i] = (float)held[i];
    }
    free(held);
}

int given_fetch(features *f, const extractor *e, const char *path, const char *split, enum given_piece piece)
{
    const given *g = e->given;
    const given_set *s = find(g, path, split);
    float **held = piece == GIVEN_LOGITS ? &f->logits : &f->values;
    if (*held)
        return 0;
    if (s->at[piece])
        return given_matrix(g, s->at[piece], held);
    if (!given_knows(g, path, split, piece))
        return lacks(g, s, piece == GIVEN_LOGITS ? "logits" : "features");
    if (given_fetch(f, e, path, split, GIVEN_FEATURES) != 0)
        return -1;
    bool wanted = engine_parameters(false);
    compute(f, e->net);
    engine_parameters(wanted);
    return 0;
}
