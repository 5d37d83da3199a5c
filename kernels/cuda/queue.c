/* queue.c - stretches of calls: written down, recognised, captured, launched.
 *
 * The calls that wait are one array of bytes, the log: for each a header and its
 * arguments. A stretch is known again by its log, compared whole. Numbers and
 * bytes from the host are gathered in an arena, uploaded in one piece before the
 * stretch runs; two of them in page-locked memory take turns, so that one can be
 * filled while the other is read. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOG_BYTES = 1 << 18,
    ARENA_BYTES = 1 << 24,
    PAYLOAD_BYTES = 1 << 23, /* the most that one call takes along */
    PAYLOAD_ALIGN = 16,
    STRETCHES = 64, /* remembered */
    WORTHWHILE = 4, /* calls: fewer are launched faster one by one */
    FAMILIAR = 3,   /* times seen before a stretch is captured: by then addresses have settled */
    ARENAS = 2
};

typedef struct header {
    queue_go *go;
    int64_t bytes, nscalars, payload_bytes, arena_at; /* scalars first, then the payload */
} header;

typedef struct stretch {
    char *log;
    size_t bytes;
    uint64_t hash, used; /* when; 0: this place is free */
    int seen, refused;   /* refused: it cannot be captured */
    cudaGraphExec_t graph;
} stretch;

typedef struct arena {
    char *host; /* page-locked */
    cudaEvent_t read;
} arena;

struct queue {
    char *log;
    size_t used; /* of the log */
    int calls;
    arena arenas[ARENAS];
    char *there;       /* the arena on the card */
    int turn, filling; /* the arena in use; whether it was waited for */
    size_t filled;
    int payloads; /* calls with a payload in this stretch */
    stretch known[STRETCHES];
    uint64_t clock;
    queue_counts counts;
};

/* --- Life --- */

int queue_open(bk *b)
{
    queue *q = calloc(1, sizeof *q);
    b->queue = q;
    if (!q || !(q->log = malloc(LOG_BYTES)) || cudaMalloc((void **)&q->there, ARENA_BYTES) != cudaSuccess)
        return -1;
    for (arena *a = q->arenas; a < q->arenas + ARENAS; a++)
        if (cudaHostAlloc((void **)&a->host, ARENA_BYTES, cudaHostAllocDefault) != cudaSuccess ||
            cudaEventCreateWithFlags(&a->read, cudaEventDisableTiming) != cudaSuccess)
            return -1;
    return 0;
}

static void forget_one(stretch *s)
{
    if (s->graph)
        cudaGraphExecDestroy(s->graph);
    free(s->log);
    *s = (stretch){.log = NULL};
}

void queue_forget(bk *b)
{
    for (int i = 0; i < STRETCHES; i++)
        forget_one(&b->queue->known[i]);
}

void queue_close(bk *b)
{
    queue *q = b->queue;
    if (!q)
        return;
    queue_forget(b);
    for (arena *a = q->arenas; a < q->arenas + ARENAS; a++) {
        if (a->read)
            cudaEventDestroy(a->read);
        if (a->host)
            cudaFreeHost(a->host);
    }
    cudaFree(q->there);
    free(q->log);
    free(q);
    b->queue = NULL;
}

size_t queue_room(const bk *b)
{
    (void)b;
    return PAYLOAD_BYTES;
}

queue_counts queue_counters(const bk *b)
{
    return b->queue->counts;
}

/* --- Writing down --- */

static size_t rounded(size_t bytes)
{
    return (bytes + PAYLOAD_ALIGN - 1) / PAYLOAD_ALIGN * PAYLOAD_ALIGN;
}

static size_t arena_need(const queue_call *c)
{
    return rounded((size_t)c->nscalars * sizeof(uint64_t)) + rounded(c->payload_bytes);
}

/* The arena whose turn it is may still be read by the stretch before last. */
static char *arena_fill(bk *b)
{
    queue *q = b->queue;
    arena *a = &q->arenas[q->turn];
    if (!q->filling)
        CUDA_DO(b, "wait for an upload", cudaEventSynchronize(a->read));
    q->filling = 1;
    return a->host + q->filled;
}

static void keep_in_arena(bk *b, const queue_call *c)
{
    char *at = arena_fill(b);
    if (c->nscalars)
        memcpy(at, c->scalars, (size_t)c->nscalars * sizeof(uint64_t));
    if (c->payload_bytes)
        memcpy(at + rounded((size_t)c->nscalars * sizeof(uint64_t)), c->payload, c->payload_bytes);
    b->queue->filled += arena_need(c);
    b->queue->payloads += c->payload_bytes > 0;
}

void queue_add(bk *b, const queue_call *c)
{
    queue *q = b->queue;
    if (c->bytes > QUEUE_ARGS || c->bytes % 8 || c->nscalars > QUEUE_SCALARS || c->payload_bytes > PAYLOAD_BYTES)
        CUDA_DIE(b, "queue: a call of %zu bytes, %d numbers and %zu bytes of payload", c->bytes, c->nscalars,
                 c->payload_bytes);
    if (q->used + sizeof(header) + c->bytes > LOG_BYTES || q->filled + arena_need(c) > ARENA_BYTES)
        queue_flush(b);
    header h = {c->go, (int64_t)c->bytes, c->nscalars, (int64_t)c->payload_bytes, (int64_t)q->filled};
    memcpy(q->log + q->used, &h, sizeof h);
    memcpy(q->log + q->used + sizeof h, c->args, c->bytes);
    q->used += sizeof h + c->bytes;
    q->calls++;
    if (arena_need(c))
        keep_in_arena(b, c);
}

/* --- Running --- */

/* by_address: in a graph, where numbers are read when it runs. */
static void run_calls(bk *b, int by_address)
{
    const queue *q = b->queue;
    const char *host = q->arenas[q->turn].host;
    for (size_t at = 0; at < q->used;) {
        header h;
        scalar scalars[QUEUE_SCALARS];
        memcpy(&h, q->log + at, sizeof h);
        for (int i = 0; i < h.nscalars; i++) {
            size_t slot = (size_t)h.arena_at + (size_t)i * sizeof(uint64_t);
            scalars[i] = (scalar){by_address ? (const uint64_t *)(q->there + slot) : NULL, 0};
            memcpy(&scalars[i].bits, host + slot, sizeof(uint64_t));
        }
        const char *payload = q->there + h.arena_at + rounded((size_t)h.nscalars * sizeof(uint64_t));
        h.go(b, q->log + at + sizeof h, scalars, h.payload_bytes ? payload : NULL);
        at += sizeof h + (size_t)h.bytes;
    }
}

static void upload(bk *b)
{
    queue *q = b->queue;
    arena *a = &q->arenas[q->turn];
    CUDA_DO(b, "upload", cudaMemcpyAsync(q->there, a->host, q->filled, cudaMemcpyHostToDevice, b->stream));
    CUDA_DO(b, "upload", cudaEventRecord(a->read, b->stream));
}

/* The graph of the calls that wait; without one the stretch is refused. */
static void capture(bk *b, stretch *s)
{
    cudaGraph_t graph = NULL;
    CUDA_DO(b, "capture", cudaStreamBeginCapture(b->stream, cudaStreamCaptureModeThreadLocal));
    b->capturing = 1;
    run_calls(b, 1);
    int failed = b->capturing == 2;
    b->capturing = 0;
    cudaError_t rc = cudaStreamEndCapture(b->stream, &graph);
    if (rc == cudaSuccess)
        rc = failed ? cudaErrorStreamCaptureUnsupported : cudaGraphInstantiate(&s->graph, graph, 0);
    if (graph)
        cudaGraphDestroy(graph);
    if (rc == cudaSuccess) {
        b->queue->counts.captured++;
        return;
    }
    cudaGetLastError(); /* said below, and not again */
    b->host->note("%d calls cannot be captured as a graph (%s): they are launched one by one, which is slower",
                  b->queue->calls, cudaGetErrorString(rc));
    s->graph = NULL;
    s->refused = 1;
    b->queue->counts.refused++;
}

/* --- Recognising --- */

/* FNV-1a by eight bytes: lengths are multiples of that. */
static uint64_t hash_of(const char *log, size_t bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325), word;
    for (size_t i = 0; i < bytes; i += sizeof word) {
        memcpy(&word, log + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    return hash;
}

/* Gives way first: a free place, then the stretch unused for longest, and one
 * with a graph only when all have one. */
static int weaker(const stretch *a, const stretch *b)
{
    if (!a->used || !b->used)
        return !a->used && b->used;
    if (!a->graph != !b->graph)
        return !a->graph;
    return a->used < b->used;
}

/* The entry of what waits; seen is 0 in a new one, and NULL without memory. */
static stretch *recognise(queue *q)
{
    uint64_t hash = hash_of(q->log, q->used);
    stretch *weakest = &q->known[0];
    for (stretch *s = q->known; s < q->known + STRETCHES; s++) {
        if (s->used && s->hash == hash && s->bytes == q->used && memcmp(s->log, q->log, q->used) == 0) {
            s->used = ++q->clock;
            return s;
        }
        weakest = weaker(s, weakest) ? s : weakest;
    }
    char *log = malloc(q->used);
    if (!log)
        return NULL;
    memcpy(log, q->log, q->used);
    forget_one(weakest);
    *weakest = (stretch){.log = log, .bytes = q->used, .hash = hash, .used = ++q->clock};
    return weakest;
}

static void launch(bk *b, stretch *s)
{
    queue *q = b->queue;
    if (s && !s->graph && !s->refused && s->seen >= FAMILIAR)
        capture(b, s);
    int graph = s && s->graph;
    if (q->filled && (graph || q->payloads))
        upload(b);
    if (graph)
        CUDA_DO(b, "graph", cudaGraphLaunch(s->graph, b->stream));
    else
        run_calls(b, 0);
    q->counts.graphs += graph;
    q->counts.stretches += !graph;
}

void queue_flush(bk *b)
{
    queue *q = b->queue;
    if (!q->used)
        return;
    stretch *s = q->calls >= WORTHWHILE ? recognise(q) : NULL;
    if (s)
        s->seen++;
    launch(b, s);
    q->turn = q->filling ? (q->turn + 1) % ARENAS : q->turn;
    q->used = q->filled = 0;
    q->calls = q->payloads = q->filling = 0;
}
