/* plan_lines.cu - what plans do element by element: sums, ReLU, its mask, float
 * to bfloat16 and back, and what follows a convolution that has no engine which
 * does it along the way. Limited by memory: 16 bytes a load. */
#include "pack.h"
#include "plan.h"

/* y = a + b, what the ReLU lets through; b and mask may be NULL. A NaN goes
 * through, as it does in clamp. */
template <typename Out, typename In, int V>
static __device__ __forceinline__ void line(Out *y, const In *a, const In *b, const In *mask, int relu)
{
    float v[V], more[V], cut[V];
    get_wide<In, V>(v, a);
    if (b)
        get_wide<In, V>(more, b);
    if (mask)
        get_wide<In, V>(cut, mask);
    for (int j = 0; j < V; j++) {
        v[j] = b ? v[j] + more[j] : v[j];
        v[j] = (mask && cut[j] <= 0) || (relu && v[j] < 0) ? 0 : v[j];
    }
    put_narrow<Out, V>(y, v);
}

template <typename Out, typename In, int V>
static __global__ void lines_kernel(Out *y, const In *a, const In *b, const In *mask, int64_t n, int relu)
{
    int64_t whole = n / V * V, step = grid_step();
    for (int64_t i = grid_first() * V; i < whole; i += step * V)
        line<Out, In, V>(y + i, a + i, b ? b + i : b, mask ? mask + i : mask, relu);
    for (int64_t i = whole + grid_first(); i < n; i += step)
        line<Out, In, 1>(y + i, a + i, b ? b + i : b, mask ? mask + i : mask, relu);
}

typedef struct lines_args {
    void *y;
    const void *a, *b, *mask;
    int64_t n, relu, wide_y, wide_a;
} lines_args;

enum { BLOCK = 256 };

template <typename Out, typename In, int V> static void lines_launch(bk *b, const lines_args *l)
{
    int by_vector = aligned_to(l->y, PACK_BYTES) && aligned_to(l->a, PACK_BYTES) && aligned_to(l->b, PACK_BYTES) &&
                    aligned_to(l->mask, PACK_BYTES);
    if (by_vector)
        LAUNCH(b, (lines_kernel<Out, In, V>), blocks_for(b, l->n, BLOCK * V), BLOCK, 0, (Out *)l->y,
               (const In *)l->a, (const In *)l->b, (const In *)l->mask, l->n, (int)l->relu);
    else
        LAUNCH(b, (lines_kernel<Out, In, 1>), blocks_for(b, l->n, BLOCK), BLOCK, 0, (Out *)l->y, (const In *)l->a,
               (const In *)l->b, (const In *)l->mask, l->n, (int)l->relu);
}

static void lines_go(bk *b, const void *args, const scalar *, const void *)
{
    const lines_args *l = (const lines_args *)args;
    if (l->wide_y && l->wide_a)
        lines_launch<float, float, 4>(b, l);
    else if (l->wide_y)
        lines_launch<float, bf16, 8>(b, l);
    else if (l->wide_a)
        lines_launch<bf16, float, 8>(b, l);
    else
        lines_launch<bf16, bf16, 8>(b, l);
}

void act_lines(bk *b, const plan_step *s, void *const at[])
{
    lines_args l = {at[0], at[1], at[2], at[3], s->number[0], s->number[1], s->number[2], s->number[3]};
    int same = l.y == l.a && !l.b && !l.mask && !l.relu && l.wide_y == l.wide_a;
    if (!same)
        ENQUEUE(b, lines_go, l);
}

/* --- behind a convolution --- */

/* y[rows][cols] = y + bias[cols] + plus, what the ReLU lets through. The column
 * of a thread's next values follows from that of its last: no division. */
template <typename T, int V>
static __global__ void epilogue_kernel(T *y, const float *bias, const T *plus, int64_t n, int64_t cols, int relu)
{
    int64_t step = grid_step() * V, onward = step % cols, col = grid_first() * V % cols;
    for (int64_t i = grid_first() * V; i < n; i += step) {
        float v[V], more[V];
        get_wide<T, V>(v, y + i);
        if (plus)
            get_wide<T, V>(more, plus + i);
        for (int j = 0; j < V; j++) {
            v[j] += (bias ? bias[col + j] : 0) + (plus ? more[j] : 0);
            v[j] = relu && v[j] < 0 ? 0 : v[j];
        }
        put_narrow<T, V>(y + i, v);
        col += onward;
        col -= col >= cols ? cols : 0;
    }
}

typedef struct epilogue_args {
    void *y;
    const float *bias;
    const void *plus;
    int64_t rows, cols, relu, bf16;
} epilogue_args;

template <typename T, int V> static void epilogue_launch(bk *b, const epilogue_args *e)
{
    int64_t n = e->rows * e->cols;
    if (e->cols % V == 0 && aligned_to(e->y, sizeof(T) * V) && aligned_to(e->plus, sizeof(T) * V))
        LAUNCH(b, (epilogue_kernel<T, V>), blocks_for(b, n, BLOCK * V), BLOCK, 0, (T *)e->y, e->bias,
               (const T *)e->plus, n, e->cols, (int)e->relu);
    else
        LAUNCH(b, (epilogue_kernel<T, 1>), blocks_for(b, n, BLOCK), BLOCK, 0, (T *)e->y, e->bias,
               (const T *)e->plus, n, e->cols, (int)e->relu);
}

static void epilogue_go(bk *b, const void *args, const scalar *, const void *)
{
    const epilogue_args *e = (const epilogue_args *)args;
    if (e->bf16)
        epilogue_launch<struct bf16, 8>(b, e);
    else
        epilogue_launch<float, 4>(b, e);
}

void act_epilogue(bk *b, const plan_step *s, void *const at[])
{
    epilogue_args e = {at[0], (const float *)at[1], at[2], s->number[0], s->number[1], s->number[2], s->number[3]};
    ENQUEUE(b, epilogue_go, e);
}
