/* board.h - the progress of several cells in one line: how many have ended, and of
 * those at work what they do and how far they are. Of one at a time it is that
 * cell's own line. Drawn on a terminal, else nothing at all. */
#ifndef BOARD_H
#define BOARD_H

void board_begin(int places, int cells);      /* so many at once, so many in all */
void board_take(int place, const char *line); /* a line `progress\t...` of the cell at work there */
void board_leave(int place, int ended);       /* it is gone, as number `ended` */
void board_wipe(void);                        /* before other output */
void board_end(void);

#endif
