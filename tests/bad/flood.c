/* flood.c - scores like the largest logit after `mb` megabytes of noise: lines, a
 * line that does not end, zeros, and reports that mean nothing. */
#include "../../methods/method.h"

#include <string.h>
#include <unistd.h>

enum { OUTPUT = 1, ERRORS = 2, REPORTS = 3, BLOCK = 1 << 16 };

typedef struct flood {
    int64_t mb;
} flood;

static const param params[] = {PARAM(flood, mb, .init = 8, .min = 1, .max = 1e9, .help = "to each of three pipes")};

static void pour(int fd, const char *block)
{
    ssize_t wrote = write(fd, block, BLOCK);
    (void)wrote; /* who reads no further is none of its concern */
}

static tensor *score(void *self, run *r, samples *s)
{
    static const char nonsense[] =
        "row\tood=plasma\tauroc=\npoint\t=\nprogress\t\xff\nnote\nnote\t\33[2Jnothing\nstatus\n"
        "accuracy\tset=plasma\tsplit=x\tn=0\tcorrect=0\n";
    static char lines[BLOCK], endless[BLOCK], reports[BLOCK];
    const flood *f = self;
    (void)r;
    memset(endless, 'x', sizeof endless);
    for (size_t i = 0; i < BLOCK; i++) {
        lines[i] = i % 64 == 63 ? '\n' : i % 7 ? 'y' : '\0';
        reports[i] = nonsense[i % (sizeof nonsense - 1)];
    }
    for (int64_t left = f->mb * (1 << 20) / BLOCK; left > 0; left--) {
        pour(OUTPUT, lines);
        pour(ERRORS, endless);
        pour(REPORTS, reports);
    }
    ssize_t end = write(REPORTS, "\n", 1);
    (void)end;
    return tx_rowmax(samples_logits(s));
}

const method method_entry = {METHOD_HEAD, .name = "flood", .cite = "nobody", PARAMS(flood, params), .score = score};
