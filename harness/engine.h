/* engine.h - what stands behind tensor.h: storage, recorded steps, the device.
 *
 * For the engine itself and for the host's own code (networks, samples,
 * training, scoring); methods see tensor.h alone. Storage is counted and
 * shared, tensors are not: each belongs to one scope, several may look at one
 * storage, so reshapes, row slices and parameters cost no copy. */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>

#include "tensor.h"

/* Where a call stands in the source; file is NULL when nobody said. */
typedef struct origin {
    const char *file;
    int line;
} origin;

/* A block of device memory (the head of pool.c's own record of it). `version`
 * counts the writes in place. */
typedef struct storage {
    char *at;
    size_t bytes; /* as asked for */
    int refs;     /* tensors that look at it */
    uint32_t version;
    const char *changed_by; /* the operation that last wrote in place, and where */
    origin changed_at;
} storage;

typedef struct node node;

struct tensor {
    storage *mem;   /* NULL once its scope closed or a backward pass gave it back */
    int64_t offset; /* of the first element in mem, counted in elements */
    dims d;
    int64_t count, rows, cols;
    bool integer;
    bool wants;          /* a leaf or computed from one: on the tape at `order` */
    bool lost;           /* was computed, but its history went with its scope */
    int scope;           /* depth of the scope it lives in; -1: dead */
    int64_t order;       /* position on the tape */
    node *node;          /* how it was computed; NULL for a leaf */
    tensor *grad;        /* a parameter's gradient, which ad_backward adds to */
    tensor *next, *prev; /* others of its scope */
};

/* The open device and the switches of this process. */
typedef struct engine {
    const bk_api *api;
    bk *b;
    bool recording;  /* ad_record */
    bool fused;      /* use the backend's fast paths and plans (environment: FUSED=0) */
    bool parameters; /* parameters want gradients; scoring turns it off */
} engine_state;
extern engine_state engine;

/* device.c. NAME is "auto" (cuda, else cpu, else ref; says which) or the name of
 * an object NAME.so in kernels/ beside the program (OODBENCH_KERNELS: another
 * folder). flags: BK_FAST, BK_TF32. 0, or -1 with fault() set, saying what cures it. */
int device_open(const char *name, unsigned flags);
int device_open_api(const bk_api *api, unsigned flags); /* one that is linked in */
void device_close(void);                                /* after all scopes but the outermost; frees everything */
const char *device_name(void);                          /* "cpu"; "none" */
void device_describe(char *text, size_t cap);
void device_sync(void); /* waits, and is counted */

/* Every backend that is built, in the order of names, each opened and closed again: `text` says
 * what it is or why it is refused. None may be open. -1 with fault() when none is built. */
typedef void device_seen(void *arg, const char *name, int ready, const char *text);
int device_each(device_seen *each, void *arg);

/* Switches; each returns what it was. */
bool engine_fused(bool on);
bool engine_parameters(bool on);

/* pool.c: counted storage from one caching allocator, scopes, host memory.
 * Environment: FAIL_ALLOC=n fails the n-th allocation once, FAIL_ALLOC=n+ all
 * from the n-th on; POOL_CHECK=1 puts guards around blocks and fills fresh and
 * released ones with NaN. */
typedef struct pool_counts {
    int64_t live, live_peak; /* bytes that tensors look at */
    int64_t held, held_peak; /* bytes taken from the device, cached ones included: peak_mb */
    int64_t allocations;     /* calls of the driver's allocator */
    int64_t waits;           /* read and sync */
    int64_t tensors;         /* alive */
    int64_t failures;        /* made by FAIL_ALLOC */
} pool_counts;
pool_counts pool_counters(void);
void pool_reset_peaks(void);
void pool_trim(void);                    /* gives cached blocks back to the device */
void pool_check(bool on);                /* as POOL_CHECK; before device_open */
void pool_fail(int64_t n, bool onwards); /* as FAIL_ALLOC, counted from now; 0: never */
void *pool_host(size_t bytes);           /* zeroed host memory, or exit 4; free() it */
void pool_step(void);                    /* a step begins: what is live now serves any number of images */
void pool_images(int64_t n);             /* it looks at n more images: should memory end, how many would fit */
int pool_depth(void);                    /* of open scopes; 0: the outermost, which is never closed */
/* Closes the innermost scope, but for the tensors that a struct of n bytes points to:
 * they move to the enclosing scope, and look at no more memory than they need. */
void scope_close_but(const void *bytes, size_t n);

/* Tensors below the public operations. */
tensor *tx_new_index(dims d);                          /* the same, of integers */
tensor *tx_new(dims d);                                /* not initialised */
tensor *tx_bytes(size_t bytes);                        /* opaque device memory */
tensor *tx_view(tensor *base, int64_t offset, dims d); /* elements from `offset`; no history */
void tx_drop(tensor *t);                               /* ends t before its scope does */
real *tx_data(const tensor *t);                        /* device address; ends the process if given back */
int32_t *tx_indices(const tensor *t);                  /* the same for integers */
void tx_changed(tensor *t, const char *operation);     /* t, a leaf, was written in place by backend calls */
dims tx_dims_with(dims d, int axis, int64_t extent);   /* d with one extent replaced */
bool tx_same_dims(dims a, dims b);
const char *tx_text(const tensor *t); /* "[128,32,32,3]", good for eight calls */
bk_window tx_window(const char *operation, dims x, int64_t k, int r, int s, int stride, int pad);

/* Ends the process: one line with the operation, this sentence and the place. */
void tx_die(const char *operation, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
origin tx_where(void); /* of the public call in progress */

/* Data, randomness and updates: the backend's entries on tensors. */
tensor *tx_images(dims d, const uint8_t *host_px, const int32_t *host_dy_dx_flip, tensor *mean, tensor *dev);
tensor *tx_cut(dims d, const tensor *store, int64_t stored, const int32_t *host_at_dy_dx_flip, tensor *mean,
               tensor *dev);               /* of `stored` images in tx_bytes(); where the backend can */
tensor *tx_channels(const double v[3]);    /* [3]: a mean or a deviation as tx_images wants them */
tensor *tx_uniform(dims d, uint64_t seed); /* [0,1) */
tensor *tx_normal(dims d, uint64_t seed);
void tx_sgd(tensor *w, tensor *velocity, tensor *grad, double rate, double momentum, double decay, bool nesterov);
void tx_fill(tensor *leaf, double value); /* in place */

/* --- Recording. ---
 *
 * A node says how a tensor was computed: a rule, the inputs, and what the rule
 * needs besides. To record an operation of one's own:
 *
 *     node *s = ad_node(y, &rule, differentiable, n, in);
 *     if (s) { s->data = ...; ad_save(s, kept); }
 *
 * ad_node returns NULL when recording is off or none of the first
 * `differentiable` inputs wants a gradient; y is then a plain leaf. The inputs
 * behind those are values the rule reads. All are checked for writes in place
 * between recording and differentiation. */
typedef struct step step;
typedef struct rule {
    const char *name; /* the operation, for messages */
    void (*vjp)(step *s);
    void (*forget)(node *n); /* frees n->data; may be NULL */
} rule;

struct node {
    const rule *rule;
    tensor *y;
    origin at;
    bool spent;    /* a backward pass gave back what it needs */
    double lo, hi; /* numbers and geometry, as the rule wants them */
    int64_t first;
    int ta, tb;
    bk_window g;
    tensor *saved[3]; /* by ad_save: given back with the node */
    void *data;
    uint32_t version; /* of y */
    int n, differentiable;
    struct node_input {
        tensor *t;
        uint32_t version;
    } in[];
};

node *ad_node(tensor *y, const rule *r, int differentiable, int n, tensor *const in[]);
void ad_save(node *n, tensor *t);              /* device memory only this node needs */
void ad_parameter(tensor *leaf, tensor *grad); /* ad_backward(y) adds dy/dleaf into grad */
bool ad_wanted(const tensor *t);               /* would recording follow t now? */
tensor *ad_alias(tensor *x);                   /* x again, as a recorded step of its own */

/* One step of a backward pass, as a rule sees it. Rules are written with the
 * public operations. When `create` is false nothing is recorded, fused backend
 * calls may be used, and tensors born in the rule vanish after it but for those
 * given; when true, compose. Rules may call ad_grad. */
struct step {
    node *n;
    tensor *y, *g; /* the result, and the gradient that reached it */
    bool create;
    struct walk *walk; /* grad.c's own */
};
tensor *ad_input(const step *s, int i);
bool ad_needs(const step *s, int i);      /* is the gradient of input i asked for? */
void ad_give(step *s, int i, tensor *dx); /* adds dx, which has the extents of input i */

/* For the rule of an operation that the backend fuses: `compose` computes the
 * same result from the inputs with public operations, and that is
 * differentiated instead, exactly at every order. Gives all gradients needed. */
enum { AD_INNER = 4 }; /* for ad_grad: y is part of a rule and no loss, of which ranks.h takes the mean */
typedef tensor *ad_compose(tensor *const in[], void *data);
void ad_replay(step *s, ad_compose *compose, void *data);

#endif
