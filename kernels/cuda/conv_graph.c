/* conv_graph.c - cuDNN's graph interface: a convolution and what stands behind
 * it as an operation graph, the engines that cuDNN has for it, and running one.
 *
 * cuDNN wants extents in the order N, C, H, W (K, C, R, S of filters); that
 * channels lie last is said by the strides. Every tensor is declared to begin at
 * a multiple of ALIGNMENT bytes, for the fast engines load 16 at a time and
 * refuse less; conv.c copies what begins elsewhere. */
#include "conv_engine.h"

#include <stdbool.h>
#include <stddef.h>

enum { IMAGE_DIMS = 4, ALIGNMENT = 16 };

typedef struct attribute {
    cudnnBackendAttributeName_t name;
    cudnnBackendAttributeType_t type;
    int64_t count;
    const void *value;
} attribute;

#define SET(list) (list), (int)(sizeof(list) / sizeof(*(list)))

/* NULL when cuDNN does not accept it; *rc then says why, and when it says so
 * already nothing is tried. */
static descriptor make(cudnnStatus_t *rc, cudnnBackendDescriptorType_t type, const attribute *a, int count)
{
    descriptor d = NULL;
    if (*rc == CUDNN_STATUS_SUCCESS)
        *rc = cudnnBackendCreateDescriptor(type, &d);
    for (int i = 0; i < count && *rc == CUDNN_STATUS_SUCCESS; i++)
        *rc = cudnnBackendSetAttribute(d, a[i].name, a[i].type, a[i].count, a[i].value);
    if (*rc == CUDNN_STATUS_SUCCESS)
        *rc = cudnnBackendFinalize(d);
    if (*rc == CUDNN_STATUS_SUCCESS)
        return d;
    if (d)
        cudnnBackendDestroyDescriptor(d);
    return NULL;
}

static descriptor part(conv_graph *g, cudnnBackendDescriptorType_t type, const attribute *a, int count)
{
    descriptor d = make(&g->rc, type, a, count);
    if (d)
        g->part[g->parts++] = d;
    return d;
}

/* --- The operation graph --- */

static descriptor tensor(conv_graph *g, int64_t name, cudnnDataType_t type, const int64_t dims[IMAGE_DIMS])
{
    int64_t c = dims[1], h = dims[2], w = dims[3], alignment = ALIGNMENT;
    const int64_t strides[IMAGE_DIMS] = {c * h * w, 1, w * c, c};
    const bool between = name >= TENSOR_BETWEEN; /* it never exists in memory */
    const attribute a[] = {
        {CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &name},
        {CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type},
        {CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, IMAGE_DIMS, dims},
        {CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, IMAGE_DIMS, strides},
        {CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment},
        {CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &between},
    };
    return part(g, CUDNN_BACKEND_TENSOR_DESCRIPTOR, SET(a));
}

static descriptor geometry(conv_graph *g, const bk_window *win)
{
    const int64_t spatial = 2, pad[] = {win->pad, win->pad}, stride[] = {win->stride, win->stride}, one[] = {1, 1};
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t unflipped = CUDNN_CROSS_CORRELATION;
    const attribute a[] = {
        {CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums},
        {CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &unflipped},
        {CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &spatial},
        {CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, spatial, one},
        {CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, spatial, stride},
        {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, spatial, pad},
        {CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, spatial, pad},
    };
    return part(g, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, SET(a));
}

/* The names of one kind's attributes: geometry, x, w, y, and the factors of the
 * result and of what was there before. */
static const struct conv_names {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t geometry, x, w, y, alpha, beta;
} conv_names[] = {
    [CONV_Y] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    [CONV_X] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    [CONV_W] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

static descriptor convolution(conv_graph *g, const conv_spec *s, descriptor x, descriptor w, descriptor y)
{
    const struct conv_names *name = &conv_names[s->kind];
    descriptor how = geometry(g, &s->g);
    const float one = 1, zero = 0;
    const attribute a[] = {
        {name->geometry, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &how},
        {name->x, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &x},
        {name->w, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &w},
        {name->y, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y},
        {name->alpha, CUDNN_TYPE_FLOAT, 1, &one},
        {name->beta, CUDNN_TYPE_FLOAT, 1, &zero},
    };
    return part(g, name->type, SET(a));
}

/* y = mode(x, b); b is NULL for a function of one argument. */
static descriptor pointwise(conv_graph *g, cudnnPointwiseMode_t mode, descriptor x, descriptor b, descriptor y)
{
    const cudnnDataType_t in_float = CUDNN_DATA_FLOAT;
    const cudnnNanPropagation_t kept = CUDNN_PROPAGATE_NAN;
    const attribute function[] = {
        {CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode},
        {CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &in_float},
        {CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, 1, &kept},
    };
    descriptor f = part(g, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, SET(function));
    const attribute a[] = {
        {CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &f},
        {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &x},
        {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y},
        {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &b},
    };
    return part(g, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, a, b ? 4 : 3);
}

/* What stands behind the convolution, in the order of cuDNN's ready-made fusion:
 * plus, then bias, then ReLU; what lies between is float, whatever the images
 * are. The last step writes the result. */
static int behind(conv_graph *g, const conv_spec *s, const int64_t dims[IMAGE_DIMS], descriptor from,
                  descriptor out, descriptor *op)
{
    const int64_t per_channel[IMAGE_DIMS] = {1, s->g.k, 1, 1};
    const cudnnDataType_t type = s->bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    const struct step {
        int wanted, name;
        cudnnPointwiseMode_t mode;
        cudnnDataType_t type;
        const int64_t *dims;
    } steps[] = {
        {s->plus, TENSOR_PLUS, CUDNN_POINTWISE_ADD, type, dims},
        {s->bias, TENSOR_BIAS, CUDNN_POINTWISE_ADD, s->bias == CONV_BIAS_FLOAT ? CUDNN_DATA_FLOAT : type,
         per_channel},
        {s->relu, 0, CUDNN_POINTWISE_RELU_FWD, type, NULL},
    };
    int left = !!s->plus + !!s->bias + !!s->relu, made = 0;
    for (int i = 0; i < 3; i++) {
        if (!steps[i].wanted)
            continue;
        descriptor with = steps[i].dims ? tensor(g, steps[i].name, steps[i].type, steps[i].dims) : NULL;
        descriptor to = --left ? tensor(g, TENSOR_BETWEEN + 1 + made, CUDNN_DATA_FLOAT, dims) : out;
        op[made++] = pointwise(g, steps[i].mode, from, with, to);
        from = to;
    }
    return made;
}

void conv_graph_open(bk *b, conv_graph *g, const conv_spec *s)
{
    const bk_window *w = &s->g;
    const int64_t xs[] = {w->n, w->c, w->h, w->w}, ys[] = {w->n, w->k, w->p, w->q}, ws[] = {w->k, w->c, w->r, w->s};
    const cudnnDataType_t type = s->bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    const int fused = s->plus || s->bias || s->relu;
    static const struct {
        int x, w, y;
    } place[] = {[CONV_Y] = {TENSOR_FIRST, TENSOR_SECOND, TENSOR_OUT},
                 [CONV_X] = {TENSOR_OUT, TENSOR_SECOND, TENSOR_FIRST},
                 [CONV_W] = {TENSOR_FIRST, TENSOR_OUT, TENSOR_SECOND}};
    *g = (conv_graph){.rc = CUDNN_STATUS_SUCCESS};
    descriptor x = tensor(g, place[s->kind].x, type, xs), filter = tensor(g, place[s->kind].w, type, ws),
               y = tensor(g, place[s->kind].y, type, ys);
    descriptor straight = fused ? tensor(g, TENSOR_BETWEEN, CUDNN_DATA_FLOAT, ys) : y, op[4];
    op[0] = convolution(g, s, x, filter, straight);
    const int64_t ops = 1 + (fused ? behind(g, s, ys, straight, y, op + 1) : 0);
    const attribute a[] = {{CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, ops, op},
                           {CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &b->dnn}};
    part(g, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, SET(a));
}

void conv_graph_close(conv_graph *g)
{
    while (g->parts > 0)
        cudnnBackendDestroyDescriptor(g->part[--g->parts]);
}

static const descriptor *whole(const conv_graph *g)
{
    return &g->part[g->parts - 1];
}

/* --- Engines --- */

static descriptor empty(cudnnBackendDescriptorType_t type)
{
    descriptor d = NULL;
    return cudnnBackendCreateDescriptor(type, &d) == CUDNN_STATUS_SUCCESS ? d : NULL;
}

static void drop(descriptor d)
{
    if (d)
        cudnnBackendDestroyDescriptor(d);
}

int conv_propose(const conv_graph *g, cudnnBackendHeurMode_t mode, descriptor *config, int most)
{
    cudnnStatus_t rc = CUDNN_STATUS_SUCCESS;
    const attribute a[] = {
        {CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, whole(g)},
        {CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode},
    };
    descriptor heuristics = make(&rc, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, SET(a));
    int64_t found = 0;
    int room = 0;
    while (heuristics && room < most && (config[room] = empty(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)))
        room++;
    if (heuristics &&
        cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, room,
                                 &found, config) != CUDNN_STATUS_SUCCESS)
        found = 0;
    while (room > found) /* cuDNN may know of more than there was room for */
        drop(config[--room]);
    drop(heuristics);
    return room;
}

/* The engine of a configuration; to be dropped. */
static descriptor engine_of(descriptor config)
{
    descriptor engine = empty(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    int64_t n = 0;
    if (engine && cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                           &n, &engine) == CUDNN_STATUS_SUCCESS)
        return engine;
    drop(engine);
    return NULL;
}

static int name_knobs(descriptor config, engine_name *name)
{
    descriptor knob[ENGINE_KNOBS];
    int64_t n = 0, one;
    int room = 0, ok;
    while (room < ENGINE_KNOBS && (knob[room] = empty(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR)))
        room++;
    ok = cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, room,
                                  &n, knob) == CUDNN_STATUS_SUCCESS &&
         n <= room;
    name->knobs = ok ? (int)n : 0;
    for (int i = 0; i < name->knobs; i++) {
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        ok = ok &&
             cudnnBackendGetAttribute(knob[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &one,
                                      &type) == CUDNN_STATUS_SUCCESS &&
             cudnnBackendGetAttribute(knob[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &one,
                                      &name->value[i]) == CUDNN_STATUS_SUCCESS;
        name->knob[i] = type;
    }
    while (room > 0)
        drop(knob[--room]);
    return ok ? 0 : -1;
}

int conv_name(descriptor config, engine_name *name)
{
    descriptor engine = engine_of(config);
    int64_t n = 0;
    int rc = engine && cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &n,
                                                &name->index) == CUDNN_STATUS_SUCCESS
                 ? name_knobs(config, name)
                 : -1;
    drop(engine);
    return rc;
}

descriptor conv_config(const conv_graph *g, const engine_name *name)
{
    cudnnStatus_t rc = CUDNN_STATUS_SUCCESS;
    const attribute which[] = {
        {CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, whole(g)},
        {CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &name->index},
    };
    descriptor engine = make(&rc, CUDNN_BACKEND_ENGINE_DESCRIPTOR, SET(which)), knob[ENGINE_KNOBS], config;
    int made = 0;
    for (; made < name->knobs; made++) {
        cudnnBackendKnobType_t type = (cudnnBackendKnobType_t)name->knob[made];
        const attribute a[] = {{CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type},
                               {CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &name->value[made]}};
        knob[made] = make(&rc, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, SET(a));
    }
    const attribute a[] = {{CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine},
                           {CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, made, knob}};
    config = make(&rc, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, a, made ? 2 : 1);
    while (made > 0)
        drop(knob[--made]);
    drop(engine);
    return config;
}

/* What an engine may be noted for. Floats are multiplied as floats unless TF32
 * was asked for, sums are in float always. Winograd and Fourier transforms mix
 * neighbouring pixels before they multiply: their errors are not small beside a
 * small result, and one NaN reaches pixels that do not see it. */
int conv_allowed(descriptor config, const conv_spec *s, unsigned flags)
{
    const unsigned fast = flags & BK_FAST, tf32 = flags & (BK_TF32 | BK_FAST);
    const int allowed[CUDNN_NUMERICAL_NOTE_TYPE_COUNT] = {
        [CUDNN_NUMERICAL_NOTE_TENSOR_CORE] = s->bf16 || tf32,
        [CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC] = fast != 0,
        [CUDNN_NUMERICAL_NOTE_WINOGRAD] = fast && !s->bf16,
        [CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4] = fast && !s->bf16,
        [CUDNN_NUMERICAL_NOTE_FFT] = fast && !s->bf16,
        [CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP] = 1,
    };
    cudnnBackendNumericalNote_t note[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    descriptor engine = engine_of(config);
    int64_t notes = 0;
    int ok = engine &&
             cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                      CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &notes, note) == CUDNN_STATUS_SUCCESS;
    for (int64_t i = 0; ok && i < notes; i++) /* a later cuDNN may know more notes */
        ok = (unsigned)note[i] < CUDNN_NUMERICAL_NOTE_TYPE_COUNT && allowed[note[i]];
    drop(engine);
    return ok;
}

/* --- Running --- */

descriptor conv_plan(bk *b, descriptor config, int64_t *workspace)
{
    cudnnStatus_t rc = CUDNN_STATUS_SUCCESS;
    const attribute a[] = {{CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &b->dnn},
                           {CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config}};
    descriptor plan = make(&rc, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, SET(a));
    int64_t n = 0;
    if (plan && cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &n,
                                         workspace) == CUDNN_STATUS_SUCCESS)
        return plan;
    drop(plan);
    return NULL;
}

cudnnStatus_t conv_execute(bk *b, descriptor plan, void *const at[TENSOR_BETWEEN], void *workspace)
{
    cudnnStatus_t rc = CUDNN_STATUS_SUCCESS;
    int64_t name[TENSOR_BETWEEN], n = 0;
    void *address[TENSOR_BETWEEN];
    for (int i = TENSOR_OUT; i < TENSOR_BETWEEN; i++)
        if (at[i])
            name[n] = i, address[n++] = at[i];
    const attribute a[] = {{CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, n, name},
                           {CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, n, address},
                           {CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace}};
    descriptor pack = make(&rc, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, SET(a));
    if (pack)
        rc = cudnnBackendExecute(b->dnn, plan, pack);
    drop(pack);
    return rc;
}
