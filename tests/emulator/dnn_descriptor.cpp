/* dnn_descriptor.cpp - cuDNN's handle, and its descriptors: which attributes each
 * kind has, of which type, how many, and whether it can be finalized without. */
#include "dnn.hpp"

#include <cstdio>
#include <cstring>
#include <set>

using namespace emulator;

namespace
{
enum use { NEEDED, ALLOWED, COMPUTED };

#define T(type) CUDNN_TYPE_##type
#define A(name) CUDNN_ATTR_##name
const int64_t MANY = 1 << 20;

const struct rule {
    cudnnBackendDescriptorType_t of;
    cudnnBackendAttributeName_t name;
    cudnnBackendAttributeType_t type;
    int64_t least, most;
    enum use use;
} rules[] = {
#define D CUDNN_BACKEND_TENSOR_DESCRIPTOR
    {D, A(TENSOR_UNIQUE_ID), T(INT64), 1, 1, NEEDED},
    {D, A(TENSOR_DATA_TYPE), T(DATA_TYPE), 1, 1, NEEDED},
    {D, A(TENSOR_BYTE_ALIGNMENT), T(INT64), 1, 1, NEEDED},
    {D, A(TENSOR_DIMENSIONS), T(INT64), 1, 8, NEEDED},
    {D, A(TENSOR_STRIDES), T(INT64), 1, 8, NEEDED},
    {D, A(TENSOR_IS_VIRTUAL), T(BOOLEAN), 1, 1, ALLOWED},
    {D, A(TENSOR_IS_BY_VALUE), T(BOOLEAN), 1, 1, ALLOWED},
#undef D
#define D CUDNN_BACKEND_POINTWISE_DESCRIPTOR
    {D, A(POINTWISE_MODE), T(POINTWISE_MODE), 1, 1, NEEDED},
    {D, A(POINTWISE_MATH_PREC), T(DATA_TYPE), 1, 1, NEEDED},
    {D, A(POINTWISE_NAN_PROPAGATION), T(NAN_PROPOGATION), 1, 1, ALLOWED},
    {D, A(POINTWISE_RELU_LOWER_CLIP), T(DOUBLE), 1, 1, ALLOWED},
    {D, A(POINTWISE_RELU_UPPER_CLIP), T(DOUBLE), 1, 1, ALLOWED},
#undef D
#define D CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR
    {D, A(CONVOLUTION_COMP_TYPE), T(DATA_TYPE), 1, 1, NEEDED},
    {D, A(CONVOLUTION_CONV_MODE), T(CONVOLUTION_MODE), 1, 1, NEEDED},
    {D, A(CONVOLUTION_SPATIAL_DIMS), T(INT64), 1, 1, NEEDED},
    {D, A(CONVOLUTION_DILATIONS), T(INT64), 1, 3, NEEDED},
    {D, A(CONVOLUTION_FILTER_STRIDES), T(INT64), 1, 3, NEEDED},
    {D, A(CONVOLUTION_PRE_PADDINGS), T(INT64), 1, 3, NEEDED},
    {D, A(CONVOLUTION_POST_PADDINGS), T(INT64), 1, 3, NEEDED},
#undef D
#define D CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR
    {D, A(OPERATION_CONVOLUTION_FORWARD_ALPHA), T(FLOAT), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_FORWARD_BETA), T(FLOAT), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_FORWARD_CONV_DESC), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_FORWARD_X), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_FORWARD_W), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_FORWARD_Y), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
#undef D
#define D CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR
    {D, A(OPERATION_CONVOLUTION_BWD_DATA_ALPHA), T(FLOAT), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_DATA_BETA), T(FLOAT), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_DATA_W), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_DATA_DX), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_DATA_DY), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
#undef D
#define D CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR
    {D, A(OPERATION_CONVOLUTION_BWD_FILTER_ALPHA), T(FLOAT), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_FILTER_BETA), T(FLOAT), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_FILTER_DW), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_FILTER_X), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_CONVOLUTION_BWD_FILTER_DY), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
#undef D
#define D CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR
    {D, A(OPERATION_POINTWISE_PW_DESCRIPTOR), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_POINTWISE_XDESC), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_POINTWISE_BDESC), T(BACKEND_DESCRIPTOR), 1, 1, ALLOWED},
    {D, A(OPERATION_POINTWISE_YDESC), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(OPERATION_POINTWISE_ALPHA1), T(FLOAT), 1, 1, ALLOWED},
    {D, A(OPERATION_POINTWISE_ALPHA2), T(FLOAT), 1, 1, ALLOWED},
#undef D
#define D CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR
    {D, A(OPERATIONGRAPH_HANDLE), T(HANDLE), 1, 1, NEEDED},
    {D, A(OPERATIONGRAPH_OPS), T(BACKEND_DESCRIPTOR), 1, 64, NEEDED},
    {D, A(OPERATIONGRAPH_ENGINE_GLOBAL_COUNT), T(INT64), 1, 1, COMPUTED},
#undef D
#define D CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR
    {D, A(ENGINEHEUR_OPERATION_GRAPH), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(ENGINEHEUR_MODE), T(HEUR_MODE), 1, 1, NEEDED},
    {D, A(ENGINEHEUR_RESULTS), T(BACKEND_DESCRIPTOR), 0, MANY, COMPUTED},
#undef D
#define D CUDNN_BACKEND_ENGINE_DESCRIPTOR
    {D, A(ENGINE_OPERATION_GRAPH), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(ENGINE_GLOBAL_INDEX), T(INT64), 1, 1, NEEDED},
    {D, A(ENGINE_KNOB_INFO), T(BACKEND_DESCRIPTOR), 0, MANY, COMPUTED},
    {D, A(ENGINE_NUMERICAL_NOTE), T(NUMERICAL_NOTE), 0, MANY, COMPUTED},
    {D, A(ENGINE_BEHAVIOR_NOTE), T(BEHAVIOR_NOTE), 0, MANY, COMPUTED},
#undef D
#define D CUDNN_BACKEND_ENGINECFG_DESCRIPTOR
    {D, A(ENGINECFG_ENGINE), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(ENGINECFG_KNOB_CHOICES), T(BACKEND_DESCRIPTOR), 1, MANY, ALLOWED},
    {D, A(ENGINECFG_WORKSPACE_SIZE), T(INT64), 1, 1, COMPUTED},
#undef D
#define D CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR
    {D, A(KNOB_CHOICE_KNOB_TYPE), T(KNOB_TYPE), 1, 1, NEEDED},
    {D, A(KNOB_CHOICE_KNOB_VALUE), T(INT64), 1, 1, NEEDED},
#undef D
#define D CUDNN_BACKEND_KNOB_INFO_DESCRIPTOR
    {D, A(KNOB_INFO_TYPE), T(KNOB_TYPE), 1, 1, COMPUTED},
    {D, A(KNOB_INFO_MAXIMUM_VALUE), T(INT64), 1, 1, COMPUTED},
    {D, A(KNOB_INFO_MINIMUM_VALUE), T(INT64), 1, 1, COMPUTED},
    {D, A(KNOB_INFO_STRIDE), T(INT64), 1, 1, COMPUTED},
#undef D
#define D CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR
    {D, A(EXECUTION_PLAN_HANDLE), T(HANDLE), 1, 1, NEEDED},
    {D, A(EXECUTION_PLAN_ENGINE_CONFIG), T(BACKEND_DESCRIPTOR), 1, 1, NEEDED},
    {D, A(EXECUTION_PLAN_WORKSPACE_SIZE), T(INT64), 1, 1, COMPUTED},
    {D, A(EXECUTION_PLAN_JSON_REPRESENTATION), T(CHAR), 0, MANY, COMPUTED},
#undef D
#define D CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR
    {D, A(VARIANT_PACK_UNIQUE_IDS), T(INT64), 1, MANY, NEEDED},
    {D, A(VARIANT_PACK_DATA_POINTERS), T(VOID_PTR), 1, MANY, NEEDED},
    {D, A(VARIANT_PACK_WORKSPACE), T(VOID_PTR), 1, 1, NEEDED},
#undef D
};
#undef T
#undef A

size_t type_bytes(cudnnBackendAttributeType_t type)
{
    switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
        return 8;
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR:
        return 1;
    default:
        return 4;
    }
}

/* A descriptor in the user's hands is a handle; what was set elsewhere shares it. */
typedef std::shared_ptr<descriptor> handle;
std::set<handle *> handles;

handle *of(cudnnBackendDescriptor_t d)
{
    return handles.count((handle *)d) ? (handle *)d : nullptr;
}

const rule *find(cudnnBackendDescriptorType_t of, cudnnBackendAttributeName_t name)
{
    for (const rule &r : rules)
        if (r.of == of && r.name == name)
            return &r;
    return nullptr;
}

/* The scales of operations may be float or double. */
bool type_fits(const rule &r, cudnnBackendAttributeType_t type)
{
    return type == r.type || (r.type == CUDNN_TYPE_FLOAT && type == CUDNN_TYPE_DOUBLE);
}

cudnnStatus_t set_parts(value *v, const void *elements)
{
    const cudnnBackendDescriptor_t *d = (const cudnnBackendDescriptor_t *)elements;
    for (int64_t i = 0; i < v->count; i++) {
        handle *h = of(d[i]);
        if (!h)
            return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
        if (!(*h)->finalized)
            return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
        v->parts.push_back(*h);
    }
    return CUDNN_STATUS_SUCCESS;
}

/* Hands out descriptors by filling in those that the caller made. */
cudnnStatus_t hand_out(const value &v, int64_t room, void *elements)
{
    cudnnBackendDescriptor_t *d = (cudnnBackendDescriptor_t *)elements;
    for (int64_t i = 0; i < v.count && i < room; i++) {
        handle *h = of(d[i]);
        if (!h)
            return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
        if ((*h)->type != v.parts[(size_t)i]->type)
            return CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE;
        **h = *v.parts[(size_t)i];
    }
    return CUDNN_STATUS_SUCCESS;
}
} // namespace

double descriptor::number(int name, double otherwise) const
{
    if (!has(name))
        return otherwise;
    return set.at(name).type == CUDNN_TYPE_DOUBLE ? get<double>(name) : get<float>(name);
}

void emulator::put(descriptor *d, int name, cudnnBackendAttributeType_t type, int64_t count, const void *elements)
{
    const char *first = (const char *)elements;
    d->set[name] = {type, count, std::vector<char>(first, first + (size_t)count * type_bytes(type)), {}};
}

void emulator::put_part(descriptor *d, int name, const part &p)
{
    value &v = d->set[name];
    v.type = CUDNN_TYPE_BACKEND_DESCRIPTOR;
    v.parts.push_back(p);
    v.count = (int64_t)v.parts.size();
}

/* --- The library's own calls --- */

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *d)
{
    bool known = false;
    for (const rule &r : rules)
        known = known || r.of == type;
    if (!known)
        return CUDNN_STATUS_NOT_SUPPORTED;
    handle *h = new handle(std::make_shared<descriptor>());
    (*h)->type = type;
    handles.insert(h);
    *d = h;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d)
{
    handle *h = of(d);
    if (!h)
        die("cudnnBackendDestroyDescriptor: %p is no descriptor, or was destroyed before", d);
    handles.erase(h);
    delete h;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count, const void *elements)
{
    handle *h = of(d);
    if (!h || !elements)
        return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
    if ((*h)->finalized)
        return CUDNN_STATUS_NOT_INITIALIZED;
    const rule *r = find((*h)->type, name);
    if (!r || r->use == COMPUTED)
        return CUDNN_STATUS_BAD_PARAM;
    if (!type_fits(*r, type))
        return CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE;
    if (count < r->least || count > r->most)
        return CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND;
    value v = {type, count, {}, {}};
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
        cudnnStatus_t rc = set_parts(&v, elements);
        if (rc == CUDNN_STATUS_SUCCESS)
            (*h)->set[name] = v;
        return rc;
    }
    put(h->get(), name, type, count, elements);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t d)
{
    handle *h = of(d);
    if (!h)
        return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
    for (const rule &r : rules)
        if (r.of == (*h)->type && r.use == NEEDED && !(*h)->has(r.name))
            return CUDNN_STATUS_BAD_PARAM;
    cudnnStatus_t rc = check_whole(**h);
    (*h)->finalized = rc == CUDNN_STATUS_SUCCESS;
    return rc;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t requested, int64_t *count,
                                       void *elements)
{
    handle *h = of(d);
    if (!h || (requested > 0 && !elements))
        return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
    const rule *r = find((*h)->type, name);
    if (!r || requested < 0)
        return CUDNN_STATUS_BAD_PARAM;
    if (!type_fits(*r, type))
        return CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE;
    if (!(*h)->finalized)
        return CUDNN_STATUS_NOT_INITIALIZED;
    value v = {type, 0, {}, {}};
    cudnnStatus_t rc = CUDNN_STATUS_SUCCESS;
    if ((*h)->has(name))
        v = (*h)->set.at(name);
    else if (r->use == COMPUTED)
        rc = compute(**h, name, &v);
    if (rc != CUDNN_STATUS_SUCCESS)
        return rc;
    if (count)
        *count = v.count;
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
        return hand_out(v, requested, elements);
    if (requested && v.count)
        memcpy(elements, v.bytes.data(), (size_t)std::min(requested, v.count) * type_bytes(type));
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t context, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack)
{
    handle *p = of(plan), *v = of(pack);
    if (!context || !p || !v)
        return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
    if (!(*p)->finalized || !(*v)->finalized)
        return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
    if ((*p)->type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR ||
        (*v)->type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR)
        return CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE;
    return execute(context->stream, *p, *v);
}

size_t cudnnGetVersion(void)
{
    return CUDNN_VERSION;
}

size_t cudnnGetCudartVersion(void)
{
    return CUDART_VERSION;
}

cudnnStatus_t cudnnGetProperty(libraryPropertyType type, int *value)
{
    *value = type == MAJOR_VERSION ? CUDNN_MAJOR : type == MINOR_VERSION ? CUDNN_MINOR : CUDNN_PATCHLEVEL;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *h)
{
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess)
        return CUDNN_STATUS_NOT_INITIALIZED;
    *h = new cudnnContext();
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t h)
{
    delete h;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t h, cudaStream_t stream)
{
    h->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetStream(cudnnHandle_t h, cudaStream_t *stream)
{
    *stream = h->stream;
    return CUDNN_STATUS_SUCCESS;
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    static char text[64];
    static const struct {
        int from;
        const char *name;
    } kinds[] = {
        {5000, "EXECUTION_FAILED"}, {4000, "INTERNAL_ERROR"}, {3000, "NOT_SUPPORTED"}, {2000, "BAD_PARAM"}};
    if (status == CUDNN_STATUS_SUCCESS)
        return "CUDNN_STATUS_SUCCESS";
    for (const auto &k : kinds)
        if (status >= k.from) {
            snprintf(text, sizeof text, "CUDNN_STATUS_%s (%d)", k.name, (int)status);
            return text;
        }
    return "CUDNN_STATUS_NOT_INITIALIZED";
}

void cudnnGetLastErrorString(char *message, size_t most)
{
    if (most)
        message[0] = 0;
}
