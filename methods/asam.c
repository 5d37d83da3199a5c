/* asam.c - adaptive sharpness-aware minimisation: as sam, in a neighbourhood that
 * stretches with each weight, so that rescaling a layer changes nothing. */
#include "sam.h"

static const param params[] = {PARAM(struct sam, rho, .init = 2, .min = 0, .max = 100, .sweep = "0.5 1 2",
                                     .help = "radius, in units of the weights"),
                               SAM_PASSES};

static void step(void *self, run *r, const batch *b)
{
    sam_step(self, r, b, ASCENT_ADAPTIVE);
}

const method method_entry = {METHOD_HEAD,
                             .name = "asam",
                             .ranks = true,
                             .cite = "Kwon et al. 2021",
                             PARAMS(struct sam, params),
                             .step = step,
                             .family = FAMILY_SHARPNESS};
