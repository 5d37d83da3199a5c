/* plan_fold.cu - filters as a plan's convolutions take them: with the batch-norm
 * behind them folded in, or as they are, in bfloat16 and on even addresses; and
 * what was computed per filter or channel back to the caller's vectors. */
#include "pack.h"
#include "plan.h"

enum { BLOCK = 256 };

/* --- folding: one block for each output channel --- */

typedef struct fold_args {
    void *to;
    void *bias;
    const float *from, *gamma, *beta, *mean, *var; /* gamma NULL: nothing to fold */
    int64_t k, taps, eps, bf16, narrow_bias;       /* eps: its bits */
} fold_args;

template <typename T> static __global__ void fold_kernel(T *to, fold_args f)
{
    const int64_t k = blockIdx.x;
    float rate = 1;
    if (f.gamma) {
        double r = f.gamma[k] / sqrt((double)f.var[k] + (double)__uint_as_float((unsigned)f.eps));
        rate = (float)r;
        float bias = (float)(f.beta[k] - f.mean[k] * r);
        if (threadIdx.x == 0 && f.narrow_bias)
            narrow(&((bf16 *)f.bias)[k], bias);
        else if (threadIdx.x == 0)
            narrow(&((float *)f.bias)[k], bias);
    }
    for (int64_t i = threadIdx.x; i < f.taps; i += blockDim.x)
        narrow(&to[k * f.taps + i], f.from[k * f.taps + i] * rate);
}

static void fold_go(bk *b, const void *args, const scalar *, const void *)
{
    const fold_args *f = (const fold_args *)args;
    if (f->bf16)
        LAUNCH(b, fold_kernel<bf16>, (unsigned)f->k, BLOCK, 0, (bf16 *)f->to, *f);
    else
        LAUNCH(b, fold_kernel<float>, (unsigned)f->k, BLOCK, 0, (float *)f->to, *f);
}

void act_fold(bk *b, const plan_step *s, void *const at[])
{
    fold_args f = {at[0],
                   at[1],
                   (const float *)at[2],
                   (const float *)at[3],
                   (const float *)at[4],
                   (const float *)at[5],
                   (const float *)at[6],
                   s->number[0],
                   s->number[1],
                   (int64_t)scalar_of(s->norm.eps),
                   s->number[2],
                   s->number[3]};
    ENQUEUE(b, fold_go, f);
}

/* --- packing: one block for each piece of the table --- */

template <typename Out, typename In>
static __device__ __forceinline__ void move_piece(Out *y, const In *x, int64_t n)
{
    const int V = 4;
    int64_t packs = 0;
    if ((((uintptr_t)y & (sizeof(Out) * V - 1)) | ((uintptr_t)x & (sizeof(In) * V - 1))) == 0)
        packs = n / V;
    for (int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
        pack<In, V> in = fetch<In, V>(x + i * V);
        pack<Out, V> out;
        for (int j = 0; j < V; j++)
            narrow(&out.v[j], wide(in.v[j]));
        store(y + i * V, out);
    }
    for (int64_t i = packs * V + threadIdx.x; i < n; i += blockDim.x)
        narrow(&y[i], wide(x[i]));
}

template <typename T> static __global__ void pack_kernel(T *packed, const plan_piece *table, const float *whole)
{
    const plan_piece p = table[blockIdx.x];
    move_piece(packed + p.inside, whole + p.outside, p.count);
}

template <typename T> static __global__ void unpack_kernel(float *whole, const plan_piece *table, const T *packed)
{
    const plan_piece p = table[blockIdx.x];
    move_piece(whole + p.outside, packed + p.inside, p.count);
}

typedef struct pack_args {
    void *to;
    const plan_piece *table;
    const void *from;
    int64_t pieces, bf16;
} pack_args;

static void pack_go(bk *b, const void *args, const scalar *, const void *)
{
    const pack_args *a = (const pack_args *)args;
    if (a->bf16)
        LAUNCH(b, pack_kernel<bf16>, (unsigned)a->pieces, BLOCK, 0, (bf16 *)a->to, a->table,
               (const float *)a->from);
    else
        LAUNCH(b, pack_kernel<float>, (unsigned)a->pieces, BLOCK, 0, (float *)a->to, a->table,
               (const float *)a->from);
}

static void unpack_go(bk *b, const void *args, const scalar *, const void *)
{
    const pack_args *a = (const pack_args *)args;
    if (a->bf16)
        LAUNCH(b, unpack_kernel<bf16>, (unsigned)a->pieces, BLOCK, 0, (float *)a->to, a->table,
               (const bf16 *)a->from);
    else
        LAUNCH(b, unpack_kernel<float>, (unsigned)a->pieces, BLOCK, 0, (float *)a->to, a->table,
               (const float *)a->from);
}

static void enqueue_pack(bk *b, const plan_step *s, void *const at[], queue_go *go)
{
    pack_args a = {at[0], (const plan_piece *)at[1], at[2], s->number[0], s->number[1]};
    if (a.pieces)
        ENQUEUE(b, go, a);
}

void act_pack(bk *b, const plan_step *s, void *const at[])
{
    enqueue_pack(b, s, at, pack_go);
}

void act_unpack(bk *b, const plan_step *s, void *const at[])
{
    enqueue_pack(b, s, at, unpack_go);
}
