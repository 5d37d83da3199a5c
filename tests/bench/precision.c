/* precision.c - makes a network compute in bfloat16, and looks whether the device
 * does: one that does not computes in float, which shows in the bits. */
#include "bench.h"

#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/models.h"

#include <string.h>

enum { IMAGES = 4, MOST = 100 };

static void logits(net *n, real z[IMAGES * MOST])
{
    int64_t side = nn_side(n);
    tx_open();
    tx_read(nn_forward(n, tx_normal(DIMS(IMAGES, side, side, 3), 5)), z);
    tx_close();
}

int precision_begin(net *n, enum peak limit, int train)
{
    real in_float[IMAGES * MOST], in_bf16[IMAGES * MOST];
    size_t bytes = IMAGES * (size_t)nn_classes(n) * sizeof(real);
    nn_precision(n, 0);
    if (limit != PEAK_BF16)
        return 0;
    enum nn_mode mode = nn_mode(n, train ? NN_FROZEN : NN_EVAL);
    logits(n, in_float);
    nn_precision(n, 1);
    logits(n, in_bf16);
    nn_mode(n, mode);
    if (memcmp(in_float, in_bf16, bytes) != 0)
        return 0;
    fault("%s does not compute%s in bfloat16 here", device_name(), train ? " training" : "");
    return 1;
}
