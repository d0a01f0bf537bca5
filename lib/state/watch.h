/*
 * watch.h - learn that a small file was replaced.
 *
 * A file that is written beside and renamed cannot be watched by itself: its
 * directory is, and what happens to other names in it is left out.
 */
#ifndef HR_WATCH_H
#define HR_WATCH_H

#include "base/err.h"
#include "base/hr.h"

/*
 * Watch a file that is replaced by rename, also before it first exists (its
 * directory must).  The descriptor becomes readable on every change; drain it
 * with hr_watch_drain().  Gives the descriptor, or -1 with *e set.
 */
int hr_watch_open(const char *path, struct hr_err *e) HR_USED;

/*
 * true when the named file changed since the last call, or may have: events
 * that were lost, and a directory that went away, count as a change.
 */
bool hr_watch_drain(int fd, const char *path);

#endif
