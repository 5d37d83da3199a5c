/* paper.c - a published table and its setting: CSV, a line `---`, YAML. */
#include "../../harness/paper.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char parted[] = "\n---\n";
    const uint8_t *at = memmem(bytes, n, parted, sizeof parted - 1);
    size_t table = at ? (size_t)(at - bytes) + 1 : n, setting = at ? table + sizeof parted - 2 : n;
    paper p;
    fuzz_file("p.yml", bytes + setting, n - setting);
    if (fuzz_answer(paper_open(&p, fuzz_file("p.csv", bytes, table))) != 0)
        return 0;
    for (int i = 0; i < p.n; i++) {
        char **lists;
        int k = paper_sets(&p, &p.quantities[i], &lists);
        while (k > 0)
            free(lists[--k]);
        free(lists);
    }
    paper_close(&p);
    return 0;
}
