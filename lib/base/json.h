/*
 * json.h - JSON text straight into a buffer, for what is written per row.
 *
 * What is read or built once goes through jansson.
 */
#ifndef HR_JSON_H
#define HR_JSON_H

#include "base/buf.h"
#include "base/hr.h"

#define HR_JSON_DEPTH 200	/* deeper values are not taken for JSON */

/* Are n bytes wholly UTF-8? */
bool hr_json_utf8(const void *s, size_t n);

/* Append n bytes as a JSON string; what is not UTF-8 becomes U+FFFD. */
void hr_json_string(struct hr_buf *b, const void *s, size_t n);

/*
 * Append n bytes that are one JSON value, white space between its parts left
 * out, so that it stays on one line.  1; or 0 when they are not one, and then
 * nothing is appended.
 */
int hr_json_compact(struct hr_buf *b, const void *s, size_t n);

#endif
