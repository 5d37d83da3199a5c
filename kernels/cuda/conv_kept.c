/* conv_kept.c - choices on disk, so that they are made once per card and version
 * of cuDNN: a line of text each, in a file that processes share.
 *
 * Lines are only added, each by one write at the end, and the last of several
 * about the same wins. A line that is no such line is passed over; what a line
 * says is tried before it is believed (conv.c). */
#include "conv_engine.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first line; a file that begins otherwise is another version's. */
static const char columns[] =
    "kind,n,h,w,c,k,p,q,r,s,stride,pad,type,graph,mode,engine,knobs,workspace,milliseconds\n";
enum { KEY_COLUMNS = 15, LINE_BYTES = CONV_KEY + 48 * (ENGINE_KNOBS + 3), KNOB_TEXT = 48 * ENGINE_KNOBS };

void kept_key(char key[CONV_KEY], const conv_spec *s, unsigned flags)
{
    static const char *const bias[] = {"", "+bias", "+biaslike"};
    const bk_window *g = &s->g;
    snprintf(key, CONV_KEY, "%c,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%d,%d,%d,%d,%s,conv%s%s%s,%s", "yxw"[s->kind],
             (long long)g -> n, (long long)g -> h, (long long)g -> w, (long long)g -> c, (long long)g -> k,
             (long long)g -> p, (long long)g -> q, g -> r, g -> s, g -> stride, g -> pad,
             s -> bf16 ? "bfloat16" : "float", s->plus ? "+plus" : "", bias[s->bias], s->relu ? "+relu" : "",
             flags &BK_FAST   ? "fast"
             : flags &BK_TF32 ? "tf32"
                              : "exact");
}

/* --- Where --- */

/* folder/cudnn-CARD-VERSION.csv; -1: there is no place. */
static int file_of(const bk *b, char *path, size_t cap)
{
    char card[sizeof b->name];
    snprintf(card, sizeof card, "%s", b->name);
    for (char *c = card; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '-';
    int n = b->host->folder ? snprintf(path, cap, "%s/cudnn-%s-%zu.csv", b->host->folder, card, b->dnn_version)
                            : -1;
    return n >= 0 && (size_t)n < cap ? 0 : -1;
}

/* What concerns the whole file is said at the first choice, not at each. */
static int first(const bk *b)
{
    return !b->choices || !b->choices->next;
}

/* --- Reading --- */

static int number(const char **at, char end, int64_t least, int64_t *value)
{
    char *stop;
    errno = 0;
    *value = strtoll(*at, &stop, 10);
    int ok = stop != *at && (isdigit((unsigned char)**at) || **at == '-') && *stop == end && errno == 0 &&
             *value >= least;
    *at = stop + 1;
    return ok;
}

/* "12=3 13=0,": types and values; none: ",". */
static int knobs(const char **at, engine_name *name)
{
    size_t bytes = strcspn(*at, ",");
    char text[KNOB_TEXT];
    const char *p = text;
    name->knobs = 0;
    if ((*at)[bytes] != ',' || bytes + 2 > sizeof text)
        return 0;
    snprintf(text, sizeof text, "%.*s ", (int)bytes, *at);
    *at += bytes + 1;
    for (int ok = 1; *p && bytes > 0; name->knobs++) {
        ok = ok && name->knobs < ENGINE_KNOBS && number(&p, '=', 0, &name->knob[name->knobs]) &&
             number(&p, ' ', INT64_MIN, &name->value[name->knobs]);
        if (!ok)
            return 0;
    }
    return 1;
}

/* Whether `line` is whole; then also what follows the key. */
static int parse(const char *line, size_t *key, engine_name *name, double *ms)
{
    const char *at = line;
    int64_t workspace;
    char *stop;
    for (int i = 0; i < KEY_COLUMNS && at; i++)
        at = (at = strchr(at, ',')) ? at + 1 : NULL;
    if (!at)
        return 0;
    *key = (size_t)(at - line) - 1;
    if (!number(&at, ',', 0, &name->index) || !knobs(&at, name) || !number(&at, ',', 0, &workspace))
        return 0;
    *ms = *at == '\n' ? -1 : strtod(at, &stop);
    return *at == '\n' ? !at[1] : stop != at && strcmp(stop, "\n") == 0 && *ms >= 0;
}

/* Reads on behind the first line. */
static int find_line(FILE *f, const char *key, engine_name *name, double *ms, int *alien)
{
    char *line = NULL;
    size_t cap = 0, bytes;
    int found = 0;
    while (getline(&line, &cap, f) > 0) {
        engine_name n;
        double t;
        if (!parse(line, &bytes, &n, &t)) {
            ++*alien;
        } else if (bytes == strlen(key) && memcmp(line, key, bytes) == 0) {
            *name = n, *ms = t;
            found = 1;
        }
    }
    free(line);
    return found;
}

static int begins_right(FILE *f)
{
    char line[sizeof columns];
    return fgets(line, sizeof line, f) && strcmp(line, columns) == 0;
}

int kept_find(bk *b, const char *key, engine_name *name, double *ms)
{
    char path[PATH_MAX];
    FILE *f = file_of(b, path, sizeof path) == 0 ? fopen(path, "re") : NULL;
    int found = 0, alien = 0;
    if (!f)
        return 0;
    if (begins_right(f))
        found = find_line(f, key, name, ms, &alien);
    else if (first(b))
        b->host->note("%s is of another version: it is written anew", path);
    if (alien && first(b))
        b->host->note("%s: %d %s unreadable, and ignored", path, alien, alien == 1 ? "line is" : "lines are");
    fclose(f);
    return found;
}

/* --- Writing --- */

/* The file with its first line: written aside, so that nobody reads half of it.
 * An older version's gives way; another process may have been faster. */
static int begin_file(const char *path, int replace)
{
    char aside[PATH_MAX + 96], machine[65] = ""; /* homes are shared by machines */
    gethostname(machine, sizeof machine - 1);
    snprintf(aside, sizeof aside, "%s.%s-%ld", path, machine, (long)getpid());
    FILE *f = fopen(aside, "we");
    if (!f)
        return -1;
    int rc = fputs(columns, f) < 0;
    rc = fclose(f) != 0 || rc;
    if (rc == 0)
        rc = replace ? rename(aside, path) : link(aside, path) != 0 && errno != EEXIST;
    unlink(aside);
    return rc ? -1 : 0;
}

/* Open for lines at its end; -1: see errno. */
static int open_file(const char *path)
{
    FILE *f = fopen(path, "re");
    int right = f && begins_right(f);
    if (f)
        fclose(f);
    if (!right && begin_file(path, f != NULL) != 0)
        return -1;
    return open(path, O_RDWR | O_APPEND | O_CLOEXEC);
}

static int torn(int fd)
{
    char last = '\n';
    off_t end = lseek(fd, 0, SEEK_END);
    return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

static void compose(char line[LINE_BYTES], const char *key, const engine_name *name, int64_t workspace, double ms)
{
    int n = snprintf(line, LINE_BYTES, "%s,%lld,", key, (long long)name->index);
    for (int i = 0; i < name->knobs; i++)
        n += snprintf(line + n, LINE_BYTES - (size_t)n, "%s%lld=%lld", i ? " " : "", (long long)name->knob[i],
                      (long long)name->value[i]);
    n += snprintf(line + n, LINE_BYTES - (size_t)n, ",%lld,", (long long)workspace);
    snprintf(line + n, LINE_BYTES - (size_t)n, ms < 0 ? "\n" : "%.4g\n", ms);
}

void kept_add(bk *b, const char *key, const engine_name *name, int64_t workspace, double ms)
{
    char path[PATH_MAX], line[1 + LINE_BYTES] = "\n";
    if (file_of(b, path, sizeof path) != 0)
        return;
    compose(line + 1, key, name, workspace, ms);
    int fd = open_file(path), ok = 0;
    if (fd >= 0) { /* behind what a killed process left, on a line of its own */
        const char *from = line + !torn(fd);
        ok = write(fd, from, strlen(from)) == (ssize_t)strlen(from);
    }
    if (!ok && first(b))
        b->host->note("what is chosen for convolutions cannot be kept in %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}
