/* vjp.h - the rules by operation, and what operations and rules share. */
#ifndef VJP_H
#define VJP_H

#include "engine.h"

enum operation {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_AFFINE,
    OP_NEG,
    OP_ABS,
    OP_EXP,
    OP_LOG,
    OP_SQRT,
    OP_RECIP,
    OP_SQUARE,
    OP_CLAMP,
    OP_WITHIN,
    OP_SUM,
    OP_ROWSUM,
    OP_COLSUM,
    OP_SPREAD,
    OP_LSE,
    OP_RESHAPE,
    OP_SLICE,
    OP_EMBED,
    OP_CONCAT,
    OP_SLICE_COLS,
    OP_EMBED_COLS,
    OP_CONCAT_COLS,
    OP_PICK,
    OP_PLACE,
    OP_TAKE,
    OP_PUT,
    OP_MATMUL,
    OP_CONV,
    OP_CONV_X,
    OP_CONV_W,
    OP_MAXPOOL,
    OP_AVGPOOL,
    OP_AVGPOOL_T,
    OP_LOG_SOFTMAX,
    OP_BATCHNORM,
    OP_COUNT
};
extern const rule ad_rules[OP_COUNT];

/* How a vector meets an array (backend.h): v[mid], a[outer][mid][inner]. */
typedef struct meeting {
    int64_t outer, mid, inner;
} meeting;
bool tx_meet(const tensor *v, dims d, meeting *m); /* false: it does not */

/* Records y = operation(in) when it should be; the node or NULL. */
static inline node *record(tensor *y, enum operation op, int differentiable, int n, tensor *const in[])
{
    return ad_node(y, &ad_rules[op], differentiable, n, in);
}

#endif
