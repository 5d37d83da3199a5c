/* verify.h - data sets against the digests they were written with. Reading all of a
 * set costs as much as its disk is slow, so once it was found whole that is noted
 * beside it, NAME.h5.verified, with the file's size, time of change and number; while
 * these are the same it is believed. What rots on the disk without being written to
 * is found by a full look: `oodbench inspect`, or `oodbench doctor --verify` for all
 * that is imported. Functions return 0, or -1 with fault(). */
#ifndef VERIFY_H
#define VERIFY_H

/* Reads all of the data set, unless it is noted. */
int verify_set(const char *path);

/* Reads all of it, whatever is noted. What is found damaged is not believed again. */
int verify_fully(const char *path);

/* Notes what was just written with its digests. */
void verify_note(const char *path);

#endif
