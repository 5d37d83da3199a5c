/* doctor.h - what `oodbench doctor` finds out about a benchmark: which of its sets are
 * imported, which could be, what the others lack. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "../datasets/benchmark.h"
#include "text.h"

enum set_state {
    SET_LACKING,  /* its list, images or files are not there */
    SET_HERE,     /* not imported yet, but it can be */
    SET_IMPORTED, /* and up to date, or all that is left */
};

typedef struct checked_set {
    const char *name, *group; /* the benchmark's */
    enum set_state state;
    char *lacks;       /* what, below the data folder, in one line; NULL: nothing */
    const char *place; /* the folder of its images below the data folder; "": `lacks` says; NULL: it is made */
    const char *from;  /* an address, or NULL */
    int list;          /* lacks its list */
    int64_t bytes;     /* that importing it writes, as far as that is known */
} checked_set;

typedef struct checkup {
    char *name;
    benchmark *b;     /* NULL: it cannot be read */
    char *unreadable; /* why */
    const char *lists, *lists_from;
    checked_set *sets;
    int n;
} checkup;

enum verdict { CANNOT_RUN, RUNS_PARTLY, COMPLETE }; /* all sets of near and far that are taken by default */

/* `named` as benchmark_named() has it; data may be NULL. */
void checkup_make(checkup *c, const char *named, const char *data, const char *imported);
void checkup_free(checkup *c);
enum verdict checkup_verdict(const checkup *c);

/* How many sets of a group there are, and how many of them can be used. */
void checkup_count(const checkup *c, const char *group, int *here, int *all);

/* Reads every data set below the folder, and prints those that are damaged; 1: there are such. */
int doctor_verify(const char *imported);

/* What a benchmark lacks and where it comes from, for a screen of 100 columns. */
void checkup_print(const checkup *c);

#endif
