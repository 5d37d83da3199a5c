/* strays.h - processes that children leave behind. One that made itself a session's
 * leader is out of reach of its group's signals; when its parent ends it becomes a
 * child of ours, since we ask for that, and is found and killed here. */
#ifndef STRAYS_H
#define STRAYS_H

#include <sys/types.h>

/* From now on what our children leave behind becomes our child. Children that are there already are expected. */
void strays_adopt(void);

/* A child that was started on purpose, from its start until it has been waited for. */
void strays_expect(pid_t pid);
void strays_forget(pid_t pid);

/* Kills and waits for every child that nobody expects. */
void strays_end(void);

/* Where nobody could do so, since `parent`, who marked its children with OODBENCH_PARENT
 * in their environment, was killed itself: kills those that are left, unless it lives. */
#define STRAYS_PARENT "OODBENCH_PARENT"
void strays_end_of(pid_t parent);

#endif
