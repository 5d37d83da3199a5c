/* fault.h - errors the world makes: a file, a key, a device. The function that
 * meets one says so once, in a full sentence (what was expected, what was
 * found, where, what to do), and returns -1; callers pass the -1 up to main,
 * which prints the sentence and exits with 2. A caller's own mistake inside the
 * engine is no fault: it ends the process where it stands (tensor.h). */
#ifndef FAULT_H
#define FAULT_H

enum exit_code { /* of `oodbench` and of every cell */
                 EXIT_OK = 0,
                 EXIT_CONFIG = 2,       /* configuration or input: what the user can mend */
                 EXIT_PRECONDITION = 3, /* an operation was used wrongly */
                 EXIT_MEMORY = 4,
                 EXIT_NOT_FINITE = 5, /* a loss or a score */
                 EXIT_SKIPPED = 77,
};

/* Stores the sentence for this thread, replacing an earlier one; returns -1. It is one
 * line: control characters, which only names and values out of files have, are replaced. */
int fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The last sentence of this thread, "" when there was none. */
const char *fault_text(void);

#endif
