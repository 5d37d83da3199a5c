/* layout.c - paths relative to /proc/self/exe, and to the user's home. */
#include "layout.h"
#include "fault.h"
#include "file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *layout_program(void)
{
    static char path[PATH_MAX];
    ssize_t n = path[0] ? 1 : readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) {
        fputs("oodbench: /proc/self/exe cannot be read: is /proc mounted?\n", stderr);
        exit(EXIT_CONFIG);
    }
    return path;
}

/* The folder `up` levels above the executable, joined with a name. */
static char *above(char *out, size_t cap, int up, const char *name)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", layout_program());
    for (; up > 0; up--) {
        char *slash = strrchr(folder, '/');
        if (slash == folder)
            slash++; /* the root stays "/" */
        *slash = '\0';
    }
    return file_join(out, cap, folder, name);
}

/* What is beside the program decides first: a build folder may lie in a prefix. */
static int is_installed(void)
{
    static int known = -1;
    char path[PATH_MAX];
    if (known < 0)
        known = !file_exists(above(path, sizeof path, 1, "methods")) &&
                file_exists(above(path, sizeof path, 2, "lib/oodbench/methods"));
    return known;
}

char *layout_beside(char *out, size_t cap, const char *name)
{
    char folder[PATH_MAX];
    return is_installed() ? file_join(out, cap, above(folder, sizeof folder, 2, "lib/oodbench"), name)
                          : above(out, cap, 1, name);
}

char *layout_root(char *out, size_t cap, const char *name)
{
    char folder[PATH_MAX];
    return is_installed() ? file_join(out, cap, above(folder, sizeof folder, 2, "share/oodbench"), name)
                          : above(out, cap, 2, name);
}

char *layout_made(char *out, size_t cap, const char *name)
{
    return is_installed() ? layout_absolute(out, cap, name) : layout_root(out, cap, name);
}

char *layout_imported(char *out, size_t cap)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (is_installed() && data && data[0] == '/')
        return file_join(out, cap, data, "oodbench/imported");
    if (is_installed() && home && home[0] == '/')
        return file_join(out, cap, home, ".local/share/oodbench/imported");
    return layout_made(out, cap, "datasets/imported");
}

static int is_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && !S_ISDIR(s.st_mode);
}

char *layout_find(char *out, size_t cap, const char *word)
{
    static const char *const places[] = {"%s", "results/%s", "results/%s.yml"};
    char name[PATH_MAX];
    if (!is_file(word) && word[0] != '/')
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            int n = snprintf(name, sizeof name, places[i], word);
            if (n < (int)sizeof name && is_file(layout_root(out, cap, name)))
                return out;
        }
    return file_join(out, cap, "", word);
}

char *layout_shared(char *out, size_t cap)
{
    const char *own = getenv("OODBENCH_CACHE"), *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (own && *own)
        return layout_absolute(out, cap, own);
    if (caches && caches[0] == '/') /* any other path there is to be ignored, says its specification */
        return file_join(out, cap, caches, "oodbench");
    return home && home[0] == '/' ? file_join(out, cap, home, ".cache/oodbench") : NULL;
}

char *layout_absolute(char *out, size_t cap, const char *path)
{
    char here[PATH_MAX] = "", held[PATH_MAX];
    file_join(held, sizeof held, "", path); /* path may be out itself */
    path = held;
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    if (held[0] == '/' || !getcwd(here, sizeof here))
        return file_join(out, cap, "", path);
    return file_join(out, cap, here, path);
}
