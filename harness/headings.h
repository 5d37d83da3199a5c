/* headings.h - the groups of lines that papers make in their tables. A line's
 * group follows from what its training method says of itself. */
#ifndef HEADINGS_H
#define HEADINGS_H

enum heading { /* in the order of a table */
               HEADING_POST_HOC,
               HEADING_WITHOUT, /* training without outliers */
               HEADING_WITH,
               HEADING_GENERALISATION,
               HEADING_SHARPNESS,
               HEADING_UNKNOWN, /* its method is not here */
               HEADINGS
};
extern const char *const heading_titles[HEADINGS];

/* `train` as results have it: "sam", "saft (reconstruction)", "" for a network that
 * was there. Asks the methods beside the program, each once. */
enum heading heading_of(const char *train);

#endif
