/* list.c - lists are read whole and cut up in place. */
#include "list.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* No path may leave the folder of images, whoever wrote the list. */
static int climbs(const char *path)
{
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return 1;
        p += n + (p[n] == '/');
    }
    return 0;
}

static int read_label(const list *l, const list_line *e, const char *word, enum list_labels labels, int64_t classes,
                      int32_t *label)
{
    char *end;
    errno = 0;
    long v = strtol(word, &end, 10);
    if (end == word || *end)
        return fault("%s:%d: `%s` is no label: expected `PATH LABEL` with an integer behind the last space",
                     l->file, e->number, word);
    if (labels == LIST_OUTSIDE) {
        *label = -1;
        return 0;
    }
    long least = labels == LIST_FREE ? -1 : 0;
    if (errno || v < least || v >= classes)
        return fault("%s:%d: the label %s is out of range: expected %ld to %lld", l->file, e->number, word, least,
                     (long long)classes - 1);
    *label = (int32_t)v;
    return 0;
}

/* Cuts one line, without its end, into `e`. */
static int read_line(const list *l, list_line *e, char *line, enum list_labels labels, int64_t classes)
{
    char *space = strrchr(line, ' '), *tab = strrchr(line, '\t');
    if (tab && (!space || tab > space))
        space = tab;
    if (!space || space == line)
        return fault("%s:%d: no label: expected `PATH LABEL`, found `%.60s`", l->file, e->number, line);
    *space = '\0';
    e->path = line;
    if (line[0] == '/')
        return fault("%s:%d: the path %s is absolute: expected one inside the folder of images", l->file, e->number,
                     line);
    if (climbs(line))
        return fault("%s:%d: the path %s leads out of the folder of images", l->file, e->number, line);
    return read_label(l, e, space + 1, labels, classes, &e->label);
}

/* Ends the line at `p` and drops blanks around it; returns where the next one begins, or NULL. */
static char *next_line(char **p)
{
    char *line = *p, *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : NULL;
    while (end > line && strchr(" \t\r\n", end[-1]))
        end--;
    *end = '\0';
    *p = line + strspn(line, " \t");
    return next;
}

static int cut(list *l, size_t size, enum list_labels labels, int64_t classes)
{
    int64_t most = 1;
    int32_t number = 0;
    for (const char *p = l->text; (p = strchr(p, '\n')) != NULL; p++)
        most++;
    if (strlen(l->text) != size)
        return fault("%s: a zero byte: expected text, `PATH LABEL` a line", l->file);
    if (most > INT32_MAX)
        return fault("%s: more lines than %d", l->file, INT32_MAX);
    l->lines = text_more(NULL, (size_t)most * sizeof *l->lines);
    for (char *line = l->text, *next; line; line = next) {
        next = next_line(&line);
        number++;
        if (!*line)
            continue;
        l->lines[l->n].number = number;
        if (read_line(l, &l->lines[l->n], line, labels, classes) != 0)
            return -1;
        l->n++;
    }
    return l->n > 0 ? 0 : fault("%s: the list is empty: expected `PATH LABEL` a line", l->file);
}

int list_read(list *l, const char *file, enum list_labels labels, int64_t classes)
{
    size_t size;
    *l = (list){0};
    if (file_read(file, &l->text, &size) != 0)
        return -1;
    l->file = text_copy(file);
    l->outside = labels == LIST_OUTSIDE;
    file_digest_bytes(l->digest, l->text, size);
    if (cut(l, size, labels, classes) == 0)
        return 0;
    list_free(l);
    return -1;
}

void list_free(list *l)
{
    free(l->file);
    free(l->text);
    free(l->lines);
    *l = (list){0};
}
