/* variants.h - the methods an experiment names, each with every combination of
 * the values that its parameters are given. */
#ifndef VARIANTS_H
#define VARIANTS_H

#include "expand.h"

/* Those of `train` or `score`. -1 with fault() set: an unknown method, one that
 * does not train or score, one without the outliers it needs. */
int variants_choose(const plan *p, variants *all, const char *key);
void variants_free(variants *all);

int variants_outliers(const variant *v); /* it, or its base, trains with outliers */

/* The key that a setting of the recipe is taken from: `sam.lr` where there is
 * such a key, else `lr`. May be written to `buffer`. */
const char *variants_recipe_key(const plan *p, const variant *v, const char *key, char buffer[256]);

#endif
