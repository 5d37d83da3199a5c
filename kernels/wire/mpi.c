/* mpi.c - ranks that MPI has started, and sums in host memory. Errors are fatal,
 * as MPI has it: a line from MPI, and every rank ends. */
#include "../wire.h"

#include <mpi.h>
#include <stdio.h>

struct wire {
    int opened;
};
static struct wire only;

enum { MOST = 1 << 28 }; /* values in one call, whose counts are ints */

static int local_number(int rank)
{
    MPI_Comm here;
    int number;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &here);
    MPI_Comm_rank(here, &number);
    MPI_Comm_free(&here);
    return number;
}

static wire *mpi_open(const wire_api *over, wire *w, wire_place *at, char *why, size_t cap)
{
    int had, given = MPI_THREAD_SINGLE;
    (void)over, (void)w;
    MPI_Initialized(&had);
    if (had) {
        snprintf(why, cap, "MPI is at work in this process already");
        return NULL;
    }
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given); /* other threads compute, and do not call it */
    if (given < MPI_THREAD_FUNNELED) {
        snprintf(why, cap, "this MPI cannot be used beside threads");
        return NULL;
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &at->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &at->size);
    at->local = local_number(at->rank);
    only.opened = 1;
    return &only;
}

static void mpi_sum(wire *w, void *values, int64_t n, int bytes)
{
    MPI_Datatype type = bytes == 4 ? MPI_FLOAT : MPI_DOUBLE;
    (void)w;
    for (int64_t at = 0; at < n; at += MOST)
        MPI_Allreduce(MPI_IN_PLACE, (char *)values + at * bytes, (int)(n - at < MOST ? n - at : MOST), type,
                      MPI_SUM, MPI_COMM_WORLD);
}

static void mpi_tell(wire *w, void *host, size_t bytes)
{
    (void)w;
    MPI_Bcast(host, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
}

static void mpi_close(wire *w)
{
    if (w->opened)
        MPI_Finalize();
    w->opened = 0;
}

const wire_api *wire_query(void)
{
    static const wire_api api = {WIRE_ABI, sizeof(wire_api), "mpi", mpi_open, mpi_sum, mpi_tell, mpi_close};
    return &api;
}
