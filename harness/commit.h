/* commit.h - which version of the sources a result was made with. */
#ifndef COMMIT_H
#define COMMIT_H

/* The first 12 digits of the commit checked out in ROOT, or "" when ROOT is no
 * git checkout. Read from git's files: git itself need not be installed. */
const char *commit_id(void);

#endif
