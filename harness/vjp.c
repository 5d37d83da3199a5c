/* vjp.c - the rule of every operation: from the gradient g that reached the
 * result y, the gradients of the inputs. Written with public operations, so
 * that every order of derivative exists; where one backend call does the same
 * and no further derivative is wanted, that call stands beside. */
#define TX_PLAIN
#include "vjp.h"
#include "ranks.h"

#define IN(i) ad_input(s, i)

/* --- Where a vector met an array: the adjoint sums over what was spread --- */

static tensor *gather(tensor *g, const tensor *v)
{
    meeting m;
    tensor *t;

    if (tx_same_dims(g->d, v->d))
        return g;
    if (!tx_meet(v, g->d, &m))
        tx_die("gradient", "%s of %s", tx_text(g), tx_text(v));
    if (v->count == 1)
        t = tx_sum(g);
    else
        t = v->cols == 1 ? tx_rowsum(g) : tx_colsum(g);
    return tx_same_dims(t->d, v->d) ? t : tx_reshape(t, v->d);
}

static void vjp_add(step *s)
{
    ad_give(s, 0, s->g);
    if (ad_needs(s, 1))
        ad_give(s, 1, gather(s->g, IN(1)));
}

static void vjp_sub(step *s)
{
    ad_give(s, 0, s->g);
    if (ad_needs(s, 1))
        ad_give(s, 1, tx_map(BK_NEG, gather(s->g, IN(1))));
}

static void vjp_mul(step *s)
{
    if (ad_needs(s, 0))
        ad_give(s, 0, tx_mul(s->g, IN(1)));
    if (ad_needs(s, 1))
        ad_give(s, 1, gather(tx_mul(s->g, IN(0)), IN(1)));
}

static void vjp_div(step *s)
{
    tensor *dx = tx_div(s->g, IN(1));

    ad_give(s, 0, dx);
    if (ad_needs(s, 1))
        ad_give(s, 1, tx_map(BK_NEG, gather(tx_mul(dx, s->y), IN(1))));
}

static void vjp_spread(step *s)
{
    ad_give(s, 0, gather(s->g, IN(0)));
}

static void vjp_reduce(step *s) /* sum, rowsum, colsum */
{
    ad_give(s, 0, tx_spread(s->g, IN(0)->d));
}

/* --- Element by element --- */

static void vjp_affine(step *s)
{
    ad_give(s, 0, tx_scale(s->g, s->n->lo));
}

static void vjp_neg(step *s)
{
    ad_give(s, 0, tx_map(BK_NEG, s->g));
}

static void vjp_abs(step *s)
{
    ad_give(s, 0, tx_mul(s->g, tx_sign(IN(0))));
}

static void vjp_exp(step *s)
{
    ad_give(s, 0, tx_mul(s->g, s->y));
}

static void vjp_log(step *s)
{
    ad_give(s, 0, tx_div(s->g, IN(0)));
}

static void vjp_sqrt(step *s)
{
    ad_give(s, 0, tx_scale(tx_div(s->g, s->y), 0.5));
}

static void vjp_recip(step *s)
{
    ad_give(s, 0, tx_map(BK_NEG, tx_mul(s->g, tx_square(s->y))));
}

static void vjp_square(step *s)
{
    ad_give(s, 0, tx_scale(tx_mul(s->g, IN(0)), 2));
}

static void vjp_clamp(step *s)
{
    ad_give(s, 0, tx_within(s->g, IN(0), s->n->lo, s->n->hi));
}

static void vjp_within(step *s)
{
    ad_give(s, 0, tx_within(s->g, IN(1), s->n->lo, s->n->hi));
}

static void vjp_lse(step *s)
{
    ad_give(s, 0, tx_mul(tx_exp(tx_sub(IN(0), s->y)), s->g));
}

/* --- Movement: each is another's adjoint --- */

static void vjp_reshape(step *s)
{
    ad_give(s, 0, tx_reshape(s->g, IN(0)->d));
}

static void vjp_slice(step *s)
{
    ad_give(s, 0, tx_embed(s->g, s->n->first, IN(0)->d.d[0]));
}

static void vjp_embed(step *s)
{
    ad_give(s, 0, tx_slice(s->g, s->n->first, IN(0)->d.d[0]));
}

static void vjp_concat(step *s)
{
    int64_t na = IN(0)->d.d[0], nb = IN(1)->d.d[0];

    if (ad_needs(s, 0))
        ad_give(s, 0, tx_slice(s->g, 0, na));
    if (ad_needs(s, 1))
        ad_give(s, 1, tx_slice(s->g, na, nb));
}

static void vjp_slice_cols(step *s)
{
    ad_give(s, 0, tx_embed_cols(s->g, s->n->first, IN(0)->cols));
}

static void vjp_embed_cols(step *s)
{
    ad_give(s, 0, tx_slice_cols(s->g, s->n->first, IN(0)->cols));
}

static void vjp_concat_cols(step *s)
{
    if (ad_needs(s, 0))
        ad_give(s, 0, tx_slice_cols(s->g, 0, IN(0)->cols));
    if (ad_needs(s, 1))
        ad_give(s, 1, tx_slice_cols(s->g, IN(0)->cols, IN(1)->cols));
}

static void vjp_pick(step *s)
{
    tensor *dx = tx_place(s->g, IN(1), IN(0)->cols);

    ad_give(s, 0, tx_same_dims(dx->d, IN(0)->d) ? dx : tx_reshape(dx, IN(0)->d));
}

static void vjp_place(step *s)
{
    tensor *dv = tx_pick(s->g, IN(1));

    ad_give(s, 0, tx_same_dims(dv->d, IN(0)->d) ? dv : tx_reshape(dv, IN(0)->d));
}

static void vjp_take(step *s)
{
    ad_give(s, 0, tx_put(s->g, IN(1), IN(0)->d.d[0]));
}

static void vjp_put(step *s)
{
    ad_give(s, 0, tx_take(s->g, IN(1)));
}

/* --- Products --- */

static void vjp_matmul(step *s)
{
    int ta = s->n->ta, tb = s->n->tb;
    tensor *a = IN(0), *b = IN(1), *d;

    if (ad_needs(s, 0)) {
        d = ta ? tx_matmul(b, s->g, tb, 1) : tx_matmul(s->g, b, 0, !tb);
        ad_give(s, 0, tx_same_dims(d->d, a->d) ? d : tx_reshape(d, a->d));
    }
    if (ad_needs(s, 1)) {
        d = tb ? tx_matmul(s->g, a, 1, ta) : tx_matmul(a, s->g, !ta, 0);
        ad_give(s, 1, tx_same_dims(d->d, b->d) ? d : tx_reshape(d, b->d));
    }
}

static void vjp_conv(step *s)
{
    const bk_window *g = &s->n->g;

    if (ad_needs(s, 0))
        ad_give(s, 0, tx_conv_x(s->g, IN(1), g->stride, g->pad, IN(0)->d));
    if (ad_needs(s, 1))
        ad_give(s, 1, tx_conv_w(IN(0), s->g, g->stride, g->pad, IN(1)->d));
}

static void vjp_conv_x(step *s) /* of y, w */
{
    const bk_window *g = &s->n->g;

    if (ad_needs(s, 0))
        ad_give(s, 0, tx_conv(s->g, IN(1), g->stride, g->pad));
    if (ad_needs(s, 1))
        ad_give(s, 1, tx_conv_w(s->g, IN(0), g->stride, g->pad, IN(1)->d));
}

static void vjp_conv_w(step *s) /* of x, y */
{
    const bk_window *g = &s->n->g;

    if (ad_needs(s, 0))
        ad_give(s, 0, tx_conv_x(IN(1), s->g, g->stride, g->pad, IN(0)->d));
    if (ad_needs(s, 1))
        ad_give(s, 1, tx_conv(IN(0), s->g, g->stride, g->pad));
}

static void vjp_maxpool(step *s)
{
    const bk_window *g = &s->n->g;
    tensor *x = IN(0), *winners = s->n->saved[0];

    if (!s->create && engine.fused && engine.api->pool_max_t && x->count) {
        tensor *dx = tx_new(x->d);
        engine.api->pool_max_t(engine.b, g, tx_data(dx), tx_data(s->g), tx_indices(winners));
        ad_give(s, 0, dx);
        return;
    }
    /* The winners are the node's own; what is recorded here may outlive it. */
    tensor *own = tx_view(winners, 0, winners->d);
    tensor *flat = tx_place(tx_reshape(s->g, winners->d), own, g->h * g->w * g->c);
    ad_give(s, 0, tx_reshape(flat, x->d));
}

static void vjp_avgpool(step *s)
{
    const bk_window *g = &s->n->g;

    ad_give(s, 0, tx_avgpool_t(s->g, g->r, g->stride, g->pad, IN(0)->d));
}

static void vjp_avgpool_t(step *s)
{
    const bk_window *g = &s->n->g;

    ad_give(s, 0, tx_avgpool(s->g, g->r, g->stride, g->pad));
}

/* --- Composites --- */

static void vjp_log_softmax(step *s)
{
    tensor *x = IN(0);

    if (!s->create && engine.fused && engine.api->log_softmax_grad && x->count) {
        tensor *dx = tx_new(x->d);
        engine.api->log_softmax_grad(engine.b, tx_data(dx), tx_data(s->g), tx_data(s->y), x->rows, x->cols);
        ad_give(s, 0, dx);
        return;
    }
    ad_give(s, 0, tx_sub(s->g, tx_mul(tx_exp(s->y), tx_rowsum(s->g))));
}

static void batchnorm_fused(step *s)
{
    tensor *x = IN(0), *gamma = IN(1), *beta = IN(2);
    tensor *dx = tx_new(x->d), *dgamma = tx_new(gamma->d), *dbeta = tx_new(beta->d);

    engine.api->bn_grad(engine.b, tx_data(dx), tx_data(dgamma), tx_data(dbeta), tx_data(s->g), tx_data(x),
                        tx_data(gamma), tx_data(s->n->saved[0]), tx_data(s->n->saved[1]), x->rows, x->cols,
                        (real)s->n->lo);
    ad_give(s, 0, dx);
    ad_give(s, 1, dgamma);
    ad_give(s, 2, dbeta);
}

/* The statistics are functions of x here, hence the gradient is too. They are of all
 * ranks, and so are two means in the gradient by x; those by gamma and beta are
 * this rank's part. First order takes the statistics as they were. */
static void vjp_batchnorm(step *s)
{
    tensor *x = IN(0), *gamma = IN(1), *beta = IN(2);
    double m = 1.0 / ((double)x->rows * ranks_count());
    bool known = ranks_count() > 1 && !s->create;

    if (!s->create && engine.fused && engine.api->bn_grad && x->count && ranks_count() == 1) {
        batchnorm_fused(s);
        return;
    }
    tensor *mean = known ? s->n->saved[0] : tx_scale(ranks_total(tx_colsum(x)), m);
    tensor *centred = tx_sub(x, mean);
    tensor *var = known ? s->n->saved[1] : tx_scale(ranks_total(tx_colsum(tx_square(centred))), m);
    tensor *r = tx_map(BK_RECIP, tx_sqrt(tx_affine(var, 1, s->n->lo)));
    tensor *h = tx_mul(centred, r);
    tensor *dbeta = tx_colsum(s->g), *dgamma = tx_colsum(tx_mul(s->g, h));

    if (ad_needs(s, 0)) {
        tensor *all_beta = ranks_total(dbeta), *all_gamma = ranks_total(dgamma);
        tensor *rest = tx_sub(tx_sub(s->g, tx_scale(all_beta, m)), tx_mul(h, tx_scale(all_gamma, m)));
        ad_give(s, 0, tx_mul(rest, tx_mul(r, gamma)));
    }
    if (ad_needs(s, 1))
        ad_give(s, 1, tx_same_dims(dgamma->d, gamma->d) ? dgamma : tx_reshape(dgamma, gamma->d));
    if (ad_needs(s, 2))
        ad_give(s, 2, tx_same_dims(dbeta->d, beta->d) ? dbeta : tx_reshape(dbeta, beta->d));
}

const rule ad_rules[OP_COUNT] = {
    [OP_ADD] = {"tx_add", vjp_add, NULL},
    [OP_SUB] = {"tx_sub", vjp_sub, NULL},
    [OP_MUL] = {"tx_mul", vjp_mul, NULL},
    [OP_DIV] = {"tx_div", vjp_div, NULL},
    [OP_AFFINE] = {"tx_affine", vjp_affine, NULL},
    [OP_NEG] = {"tx_map(BK_NEG)", vjp_neg, NULL},
    [OP_ABS] = {"tx_map(BK_ABS)", vjp_abs, NULL},
    [OP_EXP] = {"tx_map(BK_EXP)", vjp_exp, NULL},
    [OP_LOG] = {"tx_map(BK_LOG)", vjp_log, NULL},
    [OP_SQRT] = {"tx_map(BK_SQRT)", vjp_sqrt, NULL},
    [OP_RECIP] = {"tx_map(BK_RECIP)", vjp_recip, NULL},
    [OP_SQUARE] = {"tx_map(BK_SQUARE)", vjp_square, NULL},
    [OP_CLAMP] = {"tx_clamp", vjp_clamp, NULL},
    [OP_WITHIN] = {"tx_within", vjp_within, NULL},
    [OP_SUM] = {"tx_sum", vjp_reduce, NULL},
    [OP_ROWSUM] = {"tx_rowsum", vjp_reduce, NULL},
    [OP_COLSUM] = {"tx_colsum", vjp_reduce, NULL},
    [OP_SPREAD] = {"tx_spread", vjp_spread, NULL},
    [OP_LSE] = {"tx_lse", vjp_lse, NULL},
    [OP_RESHAPE] = {"tx_reshape", vjp_reshape, NULL},
    [OP_SLICE] = {"tx_slice", vjp_slice, NULL},
    [OP_EMBED] = {"tx_embed", vjp_embed, NULL},
    [OP_CONCAT] = {"tx_concat", vjp_concat, NULL},
    [OP_SLICE_COLS] = {"tx_slice_cols", vjp_slice_cols, NULL},
    [OP_EMBED_COLS] = {"tx_embed_cols", vjp_embed_cols, NULL},
    [OP_CONCAT_COLS] = {"tx_concat_cols", vjp_concat_cols, NULL},
    [OP_PICK] = {"tx_pick", vjp_pick, NULL},
    [OP_PLACE] = {"tx_place", vjp_place, NULL},
    [OP_TAKE] = {"tx_take", vjp_take, NULL},
    [OP_PUT] = {"tx_put", vjp_put, NULL},
    [OP_MATMUL] = {"tx_matmul", vjp_matmul, NULL},
    [OP_CONV] = {"tx_conv", vjp_conv, NULL},
    [OP_CONV_X] = {"tx_conv_x", vjp_conv_x, NULL},
    [OP_CONV_W] = {"tx_conv_w", vjp_conv_w, NULL},
    [OP_MAXPOOL] = {"tx_maxpool", vjp_maxpool, NULL},
    [OP_AVGPOOL] = {"tx_avgpool", vjp_avgpool, NULL},
    [OP_AVGPOOL_T] = {"tx_avgpool_t", vjp_avgpool_t, NULL},
    [OP_LOG_SOFTMAX] = {"tx_log_softmax", vjp_log_softmax, NULL},
    [OP_BATCHNORM] = {"tx_batchnorm", vjp_batchnorm, NULL},
};
