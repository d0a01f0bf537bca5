/*
 * checkpoint_print.h - a checkpoint for eyes, and as JSON.
 *
 * What is printed for one tenant or for all is what each has, as
 * hr_checkpoint_reached() has it; only an export says what the file says.
 */
#ifndef HR_CHECKPOINT_PRINT_H
#define HR_CHECKPOINT_PRINT_H

#include "base/buf.h"
#include "base/hr.h"
#include "state/checkpoint.h"

/* only: one tenant, or NULL for all; now: us since 2000-01-01, for ages.  Each adds to out. */

/* The head and a table of tenants, aligned. */
void hr_checkpoint_print(const struct hr_checkpoint *c, const struct hr_tenant_position *only,
    int64_t now, struct hr_buf *out);

/* The same as one JSON object. */
void hr_checkpoint_print_json(const struct hr_checkpoint *c,
    const struct hr_tenant_position *only, int64_t now, struct hr_buf *out);

/* The position alone, of the stream or of one tenant: a line. */
void hr_checkpoint_print_lsn(const struct hr_checkpoint *c,
    const struct hr_tenant_position *only, struct hr_buf *out);
void hr_checkpoint_print_lsn_json(const struct hr_checkpoint *c,
    const struct hr_tenant_position *only, struct hr_buf *out);

/* Everything the file holds, as one JSON object. */
void hr_checkpoint_export(const struct hr_checkpoint *c, struct hr_buf *out);

#endif
