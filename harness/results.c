/* results.c - the names of the columns, in the order of results.h; what rows have in common. */
#include "results.h"
#include "text.h"

#include <string.h>

const char *const result_names[RESULT_COLUMNS] = {
    "run",          "commit",  "device",       "fast",  "precision", "net",   "weights", "id",      "train",
    "train_params", "score",   "score_params", "seed",  "ood",       "group", "n_id",    "n_ood",   "acc",
    "auroc",        "aupr_in", "aupr_out",     "fpr95", "fpr95_id",  "fit_s", "score_s", "peak_mb", "status",
};

const char *const accuracy_names[ACCURACY_COLUMNS] = {
    "run", "net", "weights", "id", "train", "train_params", "seed", "set", "split", "n", "correct", "acc",
};

const char *const search_names[SEARCH_COLUMNS] = {
    "run",  "net",   "weights",      "id",    "tune",    "train",  "train_params",
    "seed", "score", "score_params", "auroc", "seconds", "status", "chosen",
};

char *result_settings(const char *score_params)
{
    static const char mark[] = "searched=";
    const char *searched = strstr(score_params, mark);
    text t = {0};
    for (const char *p = score_params; *p; p += strcspn(p, ";"), p += *p == ';') {
        const char *name = searched ? searched + sizeof mark - 1 : "";
        size_t n = strcspn(p, "=;");
        while (*name && (strcspn(name, " ;") != n || strncmp(name, p, n) != 0))
            name += strcspn(name, " ;"), name += *name == ' ' || *name == ';';
        if (!*name)
            text_add(&t, "%s%.*s", t.n ? ";" : "", (int)strcspn(p, ";"), p);
    }
    return t.bytes ? t.bytes : text_copy("");
}

int result_ok(const sheet *s, int row)
{
    return strcmp(sheet_at(s, row, RESULT_STATUS), "ok") == 0;
}

int result_spectrum(const char *group)
{
    return strncmp(group, "fs", 2) == 0;
}

int result_find(const sheet *s, const char *run, const char *ood, const char *group)
{
    for (int row = sheet_rows(s) - 1; row >= 0; row--)
        if (strcmp(sheet_at(s, row, RESULT_RUN), run) == 0 && strcmp(sheet_at(s, row, RESULT_OOD), ood) == 0 &&
            result_spectrum(sheet_at(s, row, RESULT_GROUP)) == result_spectrum(group))
            return row;
    return -1;
}

int accuracy_find(const sheet *s, const char *run, const char *set, const char *split)
{
    for (int row = sheet_rows(s) - 1; row >= 0; row--)
        if (strcmp(sheet_at(s, row, ACCURACY_RUN), run) == 0 && strcmp(sheet_at(s, row, ACCURACY_SET), set) == 0 &&
            strcmp(sheet_at(s, row, ACCURACY_SPLIT), split) == 0)
            return row;
    return -1;
}

int result_id_has(const char *id, const char *set)
{
    size_t n = strlen(set);
    for (const char *p = id; p; p = strchr(p, '+')) {
        p += *p == '+';
        if (strncmp(p, set, n) == 0 && (p[n] == '\0' || p[n] == '+'))
            return 1;
    }
    return 0;
}
