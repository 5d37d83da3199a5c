/* cases.h - the one table of the tests: which operations, on which shapes.
 *
 * Plain data. backend.c runs every backend entry below on every shape of its
 * family; the gradient tests take the same shapes (and may leave out the large
 * ones by case_size). A new entry of backend.h gets one row in case_entries; a
 * shape that ever went wrong gets one row in its family and stays. Sizes are
 * chosen around what breaks: 0, 1, odd, one more than a vector or a tile, wide
 * and flat, tall and thin, and the layers of the networks we run. */
#ifndef CASES_H
#define CASES_H

#include "../kernels/backend.h"

#define CASES(table) ((int)(sizeof(table) / sizeof(*(table))))

enum case_family {
    CASE_VECTOR,  /* n */
    CASE_MEET,    /* outer mid inner */
    CASE_ROWS,    /* rows cols */
    CASE_CHOICE,  /* rows cols k: k of each row's columns */
    CASE_MOVE,    /* rows cols k: k whole rows */
    CASE_COLS,    /* rows cols ycols yfirst xcols xfirst */
    CASE_PRODUCT, /* m n k */
    CASE_CONV,    /* n h w c k r s stride pad */
    CASE_POOL,    /* n h w c c r s stride pad */
    CASE_IMAGES,  /* n h w c */
    CASE_NORM,    /* rows cols */
    CASE_NEAREST, /* m n d k */
    CASE_FAMILIES
};

typedef struct case_shape {
    int64_t d[9];
} case_shape;

static const case_shape case_vectors[] = {
    {{0}}, {{1}}, {{2}}, {{7}}, {{16}}, {{17}}, {{63}}, {{65}}, {{1000}}, {{4097}}, {{65537}}, {{100003}},
};
static const case_shape case_meets[] = {
    {{0, 3, 2}},    {{3, 0, 2}},     {{3, 2, 0}},     {{1, 1, 1}},     {{7, 1, 1}},     {{1, 7, 1}},
    {{1, 1, 7}},    {{3, 5, 7}},     {{2, 17, 1}},    {{1, 17, 2}},    {{13, 17, 1}},   {{1, 13, 17}},
    {{128, 10, 1}}, {{1, 128, 10}},  {{130, 65, 1}},  {{1, 65, 130}},  {{2, 64, 16}},   {{1001, 1, 1}},
    {{1, 1, 1001}}, {{4096, 16, 1}}, {{70001, 3, 1}}, {{3, 70001, 1}}, {{1, 3, 70001}}, {{100003, 1, 1}},
    {{1001, 5, 3}}, {{40, 3, 36}},   {{3, 2, 4001}},
};
static const case_shape case_rows[] = {
    {{0, 4}},    {{4, 0}},    {{1, 1}},    {{1, 10}},   {{3, 1}},     {{2, 17}},
    {{128, 10}}, {{33, 100}}, {{5, 1000}}, {{2, 5003}}, {{1000, 65}}, {{3001, 10}},
};
static const case_shape case_choices[] = {
    {{0, 4, 2}},       {{3, 5, 0}},       {{1, 1, 1}},        {{1, 10, 3}},     {{7, 10, 10}},
    {{2, 17, 16}},     {{128, 10, 1}},    {{33, 100, 5}},     {{5, 1000, 50}},  {{2, 5003, 50}},
    {{300, 257, 7}},   {{3, 1000, 999}},  {{1, 50021, 1000}}, {{9, 700, 1}},    {{2, 20000, 31}},
    {{3, 9001, 33}},   {{1, 70001, 64}},  {{2, 5004, 65}},    {{2, 8000, 300}}, {{1, 90001, 1500}},
    {{1, 6007, 5003}}, {{2, 9001, 3300}},
};
static const case_shape case_moves[] = {
    {{5, 0, 4}},       {{5, 3, 0}},    {{1, 1, 1}},    {{5, 3, 4}},    {{2, 7, 33}},      {{10, 64, 33}},
    {{1000, 10, 128}}, {{3, 3072, 5}}, {{300, 65, 7}}, {{7, 3, 9001}}, {{700, 40, 1500}}, {{5001, 1, 1100}},
};
static const case_shape case_cols[] = {
    {{0, 2, 3, 0, 4, 1}}, {{3, 0, 3, 0, 4, 1}},  {{1, 1, 1, 0, 1, 0}},        {{3, 2, 5, 1, 7, 4}},
    {{5, 7, 7, 0, 7, 0}}, {{17, 3, 8, 5, 3, 0}}, {{130, 65, 131, 66, 65, 0}}, {{2000, 12, 48, 24, 12, 0}},
};
static const case_shape case_products[] = {
    {{0, 3, 2}},       {{3, 0, 2}},       {{3, 2, 0}},    {{1, 1, 1}},      {{7, 5, 3}},
    {{1, 10, 64}},     {{128, 10, 64}},   {{100, 1, 99}}, {{1, 257, 1}},    {{33, 65, 17}},
    {{129, 100, 512}}, {{257, 1000, 64}}, {{3, 2, 5003}}, {{200, 301, 99}},
};
/* Height and width of what a window leaves are not here: see case_window. */
static const case_shape case_convs[] = {
    {{0, 8, 8, 3, 4, 3, 3, 1, 1}},      {{1, 1, 1, 1, 1, 1, 1, 1, 0}},
    {{1, 1, 1, 1, 1, 3, 3, 1, 1}},      {{2, 5, 7, 3, 4, 3, 3, 1, 1}},
    {{2, 5, 7, 3, 5, 3, 3, 2, 1}},      {{1, 9, 6, 2, 3, 1, 1, 1, 0}},
    {{2, 9, 7, 5, 6, 1, 1, 2, 0}},      {{1, 11, 13, 3, 8, 7, 7, 2, 3}},
    {{2, 6, 6, 4, 4, 2, 2, 2, 0}},      {{1, 7, 5, 3, 2, 3, 1, 1, 1}},    /* taller than wide */
    {{1, 8, 8, 1, 1, 5, 5, 1, 2}},      {{1, 3, 3, 2, 2, 3, 3, 1, 0}},    /* one pixel is left */
    {{1, 8, 8, 2, 2, 3, 3, 3, 1}},                                        /* the last row is not seen */
    {{1, 6, 6, 3, 3, 3, 3, 1, 2}},                                        /* the image grows */
    {{3, 4, 4, 17, 19, 3, 3, 1, 1}},    {{2, 32, 32, 3, 16, 3, 3, 1, 1}}, /* ResNet-20 */
    {{2, 32, 32, 16, 16, 3, 3, 1, 1}},  {{2, 32, 32, 16, 32, 3, 3, 2, 1}},
    {{2, 16, 16, 32, 32, 3, 3, 1, 1}},  {{2, 16, 16, 32, 64, 3, 3, 2, 1}},
    {{3, 8, 8, 64, 64, 3, 3, 1, 1}},    {{1, 32, 32, 3, 64, 3, 3, 1, 1}}, /* ResNet-18 */
    {{1, 32, 32, 64, 64, 3, 3, 1, 1}},  {{1, 32, 32, 64, 128, 3, 3, 2, 1}},
    {{1, 32, 32, 64, 128, 1, 1, 2, 0}}, {{1, 16, 16, 128, 128, 3, 3, 1, 1}},
    {{1, 4, 4, 512, 512, 3, 3, 1, 1}},  {{1, 63, 61, 3, 64, 7, 7, 2, 3}},
    {{2, 16, 16, 64, 128, 3, 3, 2, 1}}, /* WRN-40-2 */
    {{1, 32, 32, 36, 48, 1, 1, 1, 0}},  /* DenseNet-100-12 */
    {{1, 32, 32, 48, 12, 3, 3, 1, 1}},
};
static const case_shape case_pools[] = {
    {{0, 4, 4, 3, 3, 2, 2, 2, 0}},     {{1, 1, 1, 1, 1, 1, 1, 1, 0}},   {{2, 8, 8, 3, 3, 2, 2, 2, 0}},
    {{2, 7, 9, 5, 5, 3, 3, 2, 1}},     {{1, 5, 5, 1, 1, 2, 2, 1, 0}},   {{1, 6, 7, 3, 3, 3, 2, 2, 1}},
    {{1, 13, 13, 17, 17, 3, 3, 3, 0}}, {{1, 6, 5, 2, 2, 3, 3, 1, 1}},   {{2, 32, 32, 16, 16, 2, 2, 2, 0}},
    {{1, 16, 16, 64, 64, 3, 3, 2, 1}}, {{3, 8, 8, 64, 64, 8, 8, 8, 0}}, {{2, 4, 4, 512, 512, 4, 4, 4, 0}},
    {{2, 7, 7, 65, 65, 7, 7, 7, 0}},
};
static const case_shape case_images[] = {
    {{0, 4, 4, 3}}, {{1, 1, 1, 1}}, {{2, 5, 7, 3}}, {{3, 9, 4, 4}}, {{33, 32, 32, 3}}, {{1, 67, 65, 3}},
};
static const case_shape case_norms[] = {
    {{0, 3}}, {{3, 0}}, {{1, 1}}, {{1, 5}}, {{2, 3}}, {{5, 1}}, {{7, 17}}, {{33, 130}}, {{2048, 16}}, {{300, 512}},
};
static const case_shape case_nearest[] = {
    {{0, 5, 3, 2}},       {{1, 1, 1, 1}},       {{3, 5, 2, 5}},        {{2, 4097, 5, 1}},    {{7, 100, 8, 10}},
    {{33, 1000, 64, 50}}, {{130, 2101, 3, 50}}, {{1030, 300, 7, 200}}, {{3, 9001, 4, 1024}}, {{2, 9001, 3, 1500}},
    {{2, 4100, 3, 3500}}, {{2, 140001, 1, 33}}, {{520, 4100, 1, 9}},   {{513, 130, 37, 5}},
};

/* By family: its shapes, how many extents each has. */
static const struct case_shapes {
    const case_shape *shape;
    int count, extents;
} case_shapes[CASE_FAMILIES] = {
    [CASE_VECTOR] = {case_vectors, CASES(case_vectors), 1},
    [CASE_MEET] = {case_meets, CASES(case_meets), 3},
    [CASE_ROWS] = {case_rows, CASES(case_rows), 2},
    [CASE_CHOICE] = {case_choices, CASES(case_choices), 3},
    [CASE_MOVE] = {case_moves, CASES(case_moves), 3},
    [CASE_COLS] = {case_cols, CASES(case_cols), 6},
    [CASE_PRODUCT] = {case_products, CASES(case_products), 3},
    [CASE_CONV] = {case_convs, CASES(case_convs), 9},
    [CASE_POOL] = {case_pools, CASES(case_pools), 9},
    [CASE_IMAGES] = {case_images, CASES(case_images), 4},
    [CASE_NORM] = {case_norms, CASES(case_norms), 2},
    [CASE_NEAREST] = {case_nearest, CASES(case_nearest), 4},
};

/* The entries of backend.h that compute. `variant` is the operation of map, zip
 * and fold, and tells apart what else one entry does; `label` names it. */
static const struct case_entry {
    const char *entry;
    enum case_family family;
    int variant;
    const char *label;
} case_entries[] = {
    {"fill", CASE_VECTOR, 0, ""},
    {"affine", CASE_VECTOR, 0, ""},
    {"axpy", CASE_VECTOR, 0, ""},
    {"map", CASE_VECTOR, BK_NEG, " neg"},
    {"map", CASE_VECTOR, BK_ABS, " abs"},
    {"map", CASE_VECTOR, BK_SIGN, " sign"},
    {"map", CASE_VECTOR, BK_EXP, " exp"},
    {"map", CASE_VECTOR, BK_LOG, " log"},
    {"map", CASE_VECTOR, BK_SQRT, " sqrt"},
    {"map", CASE_VECTOR, BK_RECIP, " recip"},
    {"map", CASE_VECTOR, BK_SQUARE, " square"},
    {"clamp", CASE_VECTOR, 0, ""},
    {"within", CASE_VECTOR, 0, ""},
    {"zip", CASE_MEET, BK_ADD, " add"},
    {"zip", CASE_MEET, BK_SUB, " sub"},
    {"zip", CASE_MEET, BK_MUL, " mul"},
    {"zip", CASE_MEET, BK_DIV, " div"},
    {"spread", CASE_MEET, 0, ""},
    {"fold", CASE_MEET, BK_SUM, " sum"},
    {"fold", CASE_MEET, BK_MAX, " max"},
    {"copy_cols", CASE_COLS, 0, ""},
    {"lse", CASE_ROWS, 0, ""},
    {"topk", CASE_CHOICE, 0, ""},
    {"topk", CASE_CHOICE, 1, " odd"}, /* zeros of both signs, infinities, NaN */
    {"pick", CASE_CHOICE, 0, ""},
    {"place", CASE_CHOICE, 0, ""},
    {"take_rows", CASE_MOVE, 0, ""},
    {"put_rows", CASE_MOVE, 0, ""},
    {"gemm", CASE_PRODUCT, 0, " ab"}, /* bit 0: a transposed, bit 1: b, bit 2: + c */
    {"gemm", CASE_PRODUCT, 1, " a'b"},
    {"gemm", CASE_PRODUCT, 2, " ab'"},
    {"gemm", CASE_PRODUCT, 3, " a'b'"},
    {"gemm", CASE_PRODUCT, 4, " ab+c"},
    {"gemm", CASE_PRODUCT, 5, " a'b+c"},
    {"gemm", CASE_PRODUCT, 6, " ab'+c"},
    {"gemm", CASE_PRODUCT, 7, " a'b'+c"},
    {"conv_y", CASE_CONV, 0, ""},
    {"conv_x", CASE_CONV, 0, ""},
    {"conv_w", CASE_CONV, 0, ""},
    {"pool_max", CASE_POOL, 0, ""},
    {"pool_avg", CASE_POOL, 0, ""},
    {"pool_avg_t", CASE_POOL, 0, ""},
    {"images", CASE_IMAGES, 0, ""},
    {"images", CASE_IMAGES, 1, " moved"},
    {"uniform", CASE_VECTOR, 0, ""},
    {"normal", CASE_VECTOR, 0, ""},
    {"cut", CASE_IMAGES, 0, ""},
    {"bn", CASE_NORM, 0, ""},
    {"bn_grad", CASE_NORM, 0, ""},
    {"log_softmax", CASE_ROWS, 0, ""},
    {"log_softmax_grad", CASE_ROWS, 0, ""},
    {"pool_max_t", CASE_POOL, 0, ""},
    {"sgd", CASE_VECTOR, 0, ""},
    {"sgd", CASE_VECTOR, 1, " nesterov"},
    {"nearest", CASE_NEAREST, 0, ""},
};

/* The window of a row of case_convs or case_pools. */
static inline bk_window case_window(const int64_t d[9])
{
    bk_window g = {.n = d[0], .h = d[1], .w = d[2], .c = d[3], .k = d[4]};
    g.r = (int)d[5], g.s = (int)d[6], g.stride = (int)d[7], g.pad = (int)d[8];
    g.p = (g.h + 2 * g.pad - g.r) / g.stride + 1;
    g.q = (g.w + 2 * g.pad - g.s) / g.stride + 1;
    return g;
}

/* About how many multiplications or moves a shape costs; 0 when an extent that
 * must not be 0 for anything to happen is 0. */
static inline int64_t case_size(enum case_family family, const int64_t d[9])
{
    static const int counted[CASE_FAMILIES] = {
        [CASE_VECTOR] = 1, [CASE_MEET] = 3,   [CASE_ROWS] = 2,    [CASE_CHOICE] = 3,
        [CASE_MOVE] = 3,   [CASE_COLS] = 2,   [CASE_PRODUCT] = 3, [CASE_CONV] = 7,
        [CASE_POOL] = 4,   [CASE_IMAGES] = 4, [CASE_NORM] = 2,    [CASE_NEAREST] = 4,
    };
    int64_t size = 1;
    for (int i = 0; i < counted[family]; i++)
        size *= d[i];
    return size;
}

#endif
