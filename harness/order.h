/* order.h - the rows of an experiment in the order of its plan: which cell ended
 * first is chance, and what a file looks like must not depend on it. */
#ifndef ORDER_H
#define ORDER_H

#include "rows.h"

/* Arranges the rows of the plan in all sheets; rows of other plans stay where they
 * are. 0, or -1 with fault() set. */
int order_rows(rows *r);

#endif
