/* page.h - the page that `oodbench report` writes, section by section. A section writes
 * elements to `to`, or nothing when there is nothing to say; what comes from files goes
 * through html.h. Functions return 0, or -1 with fault() set. */
#ifndef PAGE_H
#define PAGE_H

#include "html.h"
#include "plot.h"

typedef struct page {
    source *sources;
    int n;
    int all;                            /* also figures that must be computed first */
    const char *output;                 /* the file; what is drawn lies beside it for a moment */
    sheet *results, *accuracy, *search; /* of all sources, joined; accuracy and search may be NULL */
    FILE *to;
} page;

/* FOLDER/NAME.csv, or FOLDER/STEM-NAME.csv of results kept as STEM.csv; to be freed. */
char *page_path(const source *s, const char *name);

/* The different texts of a column, "" left out, as they came; `list` to be freed. */
int page_different(const sheet *rows, int column, const char ***list);

/* Do its texts differ? */
int page_varies(const sheet *rows, int column);

/* "epochs=2;batch=128" with a blank behind every `;`, where a line may break; to be freed. */
char *page_spaced(const char *settings);

/* page_tables.c */
int page_failures(page *p);
int page_results(page *p);
int page_shift(page *p);
int page_search(page *p);

/* page_figures.c */
int page_figures(page *p);

/* page_settings.c */
int page_methods(page *p);
int page_configuration(page *p);

/* page_provenance.c */
int page_provenance(page *p);

/* page_svg.c: an SVG by gnuplot as an element of a page. prefix: makes its names its own;
 * label: what it shows. */
void page_svg(FILE *to, const char *svg, const char *prefix, const char *label);

#endif
