/* device.c - which backend is taken, which are refused and in what words, and
 * the folder that backends are lent: with counterfeit interfaces, objects that
 * cannot be loaded, and the program's `devices`. */
#include "program.h"

#include "../harness/engine.h"

#include <sys/stat.h>

static char lent[4096]; /* the folder that the counterfeit was lent; "": none */
static bk_api counterfeit;

static bk *opens_nothing(const bk_host *host, int ordinal, unsigned flags, char *why, size_t cap)
{
    (void)ordinal, (void)flags;
    snprintf(lent, sizeof lent, "%s", host->folder ? host->folder : "");
    snprintf(why, cap, "the card is on loan: ask for it");
    return NULL;
}

static int begin(void **state)
{
    (void)state;
    counterfeit = (bk_api){
        .abi = BK_ABI, .size = sizeof(bk_api), .real_bytes = sizeof(real), .name = "half", .open = opens_nothing};
    return program_begin("device");
}

static void refused_with_a_cure(void **state)
{
    (void)state;
    assert_int_equal(device_open("abacus", 0), -1);
    says(fault_text(), "abacus");
    says(fault_text(), "oodbench devices");
    assert_int_equal(device_open_api(NULL, 0), -1);
    says(fault_text(), "rebuild");
    counterfeit.real_bytes = 2;
    assert_int_equal(device_open_api(&counterfeit, 0), -1);
    says(fault_text(), "reals of 2 bytes");
    counterfeit.real_bytes = sizeof(real);
    assert_int_equal(device_open_api(&counterfeit, 0), -1);
    says(fault_text(), "the card is on loan");
    assert_string_equal(device_name(), "none");
    assert_int_equal(device_open("cpu", BK_TF32), -1);
    says(fault_text(), "no TF32");
    assert_int_equal(device_open("ref", 0), 0);
    assert_string_equal(device_name(), "ref");
    assert_int_equal(device_open("ref", 0), -1);
    says(fault_text(), "open already");
    device_close();
}

/* --- The folder --- */

static void home_is(const char *own, const char *caches, const char *home)
{
    const char *const names[] = {"OODBENCH_CACHE", "XDG_CACHE_HOME", "HOME"}, *const values[] = {own, caches, home};
    for (int i = 0; i < 3; i++)
        if (values[i])
            setenv(names[i], values[i], 1);
        else
            unsetenv(names[i]);
    lent[0] = '?';
    assert_int_equal(device_open_api(&counterfeit, 0), -1);
}

static void lends(const char *folder)
{
    struct stat s;
    char *path = text_format("%s/%s", here, folder);
    assert_string_equal(lent, path);
    assert_true(stat(lent, &s) == 0 && S_ISDIR(s.st_mode));
    free(path);
}

static void a_folder_for_measurements(void **state)
{
    (void)state;
    char *own = text_format("%s/own/deep", here), *caches = text_format("%s/caches", here),
         *home = text_format("%s/home", here), *blocked = text_format("%s/tiny.yml/below", here);
    home_is(own, caches, home);
    lends("own/deep");
    home_is(NULL, caches, home);
    lends("caches/oodbench");
    home_is("", "relative", home);
    lends("home/.cache/oodbench");
    home_is(NULL, NULL, NULL);
    assert_string_equal(lent, "");
    home_is(blocked, NULL, home); /* a file is in the way */
    assert_string_equal(lent, "");
    home_is(own, NULL, NULL);
    free(own);
    free(caches);
    free(home);
    free(blocked);
}

/* --- Objects --- */

/* A copy of cpu.so that wants a library which nobody has, as it were cuDNN. */
static void write_crippled(const char *to)
{
    char *path = text_format("%s/cpu.so", getenv("OODBENCH_KERNELS")), *bytes, *found;
    size_t size;
    assert_int_equal(file_read(path, &bytes, &size), 0);
    assert_non_null(found = memmem(bytes, size, "libgomp.so.1", 13));
    memcpy(found, "libcudnnx.so", 13);
    assert_int_equal(file_write(to, bytes, size), 0);
    free(bytes);
    free(path);
}

static void only_ref_is_whole(void **state)
{
    (void)state;
    int status;
    char *kernels = text_format("%s/kernels", here), *cuda = text_format("%s/cuda.so", kernels),
         *cpu = text_format("%s/cpu.so", kernels), *ref = text_format("%s/ref.so", kernels),
         *whole = text_format("%s/ref.so", getenv("OODBENCH_KERNELS")),
         *was = text_copy(getenv("OODBENCH_KERNELS"));
    write_crippled(cuda);
    assert_int_equal(file_write(cpu, "no object", 9), 0);
    assert_int_equal(symlink(whole, ref), 0);
    setenv("OODBENCH_KERNELS", kernels, 1);

    char *said = output(&status, "devices");
    assert_int_equal(status, 0);
    says(said, "cuda     refused  device cuda: libcudnnx.so: ");
    says(said, "install cuDNN");
    says(said, "cpu      refused  device cpu: ");
    says(said, "ref      ready    plain loops");
    says(said, " GiB unused\n");
    free(said);

    assert_int_equal(device_open("auto", 0), 0); /* and says nothing of the others, see the next */
    assert_string_equal(device_name(), "ref");
    device_close();
    assert_int_equal(unlink(ref), 0);
    assert_int_equal(device_open("auto", 0), -1);
    says(fault_text(), "device cuda: ");
    says(fault_text(), "device cpu: ");
    says(fault_text(), "device ref: no ");
    setenv("OODBENCH_KERNELS", was, 1);
    char *const all[] = {kernels, cuda, cpu, ref, whole, was};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void devices_help(void **state)
{
    (void)state;
    int status;
    char *said = output(&status, "devices --help");
    assert_int_equal(status, 0);
    says(said, "usage: oodbench devices\n");
    says(said, "OODBENCH_CACHE");
    free(said);
    said = output(&status, "devices cuda");
    assert_int_equal(status, EXIT_CONFIG);
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_with_a_cure),
        cmocka_unit_test(a_folder_for_measurements),
        cmocka_unit_test(only_ref_is_whole),
        cmocka_unit_test(devices_help),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
