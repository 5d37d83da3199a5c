/* ranks.h - several processes, the ranks, that train one network together. Each
 * holds the whole network and sees its share of every batch; sums over all ranks
 * make of the shares what one process makes of the joined batch:
 *
 *  - the loss is the mean over ranks of what each rank's method yields, and a
 *    gradient is that mean's (ad_grad, ad_backward). ad_backward's are of the
 *    share: run_backward sums them before anybody looks at nn_grads;
 *  - batch normalisation has the statistics of the joined batch, in both passes
 *    and to every order of derivative;
 *  - images, crops and outliers are those of the joined batch (stream.h), and
 *    draws are the same on all ranks.
 *
 * What is equal. One rank with the same batch computes the same real numbers, for
 * methods marked `.ranks` (method.h): tests/double/ranks.c holds the two together in
 * double, to 1e-9 after several steps. In float they differ as sums in another order
 * do, and where that tips a ReLU over: four steps of a fresh ResNet-20 end within 0.4 %
 * of the way they went (tests/ranks.c), and it grows from step to step. All ranks
 * hold the same bits, which is checked after every epoch. With one rank everything
 * here is nothing: no operation is recorded and no bit changes. Several ranks train
 * without plans, layer by layer, in float also where `precision: bf16` is asked for.
 */
#ifndef RANKS_H
#define RANKS_H

#include "../kernels/wire.h"
#include "tensor.h"

#include <stdbool.h>

int ranks_here(void);  /* this process's number; 0: it reports and writes files */
int ranks_count(void); /* 1 when there are no others */
int ranks_local(void); /* its number among those of this machine */

/* Joins the others over kernels/wire/mpi.so; so many must have been started; before
 * device_open. Then, where the device is a card, sums go by wire/nccl.so; *slow: that was
 * not built, and they pass through the host. possible: was the former built? -1 with fault() set. */
int ranks_possible(void);
int ranks_open(int64_t expected);
int ranks_open_device(bool *slow);
void ranks_use(const wire_api *api, wire *w, wire_place at); /* a wire that is open already; closed by: */
void ranks_close(void);

/* Sums over all ranks. total: an operation with derivatives; x itself when there
 * is one rank. sum: in place, of a leaf. add: of host memory. tell: rank 0's for all. */
tensor *ranks_total(tensor *x);
void ranks_sum(tensor *leaf);
void ranks_add(double *values, int n);
void ranks_tell(void *bytes, size_t n);

#endif
