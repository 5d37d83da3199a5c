/* onednn3.c - descriptors and operations in oneDNN's 3.x C interface, where a
 * primitive descriptor is made in one call and a desc is an opaque handle. */
#include "onednn.h"

dnn_desc dnn_tagged(const dnn *d, int rank, const int64_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t made = NULL;
    DNN_CHECK(d, dnnl_memory_desc_create_with_tag(&made, rank, dims, type, tag));
    return made;
}

dnn_desc dnn_strided(const dnn *d, int rank, const int64_t *dims, dnnl_data_type_t type, const int64_t *strides)
{
    dnnl_memory_desc_t made = NULL;
    DNN_CHECK(d, dnnl_memory_desc_create_with_strides(&made, rank, dims, type, strides));
    return made;
}

dnn_desc dnn_same(const dnn *d, dnn_desc from)
{
    dnnl_memory_desc_t made = NULL;
    DNN_CHECK(d, dnnl_memory_desc_clone(&made, from));
    return made;
}

void dnn_forget(dnn_desc desc)
{
    if (desc)
        dnnl_memory_desc_destroy((dnnl_memory_desc_t)(uintptr_t)desc);
}

/* Sum first, then ReLU: the order in which a residual block needs them. */
static dnnl_primitive_attr_t post_ops(const dnn *d, float sum, int relu)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    DNN_CHECK(d, dnnl_primitive_attr_create(&attr));
    DNN_CHECK(d, dnnl_post_ops_create(&ops));
    if (sum != 0)
        DNN_CHECK(d, dnnl_post_ops_append_sum(ops, sum, 0, dnnl_data_type_undef));
    if (relu)
        DNN_CHECK(d, dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0));
    DNN_CHECK(d, dnnl_primitive_attr_set_post_ops(attr, ops));
    dnnl_post_ops_destroy(ops);
    return attr;
}

/* The window as oneDNN wants it, the layouts given or left open. */
typedef struct shape {
    dnnl_dims_t stride, kernel, before, after, dense;
    dnn_desc x, w, y, bias;
    dnnl_alg_kind_t how;
} shape;

static void drop_shape(const shape *s)
{
    dnn_forget(s->x);
    dnn_forget(s->w);
    dnn_forget(s->y);
    dnn_forget(s->bias);
}

static int64_t pad_after(int64_t in, int64_t out, int window, int stride, int pad)
{
    int64_t after = (out - 1) * stride + window - in - pad;
    return after > 0 ? after : 0;
}

static void window_shape(shape *s, const bk_window *g)
{
    s->stride[0] = s->stride[1] = g->stride;
    s->kernel[0] = g->r;
    s->kernel[1] = g->s;
    s->before[0] = s->before[1] = g->pad;
    s->after[0] = pad_after(g->h, g->p, g->r, g->stride, g->pad);
    s->after[1] = pad_after(g->w, g->q, g->s, g->stride, g->pad);
}

static dnn_desc desc_or_any(const dnn *d, dnn_desc given, const int64_t *dims, dnnl_data_type_t type)
{
    return given ? dnn_same(d, given) : dnn_tagged(d, 4, dims, type, dnnl_format_tag_any);
}

static shape conv_shape(const dnn *d, const dnn_conv *c)
{
    const bk_window *g = c->g;
    shape s = {.how = c->with & DNN_WINOGRAD ? dnnl_convolution_auto : dnnl_convolution_direct};
    window_shape(&s, g);
    s.x = desc_or_any(d, c->x, (dnnl_dims_t){g->n, g->c, g->h, g->w}, c->type);
    s.w = desc_or_any(d, c->w, (dnnl_dims_t){g->k, g->c, g->r, g->s}, c->type);
    s.y = desc_or_any(d, c->y, (dnnl_dims_t){g->n, g->k, g->p, g->q}, c->ytype);
    if (c->with & DNN_BIAS)
        s.bias = dnn_tagged(d, 1, (dnnl_dims_t){g->k}, dnnl_f32, dnnl_a);
    return s;
}

static dnn_op *conv_forward(const dnn *d, const dnn_conv *c, dnnl_prop_kind_t prop)
{
    shape s = conv_shape(d, c);
    dnnl_primitive_attr_t attr = post_ops(d, c->with & DNN_SUM ? 1.0f : 0.0f, c->with & DNN_RELU);
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(
        &choice, d->engine, prop, s.how, s.x, s.w, s.bias, s.y, s.stride, s.dense, s.before, s.after, attr);
    dnnl_primitive_attr_destroy(attr);
    drop_shape(&s);
    return dnn_make(d, status, choice, "dnnl_convolution_forward_primitive_desc_create");
}

dnn_op *dnn_conv_y(const dnn *d, const dnn_conv *c)
{
    return conv_forward(d, c, c->with & DNN_BATCH ? dnnl_forward_training : dnnl_forward_inference);
}

/* A forward convolution to show to its gradients: they only check the extents,
 * so it may have any layout, even where the gradient's own would be refused. */
static dnn_op *conv_hint(const dnn *d, const dnn_conv *c)
{
    dnn_conv hint = {.g = c->g, .type = c->type, .ytype = c->type};
    return conv_forward(d, &hint, dnnl_forward_training);
}

dnn_op *dnn_conv_x(const dnn *d, const dnn_conv *c)
{
    dnn_op *hint = conv_hint(d, c);
    if (!hint)
        return NULL;
    shape s = conv_shape(d, c);
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_convolution_backward_data_primitive_desc_create(
        &choice, d->engine, s.how, s.x, s.w, s.y, s.stride, s.dense, s.before, s.after, hint->choice, NULL);
    drop_shape(&s);
    dnn_drop(hint);
    return dnn_make(d, status, choice, "dnnl_convolution_backward_data_primitive_desc_create");
}

dnn_op *dnn_conv_w(const dnn *d, const dnn_conv *c)
{
    dnn_op *hint = conv_hint(d, c);
    if (!hint)
        return NULL;
    shape s = conv_shape(d, c);
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_convolution_backward_weights_primitive_desc_create(
        &choice, d->engine, s.how, s.x, s.w, NULL, s.y, s.stride, s.dense, s.before, s.after, hint->choice, NULL);
    drop_shape(&s);
    dnn_drop(hint);
    return dnn_make(d, status, choice, "dnnl_convolution_backward_weights_primitive_desc_create");
}

static shape pool_shape(const dnn *d, const dnn_pool *c, dnn_desc y)
{
    const bk_window *g = c->g;
    shape s = {.how = c->max ? dnnl_pooling_max : dnnl_pooling_avg_include_padding};
    window_shape(&s, g);
    s.x = dnn_same(d, c->x);
    s.y = desc_or_any(d, y, (dnnl_dims_t){g->n, g->k, g->p, g->q}, c->type);
    return s;
}

dnn_op *dnn_pool_y(const dnn *d, const dnn_pool *c)
{
    shape s = pool_shape(d, c, NULL);
    dnnl_primitive_desc_t choice = NULL;
    dnnl_prop_kind_t prop = c->with & DNN_BATCH ? dnnl_forward_training : dnnl_forward_inference;
    dnnl_status_t status = dnnl_pooling_forward_primitive_desc_create(
        &choice, d->engine, prop, s.how, s.x, s.y, s.stride, s.kernel, s.dense, s.before, s.after, NULL);
    drop_shape(&s);
    return dnn_make(d, status, choice, "dnnl_pooling_forward_primitive_desc_create");
}

dnn_op *dnn_pool_x(const dnn *d, const dnn_pool *c)
{
    dnn_op *hint = dnn_pool_y(d, &(dnn_pool){c->g, c->max, DNN_BATCH, c->type, c->x});
    if (!hint)
        return NULL;
    shape s = pool_shape(d, c, dnn_want(hint, DNNL_ARG_DST));
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_pooling_backward_primitive_desc_create(
        &choice, d->engine, s.how, s.x, s.y, s.stride, s.kernel, s.dense, s.before, s.after, hint->choice, NULL);
    drop_shape(&s);
    dnn_drop(hint);
    return dnn_make(d, status, choice, "dnnl_pooling_backward_primitive_desc_create");
}

static unsigned norm_flags(const dnn_norm *c)
{
    return dnnl_use_scale | dnnl_use_shift | (c->with & DNN_RELU ? dnnl_fuse_norm_relu : 0) |
           (c->with & DNN_BATCH ? 0 : dnnl_use_global_stats);
}

dnn_op *dnn_norm_y(const dnn *d, const dnn_norm *c)
{
    dnnl_primitive_desc_t choice = NULL;
    dnnl_prop_kind_t prop = c->with & DNN_BATCH ? dnnl_forward_training : dnnl_forward_inference;
    dnnl_status_t status = dnnl_batch_normalization_forward_primitive_desc_create(
        &choice, d->engine, prop, c->x, c->x, c->eps, norm_flags(c), NULL);
    return dnn_make(d, status, choice, "dnnl_batch_normalization_forward_primitive_desc_create");
}

dnn_op *dnn_norm_x(const dnn *d, const dnn_norm *c)
{
    dnn_op *hint = dnn_norm_y(d, c);
    if (!hint)
        return NULL;
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_batch_normalization_backward_primitive_desc_create(
        &choice, d->engine, dnnl_backward, c->x, c->x, c->x, c->eps, norm_flags(c), hint->choice, NULL);
    dnn_drop(hint);
    return dnn_make(d, status, choice, "dnnl_batch_normalization_backward_primitive_desc_create");
}

dnn_op *dnn_product(const dnn *d, const dnn_matmul *c)
{
    dnn_desc b = c->b ? dnn_same(d, c->b)
                      : dnn_tagged(d, 2, (dnnl_dims_t){c->k, c->n}, dnnl_f32, dnnl_format_tag_any);
    dnnl_primitive_attr_t attr = post_ops(d, c->beta, 0);
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_matmul_primitive_desc_create(&choice, d->engine, c->a, b, NULL, c->c, attr);
    dnnl_primitive_attr_destroy(attr);
    dnn_forget(b);
    return dnn_make(d, status, choice, "dnnl_matmul_primitive_desc_create");
}

dnn_op *dnn_add(const dnn *d, dnn_desc a, unsigned with)
{
    dnnl_primitive_attr_t attr = post_ops(d, 0, with & DNN_RELU);
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_binary_primitive_desc_create(&choice, d->engine, dnnl_binary_add, a, a, a, attr);
    dnnl_primitive_attr_destroy(attr);
    return dnn_make(d, status, choice, "dnnl_binary_primitive_desc_create");
}

dnn_op *dnn_relu_y(const dnn *d, dnn_desc x)
{
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_eltwise_forward_primitive_desc_create(
        &choice, d->engine, dnnl_forward_training, dnnl_eltwise_relu_use_dst_for_bwd, x, x, 0, 0, NULL);
    return dnn_make(d, status, choice, "dnnl_eltwise_forward_primitive_desc_create");
}

dnn_op *dnn_relu_x(const dnn *d, dnn_desc x)
{
    dnn_op *hint = dnn_relu_y(d, x);
    if (!hint)
        return NULL;
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_eltwise_backward_primitive_desc_create(
        &choice, d->engine, dnnl_eltwise_relu_use_dst_for_bwd, x, x, x, 0, 0, hint->choice, NULL);
    dnn_drop(hint);
    return dnn_make(d, status, choice, "dnnl_eltwise_backward_primitive_desc_create");
}

dnn_op *dnn_reorder(const dnn *d, dnn_desc from, dnn_desc to)
{
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&choice, from, d->engine, to, d->engine, NULL);
    return dnn_make(d, status, choice, "dnnl_reorder_primitive_desc_create");
}
