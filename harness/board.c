/* board.c - redraws at most ten times a second; cut to the terminal's width. */
#include "board.h"
#include "clock.h"
#include "progress.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct note { /* label empty: nobody is at work, or has said anything */
    char label[64];
    int percent;
} note;

static struct {
    note *at;
    int places, cells, ended;
    double drawn;
} board;

void board_begin(int places, int cells)
{
    board_end();
    board.places = places;
    board.cells = cells;
    board.ended = 0;
    if (places > 1)
        board.at = text_more(NULL, (size_t)places * sizeof *board.at);
    for (int i = 0; i < places && board.at; i++)
        board.at[i] = (note){.percent = 0};
}

void board_end(void)
{
    free(board.at);
    board.at = NULL;
}

static int width(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static void draw(void)
{
    text line = {0};
    int most = width() - 1;
    text_add(&line, "%d of %d cells", board.ended, board.cells);
    for (int i = 0; i < board.places; i++)
        if (board.at[i].label[0])
            text_add(&line, " | %s %d %%", board.at[i].label, board.at[i].percent);
    if ((int)line.n > most)
        fprintf(stderr, "\r\033[K%.*s...", most - 3, line.bytes);
    else
        fprintf(stderr, "\r\033[K%s", line.bytes);
    text_free(&line);
    board.drawn = clock_now();
}

void board_take(int place, const char *line)
{
    note n = {.percent = 0};
    long long done, total;
    if (board.places < 2 || !board.at) {
        progress_relay(line);
        return;
    }
    if (sscanf(line, "progress\t%63[^\t]\t%lld\t%lld", n.label, &done, &total) == 3 && total > 0)
        n.percent = (int)(100 * done / total);
    else
        n.label[0] = '\0';
    board.at[place] = n;
    if (isatty(STDERR_FILENO) && clock_now() - board.drawn >= 0.1)
        draw();
}

void board_leave(int place, int ended)
{
    board.ended = ended;
    if (board.at)
        board.at[place].label[0] = '\0';
    board_wipe();
}

void board_wipe(void)
{
    progress_relay("progress");
}
