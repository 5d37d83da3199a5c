/* device.c - the cpu backend's device: its memory, what it keeps between calls,
 * and the table of its entries. Nothing is queued: every call returns when it
 * has finished. */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../window.h"
#include "parallel.h"

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20 };

static bk *cpu_open(const bk_host *host, int ordinal, unsigned flags, char *why, size_t cap)
{
    bk *b = ordinal == 0 ? calloc(1, sizeof *b) : NULL;
    if (!b) {
        snprintf(why, cap, ordinal == 0 ? "out of memory" : "there is one such device, and its number is 0");
        return NULL;
    }
    if (flags & BK_TF32) {
        snprintf(why, cap, "processors have no TF32: set precision to f32 or bf16");
        free(b);
        return NULL;
    }
    b->host = host;
    b->flags = flags;
    b->dnn = dnn_open(host);
    return b;
}

static void made_drop(cpu_made *m)
{
    dnn_drop(m->op);
    for (int i = 0; i < 3; i++)
        dnn_drop(m->pack[i]);
    *m = (cpu_made){.op = NULL};
}

static void cpu_close(bk *b)
{
    if (!b)
        return;
    for (int i = 0; i < CPU_MADE; i++)
        made_drop(&b->made[i]);
    for (int i = 0; i < ROOMS; i++)
        free(b->room[i]);
    dnn_close(b->dnn);
    free(b);
}

/* "AMD EPYC 9755", or what there is of it. */
static void model_name(char *text, size_t cap)
{
    char line[256];
    snprintf(text, cap, "unknown CPU");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f)
        return;
    while (fgets(line, sizeof line, f)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value)
            continue;
        value += strspn(value, ": \t");
        value[strcspn(value, "\n")] = 0;
        snprintf(text, cap, "%s", value);
        break;
    }
    fclose(f);
}

static const char *isa_name(void)
{
    static const struct {
        int isa;
        const char *name;
    } known[] = {
        {dnnl_cpu_isa_sse41, "SSE4.1"},
        {dnnl_cpu_isa_avx, "AVX"},
        {dnnl_cpu_isa_avx2, "AVX2"},
        {dnnl_cpu_isa_avx2_vnni, "AVX2 with VNNI"},
        {dnnl_cpu_isa_avx512_core, "AVX-512"},
        {dnnl_cpu_isa_avx512_core_vnni, "AVX-512 with VNNI"},
        {dnnl_cpu_isa_avx512_core_bf16, "AVX-512 with BF16"},
        {dnnl_cpu_isa_avx512_core_amx, "AVX-512 with AMX"},
    };
    int isa = (int)dnnl_get_effective_cpu_isa();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].isa == isa)
            return known[i].name;
    return "instructions newer than this program knows";
}

static void cpu_describe(bk *b, char *text, size_t cap)
{
    char model[200];
    const dnnl_version_t *v = dnnl_version();
    int threads = parallel_threads();
    (void)b;
    model_name(model, sizeof model);
    snprintf(text, cap, "cpu: %s, %s, %d thread%s, oneDNN %d.%d.%d", model, isa_name(), threads,
             threads == 1 ? "" : "s", v->major, v->minor, v->patch);
}

static void cpu_memory(bk *b, size_t *unused, size_t *total)
{
    (void)b;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *unused = (size_t)sysconf(_SC_AVPHYS_PAGES) * page;
    *total = (size_t)sysconf(_SC_PHYS_PAGES) * page;
}

/* Large blocks begin at a huge page and ask for such pages: fewer faults when
 * they are first touched. Asking is all one can do, so the answer is ignored. */
static void *cpu_alloc(bk *b, size_t bytes)
{
    void *p = NULL;
    size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : CACHE_LINE;
    (void)b;
    if (posix_memalign(&p, align, bytes ? bytes : 1) != 0)
        return NULL;
    if (align == HUGE_PAGE)
        madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

static void cpu_free(bk *b, void *p, size_t bytes)
{
    (void)b, (void)bytes;
    free(p);
}

/* A copy is worth two threads only when it does not fit in the caches. */
typedef struct copying {
    char *dst;
    const char *src;
} copying;

static void copy_range(void *ctx, int64_t first, int64_t last)
{
    const copying *c = ctx;
    memcpy(c->dst + first, c->src + first, (size_t)(last - first));
}

static void cpu_copy(bk *b, void *dst, const void *src, size_t bytes)
{
    copying c = {dst, src};
    (void)b;
    if (dst != src)
        parallel((int64_t)bytes, 1 << 20, copy_range, &c);
}

static void cpu_sync(bk *b)
{
    (void)b; /* nothing is ever in flight */
}

void *cpu_room(bk *b, enum cpu_room which, size_t bytes)
{
    if (bytes <= b->room_bytes[which] && b->room[which])
        return b->room[which];
    free(b->room[which]);
    b->room[which] = cpu_alloc(b, bytes);
    b->room_bytes[which] = bytes;
    if (!b->room[which])
        dnn_no_memory(b->host, bytes);
    return b->room[which];
}

cpu_made *cpu_recall(bk *b, const int64_t key[CPU_KEY])
{
    cpu_made *oldest = &b->made[0];
    for (cpu_made *m = b->made; m < b->made + CPU_MADE; m++) {
        if (m->used && memcmp(m->key, key, sizeof m->key) == 0) {
            m->used = ++b->clock;
            return m;
        }
        oldest = m->used < oldest->used ? m : oldest;
    }
    made_drop(oldest);
    memcpy(oldest->key, key, sizeof oldest->key);
    oldest->used = ++b->clock;
    return oldest;
}

int cpu_window(bk *b, const bk_window *g, const char *op)
{
    if (window_empty(g))
        return 0;
    if (!window_fits(g))
        CPU_DIE(b, "%s: %lldx%lld by %dx%d stride %d pad %d does not give %lldx%lld", op, (long long)g->h,
                (long long)g->w, g->r, g->s, g->stride, g->pad, (long long)g->p, (long long)g->q);
    return 1;
}

int64_t cpu_checked(bk *b, int32_t i, int64_t n, const char *op)
{
    if (i < 0 || i >= n)
        CPU_DIE(b, "%s: index %d of %lld", op, (int)i, (long long)n);
    return i;
}

#define E(name) .name = cpu_##name
// clang-format off
static const bk_api api = {
    .abi = BK_ABI, .size = sizeof(bk_api), .real_bytes = sizeof(real), .name = "cpu",
    E(open), E(close), E(describe), E(memory), E(alloc), E(free), .write = cpu_copy, .read = cpu_copy, E(copy), E(sync),
    E(fill), E(affine), E(axpy), E(map), E(clamp), E(within), E(zip), E(spread), E(fold), E(copy_cols),
    E(lse), E(topk), E(pick), E(place), E(take_rows), E(put_rows), E(gemm), E(conv_y), E(conv_x), E(conv_w),
    E(pool_max), E(pool_avg), E(pool_avg_t), E(images), E(uniform), E(normal),
    E(bn), E(bn_grad), E(log_softmax), E(log_softmax_grad), E(pool_max_t), E(sgd), E(nearest),
    E(plan_open), E(plan_bytes), E(plan_run), E(plan_grad), E(plan_close),
    E(plan_more), E(plan_slope), E(plan_bend),
};
// clang-format on

const bk_api *bk_query(uint32_t abi, uint32_t size)
{
    return abi == BK_ABI && size == sizeof(bk_api) ? &api : NULL;
}
