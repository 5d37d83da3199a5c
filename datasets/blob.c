/* blob.c - files by mmap, gzip by zlib, which checks its CRC. */
#include "blob.h"
#include "../harness/fault.h"
#include "../harness/progress.h"
#include "../harness/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 1 << 18 };

static const char *scratch(void)
{
    const char *tmp = getenv("TMPDIR");
    return tmp && *tmp ? tmp : "/tmp";
}

int spill_begin(spill *s)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/oodbench-unpacked.XXXXXX", scratch());
    *s = (spill){.fd = mkostemp(path, O_CLOEXEC)};
    if (s->fd < 0)
        return fault("cannot unpack in %s: %s: name a folder with room in TMPDIR", scratch(), strerror(errno));
    unlink(path);
    return 0;
}

int spill_write(spill *s, const void *bytes, size_t n)
{
    for (const char *at = bytes; n;) {
        ssize_t put = write(s->fd, at, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fault("cannot unpack in %s: %s: name a folder with more room in TMPDIR", scratch(),
                         strerror(errno));
        at += put;
        n -= (size_t)put;
        s->n += put;
    }
    return 0;
}

void spill_drop(spill *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* Of an empty file one byte that is not there: it has an address, and nobody reads it. */
static int map(blob *b, int fd, int64_t n)
{
    void *at = mmap(NULL, n ? (size_t)n : 1, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -1;
    *b = (blob){at, n};
    return 0;
}

int spill_end(spill *s, blob *b)
{
    int rc = map(b, s->fd, s->n);
    int why = errno;
    spill_drop(s);
    return rc == 0 ? 0 : fault("cannot map what was unpacked in %s: %s", scratch(), strerror(why));
}

void blob_close(blob *b)
{
    if (b->at)
        munmap((void *)(uintptr_t)b->at, b->n ? (size_t)b->n : 1);
    *b = (blob){0};
}

static int gz_fault(gzFile g, const char *path)
{
    int code;
    const char *why = gzerror(g, &code);
    if (code == Z_ERRNO)
        return fault("cannot read %s: %s", path, strerror(errno));
    return fault("%s: broken gzip: %s", path, code == Z_BUF_ERROR ? "it ends too early; is it complete?" : why);
}

static int unpack(gzFile g, const char *path, int64_t packed, spill *s)
{
    static _Thread_local unsigned char block[BLOCK];
    int got;
    while ((got = gzread(g, block, sizeof block)) > 0) {
        if (spill_write(s, block, (size_t)got) != 0)
            return -1;
        int64_t done = gzoffset(g);
        progress_step(done < packed ? done : packed);
    }
    int code;
    gzerror(g, &code);
    return got < 0 || (code != Z_OK && code != Z_STREAM_END) ? gz_fault(g, path) : 0;
}

static int open_packed(blob *b, const char *path, int64_t packed)
{
    char label[96];
    const char *slash = strrchr(path, '/');
    spill s;
    gzFile g = gzopen(path, "rbe");
    if (!g)
        return fault("cannot read %s: %s", path, strerror(errno));
    gzbuffer(g, BLOCK);
    snprintf(label, sizeof label, "unpacking %.60s", slash ? slash + 1 : path);
    progress_begin(label, "bytes", packed);
    int rc = spill_begin(&s);
    if (rc == 0 && (rc = unpack(g, path, packed, &s)) != 0)
        spill_drop(&s);
    if (rc == 0)
        rc = spill_end(&s, b);
    progress_end();
    gzclose(g);
    return rc;
}

int blob_open(blob *b, const char *path)
{
    struct stat st;
    unsigned char magic[2] = {0};
    *b = (blob){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault("cannot read %s: %s", path, strerror(errno));
    int rc = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ? fault("%s is no file", path) : 0;
    if (rc == 0 && pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
        rc = open_packed(b, path, st.st_size);
    else if (rc == 0 && map(b, fd, st.st_size) != 0)
        rc = fault("cannot map %s: %s", path, strerror(errno));
    close(fd);
    return rc;
}

int64_t blob_peek(const char *path, uint8_t *out, int64_t n)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return fault("cannot read %s: %s", path, strerror(errno));
    gzFile g = S_ISREG(st.st_mode) ? gzopen(path, "rbe") : NULL;
    if (!g)
        return S_ISREG(st.st_mode) ? fault("cannot read %s: %s", path, strerror(errno))
                                   : fault("%s is no file", path);
    int got = gzread(g, out, (unsigned)n);
    int64_t rc = got < 0 ? gz_fault(g, path) : got;
    gzclose(g);
    return rc;
}
