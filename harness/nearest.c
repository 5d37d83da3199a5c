/* nearest.c - which known name was meant: for messages about misspelt ones. */
#include "config.h"

#include <string.h>

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Steps that turn one into the other, and what they cost: a letter that stays but
 * is out of place is the likelier slip. */
enum { MOVE = 2 /* insertion, deletion, swap of neighbours */, REPLACE = 3 };
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    int n = (int)strnlen(a, LONGEST), m = (int)strnlen(b, LONGEST);
    int rows[3][LONGEST + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (int j = 0; j <= m; j++)
        last[j] = MOVE * j;
    for (int i = 1; i <= n; i++) {
        now[0] = MOVE * i;
        for (int j = 1; j <= m; j++) {
            int same = lower(a[i - 1]) == lower(b[j - 1]);
            int best = last[j - 1] + (same ? 0 : REPLACE);
            best = last[j] + MOVE < best ? last[j] + MOVE : best;
            best = now[j - 1] + MOVE < best ? now[j - 1] + MOVE : best;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]) &&
                before[j - 2] + MOVE < best)
                best = before[j - 2] + MOVE;
            now[j] = best;
        }
        int *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[m];
}

const char *config_nearest(const char *word, const char *const known[], int n)
{
    const char *best = NULL;
    int longest = (int)strlen(word), least = REPLACE + MOVE * (longest / 3); /* what costs more is another word */
    for (int i = 0; i < n; i++) {
        int d = distance(word, known[i]);
        if (d < MOVE * longest && (best ? d < least : d <= least)) {
            best = known[i];
            least = d;
        }
    }
    return best;
}
