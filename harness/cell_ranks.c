/* cell_ranks.c - a training that several processes share. The cell that `run` starts
 * becomes mpirun, which starts the same cell as many times: what `run` holds, limits
 * and kills is then mpirun, and what rank 0 reports reaches it through mpirun's
 * standard output, from whichever machine. */
#include "cell.h"
#include "fault.h"
#include "layout.h"
#include "progress.h"
#include "ranks.h"
#include "recipe.h"
#include "report.h"
#include "spawn.h"
#include "strays.h"
#include "text.h"
#include "train.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS = 64 }; /* of the command */

int64_t cell_ranks(const cell *k)
{
    int64_t ranks = 1;
    return config_int(k->c, "ranks", &ranks, 1, 4096) == 0 ? ranks : -1;
}

/* What this process can see before there are many: one line instead of one from each. */
static int check(cell *k, int64_t ranks)
{
    plugin *base = NULL;
    recipe c;
    if (ranks_possible() != 0 || recipe_read(&c, k->c) != 0 || cell_open_method(k, "train") != 0)
        return -1;
    const char *path = config_text(k->c, "base");
    int rc = plugin_base(k->plugin) && path ? plugin_open(&base, path) : 0;
    if (rc == 0)
        rc = train_suits(k->plugin, base, &c, ranks);
    plugin_close(base);
    return rc;
}

/* The threads of a cell, divided by those who share its work on this machine. */
static void share_threads(int64_t ranks)
{
    const char *said = getenv("OMP_NUM_THREADS");
    int64_t threads = said ? strtoll(said, NULL, 10) : 0;
    char n[32];
    snprintf(n, sizeof n, "%lld", (long long)(threads > ranks ? threads / ranks : 1));
    if (threads > 0)
        setenv("OMP_NUM_THREADS", n, 1);
}

/* Reports go where mpirun hands on the output of ranks. */
static int turn_output(void)
{
    int fd = report_channel();
    return fd == STDOUT_FILENO || dup2(fd, STDOUT_FILENO) >= 0 ? 0
                                                               : fault("cannot turn output: %s", strerror(errno));
}

/* The command's own words, as they stand between blanks: no shell reads them. */
static int split(char *command, char *words[WORDS])
{
    int n = 0;
    for (char *word; (word = strsep(&command, " \t"));)
        if (*word && n < WORDS)
            words[n++] = word;
    return n;
}

/* Open MPI does not start for root unless told to, and says so in many lines. */
static int refuses_root(char *const words[], int n, const char *program)
{
    char full[PATH_MAX];
    const char *name = realpath(program, full) ? strrchr(full, '/') + 1 : "";
    int told = getenv("OMPI_ALLOW_RUN_AS_ROOT") != NULL;
    for (int i = 1; i < n; i++)
        told |= strcmp(words[i], "--allow-run-as-root") == 0;
    int open_mpi = strcmp(name, "orterun") == 0 || strcmp(name, "prterun") == 0 || strstr(name, "openmpi");
    return geteuid() == 0 && open_mpi && !told;
}

static int become(char *words[], int n, const char *file, int64_t ranks)
{
    static char count[32], self[32], number[] = "-n", cell_word[] = "cell", ranked[] = "--ranked";
    char found[PATH_MAX];
    const char *path = strchr(words[0], '/') ? words[0] : found;
    if (path == found && spawn_find(found, sizeof found, words[0]) != 0)
        return fault(
            "ranks: there is no `%s` here to start them: install it (package openmpi-bin), or name another "
            "command, `mpirun: srun`",
            words[0]);
    if (refuses_root(words, n, path))
        return fault("ranks: Open MPI does not run as root: be another user, or set OMPI_ALLOW_RUN_AS_ROOT=1 and "
                     "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    snprintf(count, sizeof count, "%lld", (long long)ranks);
    snprintf(self, sizeof self, "%ld", (long)getpid());
    char *const more[] = {
        number, count, (char *)(uintptr_t)layout_program(), cell_word, (char *)(uintptr_t)file, ranked, self, NULL};
    memcpy(words + n, more, sizeof more);
    /* What holds unless a rank has something better to say: of mpirun's words the last tell little. */
    report_line("status\tfailed: not all of %lld ranks were started by %s, or one ended before the others",
                (long long)ranks, words[0]);
    execv(path, words);
    return fault("ranks: cannot start %s: %s", words[0], strerror(errno));
}

int cell_ranks_start(cell *k, const char *file, int64_t ranks)
{
    char *words[WORDS + 8];
    const char *said = config_text(k->c, "mpirun");
    if (check(k, ranks) != 0)
        return -1;
    char *command = text_copy(said ? said : "");
    int n = split(command, words), rc = -1;
    if (n == 0 || n == WORDS)
        fault("mpirun: expected the command that starts ranks, such as `mpirun --bind-to none`, found `%s`",
              command);
    else if (turn_output() == 0) {
        share_threads(ranks);
        rc = become(words, n, file, ranks);
    }
    free(command);
    return rc;
}

void cell_ranks_bind(const char *starter)
{
    setenv(STRAYS_PARENT, starter, 1);
    spawn_bind_to_parent();
}

int cell_ranks_join(int64_t ranks)
{
    if (ranks_open(ranks) != 0)
        return -1;
    if (ranks_here() == 0)
        progress_pipe(STDOUT_FILENO);
    return 0;
}
