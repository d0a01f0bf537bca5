/* codec_documents - JSON, and what looks like it, comes back byte for byte, block after block. */

#include "base/hr.h"

#include <stdlib.h>

#include "codec/documents.h"
#include "codec.h"
#include "tap.h"

enum { MOST = 400 };

static struct hr_buf text;
static struct hr_string s[MOST], back[MOST];
static size_t start[MOST + 1];

static void
spaces(bool odd)
{
	static const char *const space[] = { "", " ", "\n", "\t ", "  " };

	if (odd && rnd() % 4 == 0)
		hr_buf_puts(&text, space[rnd() % HR_COUNT(space)]);
}

static void
scalar(bool odd)
{
	static const char *const word[] = { "true", "false", "null" };
	static const char *const numbers[] = { "0", "-0", "-0.0", "0.5", "-0.50", "1.0", "00", "1.", "1e5", "-1E-7", "01",
	    "999999999999999999", "9999999999999999999", "-999999999999999999", "0.000000000000000001", "1.5.2", "--1",
	    "12345678901234567.8", "0.0000000000000000001", "10.01", "-", "+1" };
	static const char *const strings[] = { "", "a", "new", "\\\"", "\\\\", "\\u0041", "caf\xc3\xa9", "\x7f", "a longer one" };

	switch (rnd() % 6) {
	case 0: hr_buf_puts(&text, word[rnd() % 3]); return;
	case 1: hr_buf_printf(&text, "%d", (int)(rnd() % 2000) - 1000); return;
	case 2: hr_buf_printf(&text, "%d.%02d", (int)(rnd() % 100), (int)(rnd() % 100)); return;
	case 3: hr_buf_puts(&text, numbers[rnd() % (odd ? HR_COUNT(numbers) : 2)]); return;
	case 4: hr_buf_printf(&text, "\"item %d\"", (int)(rnd() % 300)); return;
	default: hr_buf_printf(&text, "\"%s\"", strings[rnd() % HR_COUNT(strings)]); return;
	}
}

static void
document(bool odd, int depth)
{
	static const char *const key[] = { "id", "name", "tags", "at", "", "a \\\" b", "very/long/path" };
	uint64_t n = rnd() % 5, kind = depth > 3 ? 9 : rnd() % (depth ? 6 : 2), i;

	spaces(odd);
	if (kind > 1)
		scalar(odd);
	else {
		hr_buf_puts(&text, kind ? "[" : "{");
		for (i = 0; i < n; i++) {
			hr_buf_puts(&text, i == 0 ? "" : odd && rnd() % 5 == 0 ? "," : ", ");
			spaces(odd);
			if (kind == 0) {
				hr_buf_printf(&text, "\"%s\"", key[rnd() % HR_COUNT(key)]);
				spaces(odd);
				hr_buf_puts(&text, odd && rnd() % 5 == 0 ? ":" : ": ");
			}
			document(odd, depth + 1);
		}
		spaces(odd);
		hr_buf_puts(&text, kind ? "]" : "}");
	}
	spaces(odd);
}

/* What a column may hold. */
static void
make(int kind, size_t n)
{
	size_t i, k, at;

	hr_buf_reset(&text);
	for (i = 0; i < n; i++) {
		start[i] = at = text.len;
		switch (kind) {
		case 0: document(false, 0); break;
		case 1: document(true, 0); break;
		case 2:		/* a byte of some is another */
			document(false, 0);
			if (rnd() % 20 == 0)
				text.data[at + rnd() % (text.len - at)] = (uint8_t)rnd();
			break;
		case 3:		/* some are none */
			if (rnd() % 12)
				hr_buf_printf(&text, "{\"user\": %d, \"ok\": %s, \"page\": \"/p/%d\"}", (int)(rnd() % 500),
				    rnd() % 2 ? "true" : "false", (int)(rnd() % 50));
			else
				for (k = rnd() % 30; k; k--)
					hr_buf_u8(&text, (uint8_t)rnd());
			break;
		case 4:		/* deep, on both sides of the limit */
			for (at = k = rnd() % 20 ? 10 : 60 + rnd() % 10; k; k--)
				hr_buf_puts(&text, "[");
			hr_buf_puts(&text, "7");
			for (; at; at--)
				hr_buf_puts(&text, "]");
			break;
		default:	/* as many paths as there are documents */
			hr_buf_printf(&text, "{\"k%d\": 1, \"k%d\": \"x\"}", (int)(rnd() % 5000), (int)(rnd() % 5000));
		}
	}
	start[n] = text.len;
	for (i = 0; i < n; i++)
		s[i] = (struct hr_string){ text.data + start[i], start[i + 1] - start[i] };
}

/* Taken apart or not, which is the encoder's; good when what comes back is the same. */
static bool
same(size_t n, bool front, struct hr_documents_memory *m, struct hr_documents_kept kept[2], int *taken)
{
	size_t i;

	codec_begin();
	enc.room = dec.room = enc.entries = dec.entries = 1 << 22;
	if (!hr_documents_encode(&enc, s, n, m, kept))
		return codec_size() == 0;
	++*taken;
	codec_turn(text.len * 64 + (1 << 18));
	if (hr_documents_decode(&dec, back, n, front, kept ? kept + 1 : NULL) < 0 || !codec_used())
		return false;
	for (i = 0; i < n; i++)
		if (back[i].len != s[i].len + front || (front && back[i].data[0] != 1) ||
		    memcmp(back[i].data + front, s[i].data, s[i].len) != 0)
			return false;
	return kept == NULL || hr_documents_kept_size(&kept[0]) == hr_documents_kept_size(&kept[1]);
}

int
main(void)
{
	size_t block, n, i, refused;
	int kind, way, taken;

	for (kind = 0; kind <= 6; kind++)
		for (way = 0; way < 2; way++) {
			struct hr_documents_kept kept[2] = { { .paths.size = 0 }, { .paths.size = 0 } };
			struct hr_documents_memory m = { .path = { .slots = 0 } };

			for (block = taken = 0; block < 40; block++) {
				n = block % 9 == 8 ? rnd() % 3 : rnd() % MOST;
				make(kind == 6 ? (int)(block / 3 % 6) : kind, n);
				if (!same(n, block % 2, &m, way ? kept : NULL, &taken))
					break;
				if (block == 30) {
					hr_documents_kept_clear(&kept[0]);
					hr_documents_kept_clear(&kept[1]);
				}
			}
			ok(block == 40 && taken > 9, "documents of kind %d, %s kept: %d of %zu blocks taken apart", kind,
			    way ? "much" : "nothing", taken, block);
			hr_documents_memory_clear(&m);
			hr_documents_kept_clear(&kept[0]);
			hr_documents_kept_clear(&kept[1]);
		}
	for (kind = 0; kind <= 3; kind += 3) {
		struct hr_documents_kept kept[2] = { { .paths.size = 0 }, { .paths.size = 0 } };
		struct hr_documents_memory m = { .path = { .slots = 0 } };

		make(kind, 200);
		if (!same(200, false, &m, kept, &taken))
			printf("# not the same\n");
		for (i = refused = 0; i < 5000; i++) {
			uint8_t *copy = codec_damage(1 << 20);

			/* As it was, or as it is by then. */
			if (i % 4)
				hr_documents_kept_clear(&kept[1]);
			refused += hr_documents_decode(&dec, back, 200, false, &kept[1]) < 0;
			free(copy);
		}
		ok(refused > 1000, "%zu of 5000 damaged ones are refused, none is read outside", refused);
		hr_documents_memory_clear(&m);
		hr_documents_kept_clear(&kept[0]);
		hr_documents_kept_clear(&kept[1]);
	}
	{
		struct hr_documents_memory m = { .path = { .slots = 0 } };

		make(3, MOST);
		for (i = n = 0; i < MOST; i++)
			if (s[i].len > 25 && s[i].data[0] == '{')
				s[n++] = s[i];
		same(n, false, &m, NULL, &taken);
		ok(codec_size() * 10 < n * 38, "%zu documents are %zu bytes", n, codec_size());
		hr_documents_memory_clear(&m);
	}
	hr_buf_clear(&text);
	codec_clear();
	return tap_done();
}
