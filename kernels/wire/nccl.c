/* nccl.c - sums from card to card. Rank 0 makes the identifier that all need, and
 * the wire that is open already carries it. Built and linked where NCCL is; it has
 * not run on cards yet. */
#include "../wire.h"

#include <cuda_runtime.h>
#include <nccl.h>
#include <stdio.h>
#include <stdlib.h>

struct wire {
    ncclComm_t all;
    cudaStream_t stream;
};

/* A rank without its card cannot go on, nor can the others: they are ended with it. */
static void need(int good, const char *call, const char *why)
{
    if (good)
        return;
    fprintf(stderr, "nccl: %s: %s\n", call, why);
    exit(2);
}
#define CUDA_NEED(call, rc) need((rc) == cudaSuccess, call, cudaGetErrorString(rc))
#define NCCL_NEED(call, rc) need((rc) == ncclSuccess, call, ncclGetErrorString(rc))

static wire *nccl_open(const wire_api *over, wire *w, wire_place *at, char *why, size_t cap)
{
    ncclUniqueId id;
    cudaError_t card;
    ncclResult_t rc = at->rank == 0 ? ncclGetUniqueId(&id) : ncclSuccess;
    wire *mine = rc == ncclSuccess ? calloc(1, sizeof *mine) : NULL;
    if (!mine) {
        snprintf(why, cap, "%s", rc == ncclSuccess ? "out of memory" : ncclGetErrorString(rc));
        return NULL;
    }
    over->tell(w, &id, sizeof id);
    card = cudaSetDevice(at->local); /* the runtime of this object knows nothing of the backend's choice */
    if (card == cudaSuccess)
        card = cudaStreamCreateWithFlags(&mine->stream, cudaStreamNonBlocking);
    if (card == cudaSuccess)
        rc = ncclCommInitRank(&mine->all, at->size, id, at->rank);
    if (card == cudaSuccess && rc == ncclSuccess)
        return mine;
    snprintf(why, cap, "%s", card != cudaSuccess ? cudaGetErrorString(card) : ncclGetErrorString(rc));
    free(mine);
    return NULL;
}

/* The caller has waited for what wrote the values; here they are waited for. */
static void nccl_sum(wire *w, void *values, int64_t n, int bytes)
{
    ncclDataType_t type = bytes == 4 ? ncclFloat32 : ncclFloat64;
    ncclResult_t rc = ncclAllReduce(values, values, (size_t)n, type, ncclSum, w->all, w->stream);
    NCCL_NEED("ncclAllReduce", rc);
    cudaError_t card = cudaStreamSynchronize(w->stream);
    CUDA_NEED("ncclAllReduce", card);
    NCCL_NEED("ncclCommGetAsyncError", ncclCommGetAsyncError(w->all, &rc));
    NCCL_NEED("ncclAllReduce", rc);
}

static void nccl_close(wire *w)
{
    ncclCommDestroy(w->all);
    cudaStreamDestroy(w->stream);
    free(w);
}

const wire_api *wire_query(void)
{
    static const wire_api api = {WIRE_ABI, sizeof(wire_api), "nccl", nccl_open, nccl_sum, NULL, nccl_close};
    return &api;
}
