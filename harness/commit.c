/* commit.c - HEAD, the branch it names, and packed references; or what a bundle or an
 * installed program noted of them. */
#include "commit.h"
#include "file.h"
#include "layout.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a file, cut to fit; 0 when it cannot be read. */
static int first_line(const char *folder, const char *name, char *line, size_t cap)
{
    char path[PATH_MAX];
    if (strlen(folder) + strlen(name) + 2 > sizeof path)
        return 0;
    FILE *f = fopen(file_join(path, sizeof path, folder, name), "r");
    int good = f && fgets(line, (int)cap, f) != NULL;
    if (f)
        fclose(f);
    if (good)
        line[strcspn(line, "\r\n")] = '\0';
    return good;
}

static int is_id(const char *s)
{
    return strspn(s, "0123456789abcdef") >= 40;
}

/* "<id> refs/heads/main" in the list of references that git has packed. */
static int packed(const char *folder, const char *reference, char *id, size_t cap)
{
    char path[PATH_MAX], line[1024];
    FILE *f = fopen(file_join(path, sizeof path, folder, "packed-refs"), "r");
    int found = 0;
    while (f && !found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        found = is_id(line) && line[40] == ' ' && strcmp(line + 41, reference) == 0;
    }
    if (f)
        fclose(f);
    if (found)
        snprintf(id, cap, "%.40s", line);
    return found;
}

/* Of a linked worktree, ROOT/.git is a file that names its folder, and that one names the common one. */
static void find_folders(char own[PATH_MAX], char common[PATH_MAX])
{
    char line[PATH_MAX], root[PATH_MAX];
    layout_root(own, PATH_MAX, ".git");
    layout_root(root, sizeof root, "");
    if (first_line(root, ".git", line, sizeof line) && strncmp(line, "gitdir: ", 8) == 0)
        file_join(own, PATH_MAX, line[8] == '/' ? "" : root, line + 8);
    memcpy(common, own, PATH_MAX);
    if (first_line(own, "commondir", line, sizeof line))
        file_join(common, PATH_MAX, line[0] == '/' ? "" : own, line);
}

const char *commit_id(void)
{
    static char id[41];
    char own[PATH_MAX], common[PATH_MAX], root[PATH_MAX], head[1024];
    find_folders(own, common);
    id[0] = '\0';
    if (!first_line(layout_root(root, sizeof root, ""), "commit", head, sizeof head) &&
        !first_line(own, "HEAD", head, sizeof head))
        return id;
    if (strncmp(head, "ref: ", 5) != 0)
        snprintf(id, sizeof id, "%.40s", head);
    else if (!first_line(common, head + 5, id, sizeof id))
        packed(common, head + 5, id, sizeof id);
    id[is_id(id) ? 12 : 0] = '\0';
    return id;
}
