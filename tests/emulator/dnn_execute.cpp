/* dnn_execute.cpp - carries out a plan: a convolution, then pointwise operations,
 * on tensors of any strides. Sums are in double and rounded once, when a tensor
 * is written or, between operations, to its own type. */
#include <algorithm>
#include <cmath>
#include <cstring>

#include "dnn.hpp"

using namespace emulator;

namespace
{
const unsigned char USED = 0x5a; /* what is left in a workspace */

typedef std::vector<double> numbers; /* of a tensor in the order N H W C (filters: K R S C) */

struct tensor {
    int64_t uid, alignment;
    element type;
    bool between;
    std::vector<int64_t> dims, strides; /* N C H W */
    char *at;

    explicit tensor(const descriptor &d)
        : uid(d.get<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID)),
          alignment(d.get<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT)),
          type(d.get<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE) == CUDNN_DATA_FLOAT ? FLOAT32 : BFLOAT16),
          between(d.has(CUDNN_ATTR_TENSOR_IS_VIRTUAL) && d.get<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL)),
          dims(d.list(CUDNN_ATTR_TENSOR_DIMENSIONS)), strides(d.list(CUDNN_ATTR_TENSOR_STRIDES)), at(nullptr)
    {
    }
    size_t extent() const /* bytes from the first element to the end of the last */
    {
        int64_t last = 0;
        for (size_t i = 0; i < dims.size(); i++)
            last += (dims[i] - 1) * strides[i];
        return (size_t)(last + 1) * element_bytes(type);
    }
    int64_t count() const
    {
        return dims[0] * dims[1] * dims[2] * dims[3];
    }
};

/* f(place in numbers, place in memory) for every element. */
template <class F> void each(const tensor &t, F f)
{
    int64_t i = 0;
    for (int64_t n = 0; n < t.dims[0]; n++)
        for (int64_t h = 0; h < t.dims[2]; h++)
            for (int64_t w = 0; w < t.dims[3]; w++)
                for (int64_t c = 0; c < t.dims[1]; c++, i++)
                    f((size_t)i, n * t.strides[0] + c * t.strides[1] + h * t.strides[2] + w * t.strides[3]);
}

struct run { /* one execution */
    std::map<int64_t, char *> address;
    std::map<int64_t, numbers> between;
    bool tf32;

    numbers read(const tensor &t) const
    {
        if (t.between)
            return between.at(t.uid);
        numbers v((size_t)t.count());
        const char *at = address.at(t.uid);
        each(t, [&](size_t i, int64_t j) { v[i] = element_get(at, j, t.type); });
        return v;
    }
    void write(const tensor &t, const numbers &v)
    {
        if (!t.between) {
            char *at = address.at(t.uid);
            each(t, [&](size_t i, int64_t j) { element_put(at, j, t.type, v[i]); });
            return;
        }
        numbers &kept = between[t.uid] = v;
        for (double &x : kept) {
            uint64_t cell;
            element_put(&cell, 0, t.type, x);
            x = element_get(&cell, 0, t.type);
        }
    }
    numbers factors(const tensor &t) const
    {
        numbers v = read(t);
        for (double &x : v)
            x = tf32 && t.type == FLOAT32 ? as_tf32((float)x) : x;
        return v;
    }
};

struct window {
    int64_t n, h, w, c, k, p, q, r, s, stride[2], pad[2], dilation[2];
    bool flipped;
};

/* A row of pixels that meet one tap of the filter, and where the channels of the
 * first of them begin in x, w and y. */
struct meeting {
    int64_t x, w, y, pixels;
};

template <class F> void each_meeting(const window &g, F f)
{
    for (int64_t n = 0; n < g.n; n++)
        for (int64_t p = 0; p < g.p; p++)
            for (int64_t r = 0; r < g.r; r++)
                for (int64_t s = 0; s < g.s; s++) {
                    int64_t h = p * g.stride[0] - g.pad[0] + r * g.dilation[0], q = 0, pixels;
                    int64_t w = s * g.dilation[1] - g.pad[1];
                    int64_t tap = g.flipped ? (g.r - 1 - r) * g.s + g.s - 1 - s : r * g.s + s;
                    for (; q < g.q && w < 0; q++)
                        w += g.stride[1];
                    pixels = w < g.w ? std::min(g.q - q, (g.w - 1 - w) / g.stride[1] + 1) : 0;
                    if (h >= 0 && h < g.h && pixels > 0)
                        f(meeting{((n * g.h + h) * g.w + w) * g.c, tap * g.c, ((n * g.p + p) * g.q + q) * g.k,
                                  pixels});
                }
}

/* Filters as [r][s][c][k], so that all k stand side by side. */
numbers turned(const window &g, const numbers &w)
{
    numbers v(w.size());
    for (int64_t k = 0; k < g.k; k++)
        for (int64_t i = 0; i < g.r * g.s * g.c; i++)
            v[(size_t)(i * g.k + k)] = w[(size_t)(k * g.r * g.s * g.c + i)];
    return v;
}

void forward(const window &g, const numbers &x, const numbers &w, numbers &y)
{
    numbers v = turned(g, w);
    each_meeting(g, [&](const meeting &m) {
        for (int64_t i = 0; i < m.pixels; i++)
            add_rows(&y[(size_t)(m.y + i * g.k)], g.k, &x[(size_t)(m.x + i * g.stride[1] * g.c)], g.c,
                     &v[(size_t)(m.w * g.k)], g.k);
    });
}

void back_to_images(const window &g, numbers &x, const numbers &w, const numbers &y)
{
    each_meeting(g, [&](const meeting &m) {
        for (int64_t i = 0; i < m.pixels; i++)
            add_rows(&x[(size_t)(m.x + i * g.stride[1] * g.c)], g.c, &y[(size_t)(m.y + i * g.k)], g.k,
                     &w[(size_t)m.w], g.r * g.s * g.c);
    });
}

void back_to_filters(const window &g, const numbers &x, numbers &w, const numbers &y)
{
    numbers factor((size_t)g.q);
    each_meeting(g, [&](const meeting &m) {
        for (int64_t k = 0; k < g.k; k++) {
            for (int64_t i = 0; i < m.pixels; i++)
                factor[(size_t)i] = y[(size_t)(m.y + i * g.k + k)];
            add_rows(&w[(size_t)(k * g.r * g.s * g.c + m.w)], g.c, factor.data(), m.pixels, &x[(size_t)m.x],
                     g.stride[1] * g.c);
        }
    });
}

/* The names of each kind's attributes. */
const struct names {
    cudnnBackendDescriptorType_t type;
    int geometry, x, w, y, alpha, beta;
} kinds[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

const names *kind_of(const descriptor &op)
{
    for (const names &k : kinds)
        if (k.type == op.type)
            return &k;
    return nullptr;
}

window window_of(const descriptor &g, const tensor &x, const tensor &w, const tensor &y)
{
    window v = {x.dims[0], x.dims[2], x.dims[3], x.dims[1], y.dims[1], y.dims[2], y.dims[3],
                w.dims[2], w.dims[3], {},        {},        {},        false};
    for (size_t i = 0; i < 2; i++) {
        v.stride[i] = g.list(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES)[i];
        v.pad[i] = g.list(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS)[i];
        v.dilation[i] = g.list(CUDNN_ATTR_CONVOLUTION_DILATIONS)[i];
    }
    v.flipped = g.get<cudnnConvolutionMode_t>(CUDNN_ATTR_CONVOLUTION_CONV_MODE) == CUDNN_CONVOLUTION;
    return v;
}

void run_convolution(run &r, const descriptor &op)
{
    const names &k = *kind_of(op);
    tensor x(op.child(k.x)), w(op.child(k.w)), y(op.child(k.y));
    window g = window_of(op.child(k.geometry), x, w, y);
    const tensor &out = k.type == kinds[0].type ? y : k.type == kinds[1].type ? x : w;
    numbers sum((size_t)out.count());
    if (&out == &y)
        forward(g, r.factors(x), r.factors(w), sum);
    else if (&out == &x)
        back_to_images(g, sum, r.factors(w), r.factors(y));
    else
        back_to_filters(g, r.factors(x), sum, r.factors(y));
    double alpha = op.number(k.alpha, 1), beta = op.number(k.beta, 0);
    numbers before = beta != 0 ? r.read(out) : numbers();
    for (size_t i = 0; i < sum.size(); i++)
        sum[i] = alpha * sum[i] + (beta != 0 ? beta * before[i] : 0);
    r.write(out, sum);
}

/* b at the place i of y: an extent of 1 is spread. */
size_t spread(const tensor &b, const tensor &y, size_t i)
{
    size_t at = 0, rest = i;
    const size_t order[] = {1, 3, 2, 0}; /* the fastest first */
    size_t step = 1;
    for (size_t d : order) {
        size_t here = rest % (size_t)y.dims[d];
        rest /= (size_t)y.dims[d];
        at += b.dims[d] > 1 ? here * step : 0;
        step *= (size_t)b.dims[d];
    }
    return at;
}

void run_pointwise(run &r, const descriptor &op)
{
    const descriptor &how = op.child(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const cudnnPointwiseMode_t mode = how.get<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE);
    tensor x(op.child(CUDNN_ATTR_OPERATION_POINTWISE_XDESC)), y(op.child(CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    const double a1 = op.number(CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, 1),
                 a2 = op.number(CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, 1),
                 low = how.number(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, 0),
                 high = how.number(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, INFINITY);
    numbers v = r.read(x), with;
    tensor b = x;
    if (op.has(CUDNN_ATTR_OPERATION_POINTWISE_BDESC)) {
        b = tensor(op.child(CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
        with = r.read(b);
    }
    for (size_t i = 0; i < v.size(); i++)
        if (mode == CUDNN_POINTWISE_ADD)
            v[i] = a1 * v[i] + a2 * with[spread(b, y, i)];
        else if (mode == CUDNN_POINTWISE_MUL)
            v[i] = a1 * v[i] * a2 * with[spread(b, y, i)];
        else if (mode == CUDNN_POINTWISE_RELU_FWD)
            v[i] = v[i] < low ? low : v[i] > high ? high : v[i];
    r.write(y, v);
}

/* Every tensor of the graph that lies in memory. */
std::vector<tensor> tensors_of(const descriptor &graph)
{
    std::vector<tensor> found;
    for (const part &op : graph.set.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).parts)
        for (const auto &[name, v] : op->set)
            for (const part &p : v.parts)
                if (p->type == CUDNN_BACKEND_TENSOR_DESCRIPTOR && !tensor(*p).between)
                    found.push_back(tensor(*p));
    return found;
}

cudnnStatus_t find_addresses(const descriptor &graph, const descriptor &pack, run *r)
{
    std::map<int64_t, char *> given;
    for (int64_t i = 0; i < pack.set.at(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).count; i++)
        given[pack.get<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, i)] =
            pack.get<char *>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, i);
    for (const tensor &t : tensors_of(graph)) {
        if (!given.count(t.uid) || !given[t.uid])
            return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
        if ((uintptr_t)given[t.uid] % (uintptr_t)t.alignment)
            return CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER;
        if (where_is(given[t.uid], t.extent()) < MAPPED)
            die("cuDNN: tensor %lld is not memory of the card", (long long)t.uid);
        r->address[t.uid] = given[t.uid];
    }
    return CUDNN_STATUS_SUCCESS;
}
} // namespace

cudnnStatus_t emulator::execute(cudaStream_t stream, part plan, part pack)
{
    const descriptor &engine =
        plan->child(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).child(CUDNN_ATTR_ENGINECFG_ENGINE);
    const part graph = engine.set.at(CUDNN_ATTR_ENGINE_OPERATION_GRAPH).parts[0];
    if (!engine_of(engine)->runs)
        return CUDNN_STATUS_NOT_SUPPORTED;
    run r = {{}, {}, engine_of(engine)->tf32};
    char *workspace = pack->get<char *>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
    const size_t bytes = (size_t)workspace_of(engine);
    cudnnStatus_t rc = find_addresses(*graph, *pack, &r);
    if (rc != CUDNN_STATUS_SUCCESS)
        return rc;
    if (bytes && where_is(workspace, bytes) != ON_DEVICE)
        return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
    cudaError_t launched = enqueue(stream, [=]() mutable {
        if (bytes)
            memset(workspace, USED, bytes);
        for (const part &op : graph->set.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).parts)
            if (kind_of(*op))
                run_convolution(r, *op);
            else
                run_pointwise(r, *op);
    });
    return launched == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}
