/* file.h - a whole file, and what a rename and a path in a file need. */
#ifndef HR_FILE_H
#define HR_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

/* Append the bytes of a file of the user's, of which there are at most so many.  0, or -1 (HR_CONFIG). */
int hr_file_read(const char *path, size_t most, struct hr_buf *b, struct hr_err *e) HR_USED;
/* All of the bytes, through short writes and signals.  0, or -1 with errno set. */
int hr_file_write(int fd, const void *data, size_t n) HR_USED;
/* A rename to the path is durable when its directory is; some file systems cannot say. */
int hr_file_sync_directory(const char *path, struct hr_err *e) HR_USED;
/* A path that stands in a file is from where that file is.  Gives. */
char *hr_file_path(const char *file, const char *path);

#endif
