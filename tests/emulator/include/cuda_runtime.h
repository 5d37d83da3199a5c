/* cuda_runtime.h - CUDA C for a C++ compiler: the words of the language, and what
 * a kernel may call, carried out by the emulator's fibers, one per thread.
 *
 * A launch runs its blocks one after the other on the calling thread of the host.
 * Only one thread of a block runs at a time, so an atomic is a plain statement;
 * what a missing barrier breaks depends on the order of the threads, which
 * EMULATOR_ORDER chooses (../fibers.cpp). */
#ifndef EMULATOR_CUDA_RUNTIME_H
#define EMULATOR_CUDA_RUNTIME_H

#include "cuda_runtime_api.h"

#ifdef __cplusplus
#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include <functional>
#include <tuple>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __shared__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
#define __grid_constant__

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};
struct uint3 {
    unsigned x, y, z;
};

/* Vectors must lie on multiples of their size, as on the card. */
#define EMULATOR_VECTORS(scalar, name)                                                                             \
    struct alignas(2 * sizeof(scalar)) name##2                                                                     \
    {                                                                                                              \
        scalar x, y;                                                                                               \
    };                                                                                                             \
    struct alignas(4 * sizeof(scalar) < 16 ? 4 * sizeof(scalar) : 16) name##4                                      \
    {                                                                                                              \
        scalar x, y, z, w;                                                                                         \
    };                                                                                                             \
    static inline name##2 make_##name##2(scalar x, scalar y)                                                       \
    {                                                                                                              \
        return {x, y};                                                                                             \
    }                                                                                                              \
    static inline name##4 make_##name##4(scalar x, scalar y, scalar z, scalar w)                                   \
    {                                                                                                              \
        return {x, y, z, w};                                                                                       \
    }
EMULATOR_VECTORS(float, float)
EMULATOR_VECTORS(int, int)
EMULATOR_VECTORS(unsigned, uint)
EMULATOR_VECTORS(short, short)
EMULATOR_VECTORS(unsigned short, ushort)
EMULATOR_VECTORS(unsigned char, uchar)
EMULATOR_VECTORS(double, double)
EMULATOR_VECTORS(long long, longlong)
EMULATOR_VECTORS(unsigned long long, ulonglong)
static inline dim3 make_dim3(unsigned x, unsigned y, unsigned z)
{
    return dim3(x, y, z);
}

namespace emulator
{
enum collective { SYNC_WARP, SHUFFLE, BALLOT };
extern unsigned char *shared; /* of the running block, of the size named at the launch */
extern uint3 thread, block;
extern dim3 threads, blocks;

void barrier();
/* Waits for the lanes in mask; the value that lane `source` of the warp brought,
 * or with BALLOT the lanes that brought something other than 0. */
uint64_t meet(enum collective kind, unsigned mask, uint64_t value, unsigned source);
unsigned lane();

struct launch {
    const char *name;    /* as written at the launch */
    const void *address; /* which cudaFuncSetAttribute knows it by */
    dim3 grid, block;
    size_t shared;
    cudaStream_t stream;
};
void enqueue_kernel(const launch &l, std::function<void()> body);
void check_pointer(const launch &l, int which, const void *p); /* of the card, or the process ends */

template <class T> static inline void check_argument(const launch &l, int which, const T &value)
{
    if constexpr (std::is_pointer_v<T>)
        if constexpr (!std::is_function_v<std::remove_pointer_t<T>>)
            check_pointer(l, which, (const void *)value);
}

template <class T> struct as_declared {
    typedef T type;
};

/* The arguments are converted and kept now; the kernel runs at the next wait. */
template <class... P>
static inline void start(launch l, void (*kernel)(P...), typename as_declared<P>::type... args)
{
    std::tuple<std::decay_t<P>...> kept(args...);
    l.address = (const void *)kernel;
    std::apply(
        [&l](const auto &...value) {
            int i = 0;
            (check_argument(l, ++i, value), ...);
        },
        kept);
    enqueue_kernel(l, [kernel, kept] { std::apply(kernel, kept); });
}

/* Which lane a shuffle reads: its own where the other is outside its group. */
template <class T> static inline T shuffle(unsigned mask, T value, int source, int width)
{
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    int first = (int)lane() / width * width;
    if (source < first || source >= first + width)
        source = (int)lane();
    bits = meet(SHUFFLE, mask, bits, (unsigned)source);
    memcpy(&value, &bits, sizeof value);
    return value;
}

template <class To, class From> static inline To same_bits(From from)
{
    To to;
    static_assert(sizeof to == sizeof from, "bits are taken as they are");
    memcpy(&to, &from, sizeof to);
    return to;
}

template <class T> static inline T exchange(T *p, T value)
{
    T old = *p;
    *p = value;
    return old;
}
} // namespace emulator

#define threadIdx (emulator::thread)
#define blockIdx (emulator::block)
#define blockDim (emulator::threads)
#define gridDim (emulator::blocks)
static const int warpSize = 32;
#define __expf(v) expf(v) /* the host's library has functions of these names */
#define __logf(v) logf(v)

#define LAUNCH(b, kernel, grid, block, shared, ...)                                                                \
    do {                                                                                                           \
        emulator::start(                                                                                           \
            emulator::launch{#kernel, nullptr, dim3(grid), dim3(block), (size_t)(shared), (b)->stream}, kernel,    \
            ##__VA_ARGS__);                                                                                        \
        CUDA_DO(b, "launch", cudaGetLastError());                                                                  \
    } while (0)
#define SHARED(type, name) type *name = (type *)emulator::shared

static inline void __syncthreads()
{
    emulator::barrier();
}
static inline void __syncwarp(unsigned mask = 0xffffffffu)
{
    emulator::meet(emulator::SYNC_WARP, mask, 0, 0);
}
static inline void __threadfence()
{
}
static inline void __threadfence_block()
{
}
static inline void __threadfence_system()
{
}
static inline unsigned __activemask() = delete; /* says nothing that can be relied on */

template <class T> static inline T __shfl_sync(unsigned mask, T v, int source, int width = 32)
{
    int first = (int)emulator::lane() / width * width;
    return emulator::shuffle(mask, v, first + source % width, width);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T v, int with, int width = 32)
{
    return emulator::shuffle(mask, v, (int)emulator::lane() ^ with, width);
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32)
{
    return emulator::shuffle(mask, v, (int)emulator::lane() - (int)by, width);
}
template <class T> static inline T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32)
{
    return emulator::shuffle(mask, v, (int)emulator::lane() + (int)by, width);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate)
{
    return (unsigned)emulator::meet(emulator::BALLOT, mask, predicate != 0, 0);
}
static inline int __any_sync(unsigned mask, int predicate)
{
    return __ballot_sync(mask, predicate) != 0;
}
static inline int __all_sync(unsigned mask, int predicate)
{
    return __ballot_sync(mask, !predicate) == 0;
}

template <class T> static inline T atomicAdd(T *p, T v)
{
    return emulator::exchange(p, (T)(*p + v));
}
template <class T> static inline T atomicMax(T *p, T v)
{
    return emulator::exchange(p, *p < v ? v : *p);
}
template <class T> static inline T atomicMin(T *p, T v)
{
    return emulator::exchange(p, v < *p ? v : *p);
}
template <class T> static inline T atomicOr(T *p, T v)
{
    return emulator::exchange(p, *p | v);
}
template <class T> static inline T atomicAnd(T *p, T v)
{
    return emulator::exchange(p, *p & v);
}
template <class T> static inline T atomicExch(T *p, T v)
{
    return emulator::exchange(p, v);
}
template <class T> static inline T atomicCAS(T *p, T expected, T v)
{
    return emulator::exchange(p, *p == expected ? v : *p);
}
/* Wraps to 0 behind `most`. */
static inline unsigned atomicInc(unsigned *p, unsigned most)
{
    return emulator::exchange(p, *p >= most ? 0 : *p + 1);
}

static inline int __popc(unsigned v)
{
    return __builtin_popcount(v);
}
static inline int __popcll(unsigned long long v)
{
    return __builtin_popcountll(v);
}
static inline int __ffs(int v)
{
    return __builtin_ffs(v);
}
static inline int __clz(int v)
{
    return v ? __builtin_clz((unsigned)v) : 32;
}
static inline int __clzll(long long v)
{
    return v ? __builtin_clzll((unsigned long long)v) : 64;
}
static inline unsigned __float_as_uint(float v)
{
    return emulator::same_bits<unsigned>(v);
}
static inline int __float_as_int(float v)
{
    return emulator::same_bits<int>(v);
}
static inline float __uint_as_float(unsigned v)
{
    return emulator::same_bits<float>(v);
}
static inline float __int_as_float(int v)
{
    return emulator::same_bits<float>(v);
}
static inline long long __double_as_longlong(double v)
{
    return emulator::same_bits<long long>(v);
}
static inline double __longlong_as_double(long long v)
{
    return emulator::same_bits<double>(v);
}
static inline unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)((unsigned long long)a * b >> 32);
}
template <class T> static inline void __stwb(T *p, T value)
{
    *p = value;
}
template <class T> static inline T __ldg(const T *p)
{
    return *p;
}
template <class T> static inline T __ldcs(const T *p)
{
    return *p;
}
template <class T> static inline void __stcs(T *p, T v)
{
    *p = v;
}
static inline float rsqrtf(float v)
{
    return 1 / sqrtf(v);
}
static inline double rsqrt(double v)
{
    return 1 / sqrt(v);
}
static inline float __fdividef(float a, float b)
{
    return a / b;
}
static inline float __fmul_rn(float a, float b)
{
    return a * b;
}
static inline float __fadd_rn(float a, float b)
{
    return a + b;
}
static inline double __dmul_rn(double a, double b)
{
    return a * b;
}
static inline double __dadd_rn(double a, double b)
{
    return a + b;
}
template <class T> static inline T min(T a, T b)
{
    return b < a ? b : a;
}
template <class T> static inline T max(T a, T b)
{
    return a < b ? b : a;
}

template <class T> static inline cudaError_t cudaFuncSetAttribute(T *kernel, enum cudaFuncAttribute attr, int value)
{
    return cudaFuncSetAttribute((const void *)kernel, attr, value);
}
template <class T> static inline cudaError_t cudaMalloc(T **p, size_t bytes)
{
    return cudaMalloc((void **)p, bytes);
}
#endif
#endif
