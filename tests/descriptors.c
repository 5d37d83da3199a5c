/* descriptors.c - the convolutions' descriptors before the real cuDNN, without a
 * card: it takes a card's properties as text and then proposes engines for that
 * card and makes plans ready. Only running them needs the card itself. Skipped
 * where there is no libcudnn.so.9, or one too old for that.
 *
 * conv_graph.c is linked as it was compiled for the emulator, which holds the
 * emulator's header to the real library too; its calls arrive here. */
#include "../kernels/cuda/conv_engine.h"
#include "cases.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Of cuDNN's own header; only this test needs them. */
enum {
    DEVICEPROP = 38,
    DEVICEPROP_TEXT = 2702,
    HEURISTICS_DEVICEPROP = 204,
    PLAN_DEVICEPROP = 407,
    ENGINE_DEVICEPROP = 1307
};

/* An H100. */
static const char properties[] =
    "{\"cudnnVersion\":%zu,\"schemaVersion\":1,\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,"
    "1024,64],"
    "\"regsPerBlock\":65536,\"multiProcessorCount\":132,\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,"
    "\"maxSharedMemoryPerBlockOptin\":232448,\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,"
    "\"maxCtasPerSM\":32,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":2048,\"pciDeviceId\":0,\"isTccDriver\":0,"
    "\"supportCoopLaunch\":1,\"totalGlobalMem\":85000000000,\"smClockRateKHz\":1980000,\"memClockRateKHz\":2619000,"
    "\"l2CacheSize\":52428800,\"cudaDeviceId\":0,\"deviceVer\":900,\"driverVer\":13000,\"deviceName\":\"H100\"}";

static struct cudnn {
    cudnnStatus_t (*create)(cudnnBackendDescriptorType_t, descriptor *);
    cudnnStatus_t (*destroy)(descriptor);
    cudnnStatus_t (*finalize)(descriptor);
    cudnnStatus_t (*set)(descriptor, cudnnBackendAttributeName_t, cudnnBackendAttributeType_t, int64_t,
                         const void *);
    cudnnStatus_t (*get)(descriptor, cudnnBackendAttributeName_t, cudnnBackendAttributeType_t, int64_t, int64_t *,
                         void *);
    size_t (*version)(void);
} real_one;
static descriptor the_card; /* NULL: there is nothing to test with */
static int alive;           /* descriptors that conv_graph.c made and did not destroy */

/* cuDNN and the libraries that it loads and unloads lose memory of their own;
 * `alive` counts ours. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

/* --- What conv_graph.c calls --- */

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, descriptor *d)
{
    cudnnStatus_t rc = real_one.create(type, d);
    alive += rc == CUDNN_STATUS_SUCCESS;
    return rc;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(descriptor d)
{
    alive--;
    return real_one.destroy(d);
}

cudnnStatus_t cudnnBackendFinalize(descriptor d)
{
    return real_one.finalize(d);
}

static cudnnStatus_t set_card(descriptor d, int name)
{
    return real_one.set(d, (cudnnBackendAttributeName_t)name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &the_card);
}

/* A handle stands for a card that is there; ours takes its place. */
cudnnStatus_t cudnnBackendSetAttribute(descriptor d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count, const void *values)
{
    cudnnStatus_t rc = CUDNN_STATUS_SUCCESS;
    if (name == CUDNN_ATTR_OPERATIONGRAPH_HANDLE)
        return rc;
    if (name == CUDNN_ATTR_EXECUTION_PLAN_HANDLE)
        return set_card(d, PLAN_DEVICEPROP);
    if (name == CUDNN_ATTR_ENGINEHEUR_MODE)
        rc = set_card(d, HEURISTICS_DEVICEPROP);
    if (name == CUDNN_ATTR_ENGINE_GLOBAL_INDEX)
        rc = set_card(d, ENGINE_DEVICEPROP);
    return rc == CUDNN_STATUS_SUCCESS ? real_one.set(d, name, type, count, values) : rc;
}

cudnnStatus_t cudnnBackendGetAttribute(descriptor const d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t room, int64_t *count, void *values)
{
    return real_one.get(d, name, type, room, count, values);
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, descriptor plan, descriptor pack)
{
    (void)handle, (void)plan, (void)pack;
    return CUDNN_STATUS_NOT_SUPPORTED;
}

/* --- The real library --- */

static int find(void *object, const char *name, void *function)
{
    void *address = dlsym(object, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static void describe_card(void)
{
    char text[sizeof properties + 32];
    snprintf(text, sizeof text, properties, real_one.version());
    if (real_one.create((cudnnBackendDescriptorType_t)DEVICEPROP, &the_card) != CUDNN_STATUS_SUCCESS)
        the_card = NULL;
    else if (real_one.set(the_card, (cudnnBackendAttributeName_t)DEVICEPROP_TEXT, CUDNN_TYPE_CHAR,
                          (int64_t)strlen(text), text) != CUDNN_STATUS_SUCCESS ||
             real_one.finalize(the_card) != CUDNN_STATUS_SUCCESS) {
        real_one.destroy(the_card);
        the_card = NULL;
    }
}

static int begin(void **state)
{
    void *object = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    (void)state;
    if (object && find(object, "cudnnBackendCreateDescriptor", &real_one.create) &&
        find(object, "cudnnBackendDestroyDescriptor", &real_one.destroy) &&
        find(object, "cudnnBackendFinalize", &real_one.finalize) &&
        find(object, "cudnnBackendSetAttribute", &real_one.set) &&
        find(object, "cudnnBackendGetAttribute", &real_one.get) &&
        find(object, "cudnnGetVersion", &real_one.version))
        describe_card();
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (the_card)
        real_one.destroy(the_card);
    return 0;
}

/* --- Choosing --- */

/* The first engine that is allowed and whose plan is made ready; then the same
 * from its name. */
static int chooses(const conv_spec *s, unsigned flags)
{
    enum { MOST = 64 };
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
    bk b = {.flags = flags};
    conv_graph g;
    int found = 0;
    conv_graph_open(&b, &g, s);
    for (int m = 0; m < 2 && g.rc == CUDNN_STATUS_SUCCESS; m++) {
        descriptor config[MOST];
        int n = conv_propose(&g, modes[m], config, MOST);
        for (int i = 0; i < n; i++) {
            int64_t bytes = 0, again = -1;
            engine_name name;
            descriptor plan = !found && conv_allowed(config[i], s, flags) ? conv_plan(&b, config[i], &bytes) : NULL;
            if (plan) {
                found = 1;
                cudnnBackendDestroyDescriptor(plan);
                assert_int_equal(conv_name(config[i], &name), 0);
                descriptor same = conv_config(&g, &name);
                assert_non_null(same);
                assert_true(conv_allowed(same, s, flags));
                plan = conv_plan(&b, same, &again);
                assert_non_null(plan);
                assert_int_equal(again, bytes);
                cudnnBackendDestroyDescriptor(plan);
                cudnnBackendDestroyDescriptor(same);
            }
            cudnnBackendDestroyDescriptor(config[i]);
        }
    }
    conv_graph_close(&g);
    assert_int_equal(alive, 0);
    return found;
}

static void every_convolution_has_an_engine(void **state)
{
    static const struct {
        int bf16;
        unsigned flags;
    } kinds[] = {{0, 0}, {0, BK_TF32}, {0, BK_FAST}, {1, 0}, {1, BK_FAST}};
    (void)state;
    if (!the_card)
        skip();
    for (int i = 0; i < CASES(case_convs); i++)
        for (int kind = CONV_Y; kind <= CONV_W; kind++)
            for (int j = 0; j < CASES(kinds); j++) {
                conv_spec s = {
                    .kind = (enum conv_kind)kind, .g = case_window(case_convs[i].d), .bf16 = kinds[j].bf16};
                if (s.g.n && !chooses(&s, kinds[j].flags))
                    fail_msg("none for row %d of case_convs, kind %d, bf16 %d, flags %u", i, kind, s.bf16,
                             kinds[j].flags);
            }
}

static void evaluation_is_fused(void **state)
{
    (void)state;
    if (!the_card)
        skip();
    for (int plus = 0; plus < 2; plus++) {
        const int64_t d[] = {128, 32, 32, 64, 64, 3, 3, 1, 1};
        conv_spec s = {.kind = CONV_Y, .g = case_window(d), .bias = CONV_BIAS_LIKE_Y, .plus = plus, .relu = 1};
        for (s.bf16 = 0; s.bf16 < 2; s.bf16++)
            assert_true(chooses(&s, 0));
    }
}

static void wrong_extents_are_no_graph(void **state)
{
    (void)state;
    if (!the_card)
        skip();
    const int64_t d[] = {2, 5, 7, 3, 4, 3, 3, 1, 1};
    conv_spec s = {.kind = CONV_Y, .g = case_window(d)};
    assert_true(chooses(&s, 0));
    s.g.p++;
    assert_false(chooses(&s, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_convolution_has_an_engine),
        cmocka_unit_test(evaluation_is_fused),
        cmocka_unit_test(wrong_extents_are_no_graph),
    };
    return cmocka_run_group_tests_name("descriptors", tests, begin, end);
}
