/* labels.c - settings are compared key by key. */
#include "labels.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Where the value of a key stands in "a=1;b=2", its length in *n; NULL without that key. */
static const char *value_of(const char *settings, const char *key, size_t key_length, size_t *n)
{
    for (const char *p = settings; *p; p += strcspn(p, ";"), p += *p == ';')
        if (strncmp(p, key, key_length) == 0 && p[key_length] == '=') {
            p += key_length + 1;
            *n = strcspn(p, ";");
            return p;
        }
    return NULL;
}

/* Has somebody of the same name another value of this key? */
static int tells(const char *const *names, const char *const *settings, int n, int which, const char *key,
                 size_t key_length)
{
    size_t mine, other;
    const char *value = value_of(settings[which], key, key_length, &mine);
    for (int i = 0; i < n; i++) {
        const char *found = strcmp(names[i], names[which]) == 0 ? value_of(settings[i], key, key_length, &other)
                                                                : NULL;
        if (found && (other != mine || strncmp(found, value, mine) != 0))
            return 1;
    }
    return 0;
}

static char *short_label(const char *const *names, const char *const *settings, int n, int which)
{
    static const char searched[] = "searched=";
    text t = {0};
    int shown = 0;
    text_add(&t, "%s", names[which][0] ? names[which] : "-");
    for (const char *p = settings[which]; *p; p += strcspn(p, ";"), p += *p == ';')
        if (strncmp(p, searched, sizeof searched - 1) == 0)
            text_add(&t, "%ssearched", shown++ ? ";" : " ");
        else if (tells(names, settings, n, which, p, strcspn(p, "=;")))
            text_add(&t, "%s%.*s", shown++ ? ";" : " ", (int)strcspn(p, ";"), p);
    return t.bytes;
}

char *label_apart(const char *const *names, const char *const *settings, int n, int which)
{
    char *label = short_label(names, settings, n, which);
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], names[which]) != 0 || strcmp(settings[i], settings[which]) == 0)
            continue;
        char *other = short_label(names, settings, n, i);
        int same = strcmp(label, other) == 0;
        free(other);
        if (same) {
            free(label);
            return text_format("%s %s", names[which], settings[which]);
        }
    }
    return label;
}
