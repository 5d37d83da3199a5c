/* reports.c - the lines that a cell reports through its pipe. */
#include "../../harness/results.h"
#include "../../harness/rows.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    reports w = {0};
    char *all = text_more(NULL, n + 1), *next = all;
    memcpy(all, bytes, n);
    all[n] = '\0';
    for (char *line; (line = strsep(&next, "\n")) != NULL;) {
        for (int i = 0; i < RESULT_COLUMNS; i++)
            fuzz_require(report_field(line, result_names[i]) == NULL || strlen(line) > 1, "a field of nothing");
        if (strncmp(line, "progress", 8) != 0 && strncmp(line, "note", 4) != 0)
            rows_report(&w, line);
    }
    reports_end(&w);
    free(all);
    return 0;
}
