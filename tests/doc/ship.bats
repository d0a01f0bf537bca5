# hr-ship(5): the page says what the header and the encoders say.

load ../lib

page=$ROOT/man/hr-ship.5

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# Print what a C expression list prints with what two hr-ship say.
said() {
	{
		printf '#include "base/hr.h"\n#include <stdio.h>\n#include "net/wire.h"\n'
		printf 'static void json(struct hr_buf *b) { hr_buf_u8(b, 0); printf("%%s\\n", b->data); }\n'
		printf 'int main(void) { struct hr_buf b = HR_BUF_INIT; struct hr_err e = HR_ERR_INIT;'
		printf '(void)json; (void)b; (void)e; %s return 0; }\n' "$1"
	} >said.c
	"${CC:-cc}" -D_GNU_SOURCE -DHR_VERSION='"0"' -I"$ROOT/lib" -o said said.c "$ROOT"/lib/net/wire.c "$ROOT"/lib/stream/frame.c \
	    "$ROOT"/lib/base/{alloc,buf,clock,crc32c,err,json,log,lsn}.c -ljansson -lm
	./said
}

@test "the kinds and their limits are the header's" {
	said '
	for (int k = 0; k < 256; k++) {
		uint8_t fixed[HR_WIRE_SIZE];
		struct hr_wire m;
		uint32_t low = 0, high = UINT32_MAX;
		for (uint32_t n = 0; n < 64; n++) {
			hr_wire_encode(fixed, (enum hr_wire_kind)k, 0, n);
			if (hr_wire_decode(&m, fixed, UINT32_MAX, &e) == 0) { low = n; break; }
			if (n == 63) low = UINT32_MAX;
		}
		if (low == UINT32_MAX) continue;
		for (uint32_t step = UINT32_C(1) << 31; step; step >>= 1) {
			hr_wire_encode(fixed, (enum hr_wire_kind)k, 0, high - step);
			if (high - step >= low && hr_wire_decode(&m, fixed, UINT32_MAX, &e) < 0) high -= step;
		}
		printf(low ? "%c %u\n" : "%c to %u\n", k, high - 1);
	}' | sort >header
	sed -nE 's/^\.It ([A-Z]) Ta [a-z]+ Ta [a-z]+ Ta (.*)$/\1 \2/p' "$page" | sort >table
	[ -s table ]
	diff header table
}

@test "the limits in the text are the header's" {
	said '
	printf("A message is %d fixed bytes and a payload.\n", HR_WIRE_SIZE);
	printf("Of a peer that has not said hello, a message MUST NOT be longer than %u bytes.\n", HR_WIRE_FIRST);
	printf("This is version %d.\n", HR_WIRE_VERSION);
	printf(".It %d Ta Ta payload\n", HR_WIRE_SIZE);
	' >lines
	while IFS= read -r line; do
		grep -Fxq -- "$line" "$page" || fail "not in the page: $line"
	done <lines
	[ "$(wc -l <lines)" = 4 ]
}

@test "the bytes of EXAMPLES are a hello" {
	said '
	struct hr_hello h = { .version = 1, .sender = true, .program = "0.1.0" };
	uint8_t fixed[HR_WIRE_SIZE];
	hr_hello_encode(&h, &b);
	hr_wire_encode(fixed, HR_WIRE_HELLO, 0, (uint32_t)b.len);
	for (size_t i = 0; i < sizeof(fixed); i++) printf("%02x", fixed[i]);
	for (size_t i = 0; i < b.len; i++) printf("%02x", b.data[i]);
	' >code
	sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$page" |
	    sed -nE 's/^(([0-9a-f]{2} )*[0-9a-f]{2})(  .*)?$/\1/p' | tr -d ' \n' >shown
	[ -s shown ]
	cmp code shown
}

# members SECTION: the keys that the page has there.
members() {
	awk -v want="$1" '/^\.S[hs] / { on = substr($0, 5) == want } on && /^\.It / {
	    sub(/^\.It /, ""); gsub(/ , /, "\n"); print }' "$page" | sort
}

@test "the members of JSON objects are those that are written" {
	need jq
	said '
	struct hr_hello h = { .version = 1 };
	struct hr_lane_open o = { .slot = "s", .database = "d", .tenant = "t", .again = true };
	struct hr_lane_stand s = { .fresh = true };
	hr_hello_encode(&h, &b); json(&b); hr_buf_reset(&b);
	hr_lane_open_encode(&o, &b); json(&b); hr_buf_reset(&b);
	hr_lane_stand_encode(&s, &b); json(&b); hr_buf_reset(&b);
	hr_wire_error_encode(&e, &b); json(&b);
	' >objects
	[ "$(wc -l <objects)" = 4 ]
	diff <(members Hello) <(sed -n 1p objects | jq -r 'keys[]')
	diff <(members Open) <(sed -n 2p objects | jq -r 'keys[]')
	diff <(members Stand) <(sed -n 3p objects | jq -r 'keys[]')
	diff <(members Error | tr -d ,) <(sed -n 4p objects | jq -r 'keys[]')
}
