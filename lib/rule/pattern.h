/*
 * pattern.h - LIKE and regular expressions.
 *
 * LIKE is matched as it stands.  A regular expression is PostgreSQL's, as far
 * as POSIX's extended ones can say it: it is checked and rewritten for
 * regcomp(3) once.  What would mean something else there is refused: looking
 * ahead and behind, back references, options other than (?i), ranges beyond
 * ASCII, escapes of letters other than \d \s \w \D \S \W \n \t \r \f \v \m \M
 * \y \Y \A \Z.  Characters are those of C.UTF-8.
 */
#ifndef HR_PATTERN_H
#define HR_PATTERN_H

#include "base/err.h"
#include "base/hr.h"
#include "rule/scratch.h"

#define HR_PATTERN_MAX		4096	/* bytes of a regular expression */
#define HR_PATTERN_SIZE_MAX	2000	/* parts, those that {n} repeats counted n times */

/* 1, 0, or -1 with *e set. escape is -1 when there is none. */
int hr_like_match(const uint8_t *text, size_t n, const uint8_t *pattern, size_t pattern_n, int escape,
    struct hr_err *e) HR_USED;
/* The character behind ESCAPE: a byte, -1 for none; or -2 when it is more than one. */
int hr_like_escape(const uint8_t *p, size_t n);

struct hr_regex;

/* Gives; NULL with *e set. */
struct hr_regex *hr_regex_new(const uint8_t *pattern, size_t n, bool fold, struct hr_err *e) HR_USED;
void hr_regex_free(struct hr_regex *r);
/* 1, 0, or -1 with *e set. */
int hr_regex_match(const struct hr_regex *r, const uint8_t *text, size_t n, struct hr_scratch *m,
    struct hr_err *e) HR_USED;

#endif
