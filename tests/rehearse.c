/* rehearse.c - HDF5 that dies of a file, does not come to an end of it, or asks for memory
 * without end, costs a child and a line; what came back once is not rehearsed again. */
#include "../datasets/hdf.h"
#include "../harness/text.h"
#include "folder.h"

#include <signal.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#define TOO_LARGE "HDF5 fails on it" /* the sanitizer ends a process that gets no memory */
#else
#define TOO_LARGE "takes more than"
#endif

static int *calls; /* shared with the children */

static int come_back(void *arg)
{
    (void)arg;
    ++*calls;
    return fault("what work says is for the caller to hear");
}

static int die(void *arg)
{
    raise(*(int *)arg);
    return 0;
}

static int spin(void *arg)
{
    for (volatile int *p = arg; *p;)
        continue;
    return 0;
}

static int devour(void *arg)
{
    for (size_t all = 0; all < (size_t)1 << 40; all += 1 << 26)
        memset(text_more(NULL, 1 << 26), *(int *)arg, 1 << 12);
    return 0;
}

static void those_that_come_back_are_known(void **state)
{
    (void)state;
    const char *path = at("a.h5");
    put_text("a.h5", "x");
    *calls = 0;
    assert_int_equal(hdf_rehearse(path, "one", come_back, NULL), 0);
    assert_int_equal(hdf_rehearse(path, "one", come_back, NULL), 0);
    assert_int_equal(*calls, 1);
    assert_int_equal(hdf_rehearse(path, "another", come_back, NULL), 0);
    assert_int_equal(*calls, 2);
    put_text("a.h5", "xy");
    assert_int_equal(hdf_rehearse(path, "one", come_back, NULL), 0);
    assert_int_equal(*calls, 3);
    assert_int_equal(hdf_rehearse(at("none.h5"), "one", come_back, NULL), -1);
    assert_non_null(strstr(fault_text(), "none.h5"));
}

static void refused(int (*work)(void *), int arg, const char *why)
{
    put_text("b.h5", "x");
    for (int i = 0; i < 2; i++) { /* what failed is not known */
        assert_int_equal(hdf_rehearse(at("b.h5"), "one", work, &arg), -1);
        assert_non_null(strstr(fault_text(), "b.h5 is damaged"));
        if (!strstr(fault_text(), why))
            fail_msg("expected `%s` in `%s`", why, fault_text());
        if (work == spin)
            return;
    }
}

static void those_that_die_are_told_by_their_signal(void **state)
{
    (void)state;
    refused(die, SIGSEGV, "HDF5 fails on it (SIGSEGV)");
    refused(die, SIGABRT, "HDF5 fails on it (SIGABRT)");
    refused(die, SIGFPE, "HDF5 fails on it (SIGFPE)");
}

static void time_and_memory_have_an_end(void **state)
{
    (void)state;
    refused(spin, 1, "did not come to an end");
    refused(devour, 1, TOO_LARGE);
}

/* Last: there is no way back. */
static void who_dares_does_not_rehearse(void **state)
{
    (void)state;
    int sign = SIGSEGV;
    put_text("c.h5", "x");
    hdf_dare();
    assert_int_equal(hdf_rehearse(at("c.h5"), "one", die, &sign), 0);
}

static int begin_counting(void **state)
{
    calls = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return calls == MAP_FAILED ? -1 : begin(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_come_back_are_known), cmocka_unit_test(those_that_die_are_told_by_their_signal),
        cmocka_unit_test(time_and_memory_have_an_end), cmocka_unit_test(who_dares_does_not_rehearse)};
    return cmocka_run_group_tests(tests, begin_counting, end);
}
