/* plan.h - inside a plan: arrays (values), what computes them (steps), and
 * where they live. plan_eval.c, plan_train.c, plan_pull.c and plan_bend.c turn layers into
 * steps, plan_place.c places the values, plan.c runs the steps; plan_loops.c and
 * plan_norm.c have the loops that oneDNN lacks.
 *
 * A value is written once, except that one may be stored over another that is
 * used up. Nobody says how long it lives: that follows from the steps that
 * touch it. Touched in one phase only it is placed by liveness in the plan's
 * own memory, prepared and used later it stays there, run and used by the
 * gradient it goes to the caller's `kept`. The gradient's gradient is built when
 * it is first asked for, and all that it needs goes to the caller's `more`. */
#ifndef PLAN_H
#define PLAN_H

#include <setjmp.h>

#include "onednn.h"

enum plan_phase { PREPARE, RUN, GRAD, SLOPE, BEND, PHASES }; /* the last two: plan_bend.c */
enum plan_space {
    IN_PLAN,
    IN_KEPT,
    IN_MORE,
    IN_X,
    IN_Y,
    IN_W,
    IN_STATS,
    IN_DX,
    IN_DW,
    IN_DY,
    IN_DDY,
    IN_V,
    SPACES
};
enum { PLAN_ARGS = 11, PLAN_NUMBERS = 6, PLAN_ALIGN = 64 };

typedef struct plan_value {
    dnn_desc desc; /* NULL for a plain vector */
    size_t bytes, at;
    enum plan_space space;
    int home;     /* the value whose storage it has; itself if its own */
    int of;       /* the value it is a reordered copy of, else -1 */
    int64_t wide; /* channels from pixel to pixel where that is more than its own, else 0 */
} plan_value;

/* An image array as loops see it: channel k of pixel (i,j) of image m is at
 * ((m * blocks + k / block) * h * w + i * w + j) * pitch + k % block. Channels
 * last is one block. */
typedef struct plan_view {
    int64_t h, w, c, blocks, block, pitch;
} plan_view;

typedef struct plan_step plan_step;
typedef void plan_loop(const plan_step *s, void *const p[]);
struct plan_step {
    const bk_plan *plan;
    dnn_op *op;      /* oneDNN's, or */
    plan_loop *loop; /* one of plan_loops.c */
    int n, what[PLAN_ARGS], value[PLAN_ARGS];
    int for_dx;        /* left out when the caller wants no dx */
    plan_view view[2]; /* loops: of their first two arrays */
    int64_t number[PLAN_NUMBERS];
    float eps;
};

typedef struct plan_list {
    plan_step *step;
    int n, cap;
} plan_list;

struct bk_plan {
    bk *device;
    const dnn *dnn;
    bk_layer *layer; /* 0 .. count-1, copied */
    int count;
    int64_t n; /* images */
    unsigned flags;
    int64_t block;         /* channels that lie together in every image between layers; 0: all, channels last */
    dnnl_data_type_t type; /* of what is between the layers */
    bk_window in;          /* p, q, k: the extents of the input */
    int x;                 /* value of the input as the caller gives it */
    int *made;             /* value of each layer's result, -1 while there is none */
    jmp_buf refused;
    plan_list phase[PHASES];
    plan_value *value;
    int values, value_cap;
    dnn_op **op; /* all of them, to be freed */
    int ops, op_cap;
    char *memory;
    size_t plan_bytes, kept_bytes, more_bytes;
    int since;             /* values from here on belong to SLOPE and BEND */
    enum plan_phase going; /* of the steps back that are being made */
    int bends;             /* SLOPE and BEND: 0 not yet built, 1 there, -1 not possible */
    uint64_t version;
    int prepared;
    int for_dx;             /* steps made now only serve dx */
    struct plan_back *back; /* plan_train.c's notes; freed with the plan */
};

static inline size_t plan_rounded(size_t bytes)
{
    return (bytes + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}
void plan_place(
    bk_plan *p); /* plan_place.c: the first phases' values, or, once p->since is set, SLOPE's and BEND's */

/* Leaves plan_open with NULL from however deep: the host then composes. */
void plan_refuse(bk_plan *p) __attribute__((noreturn));

/* Values. */
int plan_new(bk_plan *p, dnn_desc desc); /* copies desc */
int plan_vector(bk_plan *p, size_t bytes);
int plan_over(bk_plan *p, int old, dnn_desc desc);      /* desc NULL: old's */
int plan_new_wide(bk_plan *p, int layer, int64_t wide); /* channels last, room for `wide` of them */
int plan_wider(bk_plan *p, int layer, int old);         /* over old, which is wide: the first channels of it */
int plan_at(bk_plan *p, enum plan_space space, int64_t reals, int64_t count, dnn_desc desc);
int plan_as(bk_plan *p, enum plan_phase phase, int value, dnn_desc desc); /* reordered if it must be */
dnn_desc plan_desc(const bk_plan *p, int value);

/* Steps. An operation that is NULL refuses the plan. */
typedef struct plan_arg {
    int what, value;
} plan_arg;
dnn_op *plan_own(bk_plan *p, dnn_op *op);
plan_step *plan_do(bk_plan *p, enum plan_phase phase, dnn_op *op, const plan_arg *args, int n);
plan_step *plan_copy(bk_plan *p, enum plan_phase phase, int to, int from);
plan_step *plan_loop_new(bk_plan *p, enum plan_phase phase, plan_loop *loop, const int *values, int n);
#define PLAN_DO(p, phase, op, ...)                                                                                 \
    plan_do(p, phase, op, (const plan_arg[]){__VA_ARGS__},                                                         \
            (int)(sizeof((plan_arg[]){__VA_ARGS__}) / sizeof(plan_arg)))
#define PLAN_LOOP(p, phase, loop, ...)                                                                             \
    plan_loop_new(p, phase, loop, (const int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))

/* plan_layers.c: reading the graph, values in the plan's order. Layer -1 is the input. */
const bk_window *plan_extents(const bk_plan *p, int layer); /* of its result: p, q, k */
int plan_sole(const bk_plan *p, int layer);    /* its only reader; -1 if there are more, or it is the result */
int plan_used_up(const bk_plan *p, int layer); /* all its readers have steps */
void plan_input(bk_plan *p);
int plan_value_of(bk_plan *p, int layer);            /* in the plan's order; x is reordered at first use */
void plan_see(plan_step *s, int ylayer, int xlayer); /* sets the views of its first two values */
dnn_desc plan_order(const bk_plan *p, int layer, dnnl_data_type_t type); /* dnn_forget() it */
int plan_ordered(bk_plan *p, int layer, dnnl_data_type_t type);          /* a new value for its result */
int plan_outside(bk_plan *p, enum plan_space space, int layer);          /* its result as the caller has it */
int plan_dense(bk_plan *p, enum plan_phase phase, int layer);            /* plan_value_of(), never wide */
int plan_filter(bk_plan *p, enum plan_space space, const bk_layer *l);   /* the caller's, k,r,s,c */
int plan_packed(bk_plan *p, enum plan_phase phase, const bk_layer *l, int filter, dnn_desc desc); /* reordered */
unsigned plan_winograd(const bk_plan *p, const bk_window *g, int64_t channels); /* where it pays */
dnn_op *plan_conv(bk_plan *p, const bk_layer *l, unsigned with);                /* NULL: none */
int plan_conv_input(bk_plan *p, const bk_layer *l);
plan_step *plan_moved(bk_plan *p, enum plan_phase phase, int y, int ylayer, int x,
                      int xlayer); /* plan_move, as is */
void plan_widen(bk_plan *p, enum plan_phase phase, int layer);
void plan_join(bk_plan *p, enum plan_phase phase, int layer, int side); /* side 0: a, 1: b */

/* plan_eval.c, plan_train.c and plan_bend.c: layers to steps. */
void plan_eval(bk_plan *p);
/* The convolution's filter times the norm's scale, and the bias left over. */
int plan_folded(bk_plan *p, const bk_layer *conv, const bk_layer *norm, int *bias);
void plan_train(bk_plan *p);
void plan_bend(bk_plan *p);

/* plan_train.c's notes on a layer. What came back for its result: at most two
 * arrays still to be added, because the mask of a ReLU can then be applied in
 * the same pass. */
typedef struct plan_back {
    int n, value[2];
    int mean, variance, workspace; /* of the forward step */
    dnn_op *op;                    /* a convolution's or pooling's, forward */
    int g, tangent;                /* plan_bend.c: what SLOPE took; the result's tangent, -1: none yet */
    int filter;                    /* plan_pull.c: a convolution's */
} plan_back;
plan_back *plan_back_of(const bk_plan *p, int layer);
int plan_fused_relu(const bk_plan *p, int layer); /* that batch-norm or the sum before it applies; -1 */
int plan_take(bk_plan *p, int layer);             /* what came back, added up */
void plan_arrive(bk_plan *p, int layer, int value);
int plan_back_filter(bk_plan *p, const bk_layer *l, int x, int g); /* in the order oneDNN likes */
void plan_put_filter(bk_plan *p, const bk_layer *l, int dw);
int plan_back_images(bk_plan *p, const bk_layer *l, int x, int g, int filter);
void plan_walk_back(bk_plan *p, enum plan_phase phase);
void plan_bend_conv(bk_plan *p,
                    int i); /* plan_bend.c: BEND's way back through the layers that are not linear in all */
void plan_bend_norm(bk_plan *p, int i);
void plan_pull_conv(bk_plan *p, int i); /* plan_pull.c: the layers that evaluate with running statistics */
void plan_pull_norm(bk_plan *p, int i);
void plan_pull_back_conv(bk_plan *p, int i);
void plan_pull_back_norm(bk_plan *p, int i);
int plan_coefficients(bk_plan *p, enum plan_space space, int64_t at, int64_t n);
int64_t plan_reals(const bk_plan *p, int value);

/* plan_loops.c. Arrays in the order of `values`, outputs first. */
plan_loop plan_move;  /* y, x: channels number[0] .. number[1] of y from channel + number[2] of x, zero where
                         there is none; pixel * number[3] / number[4], zero where that is no whole number;
                         number[5]: bytes of an element */
plan_loop plan_scale; /* y, x, scale, shift; channels last; number[0] ReLU, number[1] bf16 */
plan_loop plan_rates; /* scale, shift of a norm from gamma, beta, statistics; number[0] channels */
plan_loop plan_fold;  /* filter, bias, from filter, gamma, beta, statistics; number[0] k, number[1] r s c */
plan_loop plan_plus;  /* y = a + b: y, a, b; number[0] reals, number[1] ReLU. y = ReLU of a: y, a */
plan_loop plan_mask;  /* y = a + b where v > 0, else 0: y, v, a and perhaps b; number[0] reals */
plan_loop plan_stats; /* statistics from mean, variance; number[0] channels */

/* plan_norm.c. number[0]: a ReLU follows; number[1]: norm_x masks the result, not g. */
plan_loop plan_norm_y;    /* y, mean, variance, x, gamma, beta */
plan_loop plan_norm_x;    /* dx, dgamma, dbeta, g, x, gamma, beta, mean, variance */
plan_loop plan_norm_bend; /* dx, dgamma, dbeta, x, t, g, gamma, beta, mean, variance and perhaps q */

#endif
