/* page_provenance.c - which program, device, images and checkpoints the rows come from. */
#include "config.h"
#include "file.h"
#include "layout.h"
#include "page.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "c07d1afca0f7 (162 rows)", one behind the other. */
static char *counted(const page *p, enum result_column column)
{
    const char **list;
    int n = page_different(p->results, column, &list);
    text t = {0};
    for (int i = 0; i < n; i++) {
        int rows = 0;
        for (int row = 0; row < sheet_rows(p->results); row++)
            rows += strcmp(sheet_at(p->results, row, column), list[i]) == 0;
        text_add(&t, "%s%s", i ? ", " : "", list[i]);
        if (n > 1)
            text_add(&t, " (%d row%s)", rows, rows == 1 ? "" : "s");
    }
    free(list);
    return t.bytes ? t.bytes : text_copy("-");
}

/* What a log says of its device: "cpu (AMD EPYC, 2 threads)", to be freed; NULL without. */
static char *machine_of(const char *path)
{
    static const char word[] = "device: ";
    char *bytes, *found = NULL;
    size_t n;
    if (!file_exists(path) || file_read(path, &bytes, &n) != 0)
        return NULL;
    const char *line = strncmp(bytes, word, strlen(word)) == 0 ? bytes : strstr(bytes, "\ndevice: ");
    if (line) {
        line = strstr(line, word) + strlen(word);
        found = text_format("%.*s", (int)strcspn(line, "\r\n"), line);
    }
    free(bytes);
    return found;
}

/* The different ones, of all runs. */
static char *machines(const page *p)
{
    const char **runs;
    text t = {0};
    int n = page_different(p->results, RESULT_RUN, &runs);
    for (int i = 0; i < n * p->n; i++) {
        char *path = text_format("%s/cache/%s.log", p->sources[i / n].folder, runs[i % n]), *one = machine_of(path);
        if (one && !strstr(text_str(&t), one))
            text_add(&t, "%s%s", t.n ? "; " : "", one);
        free(one);
        free(path);
    }
    free(runs);
    return t.bytes ? t.bytes : counted(p, RESULT_DEVICE);
}

static void put_program(const page *p)
{
    const char *titles[] = {"commit", "device", "precision", "fast", "seeds"};
    char *values[] = {counted(p, RESULT_COMMIT), machines(p), counted(p, RESULT_PRECISION), counted(p, RESULT_FAST),
                      counted(p, RESULT_SEED)};
    enum { ROWS = sizeof titles / sizeof *titles };
    matrix m = matrix_new(ROWS + 1, 2, 2);
    *matrix_at(&m, 0, 0) = text_copy("what");
    *matrix_at(&m, 0, 1) = text_copy("value");
    for (int i = 0; i < ROWS; i++) {
        *matrix_at(&m, i + 1, 0) = text_copy(titles[i]);
        *matrix_at(&m, i + 1, 1) = values[i];
    }
    html_matrix(p->to, &m,
                &(caption){"Program and device",
                           "commit: of the program; fast: whether TF32 and sums in any order were allowed", NULL});
    matrix_free(&m);
}

/* data.csv. */
static int put_data(const page *p, const source *s)
{
    static const char *const names[] = {"set", "split", "n", "sha256"}, *const titles[] = {"set", "split", "images",
                                                                                           "sha256"};
    char *path = page_path(s, "data");
    sheet *list = NULL;
    int rc = file_exists(path) ? sheet_open(&list, path, names, 4, SHEET_READ) : 0;
    free(path);
    if (!list)
        return rc;
    matrix m = matrix_new(sheet_rows(list) + 1, 4, 4);
    for (int col = 0; col < 4; col++) {
        *matrix_at(&m, 0, col) = text_copy(titles[col]);
        for (int row = 0; row < sheet_rows(list); row++)
            *matrix_at(&m, row + 1, col) = text_copy(sheet_at(list, row, col));
    }
    char *rest = text_format("of %s, by the digest of their images", s->name);
    html_matrix(p->to, &m, &(caption){"Data", rest, NULL});
    free(rest);
    matrix_free(&m);
    sheet_close(list);
    return rc;
}

/* Checkpoints. */

typedef struct weights {
    char *path, *digest;
    const char *train, *seed;
    long long bytes;
} weights;

/* The file that a run's cell was told to load; NULL without one. To be freed. */
static char *file_of(const source *s, const char *run)
{
    char *path = text_format("%s/cache/%s.yml", s->folder, run), *found = NULL;
    config *c = config_new();
    if (file_exists(path) && config_read(c, path) == 0 && config_text(c, "weights"))
        found = text_copy(config_text(c, "weights"));
    config_free(c);
    free(path);
    return found;
}

/* Digests only of what is there: another machine's report names the others. */
static int add(weights **list, int *n, char *path, const sheet *results, int row)
{
    struct stat st;
    char digest[FILE_DIGEST] = "not there any more";
    for (int i = 0; i < *n; i++)
        if (strcmp((*list)[i].path, path) == 0) {
            free(path);
            return 0;
        }
    int there = stat(path, &st) == 0;
    if (there && file_digest(digest, path) != 0) {
        free(path);
        return -1;
    }
    *list = text_more(*list, (size_t)(*n + 1) * sizeof **list);
    (*list)[(*n)++] = (weights){.path = path,
                                .digest = text_copy(digest),
                                .train = sheet_at(results, row, RESULT_TRAIN),
                                .seed = sheet_at(results, row, RESULT_SEED),
                                .bytes = there ? (long long)st.st_size : -1};
    return 0;
}

/* Rows of a run stand together, mostly; a path that comes again is not digested again. */
static int gather(const page *p, weights **list, int *n)
{
    int rc = 0;
    for (int row = 0; row < sheet_rows(p->results) && rc == 0; row++) {
        const char *run = sheet_at(p->results, row, RESULT_RUN);
        if (row && strcmp(run, sheet_at(p->results, row - 1, RESULT_RUN)) == 0)
            continue;
        for (int i = 0; i < p->n && rc == 0; i++) {
            char *path = file_of(&p->sources[i], run);
            rc = path ? add(list, n, path, p->results, row) : 0;
        }
    }
    return rc;
}

static int put_checkpoints(const page *p)
{
    static const char *const titles[] = {"train", "seed", "bytes", "file", "sha256"};
    enum { COLUMNS = sizeof titles / sizeof *titles };
    char root[PATH_MAX];
    size_t above = strlen(layout_made(root, sizeof root, ""));
    weights *list = NULL;
    int n = 0, rc = gather(p, &list, &n);
    matrix m = matrix_new(n + 1, COLUMNS, COLUMNS);
    for (int i = 0; i < COLUMNS; i++)
        *matrix_at(&m, 0, i) = text_copy(titles[i]);
    for (int i = 0; i < n; i++) {
        const weights *w = &list[i];
        int below = above > 1 && strncmp(w->path, root, above) == 0;
        char *cells[COLUMNS] = {text_copy(*w->train ? w->train : "-"), text_copy(w->seed),
                                w->bytes < 0 ? text_copy("-") : text_format("%lld", w->bytes),
                                text_copy(below ? w->path + above : w->path), text_copy(w->digest)};
        memcpy(matrix_at(&m, i + 1, 0), cells, sizeof cells);
    }
    if (n && rc == 0)
        html_matrix(p->to, &m, &(caption){"Checkpoints", "that were scored", NULL});
    matrix_free(&m);
    for (int i = 0; i < n; i++) {
        free(list[i].path);
        free(list[i].digest);
    }
    free(list);
    return rc;
}

int page_provenance(page *p)
{
    int rc = 0;
    put_program(p);
    for (int i = 0; i < p->n && rc == 0; i++)
        rc = put_data(p, &p->sources[i]);
    return rc == 0 ? put_checkpoints(p) : -1;
}
