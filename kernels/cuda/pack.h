/* pack.h - neighbouring values that a thread moves together: at most 16 bytes at
 * once, at addresses that are multiples of what is moved. */
#ifndef CUDA_PACK_H
#define CUDA_PACK_H

#include <string.h>

#include "kernel.h"

enum { PACK_BYTES = 16 };

template <class T, int N> struct __align__(sizeof(T) * N) pack
{
    T v[N];
};

template <class T, int N> static __device__ __forceinline__ pack<T, N> fetch(const T *from)
{
    return *(const pack<T, N> *)from;
}

template <class T, int N> static __device__ __forceinline__ void store(T *to, const pack<T, N> &p)
{
    *(pack<T, N> *)to = p;
}

/* The bytes of a pack as the memory takes them: in one move. */
template <int BYTES> struct moved;
template <> struct moved<2> {
    typedef unsigned short all;
};
template <> struct moved<4> {
    typedef unsigned all;
};
template <> struct moved<8> {
    typedef uint2 all;
};
template <> struct moved<16> {
    typedef uint4 all;
};

/* The same as store, where the compiler is seen to store value by value: it does
 * so where values are put together one by one and used besides. */
template <class T, int N> static __device__ __forceinline__ void store_at_once(T *to, const pack<T, N> &p)
{
    typename moved<(int)sizeof p>::all all;
    memcpy(&all, &p, sizeof all);
    __stwb((decltype(all) *)to, all);
}

/* N values, in as many moves as they take. */
template <class T, int N> static __device__ __forceinline__ void get(T (&to)[N], const T *from)
{
    const int each = sizeof(T) * N > PACK_BYTES ? PACK_BYTES / (int)sizeof(T) : N;
    for (int i = 0; i < N; i += each) {
        pack<T, each> p = fetch<T, each>(from + i);
        for (int k = 0; k < each; k++)
            to[i + k] = p.v[k];
    }
}

template <class T, int N> static __device__ __forceinline__ void put(T *to, const T (&from)[N])
{
    const int each = sizeof(T) * N > PACK_BYTES ? PACK_BYTES / (int)sizeof(T) : N;
    for (int i = 0; i < N; i += each) {
        pack<T, each> p;
        for (int k = 0; k < each; k++)
            p.v[k] = from[i + k];
        store<T, each>(to + i, p);
    }
}

/* The same, computed with as floats. */
template <class T, int N> static __device__ __forceinline__ void get_wide(float (&to)[N], const T *from)
{
    T raw[N];
    get(raw, from);
    for (int k = 0; k < N; k++)
        to[k] = wide(raw[k]);
}

template <class T, int N> static __device__ __forceinline__ void put_narrow(T *to, const float (&from)[N])
{
    T raw[N];
    for (int k = 0; k < N; k++)
        narrow(&raw[k], from[k]);
    put(to, raw);
}

#endif
