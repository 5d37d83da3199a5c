/* plan.h - inside a plan: arrays (values), what computes them (steps), and
 * where they live. plan_eval.c and plan_train.c turn layers into steps; plan.c
 * places the values and runs the steps; plan_loops.c has the loops that oneDNN
 * lacks.
 *
 * A value is written once, except that one may be stored over another that is
 * used up. Nobody says how long it lives: that follows from the steps that
 * touch it. Touched in one phase only it is placed by liveness in the plan's
 * own memory, prepared and used later it stays there, run and used by the
 * gradient it goes to the caller's `kept`. */
#ifndef PLAN_H
#define PLAN_H

#include <setjmp.h>

#include "onednn.h"

enum plan_phase { PREPARE, RUN, GRAD, PHASES };
enum plan_space { IN_PLAN, IN_KEPT, IN_X, IN_Y, IN_W, IN_STATS, IN_DX, IN_DW, IN_DY, SPACES };
enum { PLAN_ARGS = 10, PLAN_NUMBERS = 6 };

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
    size_t plan_bytes, kept_bytes;
    uint64_t version;
    int prepared;
    int for_dx;             /* steps made now only serve dx */
    struct plan_back *back; /* plan_train.c's notes while it works; freed with the plan */
};

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

/* plan_eval.c and plan_train.c: layers to steps. */
void plan_eval(bk_plan *p);
void plan_train(bk_plan *p);

/* plan_loops.c. Arrays in the order of `values`, outputs first. */
plan_loop plan_move;   /* y, x: channels number[0] .. number[1] of y from channel + number[2] of x, zero where
                         there is none; pixel * number[3] / number[4], zero where that is no whole number;
                         number[5]: bytes of an element */
plan_loop plan_scale;  /* y, x, scale, shift; channels last; number[0] ReLU, number[1] bf16 */
plan_loop plan_rates;  /* scale, shift of a norm from gamma, beta, statistics; number[0] channels */
plan_loop plan_fold;   /* filter, bias, from filter, gamma, beta, statistics; number[0] k, number[1] r s c */
plan_loop plan_plus;   /* y = a + b: y, a, b; number[0] reals, number[1] ReLU. y = ReLU of a: y, a */
plan_loop plan_mask;   /* y = a + b where v > 0, else 0: y, v, a and perhaps b; number[0] reals */
plan_loop plan_norm_y; /* y, mean, variance, x, gamma, beta; number[0] pixels, number[1] channels */
plan_loop plan_norm_x; /* dx, dgamma, dbeta, g, x, gamma, mean, variance; the same numbers */
plan_loop plan_stats;  /* statistics from mean, variance; number[0] channels */

#endif
