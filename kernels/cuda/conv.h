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
enum conv_bias { CONV_NO_BIAS, CONV_BIAS_FLOAT, CONV_BIAS_LIKE_Y };

typedef struct conv_spec {
    enum conv_kind kind;
    bk_window g;
    int bf16; /* images, filters and the result are bfloat16, else float */
    /* CONV_Y only: y = relu(conv + bias[k] + plus); plus is of y's type. bias is
     * an enum conv_bias: for bfloat16 images cuDNN has ready-made kernels with a
     * bias of their type; with a float one it compiles kernels while it runs, if
     * it can, and without a bias too. */
    int bias, plus, relu;
} conv_spec;

/* The engine for this, or NULL when cuDNN has none that also does what is asked
 * for behind the convolution; a plain one without an engine ends the process.
 * May measure, and may move ROOM_WORK: not for what runs in the queue. */
choice *conv_choose(bk *b, const conv_spec *s);

/* What an engine works on: as the entries of backend.h have it, y x w, x y w or
 * w x y. bias and plus: NULL where the choice has none. */
typedef struct conv_args {
    const choice *c;
    void *out;
    const void *first, *second, *bias, *plus;
} conv_args;

/* cuDNN wants addresses that are multiples of 16; what lies elsewhere (filters
 * in a vector of parameters) goes by way of copies. This takes room for them:
 * to be called before the call that will launch is enqueued. */
void conv_need_room(bk *b, const conv_args *a);
void conv_launch(bk *b, const conv_args *a); /* from the queue */

/* Both: room now, the launch in its turn. */
void conv_enqueue(bk *b, const choice *c, void *out, const void *first, const void *second, const void *bias,
                  const void *plus);

void conv_close(bk *b); /* drops all choices */

#ifdef __cplusplus
}
#endif
#endif
