/* rows.h - the rows of a running experiment: which are there, which a cell
 * reports, which it failed to deliver. Functions return 0, or -1 with fault(). */
#ifndef ROWS_H
#define ROWS_H

#include "expand.h"
#include "results.h"

typedef struct rows {
    plan p;
    sheet *results, *accuracy, *search; /* search: NULL where nothing is searched */
    sheet *analyses[ANALYSES];          /* NULL where there is none */
    int unfinished;                     /* points of analyses that a cell did not deliver */
    char *spectrum; /* the ID of full-spectrum rows, "cifar10+cifar10c"; NULL without shifted sets */
} rows;

typedef struct tally { /* how many labels of a split were right; tallies.h */
    char *set, *split;
    int64_t n, correct;
} tally;

/* What a cell says while it runs; reports_end() frees what it holds. */
typedef struct reports {
    rows *r;
    const model *m;
    const scored *by; /* NULL but for a score cell */
    int place;        /* of its progress among that of cells that run beside it */
    int analysing;    /* an analysis: this one */
    enum analysis analysis;
    const config *sets; /* near, far, csid, fsnear, fsfar: the rows that are wanted of it */
    config *told;       /* likewise: those it delivered, NULL while there is none */
    char *status;       /* its last `status` line, or NULL */
    tally *counted;
    int ncounted;
    int notes, kept; /* lines that were printed, points and accuracies: there is an end to both */
    int failed;      /* a row could not be written */
} reports;

/* When the plan is made. */
void rows_begin(rows *r);
void rows_end(rows *r);

/* A method as results name it: "saft (reconstruction)" where no source states all of it, or of its base. */
enum { ROWS_NAME = 160 };
const char *rows_name(const variant *v, char out[ROWS_NAME]); /* v NULL: "" */

/* "resnet20 w.th", "resnet20 trained with sam rho=0.1, seed 0": settings as far as
 * they tell it from others of the plan. The caller frees it. */
char *rows_describe(const rows *r, const model *m);

/* Every row of a scorer, by group, into `all`. */
void rows_wanted(const rows *r, config *all);

/* Those that it lacks; how many. */
int rows_missing(const rows *r, const scored *by, config *wanted);

/* A row with this status for every one of w->sets that is neither ok nor told of. */
int rows_fail(const reports *w, const char *status);

/* For job.report: takes a line from the pipe. */
void rows_report(void *reports, char *line);
char *report_field(char *line, const char *key); /* behind `key=`, up to a tab or the end; or NULL */
void reports_end(reports *w);

/* Drops rows that failed under parameters or files that are no longer those of
 * the plan: the same cell will be tried under another name. */
int rows_forget_failures(rows *r);

/* Which rows of results belong to the plan: one byte each, to be freed. */
char *rows_of_plan(const rows *r);

#endif
