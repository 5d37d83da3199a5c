/* rows.h - the rows of a running experiment: which are there, which a cell
 * reports, which it failed to deliver. Functions return 0, or -1 with fault(). */
#ifndef ROWS_H
#define ROWS_H

#include "expand.h"
#include "results.h"

typedef struct rows {
    plan p;
    sheet *results, *accuracy;
} rows;

/* What a cell says while it runs. */
typedef struct reports {
    rows *r;
    const model *m;
    const scored *by;         /* NULL but for a score cell */
    const config *sets;       /* near, far: the rows that are wanted of it */
    char *status;             /* its last `status` line, or NULL; the caller frees it */
    int64_t n[2], correct[2]; /* of the ID set's val and test */
    int failed;               /* a row could not be written */
} reports;

/* The sets a scorer still lacks, added to near and far of `wanted`; how many. */
int rows_missing(const rows *r, const scored *by, config *wanted);

/* A row with this status for every one of these sets that has none that is ok. */
int rows_fail(rows *r, const model *m, const scored *by, const config *sets, const char *status);

/* For job.report: takes a line from the pipe. */
void rows_report(void *reports, char *line);

/* The accuracy of a model's features cell, as far as it was reported, for val, test and both. */
int rows_put_accuracy(const reports *w);
int rows_has_accuracy(const rows *r, const model *m);

/* Drops rows that failed under parameters or files that are no longer those of
 * the plan: the same cell will be tried under another name. */
int rows_forget_failures(rows *r);

/* Which rows of results belong to the plan: one byte each, to be freed. */
char *rows_of_plan(const rows *r);

#endif
