/* optimiser.c - the update rules in double, against what PyTorch 2 computes in
 * double from the same weights, gradients and learning rates. */
#include "../../harness/optimiser.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { WEIGHTS = 3, STEPS = 4 };
static const real start[WEIGHTS] = {1, -2, 0.5};
static const real gradients[STEPS][WEIGHTS] = {{0.5, -1, 0}, {-0.25, 2, 1e-3}, {1, 0.125, -3}, {0, 0, 0.5}};
static const double rates[STEPS] = {0.1, 0.1, 0.05, 0.01};

/* weight_decay 0.01 in both; the rest as PyTorch has it by default. */
static const double adam[STEPS][WEIGHTS] = {
    {0.90000000196078433, -1.9000000009803921, 0.40000019999960001},
    {0.87122934762317428, -1.9355044186569044, 0.30000039895654051},
    {0.83792184092027999, -1.9507251357583695, 0.33184986814827205},
    {0.83242312572718358, -1.9531677434636758, 0.33603262724387961},
};
static const double nesterov[STEPS][WEIGHTS] = {
    {0.90310000000000001, -1.8062, 0.49904999999999999},
    {0.90757410999999999, -2.1001482199999999, 0.497506805},
    {0.80288165909550002, -2.153117568191, 0.78160930828524999},
    {0.79296615208736188, -2.1613069718672238, 0.79614402872047085},
};

static void follows(enum recipe_optimiser which, const double want[STEPS][WEIGHTS])
{
    recipe r = train_recipe();
    r.optimiser = which;
    r.weight_decay = 0.01;
    tx_open();
    optimiser o = optimiser_begin(&r, WEIGHTS);
    tensor *w = tx_from(DIMS(WEIGHTS), start);
    for (int i = 0; i < STEPS; i++) {
        real have[WEIGHTS], left[WEIGHTS];
        tensor *g = tx_from(DIMS(WEIGHTS), gradients[i]);
        optimiser_step(&o, w, g, rates[i]);
        tx_read(w, have);
        tx_read(g, left);
        assert_memory_equal(left, gradients[i], sizeof left);
        for (int k = 0; k < WEIGHTS; k++)
            if (!(fabs(have[k] - want[i][k]) < 1e-13))
                fail_msg("step %d: weight %d is %.17g, expected %.17g", i + 1, k, have[k], want[i][k]);
    }
    assert_int_equal(o.steps, STEPS);
    tx_close();
}

static void adam_is_pytorchs(void **state)
{
    (void)state;
    follows(RECIPE_ADAM, adam);
}

static void sgd_is_pytorchs(void **state)
{
    (void)state;
    follows(RECIPE_SGD, nesterov);
}

static int begin(void **state)
{
    (void)state;
    return device_open_api(bk_query(BK_ABI, sizeof(bk_api)), 0);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(adam_is_pytorchs), cmocka_unit_test(sgd_is_pytorchs)};
    return cmocka_run_group_tests(all, begin, NULL);
}
