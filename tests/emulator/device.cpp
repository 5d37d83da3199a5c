/* device.cpp - the emulated card and its versions, and the names of errors.
 * EMULATOR_DEVICES=0 takes the driver away. */
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "emulator.hpp"

using namespace emulator;

static const int PROCESSORS = 2, MAJOR = 9, MINOR = 0, WARP = 32, BLOCK = 1024;
static const int L2_BYTES = 1 << 20, SHARED_BYTES = 48 << 10, SHARED_OPTIN = 227 << 10;

static int devices()
{
    const char *n = getenv("EMULATOR_DEVICES");
    return n ? atoi(n) : 1;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    if (devices() <= 0)
        return said(cudaErrorInsufficientDriver); /* count stays as it was */
    *count = devices();
    return said(failed());
}

cudaError_t cudaSetDevice(int device)
{
    if (devices() <= 0)
        return said(cudaErrorInsufficientDriver);
    return said(device >= 0 && device < devices() ? failed() : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDevice(int *device)
{
    *device = 0;
    return said(devices() <= 0 ? cudaErrorInsufficientDriver : failed());
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int)
{
    static const struct {
        enum cudaDeviceAttr attr;
        int value;
    } table[] = {
        {cudaDevAttrMaxThreadsPerBlock, BLOCK},
        {cudaDevAttrMaxSharedMemoryPerBlock, SHARED_BYTES},
        {cudaDevAttrWarpSize, WARP},
        {cudaDevAttrClockRate, 1000000},
        {cudaDevAttrMultiProcessorCount, PROCESSORS},
        {cudaDevAttrComputeMode, 0},
        {cudaDevAttrMemoryClockRate, 1000000},
        {cudaDevAttrGlobalMemoryBusWidth, 64},
        {cudaDevAttrL2CacheSize, L2_BYTES},
        {cudaDevAttrMaxThreadsPerMultiProcessor, 2 * BLOCK},
        {cudaDevAttrComputeCapabilityMajor, MAJOR},
        {cudaDevAttrComputeCapabilityMinor, MINOR},
        {cudaDevAttrMaxSharedMemoryPerMultiprocessor, SHARED_OPTIN},
        {cudaDevAttrMaxSharedMemoryPerBlockOptin, SHARED_OPTIN},
    };
    for (const auto &row : table)
        if (row.attr == attr) {
            *value = row.value;
            return said(failed());
        }
    return said(cudaErrorInvalidValue);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int)
{
    size_t unused;
    memset(prop, 0, sizeof *prop);
    snprintf(prop->name, sizeof prop->name, "emulated");
    prop->sharedMemPerBlock = SHARED_BYTES;
    prop->sharedMemPerBlockOptin = prop->sharedMemPerMultiprocessor = SHARED_OPTIN;
    prop->major = MAJOR;
    prop->minor = MINOR;
    prop->multiProcessorCount = PROCESSORS;
    prop->l2CacheSize = L2_BYTES;
    prop->warpSize = WARP;
    prop->maxThreadsPerBlock = BLOCK;
    prop->maxThreadsPerMultiProcessor = 2 * BLOCK;
    prop->memoryBusWidth = 64;
    prop->regsPerBlock = 65536;
    prop->canMapHostMemory = 1;
    return cudaMemGetInfo(&unused, &prop->totalGlobalMem);
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = devices() <= 0 ? 0 : CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}

#define E(name, text)                                                                                              \
    {                                                                                                              \
        cudaError##name, "cudaError" #name, text                                                                   \
    }
static const struct {
    cudaError_t code;
    const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    E(InvalidValue, "invalid argument"),
    E(MemoryAllocation, "out of memory"),
    E(InvalidConfiguration, "invalid configuration argument"),
    E(InsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    E(NoDevice, "no CUDA-capable device is detected"),
    E(InvalidDevice, "invalid device ordinal"),
    E(InvalidResourceHandle, "invalid resource handle"),
    E(NotReady, "device not ready"),
    E(IllegalAddress, "an illegal memory access was encountered"),
    E(LaunchFailure, "unspecified launch failure"),
    E(StreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    E(StreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    E(StreamCaptureUnmatched, "capture was not initiated in this stream"),
};
#undef E

const char *cudaGetErrorString(cudaError_t error)
{
    for (const auto &e : errors)
        if (e.code == error)
            return e.text;
    return "unrecognized error code";
}

const char *cudaGetErrorName(cudaError_t error)
{
    for (const auto &e : errors)
        if (e.code == error)
            return e.name;
    return "unrecognized error code";
}
