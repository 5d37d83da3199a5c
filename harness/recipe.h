/* recipe.h - how a network is trained, whatever the loss: length, batches,
 * learning rate, optimiser, augmentation, the checkpoint that is kept. */
#ifndef HARNESS_RECIPE_H
#define HARNESS_RECIPE_H

#include "config.h"
#include "crop.h"

enum recipe_schedule { RECIPE_COSINE, RECIPE_STEPS, RECIPE_PLATEAU, RECIPE_CONSTANT };
enum recipe_optimiser { RECIPE_SGD, RECIPE_ADAM };
enum recipe_keep { RECIPE_BEST, RECIPE_LAST };
enum { RECIPE_LR_STEPS = 16 };

typedef struct recipe { /* defaults: train_recipe() */
    int64_t epochs, batch;
    int64_t epoch_steps;   /* an epoch ends after so many steps; 0: with the training images */
    int64_t outlier_batch; /* for methods that take outliers beside a batch */
    double lr, lr_min;     /* lr_min: where the cosine ends */
    enum recipe_schedule schedule;
    int64_t lr_steps[RECIPE_LR_STEPS]; /* epochs after which lr is multiplied by lr_factor */
    int nlr_steps;
    double lr_factor;
    int64_t lr_patience; /* plateau: epochs without progress that are borne */
    double lr_threshold; /* plateau: progress is at least this share of the best loss */
    enum recipe_optimiser optimiser;
    double momentum, weight_decay;
    int nesterov;
    double beta1, beta2, adam_eps;
    int64_t crop;       /* zeros padded on each side before a random cut */
    crop_range resized; /* in its place: cut at random and resized, when scale[1] > 0 */
    int blocks;         /* images are shuffled by blocks (shuffle.h); 0: as a whole */
    int flip;
    int aux_augment; /* cut and mirror outliers, too */
    enum recipe_keep keep;
} recipe;

/* The usual CIFAR recipe: 100 epochs of 128, SGD with Nesterov momentum. */
recipe train_recipe(void);

/* Keys that are not given keep what train_recipe() has. -1 with fault() set. */
int recipe_read(recipe *r, const config *c);

/* Keys that contradict each other: before defaults are filled in. -1 with fault() set. */
int recipe_check(const config *c);

/* Whether a key of the recipe has any effect beside what c says of others:
 * `schedule`, `optimiser`, `crop_scale`. */
int recipe_uses(const config *c, const char *key);

/* ReduceLROnPlateau of PyTorch, on the validation loss: after more than
 * lr_patience epochs in a row without progress the rate falls. */
typedef struct recipe_plateau {
    double best;        /* infinity before the first epoch */
    int64_t idle, cuts; /* epochs without progress; how often the rate fell */
} recipe_plateau;
recipe_plateau recipe_plateau_begin(void);
void recipe_plateau_see(recipe_plateau *p, const recipe *r, double loss);

/* The learning rate of a step, counted from 0, when an epoch has steps_each.
 * Only the cosine changes it within an epoch; cuts: of the plateau. */
double recipe_rate(const recipe *r, int64_t step, int64_t steps_each, int64_t cuts);

#endif
