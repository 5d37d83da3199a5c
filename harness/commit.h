/* commit.h - which version of the sources a result was made with. */
#ifndef COMMIT_H
#define COMMIT_H

/* The first 12 digits of the commit that the file ROOT/commit names (in a bundle, and
 * installed), or of the one checked out in ROOT; "" when there is neither. Read from
 * git's files: git itself need not be installed. */
const char *commit_id(void);

#endif
