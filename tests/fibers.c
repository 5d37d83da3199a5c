/* fibers.c - the emulator of CUDA that the other tests stand on: threads that wait
 * for each other, work that is put off, captures, and that mistakes show. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

/* emulator/faulty.cu */
cudaError_t faulty_left(cudaStream_t stream, int *y, const int *x, int n, int barrier);
cudaError_t faulty_deadlock(cudaStream_t stream, int *y);
cudaError_t faulty_outside(cudaStream_t stream, int *y, int n);
cudaError_t faulty_mask(cudaStream_t stream, int *y);
cudaError_t faulty_warp(cudaStream_t stream, int *y, int threads);
cudaError_t faulty_count(cudaStream_t stream, int *y, int blocks, int threads, int shared);

enum { N = 96, LANES = 40, RESULTS = 8 };

static cudaStream_t stream;
static int *x, *y;

#define GOOD(call) assert_int_equal((call), cudaSuccess)

static int begin(void **state)
{
    (void)state;
    int first[N];
    for (int i = 0; i < N; i++)
        first[i] = i;
    return cudaStreamCreate(&stream) || cudaMalloc((void **)&x, sizeof first) ||
           cudaMalloc((void **)&y, N * RESULTS * sizeof *y) ||
           cudaMemcpy(x, first, sizeof first, cudaMemcpyHostToDevice);
}

static int end(void **state)
{
    (void)state;
    return cudaFree(x) || cudaFree(y) || cudaStreamDestroy(stream);
}

static void read_back(int *to, const int *from, int n)
{
    GOOD(cudaMemcpyAsync(to, from, (size_t)n * sizeof *to, cudaMemcpyDeviceToHost, stream));
    GOOD(cudaStreamSynchronize(stream));
}

/* --- Threads --- */

/* How many of the results are wrong. */
static int wrong(const char *order, int barrier)
{
    int got[N], bad = 0;
    setenv("EMULATOR_ORDER", order, 1);
    GOOD(faulty_left(stream, y, x, N, barrier));
    read_back(got, y, N);
    for (int i = 0; i < N; i++)
        bad += got[i] != i - 1;
    unsetenv("EMULATOR_ORDER");
    return bad;
}

static void a_missing_barrier_shows(void **state)
{
    (void)state;
    static const char *const orders[] = {"forward", "backward", "random:1", "random:2"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(wrong(orders[i], 1), 0);
    assert_int_equal(wrong("forward", 0), 0);
    assert_int_equal(wrong("backward", 0), N - 1);
    assert_true(wrong("random:1", 0) > 0);
}

static void lanes_exchange_values(void **state)
{
    (void)state;
    int got[LANES][RESULTS];
    GOOD(faulty_warp(stream, y, N));
    read_back(got[0], y, LANES * RESULTS);
    for (int i = 0; i < LANES; i++) {
        int first = i / 32 * 32, lane = i % 32, n = i < 32 ? 32 : 8, ballot = 0;
        for (int j = 0; j < n; j += 3)
            ballot |= (int)(1u << j);
        assert_int_equal(got[i][0], first + 5);
        assert_int_equal(got[i][1], first + (lane ^ 3));
        assert_int_equal(got[i][2], lane < 2 ? i : i - 2);
        assert_int_equal(got[i][3], lane % 4 < 2 ? i + 2 : i);
        assert_int_equal(got[i][4], ballot);
        assert_int_equal(got[i][5], 1);
        assert_int_equal(got[i][6], 1);
        assert_int_equal(got[i][7], i ^ 1);
    }
}

/* The process ends, with one line that has these words. */
static void expect_end(void (*body)(void), const char *words)
{
    int pipes[2], status;
    char said[2048] = "";
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        body();
        _exit(0);
    }
    close(pipes[1]);
    ssize_t n, at = 0;
    while ((n = read(pipes[0], said + at, sizeof said - 1 - (size_t)at)) > 0)
        at += n;
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (!strstr(said, words))
        fail_msg("expected `%s` in: %s", words, said);
    char *line = strstr(said, "emulated CUDA: ");
    assert_non_null(line);
    assert_null(strstr(line + 1, "emulated CUDA: "));
}

static void wait_forever(void)
{
    faulty_deadlock(stream, y);
    cudaStreamSynchronize(stream);
}

static void write_behind(void)
{
    int *p;
    cudaMalloc((void **)&p, 5 * sizeof *p);
    faulty_outside(stream, p, 5);
    cudaFree(p);
}

static void pass_host_memory(void)
{
    int here[32];
    faulty_count(stream, here, 1, 1, 0);
}

static void name_others(void)
{
    faulty_mask(stream, y);
    cudaStreamSynchronize(stream);
}

static void copy_too_much(void)
{
    int here[2 * N];
    cudaMemcpyAsync(here, x, sizeof here, cudaMemcpyDeviceToHost, stream);
}

static void mistakes_end_the_process(void **state)
{
    (void)state;
    expect_end(wait_forever, "kernel deadlock_kernel, block (0,0,0): thread (0,0,0) waits in a warp's collective, "
                             "thread (3,0,0) waits at __syncthreads");
    expect_end(write_behind, "something was written 0 bytes behind the 20 that were allocated");
    expect_end(pass_host_memory, "kernel count_kernel: argument 1 points to");
    expect_end(name_others, "thread (16,0,0): lane 16 is not in its own mask 0xffff");
    expect_end(copy_too_much, "reach beyond the 384 that were allocated");
}

static void launches_have_limits(void **state)
{
    (void)state;
    assert_int_equal(faulty_count(stream, y, 1, 1025, 0), cudaErrorInvalidConfiguration);
    assert_int_equal(faulty_count(stream, y, 0, 32, 0), cudaErrorInvalidConfiguration);
    assert_int_equal(faulty_count(stream, y, 1, 32, 49153), cudaErrorInvalidValue);
    GOOD(faulty_count(stream, y, 1, 1024, 49152));
    GOOD(cudaStreamSynchronize(stream));
}

/* --- Streams --- */

static void work_waits_for_a_wait(void **state)
{
    (void)state;
    int got = -7, *pinned;
    GOOD(cudaMallocHost((void **)&pinned, sizeof *pinned));
    *pinned = 1;
    GOOD(cudaMemcpyAsync(y, pinned, sizeof *y, cudaMemcpyHostToDevice, stream));
    *pinned = 2; /* too early: the copy sees it */
    GOOD(cudaMemcpyAsync(&got, y, sizeof got, cudaMemcpyDeviceToHost, stream));
    assert_int_equal(got, -7);
    assert_int_equal(cudaStreamQuery(stream), cudaErrorNotReady);
    GOOD(cudaStreamSynchronize(stream));
    assert_int_equal(got, 2);
    GOOD(cudaStreamQuery(stream));
    GOOD(cudaFreeHost(pinned));
}

static void graphs_do_it_again(void **state)
{
    (void)state;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    int got = -1;
    GOOD(cudaMemsetAsync(y, 0, sizeof *y, stream));
    GOOD(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    GOOD(faulty_count(stream, y, 2, 32, 0));
    GOOD(faulty_count(stream, y, 1, 8, 0));
    GOOD(cudaStreamEndCapture(stream, &graph));
    read_back(&got, y, 1);
    assert_int_equal(got, 0);
    GOOD(cudaGraphInstantiate(&exec, graph, 0));
    GOOD(cudaGraphDestroy(graph));
    for (int i = 1; i <= 3; i++) {
        GOOD(cudaGraphLaunch(exec, stream));
        read_back(&got, y, 1);
        assert_int_equal(got, i * 72);
    }
    GOOD(cudaGraphExecDestroy(exec));
}

static void captures_refuse_waits_and_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        cudaGraph_t graph;
        void *p = NULL;
        GOOD(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
        assert_int_equal(i == 0   ? cudaMalloc(&p, 8)
                         : i == 1 ? cudaStreamSynchronize(stream)
                                  : cudaMemcpy(y, x, 4, cudaMemcpyDeviceToDevice),
                         cudaErrorStreamCaptureUnsupported);
        assert_int_equal(faulty_count(stream, y, 1, 1, 0), cudaErrorStreamCaptureInvalidated);
        assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
        assert_null(graph);
        cudaGetLastError();
    }
}

/* --- What is injected --- */

static void memory_ends(void **state)
{
    (void)state;
    size_t unused, total;
    void *p = NULL;
    setenv("EMULATOR_MEMORY", "1000000", 1);
    GOOD(cudaMemGetInfo(&unused, &total));
    assert_true(total == 1000000 && unused < total);
    assert_int_equal(cudaMalloc(&p, unused + 1), cudaErrorMemoryAllocation);
    assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
    GOOD(cudaMalloc(&p, unused));
    GOOD(cudaFree(p));
    unsetenv("EMULATOR_MEMORY");
}

static void no_driver(void **state)
{
    (void)state;
    int count = -1;
    setenv("EMULATOR_DEVICES", "0", 1);
    assert_int_equal(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
    assert_int_equal(count, -1);
    unsetenv("EMULATOR_DEVICES");
    cudaGetLastError();
    GOOD(cudaGetDeviceCount(&count));
    assert_int_equal(count, 1);
}

static void a_fault_stays(void **state)
{
    (void)state;
    setenv("EMULATOR_FAIL", "launch:next", 1);
    GOOD(faulty_count(stream, y, 1, 1, 0));
    assert_int_equal(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
    unsetenv("EMULATOR_FAIL");
    assert_int_equal(faulty_count(stream, y, 1, 1, 0), cudaErrorIllegalAddress);
    assert_int_equal(cudaGetLastError(), cudaErrorIllegalAddress);
    GOOD(cudaDeviceReset());
    GOOD(cudaStreamSynchronize(stream));
}

/* --- Products --- */

/* c = a b of one element each: 1 + 2^-12 squared, in float and in TF32. */
static float product_in(cublasMath_t math)
{
    const float one = 1, zero = 0, v = 1 + 1.0f / 4096;
    float got = 0, *a = (float *)x, *c = (float *)y;
    cublasHandle_t blas;
    GOOD(cudaMemcpy(a, &v, sizeof v, cudaMemcpyHostToDevice));
    assert_int_equal(cublasCreate(&blas), 0);
    assert_int_equal(cublasSetStream(blas, stream), 0);
    assert_int_equal(cublasSetMathMode(blas, math), 0);
    assert_int_equal(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_T, 1, 1, 1, &one, a, 1, a, 1, &zero, c, 1), 0);
    GOOD(cudaMemcpyAsync(&got, c, sizeof got, cudaMemcpyDeviceToHost, stream));
    GOOD(cudaStreamSynchronize(stream));
    assert_int_equal(cublasDestroy(blas), 0);
    return got;
}

static void tf32_is_seen(void **state)
{
    (void)state;
    const float v = 1 + 1.0f / 4096;
    assert_float_equal(product_in(CUBLAS_DEFAULT_MATH), v * v, 0);
    assert_float_equal(product_in(CUBLAS_TF32_TENSOR_OP_MATH), 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_barrier_shows),
        cmocka_unit_test(lanes_exchange_values),
        cmocka_unit_test(mistakes_end_the_process),
        cmocka_unit_test(launches_have_limits),
        cmocka_unit_test(work_waits_for_a_wait),
        cmocka_unit_test(graphs_do_it_again),
        cmocka_unit_test(captures_refuse_waits_and_memory),
        cmocka_unit_test(memory_ends),
        cmocka_unit_test(no_driver),
        cmocka_unit_test(a_fault_stays),
        cmocka_unit_test(tf32_is_seen),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
