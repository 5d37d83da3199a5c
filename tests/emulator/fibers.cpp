/* fibers.cpp - runs kernels: blocks one after the other, the threads of a block as
 * fibers that hand on to each other where they must wait. A fiber whose thread has
 * ended goes on with the next one that has not begun, so a kernel without barriers
 * needs one fiber and no switch.
 *
 * EMULATOR_ORDER=forward, backward or random:SEED is the order in which threads
 * take their turns; without barriers where they belong, results depend on it.
 * EMULATOR_FAIL=launch:N makes the Nth kernel that runs (from 1) fault, launch:next
 * the next one. */
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "emulator.hpp"
#include "include/cuda_runtime.h"

namespace emulator
{
unsigned char *shared;
uint3 thread, block;
dim3 threads, blocks;

static const unsigned LANES = 32, BLOCK_MOST = 1024, GRID_X_MOST = 0x7fffffff, GRID_YZ_MOST = 65535;
static const size_t STACK = 256 << 10, PAGE = 4096, SHARED_MOST = 48 << 10, SHARED_OPTIN_MOST = 227 << 10;
static const size_t COLOURS = 61, COLOUR = 576;

typedef void *jump[5]; /* the compiler's own: no call of a library, and sanitizers do not mind */
struct fiber {
    ucontext_t first; /* to begin with */
    jump at;          /* to go on with */
    bool begun;
};

enum state { UNSTARTED, READY, AT_BARRIER, IN_WARP, ENDED };
struct lane_state {
    enum state state;
    fiber *on;
    uint3 id;
    uint64_t value, result; /* of the collective */
    unsigned source;
};

struct group { /* lanes of a warp that wait for each other */
    enum collective kind;
    unsigned mask, arrived;
};
struct warp {
    unsigned alive;
    std::vector<group> groups;
};

/* The running block. */
static const launch *now;
static const std::function<void()> *body;
static std::vector<lane_state> lanes;
static std::vector<warp> warps;
static std::vector<unsigned> order; /* whose turn after whose */
static unsigned turn, running, alive, at_barrier;
static jump home;
static fiber *current;
static std::vector<fiber *> &idle = *new std::vector<fiber *>(); /* as long as the process: fibers are not freed */
static std::vector<unsigned char> shared_bytes;
static long launches;

static std::map<const void *, size_t> &shared_limits()
{
    static std::map<const void *, size_t> limits;
    return limits;
}

/* --- Turns --- */

[[noreturn]] static void deadlock()
{
    static const char *const at[] = {"", "", "at __syncthreads", "in a warp's collective", ""};
    std::string text;
    enum state seen = ENDED;
    int named = 0;
    for (const lane_state &l : lanes)
        if ((l.state == AT_BARRIER || l.state == IN_WARP) && l.state != seen && named++ < 2) {
            char one[128];
            snprintf(one, sizeof one, "%s thread (%u,%u,%u) waits %s", named > 1 ? "," : "", l.id.x, l.id.y, l.id.z,
                     at[l.state]);
            text += one;
            seen = l.state;
        }
    die("kernel %s, block (%u,%u,%u):%s and nobody can go on", now->name, block.x, block.y, block.z, text.c_str());
}

/* The next thread that can run, or -1. */
static int next_turn()
{
    unsigned n = (unsigned)order.size();
    for (unsigned i = 0; i < n; i++) {
        turn = turn + 1 < n ? turn + 1 : 0;
        if (lanes[order[turn]].state <= READY)
            return (int)order[turn];
    }
    return -1;
}

static void begin(unsigned t, fiber *f)
{
    lanes[t].on = current = f;
    lanes[t].state = READY;
    running = t;
    thread = lanes[t].id;
}

/* Goes on with thread t; whoever calls this has saved itself. */
[[noreturn, gnu::noinline]] static void enter(unsigned t)
{
    fiber *f = lanes[t].on;
    if (lanes[t].state == UNSTARTED) {
        f = idle.back();
        idle.pop_back();
    }
    begin(t, f);
    if (f->begun)
        __builtin_longjmp(f->at, 1);
    f->begun = true;
    setcontext(&f->first);
    abort();
}

/* Hands on, until this thread is ready again and its turn comes. */
static void wait_turn()
{
    unsigned self = running;
    int next = next_turn();
    if (next < 0)
        deadlock();
    if ((unsigned)next == self)
        return;
    if (__builtin_setjmp(lanes[self].on->at) == 0)
        enter((unsigned)next);
}

/* --- Waiting for each other --- */

static void release_barrier()
{
    if (at_barrier == 0 || at_barrier < alive)
        return;
    for (lane_state &l : lanes)
        if (l.state == AT_BARRIER)
            l.state = READY;
    at_barrier = 0;
}

void barrier()
{
    lanes[running].state = AT_BARRIER;
    at_barrier++;
    release_barrier();
    wait_turn();
}

static void answer(lane_state *first, const group &g)
{
    uint64_t ballot = 0;
    for (unsigned i = 0; i < LANES; i++)
        ballot |= (uint64_t)(g.arrived >> i & 1 && first[i].value != 0) << i;
    for (unsigned i = 0; i < LANES; i++) {
        if (!(g.arrived >> i & 1))
            continue;
        lane_state &l = first[i];
        bool there = g.kind == SHUFFLE && (g.arrived >> l.source & 1);
        l.result = g.kind == BALLOT ? ballot : there ? first[l.source].value : ~(uint64_t)0;
        l.state = READY;
    }
}

/* Lets those go on whose group is complete; lanes that ended are not waited for. */
static void release_groups(unsigned w)
{
    std::vector<group> &groups = warps[w].groups;
    for (size_t i = 0; i < groups.size();)
        if (groups[i].arrived == (groups[i].mask & warps[w].alive)) {
            answer(&lanes[w * LANES], groups[i]);
            groups[i] = groups.back();
            groups.pop_back();
        } else {
            i++;
        }
}

unsigned lane()
{
    return running % LANES;
}

uint64_t meet(enum collective kind, unsigned mask, uint64_t value, unsigned source)
{
    unsigned w = running / LANES, bit = 1u << lane(), self = running;
    lane_state &l = lanes[self];
    if (!(mask & bit))
        die("kernel %s, block (%u,%u,%u), thread (%u,%u,%u): lane %u is not in its own mask %#x", now->name,
            block.x, block.y, block.z, l.id.x, l.id.y, l.id.z, lane(), mask);
    l.value = value;
    l.source = source;
    l.state = IN_WARP;
    auto same = [=](const group &g) { return g.kind == kind && g.mask == mask; };
    auto g = std::find_if(warps[w].groups.begin(), warps[w].groups.end(), same);
    if (g == warps[w].groups.end())
        warps[w].groups.push_back({kind, mask, bit});
    else
        g->arrived |= bit;
    release_groups(w);
    wait_turn();
    return lanes[self].result;
}

static void end_thread()
{
    lanes[running].state = ENDED;
    warps[running / LANES].alive &= ~(1u << lane());
    alive--;
    if (!warps[running / LANES].groups.empty())
        release_groups(running / LANES);
    release_barrier();
}

/* --- Fibers --- */

static void fiber_main()
{
    for (;;) {
        (*body)();
        end_thread();
        int next = next_turn();
        if (next < 0 && alive)
            deadlock();
        if (next >= 0 && lanes[next].state == UNSTARTED) {
            begin((unsigned)next, current);
            continue;
        }
        idle.push_back(current);
        if (__builtin_setjmp(current->at) != 0)
            continue; /* with a thread to begin */
        if (next < 0)
            __builtin_longjmp(home, 1);
        enter((unsigned)next);
    }
}

static void make_fibers(size_t count)
{
    static size_t made;
    for (; made < count; made++) {
        char *stack = (char *)mmap(nullptr, STACK, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stack == MAP_FAILED || mprotect(stack, PAGE, PROT_NONE) != 0)
            die("no memory for %zu stacks", count);
        fiber *f = new fiber();
        getcontext(&f->first);
        f->first.uc_stack.ss_sp = stack;
        f->first.uc_stack.ss_size = STACK - made % COLOURS * COLOUR; /* tops that share no line of the cache */
        makecontext(&f->first, fiber_main, 0);
        idle.push_back(f);
    }
}

/* --- A launch --- */

static uint64_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void choose_order(unsigned n)
{
    const char *how = getenv("EMULATOR_ORDER");
    order.resize(n);
    for (unsigned i = 0; i < n; i++)
        order[i] = how && strcmp(how, "backward") == 0 ? n - 1 - i : i;
    if (!how || strncmp(how, "random:", 7) != 0)
        return;
    uint64_t state = strtoull(how + 7, nullptr, 10) + (uint64_t)launches;
    for (unsigned i = n; i > 1; i--)
        std::swap(order[i - 1], order[random_next(&state) % i]);
}

static void prepare_threads(unsigned n)
{
    lanes.assign((n + LANES - 1) / LANES * LANES, {ENDED, nullptr, {0, 0, 0}, 0, 0, 0});
    warps.resize(lanes.size() / LANES);
    for (unsigned i = 0; i < n; i++)
        lanes[i].id = {i % threads.x, i / threads.x % threads.y, i / threads.x / threads.y};
}

static void run_block(unsigned n)
{
    if (!shared_bytes.empty())
        memset(shared, 0xff, shared_bytes.size());
    for (unsigned i = 0; i < n; i++)
        lanes[i].state = UNSTARTED;
    for (unsigned w = 0; w < warps.size(); w++)
        warps[w].alive = n - w * LANES >= LANES ? ~0u : (1u << (n - w * LANES)) - 1;
    alive = n;
    at_barrier = 0;
    turn = n - 1;
    if (__builtin_setjmp(home) == 0)
        enter((unsigned)next_turn());
}

static bool injected_fault()
{
    const char *fail = getenv("EMULATOR_FAIL");
    if (!fail || strncmp(fail, "launch:", 7) != 0)
        return false;
    return strcmp(fail + 7, "next") == 0 || launches == atol(fail + 7);
}

static void run(const launch &l, const std::function<void()> &kernel)
{
    launches++;
    if (injected_fault()) {
        fail_kernel(cudaErrorIllegalAddress);
        return;
    }
    unsigned n = l.block.x * l.block.y * l.block.z;
    now = &l;
    body = &kernel;
    threads = l.block;
    blocks = l.grid;
    shared_bytes.resize(l.shared);
    shared = shared_bytes.data();
    choose_order(n);
    prepare_threads(n);
    make_fibers(n);
    for (block.z = 0; block.z < blocks.z; block.z++)
        for (block.y = 0; block.y < blocks.y; block.y++)
            for (block.x = 0; block.x < blocks.x; block.x++)
                run_block(n);
}

static cudaError_t check_launch(const launch &l)
{
    const dim3 g = l.grid, b = l.block;
    auto limit = shared_limits().find(l.address);
    size_t most = limit == shared_limits().end() ? SHARED_MOST : limit->second;
    if (!g.x || !g.y || !g.z || !b.x || !b.y || !b.z || g.x > GRID_X_MOST || g.y > GRID_YZ_MOST ||
        g.z > GRID_YZ_MOST || b.x > BLOCK_MOST || b.y > BLOCK_MOST || b.z > 64 ||
        (uint64_t)b.x * b.y * b.z > BLOCK_MOST)
        return cudaErrorInvalidConfiguration;
    return l.shared > most ? cudaErrorInvalidValue : cudaSuccess;
}

void enqueue_kernel(const launch &l, std::function<void()> kernel)
{
    cudaError_t rc = check_launch(l);
    if (rc == cudaSuccess)
        rc = enqueue(l.stream, [l, kernel = std::move(kernel)] { run(l, kernel); });
    said(rc);
}

void check_pointer(const launch &l, int which, const void *p)
{
    if (p && !inside_device(p))
        die("kernel %s: argument %d points to %p, which is not memory of the card", l.name, which, p);
}
} // namespace emulator

cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute attr, int value)
{
    if (attr == cudaFuncAttributeMaxDynamicSharedMemorySize) {
        if (value < 0 || (size_t)value > emulator::SHARED_OPTIN_MOST)
            return emulator::said(cudaErrorInvalidValue);
        emulator::shared_limits()[kernel] = (size_t)value;
    }
    return emulator::said(emulator::failed());
}
