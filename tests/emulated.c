/* emulated.c - the program on the emulated card (tests/emulator): whatever ends
 * a cell there (no driver, no library, a kernel that fails, no memory) costs its
 * rows, says why in one line, and leaves the run alive. */
#include "program.h"

#include "../harness/engine.h"
#include "../harness/models.h"
#include "../harness/results.h"

#include <dlfcn.h>
#include <sys/stat.h>

static void link_kernel(const char *name, const char *from)
{
    char *to = text_format("%s/kernels/%s.so", here, name),
         *whole = text_format("%.*s/%s", (int)(strrchr(program, '/') - program), program, from);
    assert_int_equal(symlink(whole, to), 0);
    free(whole);
    free(to);
}

/* A folder of kernels where `cuda` is the emulated one, weights, an experiment. */
static int begin(void **state)
{
    net *n;
    (void)state;
    if (program_begin("emulated") != 0)
        return -1;
    char *kernels = text_format("%s/kernels", here), *weights = text_format("%s/w.safetensors", here);
    int rc = file_mkdirs(kernels);
    link_kernel("cuda", "tests/emulator/cuda.so");
    link_kernel("ref", "kernels/ref.so");
    setenv("OODBENCH_KERNELS", kernels, 1);
    rc = rc != 0 || device_open("ref", 0) != 0 || nn_build(&n, "resnet20", 10, 1) != 0 ||
         nn_save(n, weights, NULL) != 0;
    if (rc)
        fprintf(stderr, "%s\n", fault_text());
    else
        nn_free(n);
    device_close();
    write_text("a.yml", "benchmark: tiny.yml\nnet: resnet20\nweights: w.safetensors\nscore: [msp, ebo]\n"
                        "near: newshapes\nfar: null\ndevice: cuda\n");
    free(kernels);
    free(weights);
    return rc ? -1 : 0;
}

static void devices_by_name(void **state)
{
    int status;
    (void)state;
    char *said = output(&status, "devices");
    assert_int_equal(status, 0);
    says(said, "cuda     ready    emulated, compute capability ");
    says(said, "driver for CUDA ");
    says(said, " GiB unused\n");
    free(said);
    setenv("EMULATOR_DEVICES", "0", 1);
    said = output(&status, "devices");
    assert_int_equal(status, 0);
    says(said, "cuda     refused  device cuda: no NVIDIA driver is loaded: install one");
    says(said, "ref      ready");
    free(said);
    unsetenv("EMULATOR_DEVICES");
}

/* What `device: auto` takes and all that it says, in a process of its own. It looks
 * for a driver first, and the emulator goes by that name once it is loaded. */
static void automatic(const char *name, const char *line)
{
    int ends[2], status;
    char said[1024];
    size_t n = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        char *driver = text_format("%s/cuda.so", getenv("OODBENCH_KERNELS"));
        _exit(dlopen(driver, RTLD_LAZY) && device_open("auto", 0) == 0 && strcmp(device_name(), name) == 0 ? 0 : 1);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], said + n, sizeof said - 1 - n)) > 0;)
        n += (size_t)got;
    said[n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_memory_equal(said, line, strlen(line));
    assert_ptr_equal(strchr(said, '\n'), said + n - 1);
}

/* A card that is there goes first; one that is not is passed over without a word. */
static void auto_takes_what_is_there(void **state)
{
    (void)state;
    automatic("cuda", "device: cuda (emulated");
    setenv("EMULATOR_DEVICES", "0", 1);
    automatic("ref", "device: ref (");
    unsetenv("EMULATOR_DEVICES");
}

/* Runs a.yml where one variable is set; every row's status begins and goes on so. */
static void ends_with(const char *variable, const char *value, const char *begins, const char *holds)
{
    int status;
    setenv(variable, value, 1);
    char *said = output(&status, "run '%s/a.yml' --imported '%s/imported' --out '%s/%s-%s'", here, here, here,
                        variable, value);
    unsetenv(variable);
    if (status != 1)
        fail_msg("%s=%s: status %d: %s", variable, value, status, said);
    says(said, "without a result:");
    free(said);
    sheet *s;
    char *path = text_format("%s/%s-%s/results.csv", here, variable, value);
    assert_int_equal(sheet_open(&s, path, result_names, RESULT_COLUMNS, SHEET_READ), 0);
    assert_int_equal(sheet_rows(s), 2);
    for (int row = 0; row < 2; row++) {
        const char *why = sheet_at(s, row, RESULT_STATUS);
        if (strncmp(why, begins, strlen(begins)) != 0 || !strstr(why, holds) || strchr(why, '\n'))
            fail_msg("%s=%s: expected `%s` and `%s`, found: %s", variable, value, begins, holds, why);
    }
    sheet_close(s);
    free(path);
}

static void a_cell_ends(void **state)
{
    (void)state;
    ends_with("EMULATOR_DEVICES", "0", "failed: device cuda: no NVIDIA driver is loaded", "choose another device");
    ends_with("EMULATOR_FAIL", "launch:1", "failed: cuda: a kernel failed on emulated", "compute-sanitizer");
    ends_with("EMULATOR_FAIL", "launch:4", "failed: cuda: a kernel failed on emulated", "compute-sanitizer");
    ends_with("EMULATOR_MEMORY", "30000000", "failed: device cuda: emulated has ", "too little to begin with");
    ends_with("EMULATOR_MEMORY", "80000000", "memory: out of device memory: ", "a batch of ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_by_name),
        cmocka_unit_test(auto_takes_what_is_there),
        cmocka_unit_test(a_cell_ends),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
