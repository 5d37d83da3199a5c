/* pool.h - what pool.c, scope.c and tape.c need of each other; engine.h has
 * the rest. */
#ifndef POOL_H
#define POOL_H

#include "engine.h"

storage *pool_take(size_t bytes);                            /* one reference; or exit 4 */
void pool_release(storage *s);                               /* one reference less */
void pool_waited(void);                                      /* counts a read or sync */
void pool_exhausted(size_t bytes) __attribute__((noreturn)); /* the device has not so many left; exit 4 */

int64_t scope_tensors(void);  /* alive in all scopes */
void scope_disown(tensor *t); /* t ends when a node says so, not its scope */
void scope_end_all(void);     /* drops the tensors of the outermost scope, the only one open */

int64_t tape_length(void);
void tape_add(tensor *t);                 /* t wants gradients from now on */
void tape_cut(int64_t length, int depth); /* scope `depth` closes, which began at `length` */
void tape_forget(tensor *t);              /* t ends */
tensor *tape_at(int64_t order);           /* NULL: ended early */
void node_spend(node *n);                 /* gives back what only its rule needs */

#endif
