/* report.c - the cell's one channel to its parent. */
#include "report.h"
#include "progress.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIPE_FD 3

static int report_fd = STDOUT_FILENO;

void report_open(void)
{
    if (fcntl(PIPE_FD, F_GETFD) < 0)
        return;
    report_fd = PIPE_FD;
    fcntl(PIPE_FD, F_SETFD, FD_CLOEXEC);
    progress_pipe(PIPE_FD);
}

int report_channel(void)
{
    return report_fd;
}

/* A line longer than this is cut; below PIPE_BUF a write is never torn. */
static void send(const char *prefix, const char *fmt, va_list args)
{
    char line[4096];
    int used = snprintf(line, sizeof line, "%s", prefix);
    vsnprintf(line + used, sizeof line - (size_t)used - 1, fmt, args);
    for (char *p = line; *p; p++)
        if (*p == '\n')
            *p = ' ';
    size_t n = strlen(line);
    line[n] = '\n';
    ssize_t wrote = write(report_fd, line, n + 1);
    (void)wrote; /* the parent is gone: nobody is left to tell */
}

void report_line(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    send("", fmt, args);
    va_end(args);
}

void report_status(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    va_start(args, fmt);
    send("status\t", fmt, args);
    va_end(args);
}
