/* list.c - lists of images and labels; no path that comes through leaves its folder. */
#include "../../datasets/list.h"
#include "fuzz.h"

static int stays_inside(const char *path)
{
    char inside[PATH_MAX];
    snprintf(inside, sizeof inside, "/%s/", path);
    return path[0] != '/' && !strstr(inside, "/../");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const enum list_labels labels[] = {LIST_CLASSES, LIST_FREE, LIST_OUTSIDE};
    const char *path = fuzz_file("list.txt", bytes, n);
    for (int k = 0; k < 3; k++) {
        list l;
        if (fuzz_answer(list_read(&l, path, labels[k], 10)) != 0)
            continue;
        for (int64_t i = 0; i < l.n; i++)
            fuzz_require(strlen(l.lines[i].path) >= PATH_MAX - 2 || stays_inside(l.lines[i].path),
                         "a path leaves the folder of images");
        list_free(&l);
    }
    return 0;
}
