/* optimiser.h - what makes new weights of gradients: SGD with momentum or Adam,
 * both as PyTorch has them (weight decay joins the gradient first). */
#ifndef OPTIMISER_H
#define OPTIMISER_H

#include "../methods/method.h"
#include "recipe.h"

enum { OPTIMISER_STATE = 2 };

typedef struct optimiser {
    const recipe *recipe;
    tensor *state[OPTIMISER_STATE]; /* as long as the weights; SGD: velocity; Adam: first and second moments */
    int nstate;
    int64_t steps; /* taken so far */
} optimiser;

/* State for n weights, zeros, in the scope that is open. The recipe outlives it. */
optimiser optimiser_begin(const recipe *r, int64_t n);

/* One step in place; the gradients are left as they are. */
void optimiser_step(optimiser *o, tensor *weights, tensor *grads, double rate);

#endif
