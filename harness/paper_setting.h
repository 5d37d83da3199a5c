/* paper_setting.h - in what the setting of our results differs from a published table's. */
#ifndef PAPER_SETTING_H
#define PAPER_SETTING_H

#include "paper_match.h"

typedef struct difference {
    char *what, *paper, *ours;
} difference;

typedef struct setting {
    difference *list;
    int n;
    char *alike; /* "seeds, near sets"; "" for nothing */
} setting;

/* file: results.csv; data.csv beside it (NAME-data.csv beside NAME.csv), its runs' configurations
 * in cache/, or the experiment NAME.yml one folder up, say what its columns do not. */
setting setting_compare(const paper_match *m, const char *file);
void setting_free(setting *s);

#endif
