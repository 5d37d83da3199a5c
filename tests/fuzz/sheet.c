/* sheet.c - results.csv, read to be shown, and opened to be written on. */
#include "../../harness/results.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *path = fuzz_file("results.csv", bytes, n);
    sheet *s;
    if (fuzz_answer(sheet_open(&s, path, search_names, SEARCH_COLUMNS, SHEET_READ)) == 0) {
        for (int i = 0; i < sheet_rows(s); i++)
            free(result_settings(sheet_at(s, i, SEARCH_SCORE_PARAMS)));
        sheet_close(s);
    }
    if (fuzz_answer(sheet_open(&s, path, search_names, SEARCH_COLUMNS, SHEET_WRITE)) == 0) {
        int rows = sheet_rows(s);
        sheet_close(s);
        fuzz_require(sheet_open(&s, path, search_names, SEARCH_COLUMNS, SHEET_READ) == 0 && sheet_rows(s) == rows,
                     "what was opened for writing is another when read");
        sheet_close(s);
    }
    return 0;
}
