/* config.c - YAML; what was read is written in the one canonical form, and read again. */
#include "../../harness/config.h"
#include "fuzz.h"

static void again(const char *canonical)
{
    config *c = config_new();
    fuzz_require(config_parse(c, canonical, "canonical") == 0, "the canonical form is not read");
    char *twice = config_canonical(c);
    fuzz_require(strcmp(canonical, twice) == 0, "the canonical form is another when read");
    free(twice);
    config_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    config *c = config_new();
    if (fuzz_answer(config_read(c, fuzz_file("a.yml", bytes, n))) == 0) {
        char *canonical = config_canonical(c);
        again(canonical);
        free(canonical);
        for (int i = 0; i < config_count(c); i++) {
            const char *key = config_key(c, i);
            int64_t whole;
            double real;
            int flag;
            fuzz_answer(config_int(c, key, &whole, -10, 1000));
            fuzz_answer(config_real(c, key, &real, 0, 1));
            fuzz_answer(config_flag(c, key, &flag));
        }
    }
    config_free(c);
    return 0;
}
