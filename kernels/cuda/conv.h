/* conv.h - the three convolutions through cuDNN's graph interface, and which of
 * its engines does each. Channels last; factors in float, TF32 or bfloat16, sums
 * in float.
 *
 * An engine is chosen once per shape, device and version of cuDNN, and the choice
 * is remembered in host->folder: the first that cuDNN's heuristics propose among
 * those that give the same bits every time, or with BK_FAST the one that was
 * measured to be the fastest of all. */
#ifndef CUDA_CONV_H
#define CUDA_CONV_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

enum conv_kind { CONV_Y, CONV_X, CONV_W }; /* which partial derivative of the trilinear form */

typedef struct conv_spec {
    enum conv_kind kind;
    bk_window g;
    int bf16;             /* images, filters and the result are bfloat16, else float */
    int bias, plus, relu; /* CONV_Y only: y = relu(conv + bias[k] + plus); bias is float, plus like y */
} conv_spec;

/* The engine for this, or NULL when cuDNN has none that also does what is asked
 * for behind the convolution; a plain one without an engine ends the process.
 * May measure, and may move ROOM_WORK: not for what runs in the queue. */
choice *conv_choose(bk *b, const conv_spec *s);

/* out, a, b: as the entries of backend.h have them, y x w, x y w or w x y. bias
 * and plus: NULL where the choice has none. To be called from the queue. */
void conv_launch(bk *b, const choice *c, void *out, const void *first, const void *second, const float *bias,
                 const void *plus);

/* The same, enqueued. */
void conv_enqueue(bk *b, const choice *c, void *out, const void *first, const void *second, const float *bias,
                  const void *plus);

void conv_close(bk *b); /* drops all choices */

#ifdef __cplusplus
}
#endif
#endif
