/* doctor_verify.c - every data set below a folder against the digests it was written with. */
#include "commands.h"
#include "doctor.h"
#include "fault.h"
#include "file.h"
#include "verify.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct looks {
    int whole, damaged;
    double bytes;
} looks;

static int is_shown(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int is_set(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && strcmp(path + n - 3, ".h5") == 0;
}

static void look_at(looks *l, const char *path, const struct stat *s)
{
    l->bytes += (double)s->st_size;
    if (verify_fully(path) == 0) {
        l->whole++;
        return;
    }
    l->damaged++;
    printf("  damaged: %s\n", fault_text());
}

/* A benchmark's folder, or that of all; by name, so that two looks say the same. */
static int look_below(looks *l, const char *folder, int depth)
{
    struct dirent **found;
    int n = scandir(folder, &found, is_shown, alphasort);
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        struct stat s;
        file_join(path, sizeof path, folder, found[i]->d_name);
        if (stat(path, &s) == 0 && S_ISDIR(s.st_mode) && depth < 2)
            look_below(l, path, depth + 1);
        else if (is_set(path) && stat(path, &s) == 0)
            look_at(l, path, &s);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
    return n;
}

int doctor_verify(const char *imported)
{
    looks l = {0};
    printf("\ndata sets below %s against the SHA-256 they were written with\n", imported);
    fflush(stdout);
    if (look_below(&l, imported, 0) < 0 || l.whole + l.damaged == 0)
        printf("  nothing is imported\n");
    else if (l.damaged)
        printf("  %d damaged, %d whole: %.1f MB\n", l.damaged, l.whole, l.bytes / 1e6);
    else
        printf("  all %d are whole: %.1f MB\n", l.whole, l.bytes / 1e6);
    return l.damaged ? 1 : EXIT_OK;
}
