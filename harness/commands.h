/* commands.h - what `oodbench WORD ...` calls: argv[0] is WORD; the result is
 * the exit status (fault.h). A command says its own usage for `--help`; on a
 * fault it returns -1 and main prints the sentence. */
#ifndef COMMANDS_H
#define COMMANDS_H

int run_main(int argc, char **argv);           /* run.c: an experiment */
int score_main(int argc, char **argv);         /* given_main.c: features from elsewhere */
int nightly_main(int argc, char **argv);       /* nightly.c: experiments against their baselines */
int table_main(int argc, char **argv);         /* table.c: prints a results.csv */
int plot_main(int argc, char **argv);          /* plot.c: figures of results */
int report_main(int argc, char **argv);        /* page.c: a page of all that results say */
int compare_paper_main(int argc, char **argv); /* paper_compare.c: results beside a published table */
int methods_main(int argc, char **argv);       /* registry.c: the plugins, their parameters */
int show_main(int argc, char **argv);          /* registry.c: one method's defaults as configuration */
int devices_main(int argc, char **argv);       /* device.c: the backends, and why one was refused */
int doctor_main(int argc, char **argv);        /* doctor.c: what is here, and what is missing */
int import_main(int argc, char **argv);        /* datasets/import.c: list and images to HDF5 */
int inspect_main(int argc, char **argv);       /* inspect.c: what a data set holds */
int corrupt_main(int argc, char **argv);       /* datasets/corrupt.c: a set, corrupted, to HDF5 */
int convert_main(int argc, char **argv);       /* convert.c: a checkpoint to .safetensors */
int trace_main(int argc, char **argv);         /* trace.c: what every layer yields */
int cell_main(int argc, char **argv);          /* cell.c: one process of an experiment */
int part_main(int argc, char **argv);          /* part.c: a task of a job array */
int describe_main(int argc, char **argv);      /* plugin.c: one plugin, in lines for registry.c */

#endif
