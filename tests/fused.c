/* fused.c - fused entries against compositions in float, on the backends for
 * processors. */
#include "fusion.h"

#include <unistd.h>

#include "../harness/fault.h"
#include "tested.h"

static void not_built(void **state)
{
    (void)state;
    skip();
}

static int on_device(const char *folder, const char *name)
{
    const struct CMUnitTest missing[] = {cmocka_unit_test(not_built)};
    char path[4200];

    snprintf(path, sizeof path, "%s/%s.so", folder, name);
    if (access(path, F_OK) != 0)
        return cmocka_run_group_tests_name(name, missing, NULL, NULL);
    if (device_open(name, 0) < 0) {
        fprintf(stderr, "%s\n", fault_text());
        return 1;
    }
    int failed = compare_all_fusions(2e-5);
    device_close();
    return failed;
}

int main(void)
{
    const char *build = getenv("B");
    char folder[4096];

    snprintf(folder, sizeof folder, "%s/kernels", build ? build : "build");
    setenv("OODBENCH_KERNELS", folder, 1);
    return on_device(folder, "ref") + on_device(folder, tested_device());
}
