/* recipe.c - recipes: what a configuration says, what of it has an effect, and
 * the learning rate of every step against PyTorch's schedulers. */
#include "../harness/recipe.h"
#include "../harness/fault.h"
#include "../harness/settings.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void reads(recipe *r, const char *yaml)
{
    config *c = config_new();
    if (config_parse(c, yaml, "test") != 0 || recipe_read(r, c) != 0)
        fail_msg("%s", fault_text());
    config_free(c);
}

static void refuses(const char *yaml, const char *word)
{
    recipe r;
    config *c = config_new();
    assert_int_equal(config_parse(c, yaml, "test"), 0);
    assert_int_equal(recipe_read(&r, c), -1);
    if (!strstr(fault_text(), word))
        fail_msg("expected `%s` in: %s", word, fault_text());
    config_free(c);
}

static void is_read(void **state)
{
    (void)state;
    recipe r;
    reads(&r, "schedule: steps\nlr_steps: [50, 75]\nlr_factor: 0.2\noptimiser: adam\nbeta1: 0.8\nbeta2: 0.9\n"
              "adam_eps: 1e-7\naux_augment: true\nkeep: last\nlr_patience: 3\nlr_threshold: 0.01\nepochs: 7\n");
    assert_int_equal(r.schedule, RECIPE_STEPS);
    assert_int_equal(r.nlr_steps, 2);
    assert_int_equal(r.lr_steps[0], 50);
    assert_int_equal(r.lr_steps[1], 75);
    assert_int_equal(r.optimiser, RECIPE_ADAM);
    assert_true(r.lr_factor == 0.2 && r.beta1 == 0.8 && r.beta2 == 0.9 && r.adam_eps == 1e-7);
    assert_true(r.aux_augment && r.keep == RECIPE_LAST && r.lr_patience == 3 && r.lr_threshold == 0.01);
    assert_int_equal(r.epochs, 7);
    assert_int_equal(r.batch, train_recipe().batch);
}

static void is_refused(void **state)
{
    (void)state;
    refuses("schedule: cosin\n", "schedule `cosin`");
    refuses("optimiser: lion\n", "optimiser `lion`");
    refuses("keep: first\n", "keep `first`");
    refuses("lr_steps: [5, x]\n", "`x`");
    refuses("lr_steps: [0]\n", "`0`");
    refuses("lr_steps: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]\n", "at most 16");
    refuses("beta1: 1\n", "beta1");
    refuses("batch: 0\n", "batch");
}

static void crops_are_read(void **state)
{
    (void)state;
    recipe r;
    reads(&r, "epochs: 1\n");
    assert_true(r.resized.scale[1] == 0 && !r.blocks && r.crop == 4);
    reads(&r, "crop_scale: [0.08, 1]\nshuffle: blocks\n");
    assert_true(r.resized.scale[0] == 0.08 && r.resized.scale[1] == 1 && r.blocks);
    assert_true(r.resized.ratio[0] == 3.0 / 4 && r.resized.ratio[1] == 4.0 / 3);
    reads(&r, "crop_scale: [0.2, 0.9]\ncrop_ratio: [0.5, 2]\nshuffle: whole\n");
    assert_true(r.resized.ratio[0] == 0.5 && r.resized.ratio[1] == 2 && !r.blocks);
    refuses("crop_scale: 0.5\n", "two numbers");
    refuses("crop_scale: [1, 0.08]\n", "smaller first");
    refuses("crop_scale: [0, 1]\n", "above 0");
    refuses("crop_scale: [0.1, 1.5]\n", "at most 1");
    refuses("crop_ratio: [x, 2]\n", "`x`");
    refuses("crop_scale: [0.1, nan]\n", "two numbers");
    refuses("shuffle: block\n", "shuffle `block`");
}

/* Padding that is given beside a resized crop; the default of padding is no contradiction. */
static void crops_exclude_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        int rc;
    } said[] = {{"crop: 4\n", 0},
                {"crop_scale: [0.08, 1]\n", 0},
                {"crop: 0\ncrop_scale: [0.08, 1]\n", 0},
                {"crop: 4\ncrop_scale: [0.08, 1]\n", -1}};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        config *c = config_new();
        assert_int_equal(config_parse(c, said[i].yaml, "test"), 0);
        assert_int_equal(settings_complete(c), said[i].rc);
        if (said[i].rc == 0) {
            assert_int_equal(!recipe_uses(c, "crop"), config_items(c, "crop_scale") > 0);
            assert_int_equal(!!recipe_uses(c, "crop_ratio"), config_items(c, "crop_scale") > 0);
        } else {
            assert_non_null(strstr(fault_text(), "give one of the two"));
        }
        config_free(c);
    }
}

/* The table of settings and the recipe agree on every default. */
static void defaults_agree(void **state)
{
    (void)state;
    const setting *s;
    const recipe usual = train_recipe();
    recipe r;
    int n = 0;
    config *c = config_new();
    for (int i = 0; (s = settings_at(i)); i++)
        if (s->recipe && s->init && ++n)
            config_set(c, s->key, s->init, "default");
    if (recipe_read(&r, c) != 0)
        fail_msg("%s", fault_text());
    assert_true(n >= 21);
    assert_true(r.epochs == usual.epochs && r.batch == usual.batch && r.outlier_batch == usual.outlier_batch);
    assert_true(r.lr == usual.lr && r.lr_min == usual.lr_min && r.lr_factor == usual.lr_factor);
    assert_true(r.schedule == usual.schedule && r.nlr_steps == 1 && r.lr_steps[0] == usual.lr_steps[0]);
    assert_true(r.lr_patience == usual.lr_patience && r.lr_threshold == usual.lr_threshold);
    assert_true(r.optimiser == usual.optimiser && r.momentum == usual.momentum && r.nesterov == usual.nesterov);
    assert_true(r.weight_decay == usual.weight_decay && r.beta1 == usual.beta1 && r.beta2 == usual.beta2);
    assert_true(r.adam_eps == usual.adam_eps && r.crop == usual.crop && r.flip == usual.flip);
    assert_true(r.aux_augment == usual.aux_augment && r.keep == usual.keep);
    config_free(c);
}

static void says_what_has_an_effect(void **state)
{
    (void)state;
    config *c = config_new();
    assert_int_equal(config_parse(c, "schedule: plateau\noptimiser: adam\n", "test"), 0);
    static const char *const used[] = {"lr", "lr_factor", "lr_patience", "lr_threshold", "beta1", "epochs", "keep"};
    static const char *const idle[] = {"lr_min", "lr_steps", "momentum", "nesterov"};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        if (!recipe_uses(c, used[i]))
            fail_msg("%s has an effect", used[i]);
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (recipe_uses(c, idle[i]))
            fail_msg("%s has none", idle[i]);
    config_free(c);
}

static void cosine_falls(void **state)
{
    (void)state;
    recipe r = train_recipe();
    r.epochs = 10;
    assert_true(recipe_rate(&r, 0, 5, 0) == 0.1);
    assert_true(fabs(recipe_rate(&r, 25, 5, 0) - (0.1 + 1e-6) / 2) < 1e-15);
    assert_true(fabs(recipe_rate(&r, 50, 5, 0) - 1e-6) < 1e-15);
    assert_true(recipe_rate(&r, 1, 5, 0) < recipe_rate(&r, 0, 5, 0)); /* per step */
}

/* torch.optim.lr_scheduler.MultiStepLR(o, [2, 3], 0.1) from 0.1, and a constant. */
static void steps_fall(void **state)
{
    (void)state;
    static const double want[] = {0.1, 0.1, 0.010000000000000002, 0.0010000000000000002, 0.0010000000000000002};
    recipe r;
    reads(&r, "schedule: steps\nlr_steps: [2, 3]\n");
    for (int epoch = 0; epoch < 5; epoch++)
        for (int i = 0; i < 7; i++)
            assert_true(recipe_rate(&r, epoch * 7 + i, 7, 0) == want[epoch]);
    reads(&r, "schedule: constant\nlr: 0.25\n");
    assert_true(recipe_rate(&r, 0, 7, 0) == 0.25 && recipe_rate(&r, 699, 7, 3) == 0.25);
}

/* torch.optim.lr_scheduler.ReduceLROnPlateau(o, patience=2) from 0.1. */
static void plateau_falls(void **state)
{
    (void)state;
    static const double loss[] = {1.0,     0.9,    0.90005, 0.89995, 0.9,    0.89,   0.95,   0.89,
                                  0.88999, 0.8899, 0.8899,  0.8899,  0.8899, 0.8899, 0.8899, 0.8};
    static const int cuts[] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    static const double rates[] = {0.1, 0.010000000000000002, 0.0010000000000000002, 0.00010000000000000003};
    recipe r;
    reads(&r, "schedule: plateau\nlr_patience: 2\n");
    recipe_plateau p = recipe_plateau_begin();
    for (int i = 0; i < 16; i++) {
        recipe_plateau_see(&p, &r, loss[i]);
        if (p.cuts != cuts[i])
            fail_msg("%d cuts after epoch %d, expected %d", (int)p.cuts, i + 1, cuts[i]);
        assert_true(recipe_rate(&r, i, 1, p.cuts) == rates[cuts[i]]);
    }
    r.lr = 1e-7; /* a cut that changes the rate by no more than 1e-8 is not made */
    assert_true(recipe_rate(&r, 0, 1, 1) == 1e-7 * 0.1 && recipe_rate(&r, 0, 1, 4) == 1e-7 * 0.1);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(is_read),
        cmocka_unit_test(is_refused),
        cmocka_unit_test(defaults_agree),
        cmocka_unit_test(says_what_has_an_effect),
        cmocka_unit_test(cosine_falls),
        cmocka_unit_test(steps_fall),
        cmocka_unit_test(plateau_falls),
        cmocka_unit_test(crops_are_read),
        cmocka_unit_test(crops_exclude_each_other),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
