/* interrupt.h - Ctrl-C while a file is being made: the work stops at the next
 * image, what was begun is removed, and then the signal takes its course. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

void interrupt_begin(void);
int interrupted(void);    /* any thread may ask */
void interrupt_end(void); /* hands on the signal that came meanwhile: usually does not return then */

#endif
