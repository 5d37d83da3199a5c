/* labels.h - short names for methods with settings. */
#ifndef LABELS_H
#define LABELS_H

/* names[which] with those of its settings, "k=50;norm=2", that tell it from others
 * of the same name: "knn k=50", or all of them where no single key does. One with
 * `searched=...` among them always says `searched`. An empty name is "-". The
 * caller frees it. */
char *label_apart(const char *const *names, const char *const *settings, int n, int which);

#endif
