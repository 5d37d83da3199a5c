/* hold.c - flock on OUT/lock, which holds "PROCESS HOST\n" while a run is at work. */
#include "hold.h"
#include "fault.h"
#include "file.h"
#include "strays.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { OWNER = 128 };

/* File systems of several machines, by their numbers in statfs(2). */
static const unsigned shared_kinds[] = {
    0x6969,     /* NFS */
    0x517b,     /* SMB */
    0xff534d42, /* CIFS */
    0xfe534d42, /* SMB 2 */
    0x0bd00bd0, /* Lustre */
    0x47504653, /* GPFS */
    0x19830326, /* BeeGFS */
    0x00c36400, /* Ceph */
    0x65735546, /* FUSE: may be anything */
    0x01161970, /* GFS2 */
    0x7461636f, /* OCFS2 */
    0x5346414f, /* AFS */
};

static int is_shared(int fd)
{
    struct statfs s;
    if (fstatfs(fd, &s) != 0)
        return 0;
    for (size_t i = 0; i < sizeof shared_kinds / sizeof *shared_kinds; i++)
        if ((unsigned)s.f_type == shared_kinds[i])
            return 1;
    return 0;
}

int hold_elsewhere(const char *owner, const char *host, int shared)
{
    const char *space = strchr(owner, ' ');
    return shared && space && strcmp(space + 1, host) != 0;
}

/* "1234 node7", or "" when nobody is named. */
static void read_owner(int fd, char owner[OWNER])
{
    ssize_t n = pread(fd, owner, OWNER - 1, 0);
    owner[n > 0 ? n : 0] = '\0';
    owner[strcspn(owner, "\n")] = '\0';
}

static int held(const char *out, const char *owner)
{
    const char *space = strchr(owner, ' ');
    return fault(
        "another run (process %.*s%s%s) is writing to %s: wait for it, or give another folder with `--out`",
        owner[0] ? (int)strcspn(owner, " ") : 1, owner[0] ? owner : "?", space ? " on " : "",
        space ? space + 1 : "", out);
}

static int take(int fd, const char *path, const char *out)
{
    char owner[OWNER], host[65] = "", mine[OWNER];
    gethostname(host, sizeof host - 1);
    int locked = flock(fd, LOCK_EX | LOCK_NB) == 0, why = errno;
    read_owner(fd, owner);
    if (!locked && why == EWOULDBLOCK)
        return held(out, owner);
    if (!locked)
        return fault("cannot lock %s: %s: give a folder of another file system with `--out`", path, strerror(why));
    if (hold_elsewhere(owner, host, is_shared(fd)))
        return fault("process %.*s on %s has not said that it is done with %s: if it has ended, delete %s",
                     (int)strcspn(owner, " "), owner, strchr(owner, ' ') + 1, out, path);
    if (strchr(owner, ' ') && strcmp(strchr(owner, ' ') + 1, host) == 0)
        strays_end_of((pid_t)strtol(owner, NULL, 10)); /* it could not take its name out: it was killed */
    snprintf(mine, sizeof mine, "%ld %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, mine, strlen(mine), 0) < 0)
        return fault("cannot write %s: %s", path, strerror(errno));
    return 0;
}

int hold(const char *out, int *lock)
{
    char path[PATH_MAX];
    file_join(path, sizeof path, out, "lock");
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*lock < 0)
        return fault("cannot write to the output folder %s: %s", out, strerror(errno));
    if (take(*lock, path, out) == 0)
        return 0;
    close(*lock);
    *lock = -1;
    return -1;
}

void hold_end(int lock)
{
    if (lock < 0)
        return;
    if (ftruncate(lock, 0) != 0) {
        /* then the next run on another machine asks for the file to be deleted */
    }
    close(lock);
}

/* "results.csv.node7-1234.aside"; with another ending behind it while a figure is drawn. */
static int is_aside(const char *name)
{
    const char *mark = strstr(name, ".aside");
    return mark && (mark[6] == '\0' || mark[6] == '.');
}

static int remove_aside(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s;
    if (kind == FTW_F && is_aside(path + at->base))
        unlink(path); /* one that stays takes room, and nothing else */
    return FTW_CONTINUE;
}

/* The process that its name ends in is at work: somebody draws a figure or writes the page. */
static int is_being_written(const char *name)
{
    const char *mark = strstr(name, ".aside"), *number = mark;
    while (number && number > name && number[-1] >= '0' && number[-1] <= '9')
        number--;
    pid_t pid = number && number < mark ? (pid_t)strtol(number, NULL, 10) : 0;
    return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

/* Of a folder itself: what is below it is not ours, and others may write to it, too. */
static int remove_aside_here(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    if (kind == FTW_D)
        return at->level > 0 ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
    return is_being_written(path + at->base) ? FTW_CONTINUE : remove_aside(path, s, kind, at);
}

void hold_sweep(const char *out)
{
    static const char *const folders[] = {"cache", "scores", "weights"};
    char path[PATH_MAX];
    nftw(out, remove_aside_here, 16, FTW_PHYS | FTW_ACTIONRETVAL);
    nftw(file_join(path, sizeof path, out, "figures"), remove_aside_here, 16, FTW_PHYS | FTW_ACTIONRETVAL);
    for (int i = 0; i < 3; i++)
        nftw(file_join(path, sizeof path, out, folders[i]), remove_aside, 16, FTW_PHYS | FTW_ACTIONRETVAL);
}
