/* emulator.hpp - inside the emulator: memory, the order of work, and what the
 * libraries share. The files: memory.cpp, stream.cpp (work is put off until
 * somebody waits), fibers.cpp (kernels), device.cpp, blas.cpp, dnn_*.cpp. */
#ifndef EMULATOR_HPP
#define EMULATOR_HPP

#include <cstddef>
#include <cstdint>
#include <functional>

#include "include/cuda_runtime_api.h"

namespace emulator
{
/* Ends the process: a program that does this would be wrong on a card as well. */
[[noreturn, gnu::format(printf, 1, 2)]] void die(const char *fmt, ...);

/* --- memory.cpp --- */

enum place { PAGEABLE, PINNED, MAPPED, ON_DEVICE };
place where_is(const void *p, size_t bytes); /* PAGEABLE: unknown to the runtime */
bool inside_device(const void *p);           /* also one behind the end; MAPPED counts */
void check_guards();                         /* ends the process when a kernel wrote behind an allocation */

/* --- stream.cpp --- */

typedef std::function<void()> work;
/* To be done in the stream's order, or written down where the stream captures.
 * What is refused is the error that the call returns. */
cudaError_t enqueue(cudaStream_t stream, work w);
/* Calls that a capture does not allow; when one runs it is spoilt. */
cudaError_t refuse_in_capture();
void finish_all(); /* does everything that was enqueued */

cudaError_t failed();               /* the error that stays once a kernel failed */
void fail_kernel(cudaError_t what); /* what follows is not run */
cudaError_t said(cudaError_t rc);   /* remembers it for cudaGetLastError */

/* --- numbers.cpp: what the libraries compute with --- */

enum element { FLOAT32, BFLOAT16 };
size_t element_bytes(element e);
double element_get(const void *p, int64_t i, element e);
void element_put(void *p, int64_t i, element e, double value);
float as_tf32(float v); /* rounded to 10 bits behind the point */
/* sum[j] += factor[i] * rows[i * step + j] for i < count, j < n: all that products
 * and convolutions do. */
void add_rows(double *sum, int64_t n, const double *factor, int64_t count, const double *rows, int64_t step);
} // namespace emulator

#endif
