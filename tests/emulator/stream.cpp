/* stream.cpp - streams, events, graphs. Nothing is done when it is enqueued: work
 * of all streams stands in one row, and a wait does it up to what is waited for.
 * So what is read too early, or freed too early, shows. */
#include <chrono>
#include <deque>
#include <set>
#include <vector>

#include "emulator.hpp"

using emulator::work;

struct CUgraph_st {
    std::vector<work> todo;
};
struct CUgraphExec_st {
    std::vector<work> todo;
};
struct CUstream_st {
    uint64_t last; /* the number of its newest work */
    cudaGraph_t capture;
    bool spoilt;
    bool relaxed;
};
struct CUevent_st {
    bool timing, recorded, captured;
    uint64_t number;
    std::chrono::steady_clock::time_point when;
};

namespace emulator
{
static std::deque<work> row;
static uint64_t enqueued, done; /* counts of work */
static bool working;
static CUstream_st common; /* stream 0 */
static std::set<cudaStream_t> streams;
static cudaError_t last_error, fault;

cudaError_t said(cudaError_t rc)
{
    if (rc != cudaSuccess && rc != cudaErrorNotReady)
        last_error = rc;
    return rc;
}

cudaError_t failed()
{
    return fault;
}

void fail_kernel(cudaError_t what)
{
    fault = what;
}

static CUstream_st *of(cudaStream_t s)
{
    return s ? s : &common;
}

static bool known(cudaStream_t s)
{
    return !s || streams.count(s);
}

static void do_one()
{
    work w = std::move(row.front());
    row.pop_front();
    done++;
    if (working)
        die("work of the card waits for the card");
    working = true;
    if (fault == cudaSuccess)
        w();
    working = false;
}

static void finish(uint64_t number)
{
    while (done < number)
        do_one();
}

void finish_all()
{
    finish(enqueued);
}

cudaError_t enqueue(cudaStream_t stream, work w)
{
    if (!known(stream))
        return cudaErrorInvalidResourceHandle;
    if (fault != cudaSuccess)
        return fault;
    CUstream_st *s = of(stream);
    if (s->capture) {
        if (s->spoilt)
            return cudaErrorStreamCaptureInvalidated;
        s->capture->todo.push_back(std::move(w));
        return cudaSuccess;
    }
    row.push_back(std::move(w));
    s->last = ++enqueued;
    return cudaSuccess;
}

cudaError_t refuse_in_capture()
{
    bool spoilt = false;
    for (cudaStream_t s : streams)
        if (s->capture && !s->relaxed)
            s->spoilt = spoilt = true;
    return spoilt ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

/* Of a wait; fault may come of what it waits for. */
static cudaError_t wait_until(uint64_t number)
{
    cudaError_t rc = refuse_in_capture();
    if (rc != cudaSuccess)
        return said(rc);
    finish(number);
    return said(fault);
}
} // namespace emulator

using namespace emulator;

cudaError_t cudaGetLastError(void)
{
    cudaError_t rc = fault != cudaSuccess ? fault : last_error;
    last_error = cudaSuccess;
    return rc;
}

cudaError_t cudaPeekAtLastError(void)
{
    return fault != cudaSuccess ? fault : last_error;
}

cudaError_t cudaDeviceSynchronize(void)
{
    return wait_until(enqueued);
}

cudaError_t cudaDeviceReset(void)
{
    finish_all();
    fault = last_error = cudaSuccess;
    return cudaSuccess;
}

/* --- Streams --- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
    if (fault != cudaSuccess)
        return said(fault);
    *stream = new CUstream_st();
    streams.insert(*stream);
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    if (!stream || !known(stream))
        return said(cudaErrorInvalidResourceHandle);
    finish(stream->last);
    delete stream->capture;
    streams.erase(stream);
    delete stream;
    return said(fault);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    return known(stream) ? wait_until(of(stream)->last) : said(cudaErrorInvalidResourceHandle);
}

/* Who asks again and again gets there. */
cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    if (!known(stream))
        return said(cudaErrorInvalidResourceHandle);
    if (of(stream)->last <= done)
        return said(fault);
    do_one();
    return cudaErrorNotReady;
}

/* The row has one order for all streams, so there is nothing to wait for. */
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
    return said(known(stream) && event ? fault : cudaErrorInvalidResourceHandle);
}

/* --- Events --- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
    *event = new CUevent_st();
    (*event)->timing = !(flags & cudaEventDisableTiming);
    return said(fault);
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    if (!event)
        return said(cudaErrorInvalidResourceHandle);
    finish(event->number);
    delete event;
    return said(fault);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    cudaError_t rc = event ? enqueue(stream, [event] { event->when = std::chrono::steady_clock::now(); })
                           : cudaErrorInvalidResourceHandle;
    if (rc != cudaSuccess)
        return said(rc);
    event->captured = of(stream)->capture != nullptr;
    event->recorded = true;
    event->number = event->captured ? event->number : of(stream)->last;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    return event ? wait_until(event->number) : said(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    if (!event)
        return said(cudaErrorInvalidResourceHandle);
    if (event->number <= done)
        return said(fault);
    do_one();
    return cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
    if (!start || !end || !start->timing || !end->timing || !start->recorded || !end->recorded)
        return said(cudaErrorInvalidResourceHandle);
    if (start->number > done || end->number > done)
        return cudaErrorNotReady;
    *ms = std::chrono::duration<float, std::milli>(end->when - start->when).count();
    return said(fault);
}

/* --- Graphs --- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    if (!stream || !known(stream)) /* stream 0 cannot be captured */
        return said(stream ? cudaErrorInvalidResourceHandle : cudaErrorStreamCaptureUnsupported);
    if (stream->capture)
        return said(cudaErrorInvalidValue);
    stream->capture = new CUgraph_st();
    stream->spoilt = false;
    stream->relaxed = mode == cudaStreamCaptureModeRelaxed;
    return said(fault);
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    *graph = nullptr;
    if (!stream || !known(stream) || !stream->capture)
        return said(cudaErrorStreamCaptureUnmatched);
    if (stream->spoilt)
        delete stream->capture;
    else
        *graph = stream->capture;
    stream->capture = nullptr;
    return said(stream->spoilt ? cudaErrorStreamCaptureInvalidated : fault);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *status)
{
    if (!known(stream))
        return said(cudaErrorInvalidResourceHandle);
    const CUstream_st *s = of(stream);
    *status = !s->capture ? cudaStreamCaptureStatusNone
              : s->spoilt ? cudaStreamCaptureStatusInvalidated
                          : cudaStreamCaptureStatusActive;
    return said(fault);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    if (!graph)
        return said(cudaErrorInvalidValue);
    *exec = new CUgraphExec_st{graph->todo};
    return said(fault);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream)
{
    return said(exec && known(stream) ? fault : cudaErrorInvalidValue);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    if (!exec)
        return said(cudaErrorInvalidValue);
    return said(enqueue(stream, [todo = exec->todo] {
        for (const work &w : todo)
            if (fault == cudaSuccess)
                w();
    }));
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return said(fault);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    delete exec;
    return said(fault);
}
