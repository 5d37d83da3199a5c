/* gallery.c - figures of a configuration, by way of the command that draws one. */
#include "gallery.h"
#include "plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 32 };

/* "plot", the item's words and `out`, into words[]; how many. *copy: what they point into, to be freed. */
static int split(const char *item, const char *out, char *words[WORDS], char **copy)
{
    static char plot[] = "plot";
    int n = 0;
    words[n++] = plot;
    char *rest = *copy = text_copy(item);
    for (char *word; n < WORDS - 1 && (word = strsep(&rest, " ")) != NULL;)
        if (word[0])
            words[n++] = word;
    if (n < 2)
        words[n++] = *copy; /* an empty item: no such figure */
    if (out)
        words[n++] = (char *)(uintptr_t)out;
    return n;
}

int gallery_check(const config *c)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < config_items(c, "figures"); i++) {
        char *words[WORDS], *copy;
        int n = split(config_item(c, "figures", i), NULL, words, &copy);
        if (plot_check(n, words) != 0) {
            char *why = text_copy(fault_text());
            rc = fault("%s: %s", config_origin(c, "figures"), why);
            free(why);
        }
        free(copy);
    }
    return rc;
}

int gallery_draw(const config *c, const char *out)
{
    int failed = 0;
    for (int i = 0; i < config_items(c, "figures"); i++) {
        char *words[WORDS], *copy;
        int n = split(config_item(c, "figures", i), out, words, &copy);
        if (plot_draw(n, words, 0) != 0) {
            fprintf(stderr, "oodbench: %s\n", fault_text());
            failed++;
        }
        free(copy);
    }
    return failed;
}
