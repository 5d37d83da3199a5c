/* interrupt.c - SIGINT, SIGTERM and SIGHUP noted while a file is being made. */
#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };

static struct sigaction before[SIGNALS];
static atomic_int caught; /* threads look at it; free of locks, as a handler needs */

static void note(int number)
{
    caught = number;
}

void interrupt_begin(void)
{
    struct sigaction ours = {.sa_handler = note};
    sigemptyset(&ours.sa_mask);
    caught = 0;
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &ours, NULL);
    }
}

int interrupted(void)
{
    return caught != 0;
}

void interrupt_end(void)
{
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
    int number = caught;
    if (number)
        raise(number);
}
