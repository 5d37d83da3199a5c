/* hold.h - an output folder, held by one run at a time. The lock is the kernel's
 * and goes with the process, however it ends; the file says who holds it. */
#ifndef HOLD_H
#define HOLD_H

/* *lock: to be given to hold_end; -1 when nothing is held. -1 with fault() set. */
int hold(const char *out, int *lock);
void hold_end(int lock);

/* The holder alone writes below cache, scores and weights: what is aside there is of
 * processes that were killed, and goes. So it does in the folder itself and in figures,
 * unless the process lives: reports and figures are made there without holding it. */
void hold_sweep(const char *out);

/* On a file system of several machines not every kernel's lock is seen on the
 * others. There a file that names a process of another machine, which has not
 * taken its name out at its end, is believed although its lock was to be had. */
int hold_elsewhere(const char *owner, const char *host, int shared);

#endif
