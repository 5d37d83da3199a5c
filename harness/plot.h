/* plot.h - figures drawn by gnuplot: what `oodbench plot` consists of. A figure itself is
 * described by plots/figure.h. Functions return 0, or -1 with fault() set. */
#ifndef PLOT_H
#define PLOT_H

#include "../plots/figure.h"
#include "text.h"

/* The figures there are, by name. */
int figures_count(void);
const figure *figures_at(int i);
const figure *figures_find(const char *name); /* NULL with fault() set */

/* One of RESULTS: a folder, or results.csv or accuracy.csv in it. *own is set when it is a
 * CSV that `of` itself wrote, which is only drawn again; such a source has no sheets. */
int source_open(source *s, const char *given, const figure *of, int *own);
void source_close(source *s);

/* The CSV of a figure, from results or as it was written before. `data_end` says what
 * keeps it from being a picture. */
figure_data *data_begin(const figure *of);
int data_read(figure_data *d, const char *path);
int data_end(figure_data *d);
const text *data_csv(const figure_data *d);
const char *data_notes(const figure_data *d); /* lines, each with its newline */
void data_free(figure_data *d);

/* The options' defaults, for figure_input.values, to be freed. */
const char **figure_defaults(const figure *of);

/* As `oodbench plot` would say of these arguments, whatever the results: 0, or -1 with fault() set. */
int plot_check(int argc, char **argv);

/* `oodbench plot` with these arguments, RESULTS among them; notes: what figures say of what
 * they show is printed, too. */
int plot_draw(int argc, char **argv, int notes);

/* Runs the figure's script on `csv`; `out` ends in .svg, .png, .pdf or .tex, the ending says
 * how it is drawn. width: in cm; 0: the script's own. *said: what gnuplot had to say, to be freed. */
int gnuplot_draw(const figure *of, const char *csv, const char *out, double width, char **said);

/* What gnuplot is and draws: "6.0 draws .svg .png .pdf .tex"; -1 with fault() when it cannot be run. */
int gnuplot_describe(char *said, size_t cap);

#endif
