/* machine.h - what a measurement must say of where it was taken, nothing that names a host. */
#ifndef MACHINE_H
#define MACHINE_H

int machine_threads(void);        /* OMP_NUM_THREADS, or as many as there are processors */
void machine_name(char name[96]); /* "amd-epyc-f26m2-2cpu": the CPU's, not the host's */

#endif
