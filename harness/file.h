/* file.h - files that are whole or absent, and the digests that name them.
 * Functions return 0, or -1 with fault() set. */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <stdint.h>

/* The name under which `path` is written before file_commit() renames it: in
 * the same folder, distinct for every process of every machine. Creates missing folders. */
int file_aside(char *aside, size_t cap, const char *path);

/* Flushes `aside` to the disk and renames it to `path`. On failure removes it. */
int file_commit(const char *aside, const char *path);

/* Writes all of `bytes` to `path` by way of a file aside. */
int file_write(const char *path, const void *bytes, size_t size);

/* Reads a whole file into memory the caller frees; a NUL follows the last byte. */
int file_read(const char *path, char **bytes, size_t *size);

/* Creates a folder and its parents. */
int file_mkdirs(const char *folder);
int file_exists(const char *path);

/* Removes a folder and what is in it, on its own file system; 0 also when there is none. */
int file_remove_tree(const char *folder);

/* Joins with one slash; returns `out`. Ends the process when cap is too small. */
char *file_join(char *out, size_t cap, const char *folder, const char *name);

/* SHA-256 as 64 hex digits and a NUL. */
#define FILE_DIGEST 65
void file_digest_bytes(char digest[FILE_DIGEST], const void *bytes, size_t size);
int file_digest(char digest[FILE_DIGEST], const char *path);
void file_digest_text(char digest[FILE_DIGEST], const unsigned char raw[32]);

#endif
