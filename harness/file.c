/* file.c - writing aside and renaming, reading whole, digests by libcrypto. */
#include "file.h"
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_join(char *out, size_t cap, const char *folder, const char *name)
{
    size_t n = strlen(folder);
    const char *slash = n && folder[n - 1] != '/' ? "/" : "";
    if ((size_t)snprintf(out, cap, "%s%s%s", folder, slash, name) >= cap) {
        fprintf(stderr, "oodbench: the path %s%s%s is longer than %zu bytes\n", folder, slash, name, cap);
        exit(EXIT_CONFIG);
    }
    return out;
}

int file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s, (void)kind, (void)at;
    return remove(path);
}

int file_remove_tree(const char *folder)
{
    if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT)
        return 0;
    return fault("cannot remove %s: %s", folder, strerror(errno));
}

int file_mkdirs(const char *folder)
{
    char part[4096];
    file_join(part, sizeof part, folder, "");
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return fault("cannot create the folder %s: %s", part, strerror(errno));
        *p = '/';
    }
    return 0;
}

/* Processes of two machines may have the same number. */
static const char *machine(void)
{
    static _Thread_local char name[65];
    if (!name[0] && gethostname(name, sizeof name - 1) != 0)
        snprintf(name, sizeof name, "?");
    return name;
}

int file_aside(char *aside, size_t cap, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash && slash != path) {
        char folder[4096];
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        if (!file_exists(folder) && file_mkdirs(folder) != 0)
            return -1;
    }
    if ((size_t)snprintf(aside, cap, "%s.%s-%ld.aside", path, machine(), (long)getpid()) >= cap)
        return fault("the path %s is too long", path);
    return 0;
}

static int flush(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

int file_commit(const char *aside, const char *path)
{
    if (flush(aside) == 0 && rename(aside, path) == 0)
        return 0;
    int why = errno;
    unlink(aside);
    return fault("cannot finish writing %s: %s", path, strerror(why));
}

int file_write(const char *path, const void *bytes, size_t size)
{
    char aside[4096];
    if (file_aside(aside, sizeof aside, path) != 0)
        return -1;
    FILE *f = fopen(aside, "wb");
    if (!f)
        return fault("cannot write %s: %s", path, strerror(errno));
    int good = fwrite(bytes, 1, size, f) == size;
    int why = errno;
    if (fclose(f) != 0 && good) {
        good = 0;
        why = errno;
    }
    if (good)
        return file_commit(aside, path);
    unlink(aside);
    return fault("cannot write %s: %s", path, strerror(why));
}

static int read_stream(FILE *f, char **bytes, size_t *size)
{
    size_t cap = 1 << 16, n = 0, got;
    char *buffer = malloc(cap);
    while (buffer && (got = fread(buffer + n, 1, cap - n - 1, f)) > 0) {
        n += got;
        if (cap - n > 1)
            continue;
        char *larger = realloc(buffer, cap *= 2);
        if (!larger)
            free(buffer);
        buffer = larger;
    }
    if (!buffer || ferror(f)) {
        free(buffer);
        return -1;
    }
    buffer[n] = '\0';
    *bytes = buffer;
    *size = n;
    return 0;
}

int file_read(const char *path, char **bytes, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return fault("cannot read %s: %s", path, strerror(errno));
    int rc = read_stream(f, bytes, size);
    int why = errno;
    fclose(f);
    return rc == 0 ? 0 : fault("cannot read %s: %s", path, strerror(why));
}

void file_digest_text(char digest[FILE_DIGEST], const unsigned char raw[32])
{
    for (int i = 0; i < 32; i++)
        snprintf(digest + 2 * i, 3, "%02x", raw[i]);
}

void file_digest_bytes(char digest[FILE_DIGEST], const void *bytes, size_t size)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_Digest(bytes, size, raw, &n, EVP_sha256(), NULL) != 1)
        abort(); /* libcrypto without SHA-256 is a broken installation */
    file_digest_text(digest, raw);
}

int file_digest(char digest[FILE_DIGEST], const char *path)
{
    FILE *f = fopen(path, "rb");
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    unsigned char raw[EVP_MAX_MD_SIZE];
    static _Thread_local char block[1 << 16];
    unsigned n = 0;
    size_t got;
    int good = f && c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1;
    while (good && (got = fread(block, 1, sizeof block, f)) > 0)
        good = EVP_DigestUpdate(c, block, got) == 1;
    good = good && !ferror(f) && EVP_DigestFinal_ex(c, raw, &n) == 1;
    EVP_MD_CTX_free(c);
    if (f)
        fclose(f);
    if (!good)
        return fault("cannot read %s: %s", path, strerror(errno));
    file_digest_text(digest, raw);
    return 0;
}
