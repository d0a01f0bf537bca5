/*
 * alphabet.c - ranges of code points, in order.
 *
 * Latin-1's letters in upper and lower case lie 32 apart, as do Greek's and
 * Cyrillic's: their ranges give them the same numbers.  What lies in no range
 * belongs to the alphabet of its length, and counts what lies between.
 */

#include "base/hr.h"

#include "rule/alphabet.h"

#define A(name) HR_ALPHABET_##name

static const struct range {
	uint32_t first, last;
	uint8_t alphabet;
	uint32_t number;	/* of the first */
} range[] = {
	{ 0x80, 0xa9, A(NONE), 0 },			/* C1, NBSP, signs */
	{ 0xaa, 0xaa, A(SIGN), 0 },
	{ 0xab, 0xb1, A(NONE), 0 },
	{ 0xb2, 0xb3, A(SIGN), 1 },
	{ 0xb4, 0xb4, A(NONE), 0 },
	{ 0xb5, 0xb5, A(SIGN), 3 },
	{ 0xb6, 0xb8, A(NONE), 0 },
	{ 0xb9, 0xba, A(SIGN), 4 },
	{ 0xbb, 0xbb, A(NONE), 0 },
	{ 0xbc, 0xbe, A(SIGN), 6 },
	{ 0xbf, 0xbf, A(NONE), 0 },
	{ 0xc0, 0xd6, A(LATIN1_UPPER), 0 },
	{ 0xd7, 0xd7, A(NONE), 0 },
	{ 0xd8, 0xde, A(LATIN1_UPPER), 23 },
	{ 0xdf, 0xdf, A(LATIN_A), 128 },
	{ 0xe0, 0xf6, A(LATIN1_LOWER), 0 },
	{ 0xf7, 0xf7, A(NONE), 0 },
	{ 0xf8, 0xfe, A(LATIN1_LOWER), 23 },
	{ 0xff, 0xff, A(LATIN_A), 129 },
	{ 0x100, 0x17f, A(LATIN_A), 0 },
	{ 0x300, 0x36f, A(MARK), 0 },
	{ 0x386, 0x386, A(GREEK_ACCENT), 0 },
	{ 0x388, 0x38a, A(GREEK_ACCENT), 1 },
	{ 0x38c, 0x38c, A(GREEK_ACCENT), 4 },
	{ 0x38e, 0x38f, A(GREEK_ACCENT), 5 },
	{ 0x391, 0x3a1, A(GREEK_UPPER), 0 },
	{ 0x3a3, 0x3a9, A(GREEK_UPPER), 17 },
	{ 0x3ac, 0x3af, A(GREEK_ACCENT), 7 },
	{ 0x3b1, 0x3c1, A(GREEK_LOWER), 0 },
	{ 0x3c2, 0x3c2, A(GREEK_ACCENT), 11 },
	{ 0x3c3, 0x3c9, A(GREEK_LOWER), 17 },
	{ 0x3cc, 0x3ce, A(GREEK_ACCENT), 12 },
	{ 0x400, 0x40f, A(CYRILLIC_UPPER_MORE), 0 },
	{ 0x410, 0x42f, A(CYRILLIC_UPPER), 0 },
	{ 0x430, 0x44f, A(CYRILLIC_LOWER), 0 },
	{ 0x450, 0x45f, A(CYRILLIC_LOWER_MORE), 0 },
	{ 0x5d0, 0x5ea, A(HEBREW), 0 },
	{ 0x60c, 0x60c, A(NONE), 0 },			/* Arabic punctuation */
	{ 0x61b, 0x61f, A(NONE), 0 },
	{ 0x621, 0x63a, A(ARABIC), 0 },
	{ 0x641, 0x64a, A(ARABIC), 26 },
	{ 0x64b, 0x652, A(ARABIC_MARK), 0 },
	{ 0x660, 0x669, A(ARABIC_DIGIT), 0 },
	{ 0x671, 0x6d3, A(ARABIC_MORE), 0 },
	{ 0x6f0, 0x6f9, A(PERSIAN_DIGIT), 0 },
	{ 0x904, 0x939, A(DEVANAGARI), 0 },
	{ 0x93e, 0x94d, A(DEVANAGARI_MARK), 0 },
	{ 0x964, 0x965, A(NONE), 0 },
	{ 0x966, 0x96f, A(DEVANAGARI_DIGIT), 0 },
	{ 0xe01, 0xe30, A(THAI), 0 },
	{ 0xe50, 0xe59, A(THAI_DIGIT), 0 },
	{ 0x1e00, 0x1eff, A(LATIN_MORE), 0 },
	{ 0x2000, 0x206f, A(NONE), 0 },			/* punctuation, joiners */
	{ 0x20a0, 0x20cf, A(NONE), 0 },			/* currencies */
	{ 0x3000, 0x3003, A(NONE), 0 },
	{ 0x3008, 0x301f, A(NONE), 0 },
	{ 0x3041, 0x3096, A(HIRAGANA), 0 },
	{ 0x30a1, 0x30fa, A(KATAKANA), 0 },
	{ 0x30fb, 0x30fc, A(NONE), 0 },
	{ 0x4e00, 0x9fa5, A(HAN), 0 },
	{ 0xac00, 0xd7a3, A(HANGUL), 0 },
	{ 0xd800, 0xdfff, A(NONE), 0 },			/* no characters */
	{ 0xfe00, 0xfe0f, A(NONE), 0 },			/* variation selectors */
	{ 0xfeff, 0xfeff, A(NONE), 0 },
	{ 0xff01, 0xff0f, A(NONE), 0 },
	{ 0xff10, 0xff19, A(WIDE_DIGIT), 0 },
	{ 0xff1a, 0xff20, A(NONE), 0 },
	{ 0xff21, 0xff3a, A(WIDE_UPPER), 0 },
	{ 0xff3b, 0xff40, A(NONE), 0 },
	{ 0xff41, 0xff5a, A(WIDE_LOWER), 0 },
	{ 0xff5b, 0xff65, A(NONE), 0 },
	{ 0xfff0, 0xffff, A(NONE), 0 },			/* U+FFFD, no characters */
	{ 0x1f300, 0x1faff, A(EMOJI), 0 },
	{ 0x20000, 0x2a6df, A(HAN_MORE), 0 },
};

/* The sum of its ranges; the test counts them. */
static const uint32_t size[A(COUNT)] = {
	[A(NONE)] = 1, [A(DIGIT)] = 10, [A(UPPER)] = 26, [A(LOWER)] = 26, [A(SIGN)] = 9,
	[A(LATIN1_UPPER)] = 30, [A(LATIN1_LOWER)] = 30, [A(LATIN_A)] = 130, [A(LATIN_MORE)] = 256,
	[A(MARK)] = 112, [A(GREEK_UPPER)] = 24, [A(GREEK_LOWER)] = 24, [A(GREEK_ACCENT)] = 15,
	[A(CYRILLIC_UPPER)] = 32, [A(CYRILLIC_LOWER)] = 32, [A(CYRILLIC_UPPER_MORE)] = 16,
	[A(CYRILLIC_LOWER_MORE)] = 16, [A(HEBREW)] = 27, [A(ARABIC)] = 36, [A(ARABIC_MORE)] = 99,
	[A(ARABIC_MARK)] = 8, [A(ARABIC_DIGIT)] = 10, [A(PERSIAN_DIGIT)] = 10, [A(DEVANAGARI)] = 54,
	[A(DEVANAGARI_MARK)] = 16, [A(DEVANAGARI_DIGIT)] = 10, [A(THAI)] = 48, [A(THAI_DIGIT)] = 10,
	[A(HIRAGANA)] = 86, [A(KATAKANA)] = 90, [A(HAN)] = 20902, [A(HANGUL)] = 11172,
	[A(WIDE_DIGIT)] = 10, [A(WIDE_UPPER)] = 26, [A(WIDE_LOWER)] = 26, [A(EMOJI)] = 2048,
	[A(HAN_MORE)] = 42720, [A(OTHER2)] = 1197, [A(OTHER3)] = 28470, [A(OTHER4)] = 1003808,
	[A(NONZERO)] = 9,
};

uint32_t
hr_alphabet_size(enum hr_alphabet a)
{
	return size[a];
}

enum hr_alphabet
hr_alphabet_fold(enum hr_alphabet a)
{
	switch (a) {
	case A(LOWER): return A(UPPER);
	case A(LATIN1_LOWER): return A(LATIN1_UPPER);
	case A(GREEK_LOWER): return A(GREEK_UPPER);
	case A(CYRILLIC_LOWER): return A(CYRILLIC_UPPER);
	case A(CYRILLIC_LOWER_MORE): return A(CYRILLIC_UPPER_MORE);
	case A(WIDE_LOWER): return A(WIDE_UPPER);
	default: return a;
	}
}

/* The first code point of so many bytes, and the one behind the last. */
static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000, 0x110000 };

static size_t
decode(const uint8_t *p, size_t left, uint32_t *c)
{
	size_t n = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0, i;

	if (n == 0 || n > left)
		return 0;
	*c = p[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : n;
}

static size_t
encode(uint8_t *p, uint32_t c)
{
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	for (i = n; i-- > 1; c >>= 6)
		p[i] = (uint8_t)(0x80 | (c & 0x3f));
	p[0] = (uint8_t)((0xf00 >> n & 0xff) | c);
	return n;
}

/* The first range that ends at c or behind it; HR_COUNT(range) when there is none. */
static size_t
find(uint32_t c)
{
	size_t from = 0, to = HR_COUNT(range), mid;

	while (from < to) {
		mid = (from + to) / 2;
		if (range[mid].last < c)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* c of n bytes, in no range: those before it of its length that are in none either. */
static uint32_t
rank(uint32_t c, size_t n)
{
	uint32_t number = c - least[n];
	size_t i;

	for (i = find(least[n]); i < HR_COUNT(range) && range[i].last < c; i++)
		number -= range[i].last - range[i].first + 1;
	return number;
}

static uint32_t
unrank(uint32_t number, size_t n)
{
	uint32_t c = least[n] + number;
	size_t i;

	for (i = find(least[n]); i < HR_COUNT(range) && range[i].first <= c; i++)
		c += range[i].last - range[i].first + 1;
	return c;
}

static size_t
get_long(const uint8_t *p, size_t left, struct hr_letter *l)
{
	uint32_t c;
	size_t n = decode(p, left, &c), i;

	if (n == 0)
		return 0;
	i = find(c);
	if (i < HR_COUNT(range) && range[i].first <= c)
		*l = (struct hr_letter){ range[i].alphabet,
		    range[i].alphabet ? range[i].number + (c - range[i].first) : 0 };
	else
		*l = (struct hr_letter){ A(OTHER2) + (int)n - 2, rank(c, n) };
	return n;
}

size_t
hr_alphabet_get(const uint8_t *p, size_t left, struct hr_letter *l)
{
	uint8_t c = p[0];

	if (c >= 0x80)
		return get_long(p, left, l);
	if (c >= '0' && c <= '9')
		*l = (struct hr_letter){ A(DIGIT), c - '0' };
	else if (c >= 'a' && c <= 'z')
		*l = (struct hr_letter){ A(LOWER), c - 'a' };
	else if (c >= 'A' && c <= 'Z')
		*l = (struct hr_letter){ A(UPPER), c - 'A' };
	else
		*l = (struct hr_letter){ A(NONE), 0 };
	return 1;
}

size_t
hr_alphabet_put(uint8_t *p, struct hr_letter l)
{
	const struct range *r = range;

	switch (l.alphabet) {
	case A(DIGIT): *p = (uint8_t)('0' + l.number); return 1;
	case A(NONZERO): *p = (uint8_t)('1' + l.number); return 1;
	case A(LOWER): *p = (uint8_t)('a' + l.number); return 1;
	case A(UPPER): *p = (uint8_t)('A' + l.number); return 1;
	case A(OTHER2): return encode(p, unrank(l.number, 2));
	case A(OTHER3): return encode(p, unrank(l.number, 3));
	case A(OTHER4): return encode(p, unrank(l.number, 4));
	default: break;
	}
	while (r->alphabet != l.alphabet || l.number - r->number > r->last - r->first)
		r++;
	return encode(p, r->first + (l.number - r->number));
}
