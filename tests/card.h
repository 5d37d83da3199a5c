/* card.h - for tests of the cuda backend's inside: its objects are linked into
 * the test, on top of the emulator (tests/emulator), so that they run without a
 * card. What the backend notes is collected; its death ends the process, which
 * is a child where it is expected. */
#ifndef CARD_H
#define CARD_H

#include "../kernels/cuda/conv_engine.h"
#include "../kernels/cuda/queue.h"
#include "folder.h"

static char noted[4096]; /* all notes since it was emptied */

__attribute__((format(printf, 1, 2))) static void card_note(const char *fmt, ...)
{
    size_t n = strlen(noted);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(noted + n, sizeof noted - n, fmt, ap);
    va_end(ap);
}

enum { DIED = 3 };

/* The last words go to a file as well, for the parent. */
__attribute__((noreturn, format(printf, 3, 4))) static void card_die(const char *file, int line, const char *fmt,
                                                                     ...)
{
    char words[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s:%d: %s\n", file, line, words);
    _exit(file_write(at("words"), words, strlen(words)) == 0 ? DIED : 1);
}

static bk_host card_host = {.die = card_die, .note = card_note};
static const bk_api *card;

/* `folder`: where choices are kept, NULL: nowhere. */
static inline bk *card_open(const char *folder, unsigned flags)
{
    char why[512] = "";
    card_host.folder = folder;
    card = bk_query(BK_ABI, sizeof(bk_api));
    assert_non_null(card);
    bk *b = card->open(&card_host, 0, flags, why, sizeof why);
    if (!b)
        fail_msg("no device: %s", why);
    return b;
}

static inline real *there(bk *b, const real *values, int64_t n)
{
    real *p = card->alloc(b, (size_t)n * sizeof *p);
    assert_non_null(p);
    card->write(b, p, values, (size_t)n * sizeof *p);
    return p;
}

static void (*dying)(void);

static inline void die_quietly(void)
{
    if (freopen("/dev/null", "w", stderr))
        dying();
}

/* `body` dies, with one line that has all the words, separated by `|`. */
static inline void expect_death(void (*body)(void), const char *words)
{
    char copy[512], *rest = copy, said[2048] = "";
    remove(at("words"));
    dying = body;
    int status = child(die_quietly);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), DIED);
    FILE *f = fopen(at("words"), "r");
    assert_non_null(f);
    assert_true(fread(said, 1, sizeof said - 1, f) > 0);
    fclose(f);
    assert_null(strchr(said, '\n'));
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strsep(&rest, "|")) != NULL;)
        if (!strstr(said, word))
            fail_msg("expected `%s` in: %s", word, said);
}

#endif
