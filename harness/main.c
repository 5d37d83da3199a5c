/* main.c - picks the command. Nothing is done here but to start it and to say
 * what went wrong. */
#include "commands.h"
#include "config.h"
#include "fault.h"
#include "spawn.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION "0.1"

typedef struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *arguments, *help;
    int inner; /* started by `run`: not listed */
} command;

static const command commands[] = {
    {"run", run_main, "FILE.yml [--key value ...]", "run an experiment, or what is left of it", 0},
    {"score", score_main, "FEATURES [--score LIST] ...", "score features and logits from elsewhere", 0},
    {"nightly", nightly_main, "FILE.yml [--accept] ...", "run experiments and hold them against a baseline", 0},
    {"table", table_main, "RESULTS.csv [--format F]", "print results: text, csv, markdown, latex, openood", 0},
    {"plot", plot_main, "KIND RESULTS... [-o FILE]", "draw results: figures and the data in them", 0},
    {"report", report_main, "RESULTS... [-o FILE]", "all of an experiment in one page of HTML", 0},
    {"compare-paper", compare_paper_main, "RESULTS.csv TABLE.csv", "results beside a published table", 0},
    {"methods", methods_main, "", "list the methods with their parameters", 0},
    {"show", show_main, "METHOD", "print a method's defaults as configuration", 0},
    {"import", import_main, "BENCHMARK / FILE|FOLDER ...", "turn images of any form into HDF5", 0},
    {"inspect", inspect_main, "FILE|FOLDER ... [-o F.png]", "what a data set holds, and what is there twice", 0},
    {"corrupt", corrupt_main, "BENCHMARK SET ... / FILE.h5", "corrupt images of a data set, as HDF5", 0},
    {"convert", convert_main, "CHECKPOINT -o FILE", "a PyTorch checkpoint as .safetensors", 0},
    {"trace", trace_main, "CHECKPOINT IMAGES -o FILE", "what every layer of a network makes of images", 0},
    {"doctor", doctor_main, "[DATA]", "which benchmarks can run here, and what the others lack", 0},
    {"devices", devices_main, "", "list what can compute here, and why something cannot", 0},
    {"cell", cell_main, "FILE.yml", "one process of an experiment", 1},
    {"part", part_main, "FOLDER FIRST TASK", "one task of a job array", 1},
    {"describe", describe_main, "METHOD.so", "one method in a form for programs", 1},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* Of every command; the manual page takes them from here. */
static const struct {
    const char *code, *meaning;
} exits[] = {
    {"0", "all is well"},
    {"1",
     "ran, and not all is well: rows failed (run, score), sets are missing (doctor), worse than before (nightly)"},
    {"2", "could not run: the configuration, a file or the machine; one line says what to do"},
    {"3", "an operation was used wrongly: a mistake in a method, or in this program"},
    {"4", "out of memory"},
    {"5", "a loss or a score is not finite (cells alone; `run` makes a row of it)"},
    {"129+", "128 and the number of the signal that interrupted it"},
};

static int usage(FILE *to)
{
    fputs("oodbench: benchmarks of out-of-distribution detection\n\n", to);
    for (int i = 0; i < COMMANDS; i++)
        if (!commands[i].inner)
            fprintf(to, "  oodbench %-13s %-28s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    fputs(
        "\n  To begin: oodbench run results/demo.yml needs no data; oodbench doctor DATA says what else can run.\n"
        "  oodbench COMMAND --help tells more; oodbench --version prints the version\n\nExit status:\n",
        to);
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
        fprintf(to, "  %-5s %s\n", exits[i].code, exits[i].meaning);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

static int unknown(const char *word)
{
    const char *names[COMMANDS];
    int n = 0;
    for (int i = 0; i < COMMANDS; i++)
        if (!commands[i].inner)
            names[n++] = commands[i].name;
    const char *near = config_nearest(word, names, n);
    if (near)
        fprintf(stderr, "oodbench: there is no command `%s`; did you mean `%s`?\n", word, near);
    else
        fprintf(stderr, "oodbench: there is no command `%s`: `oodbench --help` lists them\n", word);
    return EXIT_CONFIG;
}

/* Descriptors 0 to 2 exist, so that no file opened later takes their place. */
static void open_standard(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
}

int main(int argc, char **argv)
{
    open_standard();
    /* Files are written aside and renamed: HDF5 need not lock them, which not every shared file system can. */
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout);
    if (strcmp(argv[1], "--version") == 0) {
        puts("oodbench " VERSION);
        return EXIT_OK;
    }
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        spawn_bind_to_parent();
        int status = commands[i].main(argc - 1, argv + 1);
        if (status < 0)
            fprintf(stderr, "oodbench: %s\n", fault_text());
        if (fflush(stdout) != 0 && status == EXIT_OK) {
            perror("oodbench: cannot write to standard output");
            status = EXIT_CONFIG;
        }
        return status < 0 ? EXIT_CONFIG : status;
    }
    return unknown(argv[1]);
}
