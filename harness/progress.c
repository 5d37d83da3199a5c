/* progress.c - redraws at most ten times a second. One thread only. */
#include "progress.h"
#include "clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    char label[64], unit[16], more[96];
    int64_t total, first;
    double began, drawn;
    int pipe, shown;
} bar = {.pipe = -1};

void progress_begin(const char *label, const char *unit, int64_t total)
{
    snprintf(bar.label, sizeof bar.label, "%s", label);
    snprintf(bar.unit, sizeof bar.unit, "%s", unit);
    bar.more[0] = '\0';
    bar.total = total;
    bar.first = 0;
    bar.began = bar.drawn = clock_now();
    bar.shown = bar.pipe >= 0 || isatty(STDERR_FILENO);
}

void progress_say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(bar.more, sizeof bar.more, fmt, args);
    va_end(args);
}

void progress_from(int64_t done)
{
    bar.first = done;
}

void progress_pipe(int fd)
{
    bar.pipe = fd;
}

static void draw(const char *label, long long done, long long total, const char *unit, double rate,
                 const char *more)
{
    int left = rate > 0 ? (int)((double)(total - done) / rate + 0.5) : 0;
    fprintf(stderr, "\r\033[K%s  %lld/%lld %s  %.0f/s  %s%s", label, done, total, unit, rate, more,
            more[0] ? "  " : "");
    if (left >= 3600)
        fprintf(stderr, "%d:", left / 3600);
    fprintf(stderr, left >= 3600 ? "%02d:%02d left" : "%d:%02d left", left / 60 % 60, left % 60);
}

void progress_step(int64_t done)
{
    double t = clock_now(), spent = t - bar.began;
    if (!bar.shown || (t - bar.drawn < 0.1 && done < bar.total))
        return;
    bar.drawn = t;
    double rate = spent > 0 ? (double)(done - bar.first) / spent : 0;
    if (bar.pipe < 0)
        draw(bar.label, done, bar.total, bar.unit, rate, bar.more);
    else
        dprintf(bar.pipe, "progress\t%s\t%lld\t%lld\t%s\t%.9g\t%s\n", bar.label, (long long)done,
                (long long)bar.total, bar.unit, rate, bar.more);
}

void progress_relay(const char *line)
{
    char label[64], unit[16], more[96] = "";
    long long done, total;
    double rate;
    if (isatty(STDERR_FILENO) && sscanf(line, "progress\t%63[^\t]\t%lld\t%lld\t%15[^\t]\t%lf\t%95[^\n]", label,
                                        &done, &total, unit, &rate, more) >= 5)
        draw(label, done, total, unit, rate, more);
    else if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

void progress_note(const char *text)
{
    fprintf(stderr, "%s  %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", text);
}

void progress_end(void)
{
    if (bar.shown && bar.pipe < 0)
        fputs("\r\033[K", stderr);
    else if (bar.shown)
        dprintf(bar.pipe, "progress\n");
    bar.shown = 0;
}
