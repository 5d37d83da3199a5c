/* checkpoint.h - named tensors from a file: .safetensors, or a PyTorch pickle
 * (.pt .pth .th .ckpt, the zip layout and the older one), told apart by their
 * first bytes. Unpickling builds dictionaries, lists, numbers, strings and
 * tensors by a whitelist and executes nothing; any other global is a fault that
 * names it. A state dict may be the whole file or lie under `state_dict`,
 * `model`, `net` or `model_state_dict`; prefixes of wrappers (`module.`, `model.`,
 * `net.`, `network.`, `backbone.`, `_orig_mod.`) are dropped where all names have
 * them. Functions return 0, or -1 with fault() set. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

typedef struct checkpoint checkpoint;

typedef struct checkpoint_tensor {
    const char *name;
    int ndims; /* 0 for a scalar */
    int64_t dims[8];
    int64_t count;     /* product of dims */
    const char *dtype; /* "F32" "F64" "F16" "BF16" "I64" "I32" "U8" ... */
} checkpoint_tensor;

int checkpoint_open(checkpoint **c, const char *path);
void checkpoint_close(checkpoint *c);

int64_t checkpoint_count(const checkpoint *c);
const checkpoint_tensor *checkpoint_at(const checkpoint *c, int64_t i);
const checkpoint_tensor *checkpoint_find(const checkpoint *c, const char *name); /* or NULL */

/* Converts to float (strides of pickled views are honoured): out[t->count]. */
int checkpoint_floats(const checkpoint *c, const checkpoint_tensor *t, float *out);
/* Elements [first, first + count) of them, in the order of a dense tensor. */
int checkpoint_part(const checkpoint *c, const checkpoint_tensor *t, int64_t first, int64_t count, float *out);

/* Writes .safetensors, aside and renamed. values[i] points to float[count].
 * metadata: pairs of key, value, ended by NULL; may be NULL. */
int checkpoint_save(const char *path, const checkpoint_tensor t[], const float *const values[], int64_t n,
                    const char *const metadata[]);

#endif
