/* network.h - what a net is made of, for the files that build it (models.c,
 * nn_build.c), run it (nn.c), know its checkpoints (nn_names.c) and read and
 * write them (nn_file.c).
 *
 * A network is one list of layers in order of computation, cut into stages at
 * places where a single tensor passes; behind it comes the linear head. The
 * list is the backend's own bk_layer, so a range of stages is a plan as it
 * stands, and the composed path walks the same list. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>

#include "checkpoint.h"
#include "models.h"

struct text;

enum part_kind { PART_FILTER, PART_GAMMA, PART_BETA, PART_MEAN, PART_VARIANCE, PART_WEIGHT, PART_BIAS, PART_KINDS };

/* A tensor under its PyTorch name: a slice of the parameter vector, or (means
 * and variances) of the vector of running statistics. Filters are K,R,S,C. */
typedef struct net_part {
    char name[112];
    enum part_kind kind;
    int layer; /* -1: the head's */
    int64_t offset, count;
    dims d;
    tensor *view; /* a parameter with its gradient; statistics: a leaf */
} net_part;

typedef struct net_stage {
    char name[16];
    int layer;            /* its first one; the head's: how many there are */
    int part;             /* the first part of it, parameters and statistics alike */
    int64_t weight, stat; /* where its parameters and statistics start */
} net_stage;

enum { NET_STAGES = 12 };

struct net {
    const char *name;
    int64_t classes, features, side;
    bk_layer *layers;
    net_part *parts; /* in the order of layers */
    int nlayers, nparts, nstages;
    net_stage stages[NET_STAGES + 1]; /* one more, to end the last */
    int64_t nweights, nstats;
    tensor *weights, *grads, *stats;
    tensor *unbias;   /* what turns the population's variances into the sample's, for: */
    int64_t unbias_n; /* so many images */
    enum nn_mode mode;
    bool bf16;
    unsigned trained; /* enum nn_trained */
    struct net_plan *plans;
};

/* models.c: appends all layers and parts; -1 with fault() for an unknown name.
 * The side, where it is 0, becomes that of the images the network was made for. */
int model_layers(net *n, const char *name);

/* nn_build.c, for models.c. `x` is a layer, -1 the images; each returns the
 * layer it appended. Names are PyTorch's, without ".weight". */
void net_begin(net *n, const char *stage); /* what follows belongs to it */
int net_conv(net *n, int x, const char *name, int64_t k, int window, int stride, int pad);
int net_norm(net *n, int x, const char *name);
int net_relu(net *n, int x);
int net_plus(net *n, int a, int b);
int net_join(net *n, int a, int b);
int net_pool_max(net *n, int x, int window, int stride, int pad);
int net_pool_avg(net *n, int x, int window); /* as wide as its stride */
int net_widen(net *n, int x, int64_t k, int stride);
void net_head(net *n, const char *name); /* the stage "head" */
bk_window net_out(const net *n, int x);  /* p, q, k of what layer x yields */

/* nn_build.c. Sides: of any images that every stage leaves a pixel of; 0: the network's
 * own. An outline has layers and parts but no values, and needs no device; nn_free(). */
int net_outline(net **n, const char *name, int64_t classes, int64_t side);
int net_build(net **n, const char *name, int64_t classes, int64_t side, uint64_t seed);

/* nn_names.c. The tensor of a checkpoint that each part is, of[nparts], also where another
 * writer's name for it differs. Returns how much does not fit, and says so in *why. */
int net_match(const net *n, const checkpoint *c, const checkpoint_tensor *of[], struct text *why);
int net_misfit(const net *n, const char *path, const char *why); /* fault(), returns -1 */
void net_torch_dims(const net_part *p, checkpoint_tensor *t);    /* name and extents; filters K,C,R,S */

/* nn_names.c: the outline that a checkpoint fits, its classes counted from the head. name
 * NULL: the only known network for images of `side` (0: any) that fits. -1 with fault(). */
int net_recognise(net **n, const checkpoint *c, const char *path, const char *name, int64_t side);

/* A range of stages without the head, as a call of nn_run asks for it. */
typedef struct net_range {
    net *n;
    int from, to;
    enum nn_mode mode;
} net_range;

static inline const net_stage *net_first(const net_range *r)
{
    return &r->n->stages[r->from];
}

/* The stage behind the range. */
static inline const net_stage *net_next(const net_range *r)
{
    return &r->n->stages[r->to];
}

static inline bool net_is_parameter(const net_part *p)
{
    return p->kind != PART_MEAN && p->kind != PART_VARIANCE;
}

/* nn_compose.c: the range's result by public operations. in: its input, then its
 * parameters in order. `batch`, if not NULL, receives the statistics of the
 * batch. Unrecorded: what is used up is given back at once. */
tensor *net_compose(const net_range *r, tensor *const in[], tensor *batch, bool unrecorded);

/* nn_compose.c: x, then the range's parameters in order; freed by the caller. */
tensor **net_operands(const net_range *r, tensor *x, int *count);

/* nn.c: ends the process unless x is what the range takes. */
void net_check_input(const net_range *r, const tensor *x);

/* nn.c: gives the backend's plans back. */
void net_drop_plans(net *n);

#endif
