/* sam.c - sharpness-aware minimisation, with the radius of its authors. */
#include "sam.h"

static const param params[] = {PARAM(struct sam, rho, .init = 0.05, .min = 0, .max = 10,
                                     .sweep = "0.02 0.05 0.1 0.2 0.5", .help = "radius of the neighbourhood"),
                               SAM_PASSES};

static void step(void *self, run *r, const batch *b)
{
    sam_step(self, r, b, ASCENT_PLAIN);
}

const method method_entry = {METHOD_HEAD,
                             .name = "sam",
                             .ranks = true,
                             .cite = "Foret et al. 2021",
                             PARAMS(struct sam, params),
                             .step = step,
                             .family = FAMILY_SHARPNESS};
