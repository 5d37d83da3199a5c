/* diagnostics.h - what training noted, one CSV row per epoch and one column per
 * key. A column may appear late; earlier rows leave it empty. */
#ifndef DIAGNOSTICS_H
#define DIAGNOSTICS_H

#include <stddef.h>

typedef struct diagnostics diagnostics;

/* The file is written anew, whole, after every epoch. `first`: the columns that
 * come before those that are noted, ended by NULL; or NULL. path NULL: nothing is written. */
diagnostics *diagnostics_begin(const char *path, const char *const first[]);
void diagnostics_end(diagnostics *d);

/* Adds to the mean of this epoch. -1 with fault() set for a key that is no
 * plain word or one too many. */
int diagnostics_note(diagnostics *d, const char *key, double value);

/* Ends the epoch's row and writes the file. -1 with fault() set. */
int diagnostics_epoch(diagnostics *d);

/* All of it as bytes, doubles as they are, for a state file. unpack: 1, and the
 * file is written anew; 0, and nothing is changed, when the bytes are no
 * diagnostics; -1 with fault() set when the file cannot be written. */
size_t diagnostics_bytes(const diagnostics *d);
void diagnostics_pack(const diagnostics *d, void *to);
int diagnostics_unpack(diagnostics *d, const void *from, size_t bytes);

/* The mean so far of this epoch; 0 when nothing was noted. */
double diagnostics_mean(const diagnostics *d, const char *key);

#endif
