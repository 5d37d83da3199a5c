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
    {"run", run_main, "FILE.yml", "run an experiment, or what is left of it", 0},
    {"score", score_main, "FEATURES", "score features and logits from elsewhere", 0},
    {"nightly", nightly_main, "FILE.yml", "run experiments, compare with a baseline", 0},
    {"table", table_main, "RESULTS", "print results: text, CSV, Markdown, LaTeX", 0},
    {"plot", plot_main, "KIND RESULTS", "draw results: a figure and the data in it", 0},
    {"report", report_main, "RESULTS", "all of an experiment in one page of HTML", 0},
    {"compare-paper", compare_paper_main, "RESULTS CSV", "results beside a published table", 0},
    {"methods", methods_main, "", "list the methods with their parameters", 0},
    {"show", show_main, "METHOD", "a method's defaults, as configuration", 0},
    {"import", import_main, "SETS|FILES", "turn images of any form into HDF5", 0},
    {"inspect", inspect_main, "FILES", "what data sets hold, what is there twice", 0},
    {"corrupt", corrupt_main, "SETS|FILE.h5", "corrupt images of a data set, as HDF5", 0},
    {"convert", convert_main, "CHECKPOINT", "a PyTorch checkpoint as .safetensors", 0},
    {"trace", trace_main, "CHECKPOINT", "what each layer of it makes of images", 0},
    {"doctor", doctor_main, "[DATA]", "which benchmarks can run here, or why not", 0},
    {"devices", devices_main, "", "which devices compute here, or why not", 0},
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
    {"1", "ran; rows failed, sets are missing (doctor) or results worse (nightly)"},
    {"2", "could not run: configuration, file or machine; one line says what to do"},
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
            fprintf(to, "  oodbench %-13s %-12s  %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    fputs("\n  oodbench COMMAND --help tells more; oodbench --version prints the version.\n"
          "  To begin: `oodbench run demo` needs no data; `oodbench doctor DATA` says what\n"
          "  else can run.\n\nExit status:\n",
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
