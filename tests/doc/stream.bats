# hr-stream(5): the page says what the headers, the streams and the tools say.

load ../lib

page=$ROOT/man/hr-stream.5

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# The bytes of EXAMPLES: hexadecimal pairs at the start of a line, until two
# spaces or its end.
example() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$page" |
	    sed -nE 's/^(([0-9a-f]{2} )*[0-9a-f]{2})(  .*)?$/\1/p'
}

# Print what a C expression list prints with the stream's headers.
constants() {
	{
		printf '#include "base/hr.h"\n#include <stdio.h>\n'
		printf '#include "stream/frame.h"\n#include "stream/relation.h"\n#include "stream/rows.h"\n'
		printf '#include "stream/block.h"\n#include "stream/mark.h"\nint main(void) { %s return 0; }\n' "$1"
	} >constants.c
	"${CC:-cc}" -I"$ROOT/lib" -o constants constants.c "$ROOT"/lib/stream/frame.c \
	    "$ROOT"/lib/base/crc32c.c "$ROOT"/lib/base/err.c
	./constants
}

# Every line of stdin is a line of the page.
in_page() {
	local line n=0

	while IFS= read -r line; do
		grep -Fxq -- "$line" "$page" || fail "not in the page: $line"
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
}

@test "the hex of EXAMPLES is the stream it names" {
	example | tr -d ' \n' >page.hex
	od -An -v -tx1 "$STREAMS/passed/0002_example.hrs" | tr -d ' \n' >file.hex
	[ -s page.hex ]
	cmp page.hex file.hex
}

@test "the hex of EXAMPLES decodes" {
	# shellcheck disable=SC2059 # the format is the bytes
	printf "$(example | sed 's/^/ /; s/ /\\x/g' | tr -d '\n')" >example.hrs
	hr-transform <example.hrs >out
	cmp example.hrs out
	hr-transform --dump <example.hrs >out
	cmp out "$STREAMS/passed/0002_example.txt"
}

@test "the lines that EXAMPLES shows are printed" {
	need jq
	jq -c 'select(.op)' "$STREAMS/passed/0002_example.txt" >out
	sed -n '/jq -c/,/^\.Ed/s/\.\.\.$//p' "$page" >shown
	[ "$(wc -l <shown)" = "$(wc -l <out)" ]
	while IFS= read -r line; do
		grep -Fq -- "$line" out || fail "$line"
	done <shown
}

@test "the FRAME table has the header's numbers" {
	constants '
	printf(".It 2 Ta 2 Ta tenant length, bytes Ta 0 to %d\n", HR_TENANT_MAX);
	printf(".It 4 Ta 4 Ta payload length, bytes Ta 0 to %u\n", HR_PAYLOAD_MAX);
	printf(".It %d Ta 4 Ta CRC-32C of bytes 0 to %d Ta continued, see CHECKS\n", HR_FRAME_SUMMED, HR_FRAME_SUMMED - 1);
	printf(".It %d Ta Ta tenant, payload Ta\n", HR_FRAME_SIZE);
	printf("A frame is %d fixed bytes, the tenant'"'"'s name, and the payload.\n", HR_FRAME_SIZE);
	' | in_page
}

@test "the offsets of the FRAME table are the encoder's" {
	constants '
	uint8_t a[HR_FRAME_SIZE], b[HR_FRAME_SIZE];
	struct hr_frame f = { 0 }, g[] = {
		{ .type = 255 }, { .flags = 255 }, { .lsn = UINT64_MAX }, { .count = UINT32_MAX } };
	static const char *const name[] = { "type", "flags", "LSN", "count of items" };
	hr_frame_encode(&f, 0, a);
	for (int i = 0; i < 4; i++) {
		int at = 0, end = 20;
		hr_frame_encode(&g[i], 0, b);
		while (a[at] == b[at]) at++;
		while (a[end - 1] == b[end - 1]) end--;
		printf("%d\t%d\t%s\n", at, end - at, name[i]);
	}' >fields
	[ "$(wc -l <fields)" = 4 ]
	while IFS=$'\t' read -r at size name; do
		grep -q "^\.It $at Ta $size Ta $name Ta" "$page" || fail "$at $size $name"
	done <fields
}

@test "the flags have the header's bits" {
	constants '
	printf(".It 0x%02x Ta MUST Ta a reader that does not know the type refuses the stream\n", HR_MUST);
	printf(".It 0x%02x Ta ALL Ta for every tenant; the tenant length is 0\n", HR_ALL);
	printf(".It 0x%02x Ta COPY Ta rows of the first copy\n", HR_COPY);
	printf(".It 0x%02x Ta ORDERED Ta frames of other tenants before it come first\n", HR_ORDERED);
	' | in_page
}

@test "the frame types are the header's, all of them" {
	constants '
	for (int t = 0; t < 256; t++)
		if (hr_frame_name((uint8_t)t)[0] != 0x75)
			printf("%c %s\n", t, hr_frame_name((uint8_t)t));
	' | sort >header
	sed -n '/^\.Sh FRAMES/,/^\.El/s/^\.It \(.\) Ta \([a-z]*\) Ta.*/\1 \2/p' "$page" | sort >table
	[ -s table ]
	diff header table
	while read -r _ name; do
		grep -qi "^\.Ss $name\$" "$page" || fail "no section: $name"
	done <table
}

@test "the operations of items are the header's" {
	constants '
	printf("B %d\nO %d\nI %d\nP %d\nU %d\nD %d\nX %d\nL %d\nT %d\nM %d\nC %d\n", HR_BEGIN, HR_ORIGIN, HR_INSERT,
	    HR_PUT, HR_UPDATE, HR_DELETE, HR_DROP, HR_LEAVE, HR_TRUNCATE, HR_MESSAGE, HR_COMMIT);' >header
	sed -n '/^\.Ss Rows/,/^\.El/s/^\.It \(.\) Ta .*/\1/p' "$page" | grep -v Em >table
	[ "$(wc -l <table)" = 11 ]
	while read -r letter; do
		grep -qx "$letter $(printf %d "'$letter")" header || fail "$letter"
	done <table
}

@test "the lengths of values, options and limits are the header's" {
	constants '
	printf(".It %d\nNULL\n", HR_VALUE_NULL);
	printf(".It %d\n.It %d\n", HR_VALUE_UNCHANGED, HR_VALUE_TEXT);
	printf("The options of truncate are %d for CASCADE plus %d for RESTART IDENTITY.\n",
	    HR_TRUNCATE_CASCADE, HR_TRUNCATE_RESTART);
	printf(".It u16 Ta columns: 0 to %d\n", HR_COLUMNS_MAX);
	printf(".It u16 Ta steps: 1 to %d\n", HR_STEPS_MAX);
	printf(".It u16 Ta columns: 1 to %d\n", HR_STEP_COLUMNS_MAX);
	printf("The payload is one JSON object of at most %u bytes with these keys; those\n", HR_HEAD_MAX);
	printf("The version of this format: %d.\n", HR_STREAM_VERSION);
	printf("The head says version %d.\n", HR_STREAM_VERSION);
	' | in_page
	constants 'printf("%d %u %u %d\n", HR_TENANT_MAX, HR_PAYLOAD_MAX, HR_HEAD_MAX, HR_COLUMNS_MAX);' >limits
	read -r tenant payload head columns <limits
	sed -n '/^\.Sh SECURITY/,/^\.Sh/p' "$page" | tr '\n' ' ' >security
	grep -q "more than $tenant bytes, a payload of more than $payload, a head of more than $head" security
	grep -q "relation of more than $columns columns" security
}

@test "the front of a block is the header's" {
	constants '
	printf(".It 4 Ta 4 Ta size of the frames in it, bytes Ta 0 to %u\n", HR_BLOCK_MAX);
	printf(".It 0 Ta 1 Ta version of the codecs Ta %d\n", HR_BLOCK_VERSION);
	printf(".It 1 Ta 1 Ta flags: %d key block, %d last of its bundle Ta\n", HR_BLOCK_KEY, HR_BLOCK_LAST);
	printf(".It 2 Ta 1 Ta form: %d plain, %d zstd, %d columns Ta\n", HR_BLOCK_PLAIN, HR_BLOCK_ZSTD, HR_BLOCK_COLUMNS);
	printf(".It %d Ta Ta as the form says Ta\n", HR_BLOCK_SIZE);
	' | in_page
}

@test "the magic is the header's" {
	constants 'for (int i = 0; i < HR_MAGIC_SIZE; i++) printf("%02x ", (unsigned char)HR_MAGIC[i]);' >magic
	[ "$(example | head -n 1) " = "$(cat magic)" ]
	[ "$(cat magic)" = "89 48 52 53 0d 0a 1a 0a " ]
	grep -Fxq 'magic  = %x89 "HRS" %x0D %x0A %x1A %x0A' "$page"
}

@test "the keys of the head are those that are written" {
	need jq
	sed -n '/^\.Ss Head/,/^\.El/s/^\.It //p' "$page" | sort >page.keys
	jq -r 'select(.frame == "head") | keys[]' "$STREAMS"/passed/{0010_insert,0032_snapshot_tenants,0035_join,0041_head_unknown_keys}.txt |
	    grep -vxE 'frame|lsn|later' >head.keys
	echo created >>head.keys	# not in streams that are always the same
	sort -u head.keys | diff page.keys -
}

@test "the keys that hr-transform(1) names are those that are printed" {
	need jq
	cat "$STREAMS"/passed/*.txt >all
	jq -r 'select(.frame != "head") | keys[]' all | sort -u >printed
	for key in $(cat printed); do
		grep -qw -- "$key" "$ROOT/man/hr-transform.1" || fail "not in the page: $key"
	done
}
