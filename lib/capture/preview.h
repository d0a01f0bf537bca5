/*
 * preview.h - what rules would make of a source's tables, before any stream is read.
 *
 * The tables of the publications go through a transform as a stream would describe
 * them, with a few of their rows, in text; and unique indexes, which no stream
 * knows of, are held against the masks.
 */
#ifndef HR_PREVIEW_H
#define HR_PREVIEW_H

#include "base/err.h"
#include "base/hr.h"
#include "rule/transform.h"

/* t is open, and prints.  0, or -1 with *e set: a rule does not fit. */
int hr_preview(struct hr_transform *t, const char *conninfo, const char *publication, struct hr_err *e) HR_USED;

#endif
