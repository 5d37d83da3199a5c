/* dnn_engine.cpp - which engines the emulated cuDNN offers for a graph, and what
 * each is noted for. They differ as real ones do, so that choosing among them is
 * tested: some round floats to TF32, some are noted as not deterministic, one
 * turns out not to work, another does so only when it runs, and for filters'
 * gradients the plain one is only found in the last resort. Fused graphs exist
 * for bfloat16 with channels by eights; EMULATOR_FUSION=0 takes them away. */
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "dnn.hpp"

using namespace emulator;

namespace
{
const knob TILE = {CUDNN_KNOB_TYPE_TILE_SIZE, 0, 3, 1}, SPLIT = {CUDNN_KNOB_TYPE_SPLIT_K_BUF, 0, 1, 0};

const engine engines[] = {
    {0, {CUDNN_NUMERICAL_NOTE_TENSOR_CORE}, {TILE, SPLIT}, true, true, true, 4},
    {1, {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}, {TILE}, true, false, true, 8},
    {2, {}, {TILE}, true, false, true, 1},
    {3, {}, {SPLIT}, false, false, false, 0},
    {4, {CUDNN_NUMERICAL_NOTE_WINOGRAD}, {}, true, false, true, 0},
    {5, {}, {TILE}, true, false, false, 0},
};
const int64_t LAST_RESORT = 2, WORKSPACE_LEAST = 64;

bool is_convolution(cudnnBackendDescriptorType_t type)
{
    return type >= CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR &&
           type <= CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
}

bool fusion_allowed(const descriptor &first)
{
    const char *wanted = getenv("EMULATOR_FUSION");
    if ((wanted && strcmp(wanted, "0") == 0) ||
        first.type != CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
        return false;
    const descriptor &w = first.child(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W);
    std::vector<int64_t> dims = w.list(CUDNN_ATTR_TENSOR_DIMENSIONS);
    return w.get<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE) == CUDNN_DATA_BFLOAT16 && dims[0] % 8 == 0 &&
           dims[1] % 8 == 0;
}

bool supported(const descriptor &graph)
{
    const std::vector<part> &ops = graph.set.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).parts;
    if (!is_convolution(ops[0]->type))
        return false;
    for (size_t i = 1; i < ops.size(); i++)
        if (ops[i]->type != CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
            return false;
    return ops.size() == 1 || fusion_allowed(*ops[0]);
}

const engine *find_engine(const descriptor &graph, int64_t index)
{
    const int64_t count = sizeof engines / sizeof *engines;
    return supported(graph) && index >= 0 && index < count ? &engines[index] : nullptr;
}

part choice_of(const knob &k)
{
    auto d = std::make_shared<descriptor>();
    d->type = CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR;
    put(d.get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &k.type);
    put(d.get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &k.usual);
    d->finalized = true;
    return d;
}

part info_of(const knob &k)
{
    const int64_t stride = 1;
    auto d = std::make_shared<descriptor>();
    d->type = CUDNN_BACKEND_KNOB_INFO_DESCRIPTOR;
    put(d.get(), CUDNN_ATTR_KNOB_INFO_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &k.type);
    put(d.get(), CUDNN_ATTR_KNOB_INFO_MAXIMUM_VALUE, CUDNN_TYPE_INT64, 1, &k.most);
    put(d.get(), CUDNN_ATTR_KNOB_INFO_MINIMUM_VALUE, CUDNN_TYPE_INT64, 1, &k.least);
    put(d.get(), CUDNN_ATTR_KNOB_INFO_STRIDE, CUDNN_TYPE_INT64, 1, &stride);
    d->finalized = true;
    return d;
}

part config_of(const part &graph, int64_t index)
{
    auto e = std::make_shared<descriptor>(), c = std::make_shared<descriptor>();
    e->type = CUDNN_BACKEND_ENGINE_DESCRIPTOR;
    put_part(e.get(), CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph);
    put(e.get(), CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &index);
    e->finalized = true;
    c->type = CUDNN_BACKEND_ENGINECFG_DESCRIPTOR;
    put_part(c.get(), CUDNN_ATTR_ENGINECFG_ENGINE, e);
    for (const knob &k : engines[index].knobs)
        put_part(c.get(), CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, choice_of(k));
    c->finalized = true;
    return c;
}

/* By mode, best first. */
std::vector<int64_t> proposals(const descriptor &graph, cudnnBackendHeurMode_t mode)
{
    if (!supported(graph))
        return {};
    if (mode == CUDNN_HEUR_MODE_FALLBACK)
        return {LAST_RESORT};
    std::vector<int64_t> all = {0, 1, 3, 5, 4, 2};
    if (mode == CUDNN_HEUR_MODE_B)
        all = {1, 0, 2, 3, 4, 5};
    if (graph.child(CUDNN_ATTR_OPERATIONGRAPH_OPS).type ==
        CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR)
        all.erase(std::find(all.begin(), all.end(), LAST_RESORT));
    return all;
}

int64_t elements_of(const descriptor &tensor)
{
    int64_t n = 1;
    for (int64_t d : tensor.list(CUDNN_ATTR_TENSOR_DIMENSIONS))
        n *= d;
    return n;
}

cudnnStatus_t check_tensor(const descriptor &d)
{
    std::vector<int64_t> dims = d.list(CUDNN_ATTR_TENSOR_DIMENSIONS), strides = d.list(CUDNN_ATTR_TENSOR_STRIDES);
    int64_t alignment = d.get<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
    cudnnDataType_t type = d.get<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
    if (dims.size() != strides.size() || alignment < 1 || alignment & (alignment - 1))
        return CUDNN_STATUS_BAD_PARAM;
    for (size_t i = 0; i < dims.size(); i++)
        if (dims[i] < 1 || strides[i] < 1)
            return CUDNN_STATUS_BAD_PARAM;
    return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_BFLOAT16 ? CUDNN_STATUS_SUCCESS
                                                                   : CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE;
}

cudnnStatus_t check_window(const descriptor &d)
{
    const size_t spatial = (size_t)d.get<int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS);
    for (int name : {CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
                     CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS})
        if (d.list(name).size() != spatial)
            return CUDNN_STATUS_BAD_PARAM;
    return spatial == 2 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

/* The extents must belong together: x, w, y by the names of the operation. */
cudnnStatus_t check_convolution(const descriptor &d, int geometry, int x, int w, int y)
{
    const descriptor &g = d.child(geometry);
    std::vector<int64_t> xs = d.child(x).list(CUDNN_ATTR_TENSOR_DIMENSIONS),
                         ws = d.child(w).list(CUDNN_ATTR_TENSOR_DIMENSIONS),
                         ys = d.child(y).list(CUDNN_ATTR_TENSOR_DIMENSIONS);
    if (xs.size() != 4 || ws.size() != 4 || ys.size() != 4)
        return CUDNN_STATUS_BAD_PARAM;
    bool fits = xs[0] == ys[0] && xs[1] == ws[1] && ys[1] == ws[0];
    for (size_t i = 0; i < 2; i++) {
        int64_t whole = xs[i + 2] + g.list(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS)[i] +
                        g.list(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS)[i],
                window = (ws[i + 2] - 1) * g.list(CUDNN_ATTR_CONVOLUTION_DILATIONS)[i] + 1;
        fits = fits && whole >= window &&
               ys[i + 2] == (whole - window) / g.list(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES)[i] + 1;
    }
    return fits ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
}

cudnnStatus_t check_pointwise(const descriptor &d)
{
    cudnnPointwiseMode_t mode =
        d.child(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR).get<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE);
    bool two = mode == CUDNN_POINTWISE_ADD || mode == CUDNN_POINTWISE_MUL;
    if (two != d.has(CUDNN_ATTR_OPERATION_POINTWISE_BDESC))
        return CUDNN_STATUS_BAD_PARAM;
    std::vector<int64_t> xs = d.child(CUDNN_ATTR_OPERATION_POINTWISE_XDESC).list(CUDNN_ATTR_TENSOR_DIMENSIONS),
                         ys = d.child(CUDNN_ATTR_OPERATION_POINTWISE_YDESC).list(CUDNN_ATTR_TENSOR_DIMENSIONS), bs;
    bool fits = xs == ys && ys.size() == 4;
    if (two)
        bs = d.child(CUDNN_ATTR_OPERATION_POINTWISE_BDESC).list(CUDNN_ATTR_TENSOR_DIMENSIONS);
    fits = fits && (!two || bs.size() == ys.size());
    for (size_t i = 0; fits && i < bs.size(); i++)
        fits = bs[i] == ys[i] || bs[i] == 1;
    return fits ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
}

cudnnStatus_t check_config(const descriptor &d)
{
    const engine *e = engine_of(d.child(CUDNN_ATTR_ENGINECFG_ENGINE));
    if (!d.has(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES))
        return CUDNN_STATUS_SUCCESS;
    for (const part &choice : d.set.at(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES).parts) {
        auto type = choice->get<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE);
        int64_t n = choice->get<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE);
        auto fits = [=](const knob &k) { return k.type == type && n >= k.least && n <= k.most; };
        if (std::none_of(e->knobs.begin(), e->knobs.end(), fits))
            return CUDNN_STATUS_NOT_SUPPORTED;
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_plan(const descriptor &d)
{
    const engine *e =
        engine_of(d.child(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).child(CUDNN_ATTR_ENGINECFG_ENGINE));
    return e && e->works ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

void give(value *v, cudnnBackendAttributeType_t type, int64_t count, const void *elements)
{
    descriptor d;
    put(&d, 0, type, count, elements);
    *v = d.set.at(0);
}

void give_number(value *v, int64_t n)
{
    give(v, CUDNN_TYPE_INT64, 1, &n);
}
} // namespace

const engine *emulator::engine_of(const descriptor &d)
{
    return find_engine(d.child(CUDNN_ATTR_ENGINE_OPERATION_GRAPH), d.get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX));
}

int64_t emulator::workspace_of(const descriptor &d)
{
    const engine *e = engine_of(d);
    const descriptor &op = d.child(CUDNN_ATTR_ENGINE_OPERATION_GRAPH).child(CUDNN_ATTR_OPERATIONGRAPH_OPS);
    const int out = op.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR
                        ? CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y
                    : op.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR
                        ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX
                        : CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW;
    int64_t bytes = e->workspace_per_output * elements_of(op.child(out));
    return bytes ? std::max(bytes, WORKSPACE_LEAST) : 0;
}

cudnnStatus_t emulator::check_whole(const descriptor &d)
{
    switch (d.type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
        return check_tensor(d);
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
        return check_window(d);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
        return check_convolution(
            d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
        return check_convolution(
            d, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
        return check_convolution(
            d, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY);
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
        return check_pointwise(d);
    case CUDNN_BACKEND_ENGINE_DESCRIPTOR:
        return engine_of(d) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
    case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR:
        return check_config(d);
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
        return check_plan(d);
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
        return d.set.at(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).count ==
                       d.set.at(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS).count
                   ? CUDNN_STATUS_SUCCESS
                   : CUDNN_STATUS_BAD_PARAM;
    default:
        return CUDNN_STATUS_SUCCESS;
    }
}

static void compute_parts(const descriptor &d, int name, value *v)
{
    descriptor out;
    if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS)
        for (int64_t index : proposals(d.child(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH),
                                       d.get<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE)))
            put_part(&out, name, config_of(d.set.at(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH).parts[0], index));
    else
        for (const knob &k : engine_of(d)->knobs)
            put_part(&out, name, info_of(k));
    if (out.has(name))
        *v = out.set.at(name);
}

cudnnStatus_t emulator::compute(const descriptor &d, int name, value *v)
{
    const engine *e = d.type == CUDNN_BACKEND_ENGINE_DESCRIPTOR ? engine_of(d) : nullptr;
    const char json[] = "{}";
    switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
    case CUDNN_ATTR_ENGINE_KNOB_INFO:
        compute_parts(d, name, v);
        break;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
        give(v, CUDNN_TYPE_NUMERICAL_NOTE, (int64_t)e->notes.size(), e->notes.data());
        break;
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
        break;
    case CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT:
        give_number(v, supported(d) ? (int64_t)(sizeof engines / sizeof *engines) : 0);
        break;
    case CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE:
        give_number(v, workspace_of(d.child(CUDNN_ATTR_ENGINECFG_ENGINE)));
        break;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
        give_number(
            v, workspace_of(d.child(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).child(CUDNN_ATTR_ENGINECFG_ENGINE)));
        break;
    case CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION:
        give(v, CUDNN_TYPE_CHAR, sizeof json, json);
        break;
    default:
        return CUDNN_STATUS_NOT_SUPPORTED;
    }
    return CUDNN_STATUS_SUCCESS;
}
