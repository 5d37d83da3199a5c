/* onednn2.c - descriptors and operations in oneDNN's 2.x C interface, where an
 * operation descriptor is filled in first and a desc is a plain struct. */
#include "onednn.h"

#include <stdlib.h>

static dnnl_memory_desc_t *blank_desc(const dnn *d)
{
    dnnl_memory_desc_t *made = calloc(1, sizeof *made);
    if (!made)
        dnn_no_memory(d->host, sizeof *made);
    return made;
}

dnn_desc dnn_tagged(const dnn *d, int rank, const int64_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t *made = blank_desc(d);
    DNN_CHECK(d, dnnl_memory_desc_init_by_tag(made, rank, dims, type, tag));
    return made;
}

dnn_desc dnn_strided(const dnn *d, int rank, const int64_t *dims, dnnl_data_type_t type, const int64_t *strides)
{
    dnnl_memory_desc_t *made = blank_desc(d);
    DNN_CHECK(d, dnnl_memory_desc_init_by_strides(made, rank, dims, type, strides));
    return made;
}

dnn_desc dnn_same(const dnn *d, dnn_desc from)
{
    dnnl_memory_desc_t *made = blank_desc(d);
    *made = *from;
    return made;
}

void dnn_forget(dnn_desc desc)
{
    free((void *)(uintptr_t)desc);
}

/* Sum first, then ReLU: the order in which a residual block needs them. */
static dnnl_primitive_attr_t post_ops(const dnn *d, float sum, int relu)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    DNN_CHECK(d, dnnl_primitive_attr_create(&attr));
    DNN_CHECK(d, dnnl_post_ops_create(&ops));
    if (sum != 0)
        DNN_CHECK(d, dnnl_post_ops_append_sum(ops, sum));
    if (relu)
        DNN_CHECK(d, dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0));
    DNN_CHECK(d, dnnl_primitive_attr_set_post_ops(attr, ops));
    dnnl_post_ops_destroy(ops);
    return attr;
}

/* desc: any of the operation descriptors. Takes attr, which may be NULL. */
static dnn_op *finish(const dnn *d, const_dnnl_op_desc_t desc, dnnl_primitive_attr_t attr,
                      const_dnnl_primitive_desc_t hint)
{
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_primitive_desc_create(&choice, desc, attr, d->engine, hint);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return dnn_make(d, status, choice, "dnnl_primitive_desc_create");
}

/* The gradient of hint's operation. Drops hint; NULL when that is NULL. */
static dnn_op *finish_grad(const dnn *d, const_dnnl_op_desc_t desc, dnn_op *hint)
{
    dnn_op *op = hint ? finish(d, desc, NULL, hint->choice) : NULL;
    dnn_drop(hint);
    return op;
}

/* The window as oneDNN wants it, the layouts given or left open. */
typedef struct shape {
    dnnl_dims_t stride, kernel, before, after;
    dnnl_memory_desc_t x, w, y, bias;
    dnnl_alg_kind_t how;
} shape;

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

static dnnl_memory_desc_t desc_or_any(const dnn *d, dnn_desc given, const int64_t *dims, dnnl_data_type_t type)
{
    dnnl_memory_desc_t any;
    if (given)
        return *given;
    DNN_CHECK(d, dnnl_memory_desc_init_by_tag(&any, 4, dims, type, dnnl_format_tag_any));
    return any;
}

static shape conv_shape(const dnn *d, const dnn_conv *c)
{
    const bk_window *g = c->g;
    shape s = {.how = c->with & DNN_WINOGRAD ? dnnl_convolution_auto : dnnl_convolution_direct};
    window_shape(&s, g);
    s.x = desc_or_any(d, c->x, (dnnl_dims_t){g->n, g->c, g->h, g->w}, c->type);
    s.w = desc_or_any(d, c->w, (dnnl_dims_t){g->k, g->c, g->r, g->s}, c->type);
    s.y = desc_or_any(d, c->y, (dnnl_dims_t){g->n, g->k, g->p, g->q}, c->ytype);
    DNN_CHECK(d, dnnl_memory_desc_init_by_tag(&s.bias, 1, (dnnl_dims_t){g->k}, dnnl_f32, dnnl_a));
    return s;
}

static dnn_op *conv_forward(const dnn *d, const dnn_conv *c, dnnl_prop_kind_t prop)
{
    shape s = conv_shape(d, c);
    dnnl_convolution_desc_t desc;
    DNN_CHECK(d, dnnl_convolution_forward_desc_init(&desc, prop, s.how, &s.x, &s.w,
                                                    c->with & DNN_BIAS ? &s.bias : NULL, &s.y, s.stride, s.before,
                                                    s.after));
    return finish(d, &desc, post_ops(d, c->with & DNN_SUM ? 1.0f : 0.0f, c->with & DNN_RELU), NULL);
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
    shape s = conv_shape(d, c);
    dnnl_convolution_desc_t desc;
    DNN_CHECK(
        d, dnnl_convolution_backward_data_desc_init(&desc, s.how, &s.x, &s.w, &s.y, s.stride, s.before, s.after));
    return finish_grad(d, &desc, conv_hint(d, c));
}

dnn_op *dnn_conv_w(const dnn *d, const dnn_conv *c)
{
    shape s = conv_shape(d, c);
    dnnl_convolution_desc_t desc;
    DNN_CHECK(d, dnnl_convolution_backward_weights_desc_init(&desc, s.how, &s.x, &s.w, NULL, &s.y, s.stride,
                                                             s.before, s.after));
    return finish_grad(d, &desc, conv_hint(d, c));
}

static shape pool_shape(const dnn *d, const dnn_pool *c)
{
    const bk_window *g = c->g;
    shape s = {.how = c->max ? dnnl_pooling_max : dnnl_pooling_avg_include_padding};
    window_shape(&s, g);
    s.x = *c->x;
    s.y = desc_or_any(d, NULL, (dnnl_dims_t){g->n, g->k, g->p, g->q}, c->type);
    return s;
}

dnn_op *dnn_pool_y(const dnn *d, const dnn_pool *c)
{
    shape s = pool_shape(d, c);
    dnnl_pooling_desc_t desc;
    dnnl_prop_kind_t prop = c->with & DNN_BATCH ? dnnl_forward_training : dnnl_forward_inference;
    DNN_CHECK(
        d, dnnl_pooling_forward_desc_init(&desc, prop, s.how, &s.x, &s.y, s.stride, s.kernel, s.before, s.after));
    return finish(d, &desc, NULL, NULL);
}

dnn_op *dnn_pool_x(const dnn *d, const dnn_pool *c)
{
    shape s = pool_shape(d, c);
    dnn_op *hint = dnn_pool_y(d, &(dnn_pool){c->g, c->max, DNN_BATCH, c->type, c->x});
    dnnl_pooling_desc_t desc;
    if (!hint)
        return NULL;
    s.y = *dnn_want(hint, DNNL_ARG_DST);
    DNN_CHECK(d, dnnl_pooling_backward_desc_init(&desc, s.how, &s.x, &s.y, s.stride, s.kernel, s.before, s.after));
    return finish_grad(d, &desc, hint);
}

static unsigned norm_flags(const dnn_norm *c)
{
    return dnnl_use_scale | dnnl_use_shift | (c->with & DNN_RELU ? dnnl_fuse_norm_relu : 0) |
           (c->with & DNN_BATCH ? 0 : dnnl_use_global_stats);
}

dnn_op *dnn_norm_y(const dnn *d, const dnn_norm *c)
{
    dnnl_batch_normalization_desc_t desc;
    dnnl_prop_kind_t prop = c->with & DNN_BATCH ? dnnl_forward_training : dnnl_forward_inference;
    DNN_CHECK(d, dnnl_batch_normalization_forward_desc_init(&desc, prop, c->x, c->eps, norm_flags(c)));
    return finish(d, &desc, NULL, NULL);
}

dnn_op *dnn_norm_x(const dnn *d, const dnn_norm *c)
{
    dnnl_batch_normalization_desc_t desc;
    DNN_CHECK(d,
              dnnl_batch_normalization_backward_desc_init(&desc, dnnl_backward, c->x, c->x, c->eps, norm_flags(c)));
    return finish_grad(d, &desc, dnn_norm_y(d, c));
}

dnn_op *dnn_product(const dnn *d, const dnn_matmul *c)
{
    dnnl_matmul_desc_t desc;
    dnnl_memory_desc_t b;
    if (c->b)
        b = *c->b;
    else
        DNN_CHECK(d, dnnl_memory_desc_init_by_tag(&b, 2, (dnnl_dims_t){c->k, c->n}, dnnl_f32, dnnl_format_tag_any));
    DNN_CHECK(d, dnnl_matmul_desc_init(&desc, c->a, &b, NULL, c->c));
    return finish(d, &desc, post_ops(d, c->beta, 0), NULL);
}

dnn_op *dnn_add(const dnn *d, dnn_desc a, unsigned with)
{
    dnnl_binary_desc_t desc;
    DNN_CHECK(d, dnnl_binary_desc_init(&desc, dnnl_binary_add, a, a, a));
    return finish(d, &desc, post_ops(d, 0, with & DNN_RELU), NULL);
}

dnn_op *dnn_relu_y(const dnn *d, dnn_desc x)
{
    dnnl_eltwise_desc_t desc;
    DNN_CHECK(d, dnnl_eltwise_forward_desc_init(&desc, dnnl_forward_training, dnnl_eltwise_relu_use_dst_for_bwd, x,
                                                0, 0));
    return finish(d, &desc, NULL, NULL);
}

dnn_op *dnn_relu_x(const dnn *d, dnn_desc x)
{
    dnnl_eltwise_desc_t desc;
    DNN_CHECK(d, dnnl_eltwise_backward_desc_init(&desc, dnnl_eltwise_relu_use_dst_for_bwd, x, x, 0, 0));
    return finish_grad(d, &desc, dnn_relu_y(d, x));
}

dnn_op *dnn_reorder(const dnn *d, dnn_desc from, dnn_desc to)
{
    dnnl_primitive_desc_t choice = NULL;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&choice, from, d->engine, to, d->engine, NULL);
    return dnn_make(d, status, choice, "dnnl_reorder_primitive_desc_create");
}
