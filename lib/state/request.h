/*
 * request.h - tenants that are to be copied, beside the checkpoint.
 *
 * CHECKPOINT.copy has a name a line.  hr-capture takes them up, at its start or
 * while it runs, and takes a name out when the target has that copy.
 */
#ifndef HR_REQUEST_H
#define HR_REQUEST_H

#include "base/err.h"
#include "base/hr.h"

/* The file beside that checkpoint.  Gives. */
char *hr_request_path(const char *checkpoint);
/* Its names, in their order; none when there is no file.  Gives.  0, or -1 with *e set. */
int hr_request_load(const char *path, char ***tenant, size_t *tenants, struct hr_err *e) HR_USED;
/* Put a name in, or take it out, by rename.  0, or -1 with *e set. */
int hr_request_put(const char *path, const char *tenant, bool in, struct hr_err *e) HR_USED;
void hr_request_free(char **tenant, size_t tenants);

#endif
