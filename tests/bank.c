/* bank.c - scorers that keep training samples, on sets of more samples than are
 * looked at at a time: all of them count, or just the ones that should. */
#include "toy.h"

enum { COPIES = 200, MANY = 6 * COPIES };

static const char *device_at(int i)
{
    return i ? tested_device() : "ref";
}

static float features_of[MANY * 2];
static int32_t labels_of[MANY];
static toy many;

/* Copies of problem T's training set one after another, or each sample's copies. */
static void fill(bool sorted)
{
    for (int i = 0; i < MANY; i++) {
        int from = sorted ? i / COPIES : i % 6;
        memcpy(features_of + 2 * i, toy_t_features + 2 * from, 2 * sizeof *features_of);
        labels_of[i] = toy_t_labels[from];
    }
    many = toy_t;
    many.splits[0] = many.splits[1] = (toy_set){MANY, features_of, labels_of};
}

static const float h[] = {1, 0.5f};

/* As many times the ties of the specification. */
static void relation(void **state)
{
    (void)state;
    fill(false);
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &many, "relation", "", h, COPIES * 2.22419);
        toy_expect(device_at(d), &many, "relation", "power=8", h, COPIES * 0.0817196);
    }
}

/* 1200 samples: a share of 1/6 is 200, and the benchmark takes one batch more;
 * of 1/10 it is 120, and the first batch is enough. LSE(f) = 2.349013. */
static void front_of_the_bank(void **state)
{
    (void)state;
    fill(true);
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &many, "nnguide", "k=1;alpha=1", h, 2.349013 * 5.957737);
        toy_expect(device_at(d), &many, "nnguide", "k=1;alpha=0.1667;parity=true", h, 2.349013 * 5.957737);
        toy_expect(device_at(d), &many, "nnguide", "k=1;alpha=0.1;parity=true", h, 2.349013 * 3.597525);
        toy_expect(device_at(d), &many, "nnguide", "k=400;alpha=0.2;parity=true", h, 2.349013 * 4.777631);
    }
}

/* All of it, which includes the zero features; half of it, drawn evenly, whose
 * mean is near that of all: 8 standard deviations. */
static void random_bank(void **state)
{
    (void)state;
    const double mean = 2.349013 * (5.957737 + 3.597525 + 3.302601 + 2.684479 + 1.964819) / 6;
    fill(true);
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &many, "nnguide", "k=1200;alpha=0", h, mean);
        double half = (double)toy_score(device_at(d), &many, "nnguide", "k=600;alpha=0", h);
        assert_true(fabs(half - mean) < 0.15 * mean);
        assert_true(fabs(half - mean) > 1e-5 * mean);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(relation),
        cmocka_unit_test(front_of_the_bank),
        cmocka_unit_test(random_bank),
    };
    toy_begin();
    return cmocka_run_group_tests(cases, NULL, NULL);
}
