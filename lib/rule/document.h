/*
 * document.h - looking into json and jsonb, whose values are held as text.
 *
 * The text of a jsonb is kept as jsonb's output function writes it: keys in
 * order and once each, one blank behind ',' and ':', numbers as numeric.  A
 * part of such text is such text.  Nothing is built: what is asked for is found
 * in the text and lent from it.
 */
#ifndef HR_DOCUMENT_H
#define HR_DOCUMENT_H

#include "base/hr.h"
#include "rule/scratch.h"

struct hr_document {
	const uint8_t *p;
	size_t n;
};

/* Is it one JSON value?  Deeper than HR_JSON_DEPTH is none. */
bool hr_document_valid(const uint8_t *p, size_t n);
/* The first character that is no blank: { [ " t f n - or a digit. */
char hr_document_kind(struct hr_document d);

/* x -> key, x -> index: 1 with *to, lent from d; 0 when there is none, -1 when d is no JSON. */
int hr_document_member(struct hr_document d, const uint8_t *key, size_t n, struct hr_document *to,
    struct hr_scratch *m) HR_USED;
int hr_document_element(struct hr_document d, int64_t index, struct hr_document *to) HR_USED;
/* One step of a path: a member's key or an element's index. */
int hr_document_step(struct hr_document d, const uint8_t *key, size_t n, struct hr_document *to,
    struct hr_scratch *m) HR_USED;
/* x ? key: a member's key, an element that is that string, or the string itself. */
int hr_document_has(struct hr_document d, const uint8_t *key, size_t n, struct hr_scratch *m) HR_USED;

/*
 * What ->> makes of it: a string's characters, else the text itself.  1, 0 of
 * null, -1 when it has a \u escape that is no character.
 */
int hr_document_text(struct hr_document d, struct hr_document *to, struct hr_scratch *m) HR_USED;

/* The text of a jsonb made of any JSON: 0, or -1 when it is none. */
int hr_document_canon(const uint8_t *p, size_t n, struct hr_document *to, struct hr_scratch *m) HR_USED;
/* Are two of those equal?  1.0 and 1 are. */
bool hr_document_equal(struct hr_document x, struct hr_document y, struct hr_scratch *m);

#endif
