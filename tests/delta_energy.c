/* delta_energy.c - the score where cosines are given: three classes along three
 * axes, and features of length 1; and where the energies nearly agree. */
#include "toy.h"

enum { MANY = 60 };

static const toy axes = {
    .classes = 3,
    .features = 4,
    .weight = (const float[]){1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0},
    .bias = (const float[]){0, 0, 0},
};

/* Spec A.27: cosines 0.30, 0.25, 0.20. */
static void given_cosines(void **state)
{
    (void)state;
    const float h[] = {0.30f, 0.25f, 0.20f, 0.8986100f};
    static const struct {
        const char *parameters;
        double want;
    } cases[] = {
        {"", 5.00005},
        {"tau=0.1", 0.656361},
        {"top=2;tau=0.1", 1.44072},
        {"top=2;tau=0.1;mode=mean", 0.493809},
        {"tau=1", 0.0951328},
    };
    /* All below what they are lowered to: log(1 + 2 e^-10) - log(e^50 + 2 e^-10). */
    const float opposite[] = {-0.5f, -0.6f, -0.6f, 0.1732051f};
    toy_expect("ref", &axes, "delta_energy", "", opposite, -49.999909);
    toy_expect("ref", &axes, "delta_energy", "tau=0.005", opposite, -100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        toy_expect("ref", &axes, "delta_energy", cases[i].parameters, h, cases[i].want);
        toy_expect(tested_device(), &axes, "delta_energy", cases[i].parameters, h, cases[i].want);
    }
}

/* Among 60 classes at tau = 100 the two energies agree in five digits. */
static void close_energies(void **state)
{
    (void)state;
    static float weight[MANY * (MANY + 1)], bias[MANY], h[MANY + 1];
    const toy many = {.classes = MANY, .features = MANY + 1, .weight = weight, .bias = bias};
    double gone = 0, all = 0, square = 0;
    for (int k = 0; k < MANY; k++) {
        weight[k * (MANY + 1) + k] = 1;
        h[k] = 0.1f + 0.0001f * (float)k;
        square += (double)h[k] * (double)h[k];
    }
    h[MANY] = (float)sqrt(1 - square);
    for (int k = 0; k < MANY; k++)
        all += exp((double)h[k] / 100);
    gone = expm1((double)h[MANY - 1] / 100);
    double want = -log1p(-gone / all),
           got = (double)toy_score(tested_device(), &many, "delta_energy", "tau=100", h);
    if (!(fabs(got - want) <= 1e-5 * want))
        fail_msg("expected %.9g, found %.9g", want, got);
    toy_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_cosines),
        cmocka_unit_test(close_energies),
    };
    toy_begin();
    return cmocka_run_group_tests_name("delta_energy", tests, NULL, NULL);
}
