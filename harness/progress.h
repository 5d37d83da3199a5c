/* progress.h - one line that tells how far long work is and how long it will
 * take. Drawn on standard error when that is a terminal, else nothing at all. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

void progress_begin(const char *label, const char *unit, int64_t total); /* "importing tin", "images" */
void progress_from(int64_t done); /* was done before: not this time's speed */
void progress_step(int64_t done); /* so far, not since the last call */
void progress_say(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* "loss 0.31", shown behind */
void progress_end(void);                                                       /* wipes the line */

/* A cell has no terminal: it sends its progress as lines `progress\t...` to a
 * pipe, and the parent hands each such line to progress_relay, which draws it. */
void progress_pipe(int fd);
void progress_relay(const char *line);

/* A line of its own on standard error, in place of the one that is being drawn. */
void progress_note(const char *text);

#endif
