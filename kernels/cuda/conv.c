/* conv.c - convolutions: which engine of cuDNN computes each, and launching it.
 *
 * Once chosen for a spec, an engine stays: chosen in this process, kept on disk
 * by an earlier one, or taken from what cuDNN's heuristics propose, best first.
 * BK_FAST measures all that they propose instead. */
#include "conv_engine.h"
#include "queue.h"

#include <stdlib.h>
#include <string.h>

enum {
    PROPOSALS = 64,
    TIMES = 5,          /* of which the median counts */
    HOPELESS = 3,       /* times slower than the best at first sight: not measured further */
    COPY_ALIGN = 256,   /* of copies, and of what is measured */
    NEEDED_ALIGN = 16,  /* what conv_graph.c declares */
    NAMELESS = -1,      /* an engine that cannot be made again from its name */
    WORK_SHARE = 16,    /* a workspace may take this share of the card, */
    WORK_MOST = 1 << 30 /* and so many bytes, unless nothing else works */
};

static int same(const conv_spec *a, const conv_spec *b)
{
    return a->kind == b->kind && !a->bf16 == !b->bf16 && a->bias == b->bias && !a->plus == !b->plus &&
           !a->relu == !b->relu && memcmp(&a->g, &b->g, sizeof a->g) == 0;
}

/* --- What an engine works on --- */

/* The bytes of each tensor that the spec has, by conv_tensor. */
static void sizes(const conv_spec *s, size_t bytes[TENSOR_BETWEEN])
{
    const bk_window *g = &s->g;
    const size_t each = s->bf16 ? 2 : 4, x = (size_t)(g->n * g->h * g->w * g->c) * each,
                 y = (size_t)(g->n * g->p * g->q * g->k) * each, w = (size_t)(g->k * g->r * g->s * g->c) * each;
    bytes[TENSOR_OUT] = s->kind == CONV_Y ? y : s->kind == CONV_X ? x : w;
    bytes[TENSOR_FIRST] = s->kind == CONV_X ? y : x;
    bytes[TENSOR_SECOND] = s->kind == CONV_W ? y : w;
    bytes[TENSOR_BIAS] = s->bias ? (size_t)g->k * (s->bias == CONV_BIAS_FLOAT ? sizeof(float) : each) : 0;
    bytes[TENSOR_PLUS] = s->plus ? y : 0;
}

static size_t rounded(size_t bytes)
{
    return (bytes + COPY_ALIGN - 1) / COPY_ALIGN * COPY_ALIGN;
}

/* at: by conv_tensor, what cuDNN may be given; copy: where what lies elsewhere
 * goes, counted from `from`. Returns what the copies take. */
static size_t aligned(const conv_args *a, void *at[TENSOR_BETWEEN], void *copy[TENSOR_BETWEEN], char *from)
{
    size_t bytes[TENSOR_BETWEEN], used = 0;
    const void *given[TENSOR_BETWEEN] = {
        [TENSOR_OUT] = a->out,   [TENSOR_FIRST] = a->first, [TENSOR_SECOND] = a->second,
        [TENSOR_BIAS] = a->bias, [TENSOR_PLUS] = a->plus,
    };
    sizes(&a->c->spec, bytes);
    for (int i = TENSOR_OUT; i < TENSOR_BETWEEN; i++) {
        int odd = (uintptr_t)given[i] % NEEDED_ALIGN != 0;
        copy[i] = odd && from ? from + used : NULL;
        at[i] = copy[i] ? copy[i] : (void *)(uintptr_t)given[i];
        used += odd ? rounded(bytes[i]) : 0;
    }
    return used;
}

void conv_need_room(bk *b, const conv_args *a)
{
    void *at[TENSOR_BETWEEN], *copy[TENSOR_BETWEEN];
    size_t bytes = aligned(a, at, copy, NULL);
    if (bytes)
        cuda_need_room(b, ROOM_ALIGNED, bytes);
}

static void move(bk *b, void *to, const void *from, size_t bytes)
{
    CUDA_DO(b, "copy for a convolution", cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, b->stream));
}

void conv_launch(bk *b, const conv_args *a)
{
    const void *given[TENSOR_BETWEEN] = {NULL, NULL, a->first, a->second, a->bias, a->plus};
    void *at[TENSOR_BETWEEN] = {NULL}, *copy[TENSOR_BETWEEN];
    size_t bytes[TENSOR_BETWEEN];
    if (aligned(a, at, copy, b->room[ROOM_ALIGNED]) > b->room_bytes[ROOM_ALIGNED])
        CUDA_DIE(b, "convolution: nobody asked for room for copies of what lies at odd addresses");
    sizes(&a->c->spec, bytes);
    for (int i = TENSOR_FIRST; i < TENSOR_BETWEEN; i++)
        if (copy[i])
            move(b, copy[i], given[i], bytes[i]);
    DNN_DO(b, "convolution", conv_execute(b, a->c->plan, at, b->room[ROOM_WORK]));
    if (copy[TENSOR_OUT])
        move(b, a->out, copy[TENSOR_OUT], bytes[TENSOR_OUT]);
}

static void conv_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    (void)scalars, (void)payload;
    conv_launch(b, args);
}

void conv_enqueue(bk *b, const choice *c, void *out, const void *first, const void *second, const void *bias,
                  const void *plus)
{
    conv_args a = {c, out, first, second, bias, plus};
    conv_need_room(b, &a);
    ENQUEUE(b, conv_go, a);
}

/* --- Measuring --- */

typedef struct bench {
    void *at[TENSOR_BETWEEN], *memory;
    cudaEvent_t start, stop;
} bench;

static void *try_take(bk *b, size_t bytes)
{
    void *p = NULL;
    if (cudaMalloc(&p, bytes) != cudaSuccess && b->host->trim) {
        cudaGetLastError();
        b->host->trim();
        cudaMalloc(&p, bytes);
    }
    cudaGetLastError();
    return p;
}

/* Tensors of small numbers; 0: there is no memory for them. */
static int bench_open(bk *b, bench *t, const conv_spec *s)
{
    size_t bytes[TENSOR_BETWEEN], used = 0;
    const int small = 0x3c; /* 0x3c3c is 0.011 in bfloat16, 0x3c3c3c3c in float */
    sizes(s, bytes);
    for (int i = TENSOR_OUT; i < TENSOR_BETWEEN; i++)
        used += rounded(bytes[i]);
    queue_flush(b);
    if (!(t->memory = try_take(b, used)))
        return 0;
    CUDA_DO(b, "measure", cudaMemsetAsync(t->memory, small, used, b->stream));
    char *from = t->memory;
    for (int i = TENSOR_OUT; i < TENSOR_BETWEEN; from += rounded(bytes[i++]))
        t->at[i] = bytes[i] ? from : NULL;
    CUDA_DO(b, "measure", cudaEventCreate(&t->start));
    CUDA_DO(b, "measure", cudaEventCreate(&t->stop));
    return 1;
}

static void bench_close(bk *b, bench *t)
{
    CUDA_DO(b, "measure", cudaEventDestroy(t->start));
    CUDA_DO(b, "measure", cudaEventDestroy(t->stop));
    CUDA_DO(b, "measure", cudaFree(t->memory));
}

/* Milliseconds of one run, or negative when it does not run. */
static double once(bk *b, const bench *t, descriptor plan, void *workspace)
{
    float ms = 0;
    CUDA_DO(b, "measure", cudaEventRecord(t->start, b->stream));
    if (conv_execute(b, plan, t->at, workspace) != CUDNN_STATUS_SUCCESS)
        return -1;
    CUDA_DO(b, "measure", cudaEventRecord(t->stop, b->stream));
    CUDA_DO(b, "measure", cudaEventSynchronize(t->stop));
    CUDA_DO(b, "measure", cudaEventElapsedTime(&ms, t->start, t->stop));
    return ms;
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The median of `times` runs; negative: it does not run, or is hopeless beside
 * `best` (negative: there is none yet). The first run also loads the kernels, and
 * is all there is when `times` is 0: then 0 is the answer. */
static double measure(bk *b, const bench *t, descriptor plan, int64_t bytes, int times, double best)
{
    void *workspace = bytes > 0 ? try_take(b, (size_t)bytes) : NULL;
    double ms[TIMES] = {0};
    int n = 0, runs = !(bytes > 0 && !workspace) && once(b, t, plan, workspace) >= 0;
    for (; runs && n < times; n++) {
        ms[n] = once(b, t, plan, workspace);
        runs = ms[n] >= 0 && !(best >= 0 && ms[n] > HOPELESS * best);
    }
    CUDA_DO(b, "measure", cudaFree(workspace));
    qsort(ms, (size_t)n, sizeof *ms, ascending);
    return runs ? ms[n / 2] : -1;
}

/* --- Choosing --- */

static void drop(descriptor d)
{
    if (d)
        cudnnBackendDestroyDescriptor(d);
}

typedef struct search {
    choice *c;
    bench *bench; /* NULL: there is no memory to try one on */
    int times;    /* runs that are measured; 0: the first that works is taken */
    int64_t most; /* bytes of workspace */
    int proposed, refused;
} search;

/* Takes the engine if it is better than what was taken before. That its plan can
 * be made does not say that it runs. */
static void consider(bk *b, search *s, descriptor config)
{
    choice *c = s->c;
    engine_name name;
    int64_t workspace = 0;
    double ms = 0;
    descriptor plan = NULL;
    s->proposed++;
    int usable = conv_allowed(config, &c->spec, b->flags) && (plan = conv_plan(b, config, &workspace)) &&
                 workspace <= s->most;
    if (usable && s->bench)
        ms = measure(b, s->bench, plan, workspace, s->times, c->plan ? c->ms : -1);
    cudaGetLastError(); /* what it tried in vain is not the next launch's fault */
    s->refused += !usable;
    if (!usable || ms < 0 || (c->plan && ms >= c->ms)) {
        drop(plan);
        return;
    }
    drop(c->plan);
    if (conv_name(config, &name) != 0)
        name = (engine_name){.index = NAMELESS};
    c->plan = plan, c->engine = name, c->workspace = workspace, c->ms = s->times ? ms : -1;
}

static void go_through(bk *b, search *s)
{
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
    for (int m = 0; m < 2; m++) {
        descriptor config[PROPOSALS];
        int n = conv_propose(&s->c->graph, modes[m], config, PROPOSALS);
        for (int i = 0; i < n; i++) {
            if (s->times || !s->c->plan)
                consider(b, s, config[i]);
            drop(config[i]);
        }
    }
}

/* From what the heuristics propose. Better one that nobody tried than none, for
 * trying takes memory; and a large workspace is better than none. */
static void choose(bk *b, search *s)
{
    bench t = {.memory = NULL};
    if (bench_open(b, &t, &s->c->spec)) {
        s->bench = &t;
        s->times = b->flags & BK_FAST ? TIMES : 0;
        go_through(b, s);
        bench_close(b, &t);
    }
    s->bench = NULL;
    s->times = 0;
    if (!s->c->plan)
        go_through(b, s);
    if (s->c->plan)
        return;
    s->most = INT64_MAX;
    go_through(b, s);
}

/* What an earlier process chose, if it still holds. */
static void recall(bk *b, choice *c, const char *key)
{
    if (!kept_find(b, key, &c->engine, &c->ms))
        return;
    descriptor config = conv_config(&c->graph, &c->engine);
    if (config && conv_allowed(config, &c->spec, b->flags))
        c->plan = conv_plan(b, config, &c->workspace);
    drop(config);
    if (!c->plan)
        b->host->note("engine %lld, kept for %s, does not work here: another is chosen", (long long)c->engine.index,
                      key);
}

static void refuse(bk *b, const search *s, const char *key)
{
    cudnnStatus_t rc = s->c->graph.rc;
    CUDA_DIE(b,
             "convolution %s: cuDNN %zu has no engine for it (%s; of %d proposed, %d cannot be used): "
             "another precision has others, and device: cpu needs none",
             key, b->dnn_version, rc == CUDNN_STATUS_SUCCESS ? "it can be described" : cudnnGetErrorString(rc),
             s->proposed, s->refused);
}

static void fill_in(bk *b, choice *c)
{
    char key[CONV_KEY];
    size_t unused = 0, total = 0;
    CUDA_DO(b, "memory", cudaMemGetInfo(&unused, &total));
    search s = {.c = c, .most = (int64_t)(total / WORK_SHARE)};
    s.most = s.most < WORK_MOST ? s.most : WORK_MOST;
    kept_key(key, &c->spec, b->flags);
    conv_graph_open(b, &c->graph, &c->spec);
    if (c->graph.rc == CUDNN_STATUS_SUCCESS)
        recall(b, c, key);
    if (c->graph.rc == CUDNN_STATUS_SUCCESS && !c->plan) {
        choose(b, &s);
        if (c->plan && c->engine.index != NAMELESS)
            kept_add(b, key, &c->engine, c->workspace, c->ms);
    }
    if (!c->plan && !(c->spec.bias || c->spec.plus || c->spec.relu))
        refuse(b, &s, key);
}

choice *conv_choose(bk *b, const conv_spec *s)
{
    for (choice *c = b->choices; c; c = c->next)
        if (same(&c->spec, s))
            return c->plan ? c : NULL;
    choice *c = calloc(1, sizeof *c);
    if (!c) {
        CUDA_DIE(b, "convolution: no memory for %zu bytes", sizeof *c);
        return NULL; /* for analysers that do not see that die() ends it */
    }
    c->spec = *s;
    c->next = b->choices;
    b->choices = c;
    fill_in(b, c);
    if (!c->plan)
        return NULL;
    if (c->workspace > 0)
        cuda_need_room(b, ROOM_WORK, (size_t)c->workspace);
    return c;
}

void conv_close(bk *b)
{
    while (b->choices) {
        choice *c = b->choices;
        b->choices = c->next;
        drop(c->plan);
        conv_graph_close(&c->graph);
        free(c);
    }
}
