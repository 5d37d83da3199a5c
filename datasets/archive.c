/* archive.c - folders by stdio, zips by libzip, which checks each member's CRC. */
#include "archive.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/text.h"
#include "blob.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#define MOST_BYTES (INT64_C(1) << 30) /* of one compressed image: what claims more is no image */

/* The images below one first component, such as `cifar10`. */
typedef struct part {
    char *name;
    zip_t *zip;     /* NULL: a folder */
    char *file;     /* the zip's path */
    uint64_t bytes; /* of the zip */
} part;

struct archive {
    char *root;
    part *parts;
    int n, last; /* the part used last: lists stay in one for long */
    uint8_t *bytes;
    size_t cap;
};

int archive_open(archive **a, const char *root)
{
    *a = text_more(NULL, sizeof **a);
    **a = (archive){.root = text_copy(root)};
    return 0;
}

void archive_close(archive *a)
{
    for (int i = 0; a && i < a->n; i++) {
        if (a->parts[i].zip)
            zip_discard(a->parts[i].zip);
        free(a->parts[i].name);
        free(a->parts[i].file);
    }
    if (!a)
        return;
    free(a->parts);
    free(a->root);
    free(a->bytes);
    free(a);
}

/* The length of the first component; 0 when the image lies in the root itself. */
static size_t first_component(const char *path)
{
    size_t n = strcspn(path, "/");
    return path[n] ? n : 0;
}

static int is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* Where the images below the first component of `path` are: 0 with the zip's
 * name or, for a folder, an empty one; -1 when there is neither. */
static int locate(const char *root, const char *path, char file[PATH_MAX])
{
    char name[PATH_MAX], folder[PATH_MAX];
    snprintf(name, sizeof name, "%.*s", (int)first_component(path), path);
    file_join(folder, sizeof folder, root, name);
    file[0] = '\0';
    if (is_folder(folder))
        return 0;
    if ((size_t)snprintf(file, PATH_MAX, "%s.zip", folder) < PATH_MAX && *name && file_exists(file))
        return 0;
    return fault("no images for %s: expected the folder %s or the archive %s.zip", path, folder, folder);
}

static zip_t *open_zip(const char *file)
{
    int code;
    zip_t *z = zip_open(file, ZIP_RDONLY, &code);
    if (z)
        return z;
    zip_error_t e;
    zip_error_init_with_code(&e, code);
    fault("cannot read the archive %s: %s; is it complete?", file, zip_error_strerror(&e));
    zip_error_fini(&e);
    return NULL;
}

static int is_part(const part *p, const char *path, size_t n)
{
    return strncmp(p->name, path, n) == 0 && p->name[n] == '\0';
}

/* Finds or opens the part that `path` lies in. */
static int find_part(archive *a, const char *path, part **out)
{
    size_t n = first_component(path);
    for (int i = 0; i < a->n; i++, a->last = (a->last + 1) % a->n)
        if (is_part(&a->parts[a->last], path, n)) {
            *out = &a->parts[a->last];
            return 0;
        }
    char file[PATH_MAX];
    part fresh = {0};
    if (locate(a->root, path, file) != 0 || (*file && !(fresh.zip = open_zip(file))))
        return -1;
    struct stat s = {0};
    if (*file && stat(file, &s) != 0)
        s.st_size = 0;
    fresh.bytes = (uint64_t)s.st_size;
    fresh.name = text_format("%.*s", (int)n, path);
    fresh.file = text_copy(file);
    a->parts = text_more(a->parts, (size_t)(a->n + 1) * sizeof *a->parts);
    a->parts[a->n] = fresh;
    a->last = a->n++;
    *out = &a->parts[a->last];
    return 0;
}

static int room(archive *a, uint64_t size)
{
    if (size > MOST_BYTES)
        return fault("%llu bytes are too many for an image", (unsigned long long)size);
    if (size < a->cap)
        return 0;
    a->cap = (size_t)size + 1;
    a->bytes = text_more(a->bytes, a->cap);
    return 0;
}

static int find_member(const part *p, const char *path, zip_stat_t *s)
{
    const char *below = path + first_component(path) + 1;
    if (zip_stat(p->zip, path, ZIP_FL_ENC_RAW, s) != 0 && zip_stat(p->zip, below, ZIP_FL_ENC_RAW, s) != 0)
        return fault("%s has no member %s", p->file, path);
    if ((s->valid & (ZIP_STAT_SIZE | ZIP_STAT_INDEX)) != (ZIP_STAT_SIZE | ZIP_STAT_INDEX))
        return fault("%s does not say how large its member %s is", p->file, path);
    if (s->size / BLOB_MOST_RATIO > p->bytes)
        return fault("%s in %s: %llu bytes do not come out of an archive of %llu: it is damaged", path, p->file,
                     (unsigned long long)s->size, (unsigned long long)p->bytes);
    return s->size > MOST_BYTES
               ? fault("%s in %s: %llu bytes are too many for an image", path, p->file, (unsigned long long)s->size)
               : 0;
}

static int read_member(archive *a, part *p, const char *path, size_t *size)
{
    zip_stat_t s;
    if (find_member(p, path, &s) != 0 || room(a, s.size) != 0)
        return -1;
    zip_file_t *f = zip_fopen_index(p->zip, s.index, 0);
    if (!f)
        return fault("cannot read %s in %s: %s", path, p->file, zip_strerror(p->zip));
    /* One byte more than there is: the checksum is compared at the end only. */
    zip_int64_t got = 0, n = 0;
    while (n <= (zip_int64_t)s.size && (got = zip_fread(f, a->bytes + n, s.size + 1 - (zip_uint64_t)n)) > 0)
        n += got;
    int good = got == 0 && n == (zip_int64_t)s.size;
    if (!good)
        fault("cannot read %s in %s: %s; is the archive complete?", path, p->file,
              got < 0 ? zip_file_strerror(f) : "its size is not what the archive says");
    zip_fclose(f);
    *size = (size_t)s.size;
    return good ? 0 : -1;
}

static int read_file(archive *a, const char *path, size_t *size)
{
    char file[PATH_MAX];
    struct stat s;
    int fd = open(file_join(file, sizeof file, a->root, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) {
        int why = fd < 0 ? errno : EISDIR;
        if (fd >= 0)
            close(fd);
        return fault("cannot read %s: %s", file, strerror(why));
    }
    ssize_t got = 0;
    size_t n = 0, want = (size_t)s.st_size;
    int rc = room(a, (uint64_t)s.st_size);
    while (rc == 0 && n < want && (got = read(fd, a->bytes + n, want - n)) > 0)
        n += (size_t)got;
    if (rc == 0 && n < want)
        rc = fault("cannot read %s: %s", file, got < 0 ? strerror(errno) : "it is being changed");
    close(fd);
    *size = n;
    return rc;
}

int archive_read(archive *a, const char *path, const void **bytes, size_t *size)
{
    part *p;
    if (find_part(a, path, &p) != 0)
        return -1;
    int rc = p->zip ? read_member(a, p, path, size) : read_file(a, path, size);
    *bytes = a->bytes;
    return rc;
}

int archive_size(archive *a, const char *path, uint64_t *size)
{
    char file[PATH_MAX];
    struct stat s;
    zip_stat_t member;
    part *p;
    if (find_part(a, path, &p) != 0 || (p->zip && find_member(p, path, &member) != 0))
        return -1;
    if (!p->zip && (stat(file_join(file, sizeof file, a->root, path), &s) != 0 || !S_ISREG(s.st_mode)))
        return fault("cannot read %s: %s", file, strerror(errno ? errno : EISDIR));
    *size = p->zip ? member.size : (uint64_t)s.st_size;
    return *size > MOST_BYTES ? fault("%s: %llu bytes are too many for an image", path, (unsigned long long)*size)
                              : 0;
}

/* One line for a file: what `stat` knows of its content. */
static int describe(text *t, const char *file, const char *what)
{
    struct stat s;
    if (stat(file, &s) != 0)
        return fault("%s: %s", file, strerror(errno));
    text_add(t, "%s %lld %lld.%09ld\n", what, (long long)s.st_size, (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    return 0;
}

static int describe_all(text *t, const list *l, const char *root)
{
    char file[PATH_MAX] = "", image[PATH_MAX];
    const char *before = "";
    for (int64_t i = 0; i < l->n; i++) {
        const char *path = l->lines[i].path;
        size_t n = first_component(path);
        int fresh = i == 0 || first_component(before) != n || strncmp(before, path, n) != 0;
        before = path;
        if (fresh && locate(root, path, file) != 0)
            return -1;
        if (*file && fresh && describe(t, file, strrchr(file, '/')) != 0)
            return -1;
        if (!*file && describe(t, file_join(image, sizeof image, root, path), path) != 0)
            return fault("%s:%d: %s", l->file, l->lines[i].number, fault_text());
    }
    return 0;
}

int archive_digest(const list *l, const char *root, char digest[65])
{
    text t = {0};
    int rc = describe_all(&t, l, root);
    if (rc == 0)
        file_digest_bytes(digest, text_str(&t), strlen(text_str(&t)));
    text_free(&t);
    return rc;
}
