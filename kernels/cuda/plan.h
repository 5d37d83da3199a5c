/* plan.h - inside a plan: arrays (values), what computes them (steps), and
 * where they live. plan_eval.c, plan_train.c and plan_bend.c turn layers into
 * steps, plan_place.c places the values, plan.c enqueues the steps; plan_steps.c
 * hands each to conv.h, norm.h, pool.h or to the kernels of plan_lines.cu,
 * plan_move.cu and plan_fold.cu.
 *
 * Images are dense, channels last, float or (BK_BF16) bfloat16; what is counted
 * per channel is float. A value is written by one step, or by several of which
 * each overwrites what it has read for the last time. Nobody says how long a
 * value lives: that follows from the steps that touch it. Touched in one phase
 * only it is placed by liveness in the plan's own memory, prepared and used later
 * it stays there, run and used by the gradient it goes to the caller's `kept`. The
 * gradient's gradient is built when it is first asked for (p->since), and all that
 * it needs goes to the caller's `more`. */
#ifndef PLAN_H
#define PLAN_H

#include <setjmp.h>

#include "conv.h"
#include "norm.h"

#ifdef __cplusplus
extern "C" {
#endif

enum plan_phase { PREPARE, RUN, GRAD, SLOPE, BEND, PHASES }; /* the last two: plan_bend.c */
enum { ALL_PHASES = (1 << PHASES) - 1 };
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
enum {
    PLAN_VALUES = 12,
    PLAN_NUMBERS = 12,
    PLAN_ALIGN = 256,
    FILTER_ALIGN = 16, /* bytes; convolutions read and write filters by vectors */
    PIECE = 4096,      /* elements that one block of threads packs */
    NONE = -2          /* no value, no layer; layer -1 is the plan's input */
};

typedef struct plan_value {
    enum plan_space space;
    int home;         /* the value it is a part of; itself if of none */
    size_t at, bytes; /* from the start of the space, or of its home */
    unsigned touched; /* by phases: bits 1 << phase. Of a home: by its parts too */
    int first, last;  /* the steps between which it is needed, when only one phase touches it */
    int for_dx;       /* no step touches it but for dx */
} plan_value;

/* Enqueues one step; at[i] is the address of its i-th value. */
typedef struct plan_step plan_step;
typedef void plan_act(bk *b, const plan_step *s, void *const at[]);
struct plan_step {
    plan_act *act;
    int n, value[PLAN_VALUES];
    int for_dx;   /* left out when the caller wants no dx, */
    int spare;    /* or its value of this number is, while others stay; NONE */
    choice *conv; /* convolutions */
    bk_window g;  /* and poolings */
    norm_shape norm;
    int64_t number[PLAN_NUMBERS];
};

typedef struct plan_list {
    plan_step *step;
    int n, cap;
} plan_list;

/* What is known of a layer while the plan is built. */
typedef struct plan_note {
    int made;               /* the value of its result, NONE while there is none */
    int n, back[2];         /* what came back for its result, still to be added */
    int wanted;             /* the gradient of its result is, by parameters before it */
    int filter, dfilter;    /* a convolution's, and the gradient's */
    int mean, var, winners; /* a batch-norm's statistics, a max-pooling's indices */
    int norm;               /* the batch-norm whose step made this result; NONE */
    int other, relu;        /* the layer whose result that step added, or NONE; whether it cut below zero */
    int inside;             /* the step of a later layer does this one's work */
    int g, tangent, sums;   /* plan_bend.c: what SLOPE took; what moves the result; a batch-norm's norm_sums */
} plan_note;

/* A run of reals in the caller's vector, and where it lies in one of the plan's. */
typedef struct plan_piece {
    int64_t outside, inside, count;
} plan_piece;

typedef struct plan_table {
    plan_piece *piece; /* on the host */
    int n, cap;
    int there;             /* the value that is its copy on the card */
    int packed, gradients; /* the plan's vectors */
} plan_table;

struct bk_plan {
    bk *device;
    bk_layer *layer; /* 0 .. count-1, copied */
    int count;
    int64_t n; /* images */
    unsigned flags;
    int bf16;
    bk_window in;    /* p, q, k: the extents of the input */
    plan_note *note; /* count + 1: the last is the input's */
    jmp_buf refused;
    plan_list phase[PHASES];
    plan_value *value;
    int values, value_cap;
    int for_dx, busy; /* steps made now only serve dx; a value not to be written over */
    plan_table filters, statistics;
    char *memory;
    size_t plan_bytes, kept_bytes, more_bytes;
    enum plan_phase going; /* of the walk back that is being made */
    int since;             /* values from here on belong to SLOPE and BEND; 0: those are not there yet */
    int bends;             /* SLOPE and BEND: 0 not yet built, 1 there, -1 not possible */
    uint64_t version;
    int prepared;
};

/* Leaves plan_open with NULL from however deep: the host then composes. */
void plan_refuse(bk_plan *p) __attribute__((noreturn));

/* plan_list.c: values and steps. */
int plan_new(bk_plan *p, size_t bytes);
int plan_part(bk_plan *p, int home, size_t at, size_t bytes);
int plan_at(bk_plan *p, enum plan_space space, int64_t reals, int64_t count);
plan_step *plan_do(bk_plan *p, enum plan_phase phase, plan_act *act, const int *values, int n);
#define PLAN_DO(p, phase, act, ...)                                                                                \
    plan_do(p, phase, act, (const int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))
void plan_table_add(bk_plan *p, plan_table *t, int64_t outside, int64_t inside, int64_t count);
int plan_table_there(bk_plan *p, const plan_table *t); /* the value that holds it; no more can be added */

/* plan_place.c */
size_t plan_rounded(size_t bytes);
void plan_place(bk_plan *p);
/* The caller's array instead of a value that has no other use. */
void plan_bind(bk_plan *p, enum plan_phase phase, int value, enum plan_space space);

/* plan_layers.c: reading the graph; layer -1 is the input. */
void plan_check(bk_plan *p); /* refuses what does not fit together, sets p->in */
plan_note *plan_note_of(const bk_plan *p, int layer);
const bk_window *plan_extents(const bk_plan *p, int layer); /* of its result: p, q, k */
int64_t plan_rows(const bk_plan *p, int layer);             /* its pixels, of all images */
int plan_sole(const bk_plan *p, int layer); /* its only reader; NONE if there are more, or it is the result */
int plan_next(const bk_plan *p, int layer, enum bk_kind kind); /* that reader if it is of this kind; NONE */

/* The layers behind one that its step can do as well, NONE where there is none. */
typedef struct plan_chain {
    int norm, plus, relu;
    int other; /* plus's other input, which is there already */
    int end;   /* the layer whose result the step makes */
} plan_chain;
plan_chain plan_follow(const bk_plan *p, int layer, int norm);

/* plan_layers.c: values and steps that evaluation and training both have. */
int plan_images(bk_plan *p, int layer);                         /* a new value for its result */
int plan_outside(bk_plan *p, enum plan_space space, int layer); /* its result as the caller has it */
int plan_value_of(bk_plan *p, int layer);                       /* NONE stays NONE */
void plan_makes(bk_plan *p, int layer, const plan_chain *c, int value);
int plan_coefficients(bk_plan *p, enum plan_space space, int64_t at, int64_t n);
choice *plan_conv(bk_plan *p, int layer, enum conv_kind kind); /* the plain one */
choice *plan_conv_chain(bk_plan *p, int layer, const plan_chain *c,
                        int *bias);                        /* NULL: no engine; enum conv_bias */
plan_step *plan_norm(bk_plan *p, plan_step *s, int layer); /* fills in its norm_shape */
plan_step *plan_lines(bk_plan *p, enum plan_phase phase, int layer, int y, int a, int b, int mask);
plan_step *plan_move(bk_plan *p, enum plan_phase phase, int y, int ylayer, int x, int xlayer, int added);
/* The layer's step itself, of what its inputs are or were moved by; its result. */
int plan_pooled(bk_plan *p, enum plan_phase phase, int layer, int x, int winners);
int plan_joined(bk_plan *p, enum plan_phase phase, int layer, int a, int b);
int plan_widened(bk_plan *p, enum plan_phase phase, int layer, int x);
/* What is the last layer's to the caller's array, when all steps are there. */
void plan_result(bk_plan *p, enum plan_phase phase, int value, enum plan_space space);

/* plan_eval.c, plan_train.c, plan_bend.c: layers to steps. */
void plan_eval(bk_plan *p);
void plan_train(bk_plan *p);
void plan_bend(bk_plan *p);
void plan_unpack(bk_plan *p, enum plan_phase phase, const plan_table *t, int to, int from, int bf16);

/* plan_back.c. What came back for a layer's result: one array, or two to be added. */
void plan_walk_back(bk_plan *p, enum plan_phase phase);
int plan_take(bk_plan *p, int layer);
int plan_take_two(bk_plan *p, int layer, int *added); /* NONE: nothing to add */
void plan_arrive(bk_plan *p, int layer, int value);
int plan_over_or_new(bk_plan *p, int value, int layer);
void plan_back_images(bk_plan *p, int conv, int g);

/* plan_bend.c: BEND's way back through the layers that are not linear in all. */
void plan_bend_conv(bk_plan *p, int i);
void plan_bend_norm(bk_plan *p, int i);
int plan_sum(bk_plan *p, int norm, enum norm_sums which); /* one of norm.h's vectors */

/* plan_steps.c. Values in this order, outputs first; NONE where there is none. */
plan_act act_conv;       /* out, first, second as conv.h has them, bias, plus */
plan_act act_statistics; /* mean, var, x */
plan_act act_apply;      /* y, x, mean, var, gamma, beta, plus; number[0]: ReLU */
plan_act act_back;       /* dx, dplus, dgamma, dbeta, g, added, y, x, gamma, mean, var */
plan_act act_tangent;    /* y, sums, t, plus, g, cut, x, gamma, beta, mean, var: norm_tangent() */
plan_act act_bend;       /* dx, dgamma, dbeta, sums, t, g, q, x, gamma, beta, mean, var: norm_bend() */
plan_act act_pick;       /* y, x, at: of x, where a max-pooling found its y */
plan_act act_pool;       /* y, at, x; number: max, bf16, y_f32 of pool.h */
plan_act act_pool_back;  /* dx, dy, at; the same */
plan_act act_lines;      /* y, a, b, mask; number[0]: elements, [1]: ReLU, [2]: y is float, [3]: a, b, mask are */
plan_act act_epilogue;   /* y, bias, plus; number[0]: rows, [1]: columns, [2]: ReLU, [3]: bfloat16 */
plan_act act_join;       /* y, a, b; number[0]: rows, [1]: channels of a, [2]: of b, [3]: bfloat16 */
plan_act act_move;       /* y, x, added; number: enum plan_moving of plan_move.h */
plan_act
    act_fold; /* filter, bias, from, gamma, beta, mean, var; number[0]: k, [1]: r s c, [2]: bfloat16; norm.eps */
plan_act act_pack;   /* packed, table, whole; number[0]: pieces, [1]: packed is bfloat16 */
plan_act act_unpack; /* whole, table, packed; the same */

#ifdef __cplusplus
}
#endif
#endif
