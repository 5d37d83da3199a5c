/* casts.h - arrays from float to bfloat16 and back, for plans. Both enqueue; the
 * arrays may not overlap. */
#ifndef CUDA_CASTS_H
#define CUDA_CASTS_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

void cast_narrow(bk *b, void *bf16_out, const real *in, int64_t n); /* to nearest, ties to even */
void cast_wide(bk *b, real *out, const void *bf16_in, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
