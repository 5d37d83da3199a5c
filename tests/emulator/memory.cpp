/* memory.cpp - memory of the card and page-locked memory. Fresh memory is full of
 * NaN, and behind each piece lies a guard that kernels must not touch. */
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "emulator.hpp"

namespace emulator
{
static const size_t ALIGN = 256, GUARD = 256, DEFAULT_TOTAL = (size_t)8 << 30;
static const int FRESH = 0xff, GUARDED = 0xa7; /* reals of FRESH bytes are NaN */

struct piece {
    size_t bytes;
    place where;
};
static std::map<uintptr_t, piece> pieces;
static size_t taken;

void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("emulated CUDA: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

/* The piece that begins at or before p. */
static const std::pair<const uintptr_t, piece> *piece_at(const void *p)
{
    auto next = pieces.upper_bound((uintptr_t)p);
    return next == pieces.begin() ? nullptr : &*--next;
}

place where_is(const void *p, size_t bytes)
{
    auto at = piece_at(p);
    uintptr_t first = (uintptr_t)p;
    if (!at || first >= at->first + at->second.bytes)
        return PAGEABLE;
    if (first + bytes > at->first + at->second.bytes)
        die("%zu bytes from %p on reach beyond the %zu that were allocated at %p", bytes, p, at->second.bytes,
            (void *)at->first);
    return at->second.where;
}

bool inside_device(const void *p)
{
    auto at = piece_at(p);
    return at && (uintptr_t)p <= at->first + at->second.bytes && at->second.where >= MAPPED;
}

static void check_guard(uintptr_t at, const piece &k)
{
    const unsigned char *guard = (const unsigned char *)at + k.bytes;
    for (size_t i = 0; i < GUARD; i++)
        if (guard[i] != GUARDED)
            die("something was written %zu bytes behind the %zu that were allocated at %p", i, k.bytes, (void *)at);
}

void check_guards()
{
    for (const auto &[at, k] : pieces)
        check_guard(at, k);
}

static size_t total_bytes()
{
    const char *limit = getenv("EMULATOR_MEMORY");
    return limit ? strtoull(limit, nullptr, 10) : DEFAULT_TOTAL;
}

static void *take(size_t bytes, place where)
{
    size_t whole = (bytes + GUARD + ALIGN - 1) / ALIGN * ALIGN;
    if (where == ON_DEVICE && (bytes > total_bytes() || taken + bytes > total_bytes()))
        return nullptr;
    unsigned char *p = (unsigned char *)aligned_alloc(ALIGN, whole);
    if (!p)
        return nullptr;
    memset(p, FRESH, bytes);
    memset(p + bytes, GUARDED, GUARD);
    pieces[(uintptr_t)p] = {bytes, where};
    taken += where == ON_DEVICE ? bytes : 0;
    return p;
}

static cudaError_t give(void *p, bool device)
{
    auto at = pieces.find((uintptr_t)p);
    if (at == pieces.end() || (at->second.where == ON_DEVICE) != device)
        return cudaErrorInvalidValue;
    check_guard(at->first, at->second);
    taken -= device ? at->second.bytes : 0;
    memset(p, FRESH, at->second.bytes);
    pieces.erase(at);
    free(p);
    return cudaSuccess;
}

static cudaError_t allocate(void **p, size_t bytes, place where)
{
    cudaError_t rc = refuse_in_capture();
    if (rc == cudaSuccess)
        rc = failed();
    if (rc != cudaSuccess)
        return said(rc);
    *p = bytes ? take(bytes, where) : nullptr;
    return said(bytes && !*p ? cudaErrorMemoryAllocation : cudaSuccess);
}

/* Waits for everything first, as the real ones do. */
static cudaError_t release(void *p, bool device)
{
    cudaError_t rc = p ? refuse_in_capture() : cudaSuccess;
    if (rc != cudaSuccess || !p)
        return said(rc == cudaSuccess ? failed() : rc);
    finish_all();
    rc = give(p, device);
    return said(failed() == cudaSuccess ? rc : failed());
}
} // namespace emulator

using namespace emulator;

cudaError_t cudaMemGetInfo(size_t *unused, size_t *total)
{
    *total = total_bytes();
    *unused = *total - taken;
    return said(failed());
}

cudaError_t cudaMalloc(void **p, size_t bytes)
{
    return allocate(p, bytes, ON_DEVICE);
}

cudaError_t cudaFree(void *p)
{
    return release(p, true);
}

cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned flags)
{
    return allocate(p, bytes, flags & cudaHostAllocMapped ? MAPPED : PINNED);
}

cudaError_t cudaMallocHost(void **p, size_t bytes)
{
    return allocate(p, bytes, PINNED);
}

cudaError_t cudaFreeHost(void *p)
{
    return release(p, false);
}

cudaError_t cudaHostGetDevicePointer(void **device, void *host, unsigned)
{
    if (where_is(host, 1) != MAPPED)
        return said(cudaErrorInvalidValue);
    *device = host;
    return said(failed());
}

/* --- Copies --- */

static bool fits(enum cudaMemcpyKind kind, place dst, place src)
{
    bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (kind == cudaMemcpyDefault)
        return true;
    return (to_device ? dst >= MAPPED : dst != ON_DEVICE) && (from_device ? src >= MAPPED : src != ON_DEVICE);
}

/* Bytes in pageable memory are read now, from page-locked memory when the copy's
 * turn comes; what is written to the host is written late in any case. */
cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    if (!bytes)
        return said(failed());
    place from = where_is(src, bytes);
    if (!fits(kind, where_is(dst, bytes), from))
        return said(cudaErrorInvalidValue);
    if (from != PAGEABLE)
        return said(enqueue(stream, [=] { memmove(dst, src, bytes); }));
    auto kept = std::string((const char *)src, bytes);
    return said(enqueue(stream, [=] { memcpy(dst, kept.data(), bytes); }));
}

cudaError_t cudaMemcpy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind)
{
    cudaError_t rc = refuse_in_capture();
    if (rc == cudaSuccess)
        rc = cudaMemcpyAsync(dst, src, bytes, kind, nullptr);
    if (rc == cudaSuccess)
        rc = cudaDeviceSynchronize();
    return said(rc);
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream)
{
    if (!bytes)
        return said(failed());
    if (where_is(p, bytes) < MAPPED)
        return said(cudaErrorInvalidValue);
    return said(enqueue(stream, [=] { memset(p, value, bytes); }));
}

cudaError_t cudaMemset(void *p, int value, size_t bytes)
{
    cudaError_t rc = refuse_in_capture();
    if (rc == cudaSuccess)
        rc = cudaMemsetAsync(p, value, bytes, nullptr);
    return said(rc);
}
