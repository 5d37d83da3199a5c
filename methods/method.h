/* method.h - everything a method may use, and all it must provide.
 *
 * A method is one C file here, built into one shared object that exports one
 * constant, `method_entry`. It includes this header and nothing else of ours.
 * A post-hoc method fills in `score` (and `fit`); a training method fills in
 * `loss` (or, rarely, `step`). Scores grow with how in-distribution a sample
 * looks. Each method runs in a process of its own: it may die, it cannot harm. */
#ifndef METHOD_H
#define METHOD_H

#include "../harness/net.h"
#include <stdbool.h>

#define METHOD_ABI 2

/* A hyperparameter is a field of the method's own struct. The kind follows
 * from the field's type; any other type does not compile. The host sets the
 * fields from the configuration (`knn.k: 50`), checks the range, and tries
 * `sweep` on validation data. Changing one marked `refit` calls fit() again.
 * A field of type const char * names another training method, the one whose
 * loss run_base_loss() computes; it has parameters of its own. */
enum param_kind { PARAM_INT, PARAM_REAL, PARAM_FLAG, PARAM_CHOICE, PARAM_METHOD };
typedef struct param {
    const char *name;
    enum param_kind kind;
    uint32_t offset;
    double init, min, max; /* min and max: numbers only */
    const char *choices;   /* "mixup cutmix"; init is the number of one. PARAM_METHOD: the default, "ce" */
    const char *sweep;     /* "50 100 200", two values or more; NULL: it is not tuned */
    bool refit;
    const char *help; /* one line, printed by `oodbench methods` */
} param;
/* clang-format off */
#define PARAM(type, field, ...)                                                                                    \
    {.name = #field, .offset = offsetof(type, field),                                                              \
     .kind = _Generic(((type *)0)->field, int64_t: PARAM_INT, double: PARAM_REAL, bool: PARAM_FLAG,                \
                      int: PARAM_CHOICE, const char *: PARAM_METHOD), __VA_ARGS__}
/* clang-format on */
#define PARAMS(type, table) .params = table, .nparams = sizeof(table) / sizeof(table[0]), .self_bytes = sizeof(type)

typedef struct run run;         /* the experiment in progress */
typedef struct samples samples; /* images with what is known of them, on demand */
typedef struct batch {
    tensor *x, *y;
    int64_t n;
} batch; /* x: [n,h,w,c]; y: [n,1] labels, -1 for outliers */

/* Under which heading tables list a training method, where `outliers` does not say
 * it: a baseline adds nothing to plain training, so its lines are the scorers'. */
enum method_family { FAMILY_BY_OUTLIERS, FAMILY_BASELINE, FAMILY_GENERALISATION, FAMILY_SHARPNESS };

typedef struct method {
    uint32_t abi, size; /* METHOD_HEAD fills these */
    const char *name;   /* the file's own name: "knn" in knn.c */
    const char *cite;   /* "Sun et al. 2022" */
    const param *params;
    uint32_t nparams, self_bytes;
    bool outliers;       /* needs an auxiliary set: checked before start */
    bool reconstruction; /* no source states all of it: its results are marked so */
    bool inputs;         /* asks for samples_input(): it is given few samples at a time */
    bool ranks;          /* several processes may train it, see run_sum() */
    enum method_family family;

    /* Post-hoc. Every callback gets the method's own struct, zeroed but for its
     * parameters. fit sees training data once; when it returns, the tensors that
     * the struct points to live on, as long as the method, and all others are
     * gone. score returns [n,1] for the n samples it is shown. */
    void (*fit)(void *self, run *r);
    tensor *(*score)(void *self, run *r, samples *s);

    /* Training. loss returns one element, which the host differentiates and
     * follows. step replaces that whole recipe for two-step methods. */
    tensor *(*loss)(void *self, run *r, const batch *b);
    void (*step)(void *self, run *r, const batch *b);
} method;
#define METHOD_HEAD .abi = METHOD_ABI, .size = sizeof(method)
#define METHOD_EXPORT __attribute__((visibility("default")))
extern METHOD_EXPORT const method method_entry;

/* The experiment. run_refuse ends it with one sentence when a parameter does
 * not suit the data or the network: what was expected, found, and what to do. */
net *run_net(run *r);
int64_t run_classes(const run *r);
tensor *run_input_mean(run *r); /* [channels], of the preprocessing: */
tensor *run_input_std(run *r);  /* x = (pixel / 255 - mean) / std */
/* Training: a column of diagnostics, its mean per epoch. The tensor has one
 * element and is read when the step is over, together with its loss, so noting
 * it costs no wait; `key` is a literal. At most 16 a step. */
void run_note(run *r, const char *key, double value);
void run_note_tensor(run *r, const char *key, tensor *value);
void run_refuse(run *r, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
enum run_split { RUN_TRAIN, RUN_VAL }; /* in-distribution only */

/* Samples. Features and logits are computed once per checkpoint and cached on
 * disk; only a method that asks for inputs pays for a forward pass. */
samples *run_split(run *r, enum run_split which); /* the whole split; scoring only */
/* n of its rows, until the next call: images by the thousand may fill the memory.
 * Rows past the end repeat the last one. */
samples *run_part(run *r, enum run_split which, int64_t first, int64_t n);
int64_t samples_count(const samples *s);
tensor *samples_input(samples *s);    /* [n,h,w,c] */
tensor *samples_features(samples *s); /* [n,features] */
tensor *samples_logits(samples *s);   /* [n,classes] */
tensor *samples_labels(samples *s);   /* [n,1] integers */

/* Training. run_outliers goes on where it stopped, forever. run_augmented gives
 * the images of the step's batch, or of a slice of it, once more: cut and
 * mirrored as they are there, then changed on their bytes by an augmentation of
 * datasets/corruption.h (severity 1 to 5), with the same draws however often it
 * is asked for. Within a step run_base_loss sees the same outliers and
 * draws the same numbers however often it is called. */
const batch *run_outliers(run *r, int64_t n);
int64_t run_outlier_batch(const run *r); /* how many the configuration wants of them in a step */
tensor *run_augmented(run *r, const batch *b, const char *augmentation, int64_t severity);

/* Several ranks train one network, each with its share of a batch, when `.ranks` is
 * set. They stand for one with the whole batch if a loss is a mean over images, as is
 * what is noted (run_note: rank 0's); if an image meets others in batch normalisation
 * alone; if draws are made for the batch, not for each image; and if ad_grad is asked
 * for gradients by images. run_sum: tx_sum over the images of all ranks, in such a loss. */
tensor *run_sum(run *r, tensor *x);
tensor *run_base_loss(run *r, const batch *b); /* of the method that `base` names; cross-entropy without one */
void run_backward(run *r, tensor *loss);       /* clears, then fills nn_grads */
void run_update(run *r);                       /* one optimizer step from nn_grads */
double run_progress(const run *r);             /* 0 at the start, 1 at the end */

/* Randomness, reproducible from the run's seed. */
uint64_t run_seed(run *r); /* a fresh stream each call */
int64_t run_int(run *r, int64_t below);
double run_uniform(run *r);
void *run_scratch(run *r, size_t bytes); /* zeroed; gone when the callback returns */

#endif
