/* report.h - what a cell tells its parent: lines of tab-separated key=value on
 * descriptor 3, or on standard output when a person runs the cell by hand. */
#ifndef REPORT_H
#define REPORT_H

void report_open(void); /* also sends progress the same way */

int report_channel(void); /* the descriptor */

/* One whole line, without its newline, in one write. */
void report_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Says on both sides why the cell is about to end: standard error and status. */
void report_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
