/* machine.c - what a measurement must say of where it was taken: the processor
 * and the number of threads, nothing that names a host. */
#include "machine.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int machine_threads(void)
{
    const char *given = getenv("OMP_NUM_THREADS");
    long n = given ? atol(given) : 0;
    if (n < 1)
        n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (int)n;
}

/* The value of `key` in the first processor's part of /proc/cpuinfo. */
static int cpu_field(const char *key, char *value, size_t cap)
{
    char line[512];
    int found = 0;
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && !found && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        size_t n = strlen(key);
        if (!colon || strncmp(line, key, n) != 0 || (line[n] != ' ' && line[n] != '\t' && line[n] != ':'))
            continue;
        snprintf(value, cap, "%s", colon + 1 + (colon[1] == ' '));
        value[strcspn(value, "\n")] = '\0';
        found = 1;
    }
    if (f)
        fclose(f);
    return found;
}

/* Lower-case letters, digits, and single dashes for the rest. */
static void slug(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (isalnum((unsigned char)*from))
            *to++ = (char)tolower((unsigned char)*from);
        else if (to > text && to[-1] != '-')
            *to++ = '-';
    while (to > text && to[-1] == '-')
        to--;
    *to = '\0';
}

void machine_name(char name[96])
{
    char model[49], family[8], number[8];
    struct utsname u;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (!cpu_field("model name", model, sizeof model)) {
        uname(&u);
        snprintf(model, sizeof model, "%.48s", u.machine);
    }
    slug(model);
    if (cpu_field("cpu family", family, sizeof family) && cpu_field("model", number, sizeof number))
        snprintf(name, 96, "%s-f%sm%s-%ldcpu", model, family, number, cpus);
    else
        snprintf(name, 96, "%s-%ldcpu", model, cpus);
}
