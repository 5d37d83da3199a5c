/* expand.h - an experiment as the list of cells it consists of. The lists of a
 * configuration multiply: every network x weights x training method x its
 * parameters x seed is a model, every scoring method x its parameters a cell on
 * each model. Everything a user can get wrong in a configuration is found here,
 * before anything is computed. Functions return 0, or -1 with fault() set. */
#ifndef EXPAND_H
#define EXPAND_H

#include "../datasets/benchmark.h"
#include "analysis.h"
#include "config.h"
#include "registry.h"

#define RUN_NAME 13 /* 12 hex digits and a NUL */

typedef struct variant {        /* a method with one value of each of its parameters */
    entry_point *method, *base; /* base: the one whose loss it minimises, or NULL */
    config *keys;               /* knn.k: 50; those of the base, too */
    char *settings;             /* "k=50", "rho=0.05;base=oe;oe.weight=0.5", as in the results */
    char *grid; /* "gamma=0.1 0.5;m=10 50": what a search tries, in neither of them; NULL: nothing */
} variant;

typedef struct scored {
    const variant *by;
    char run[RUN_NAME];
} scored;

typedef struct model {
    const char *net, *configured; /* configured: its item of `weights`, or NULL */
    char *weights;                /* the same with {net} filled in, "" without any */
    char *start;                  /* the file they are in, or NULL */
    char digest[65];              /* of that file */
    int from;                     /* the model whose training leaves that file, or -1 */
    const variant *train;         /* NULL: the weights are scored as they are */
    char *train_settings;         /* recipe and parameters, "" without training */
    const char *seed;
    char *file;                              /* the checkpoint that is scored: `start`, or what training writes */
    char run[RUN_NAME], train_run[RUN_NAME]; /* of the features and the training cell */
    char analyses[ANALYSES][RUN_NAME];       /* of their rows */
    scored *scores;                          /* one per variant of plan.score */
} model;

typedef struct variants {
    variant *at;
    int n;
    int search; /* parameters with a sweep that are not given are searched */
} variants;

typedef struct plan {
    config *c;        /* checked, with every default filled in */
    const char *file; /* the configuration */
    char **words;     /* of the command line it was made of, [nwords]; NULL: of none */
    int nwords;
    char *name;        /* its name without folder and .yml */
    char *out, *cache; /* absolute folders */
    registry methods;
    benchmark *b;    /* NULL: features from elsewhere */
    int all_scorers; /* nobody named them: one that needs what is not there is left out */
    variants train, score;
    model *models;
    int n;
} plan;

/* argv[1..] as settings_load takes it. */
int expand(plan *p, int argc, char **argv);
/* The plan of a file of features, p->file, whose bytes are named by the digest: p->c
 * has the settings and the sets, p->methods is open. Nothing is freed on a fault. */
int expand_given(plan *p, const char digest[65]);
void expand_free(plan *p);

/* The file of a cell: YAML text that the caller frees. `sets` lists the rows that
 * are wanted by group, as rows_wanted does, of an analysis what analyses_missing
 * says of it; by is NULL but for a score cell. */
enum cell_kind { CELL_TRAIN, CELL_FEATURES, CELL_SCORE, CELL_ANALYSIS /* and so on, by enum analysis */ };
extern const char *const cell_kinds[CELL_ANALYSIS + ANALYSES];
char *expand_cell(const plan *p, const model *m, enum cell_kind kind, const scored *by, const config *sets);

#endif
