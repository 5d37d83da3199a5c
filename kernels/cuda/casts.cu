/* casts.cu - float to bfloat16 and back, 16 bytes of bfloat16 a thread where the
 * addresses allow. */
#include "casts.h"
#include "lines.h"

enum { THREADS = 256, WIDE = 8, HALF = WIDE / 2 };

typedef struct cast_args {
    void *out;
    const void *in;
    int64_t n;
} cast_args;

/* As many reals as a pack of WIDE bfloat16 lie in two of 16 bytes. */
static __device__ __forceinline__ void get(float *x, const float *p)
{
    pack<float, HALF> a = load<HALF>(p), z = load<HALF>(p + HALF);
    for (int k = 0; k < HALF; k++)
        x[k] = a.x[k], x[HALF + k] = z.x[k];
}

static __device__ __forceinline__ void get(float *x, const bf16 *p)
{
    pack<bf16, WIDE> a = load<WIDE>(p);
    for (int k = 0; k < WIDE; k++)
        x[k] = wide(a.x[k]);
}

static __device__ __forceinline__ void put(float *p, const float *x)
{
    pack<float, HALF> a, z;
    for (int k = 0; k < HALF; k++)
        a.x[k] = x[k], z.x[k] = x[HALF + k];
    store<HALF>(p, a);
    store<HALF>(p + HALF, z);
}

static __device__ __forceinline__ void put(bf16 *p, const float *x)
{
    pack<bf16, WIDE> a;
    for (int k = 0; k < WIDE; k++)
        narrow(&a.x[k], x[k]);
    store<WIDE>(p, a);
}

/* The first `packs` packs, then the rest one by one. */
template <class OUT, class IN> static __global__ void cast(OUT *out, const IN *in, int64_t packs, int64_t n)
{
    float x[WIDE];
    for (int64_t i = grid_first(); i < packs; i += grid_step()) {
        get(x, in + i * WIDE);
        put(out + i * WIDE, x);
    }
    for (int64_t i = packs * WIDE + grid_first(); i < n; i += grid_step())
        narrow(out + i, wide(in[i]));
}

template <class OUT, class IN>
static void cast_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const cast_args *p = (const cast_args *)args;
    const int aligned = aligned_to(p->out, 16) && aligned_to(p->in, 16);
    auto *kernel = cast<OUT, IN>;
    (void)scalars, (void)payload;
    LAUNCH(b, kernel, blocks_for(b, p->n, THREADS * (aligned ? WIDE : 1)), THREADS, 0, (OUT *)p->out,
           (const IN *)p->in, aligned ? p->n / WIDE : 0, p->n);
}

void cast_narrow(bk *b, void *bf16_out, const real *in, int64_t n)
{
    cast_args p = {bf16_out, in, n};
    queue_go *go = cast_go<bf16, float>;
    if (n > 0)
        ENQUEUE(b, go, p);
}

void cast_wide(bk *b, real *out, const void *bf16_in, int64_t n)
{
    cast_args p = {out, bf16_in, n};
    queue_go *go = cast_go<float, bf16>;
    if (n > 0)
        ENQUEUE(b, go, p);
}
