# hr-compress: options, statuses, and every stream there and back.

load ../lib

setup() {
	cd "$BATS_TEST_TMPDIR"
}

one=$STREAMS/passed/0010_insert.hrs

# A stream with blocks.
packed() {
	hr-compress <"$STREAMS/passed/0050_values.hrs"
}

@test "a level, -d and the block's rows are checked" {
	run -64 --separate-stderr hr-compress -0 <"$one"
	[ "${stderr_lines[0]}" = "hr-compress: error: the level is not a number from 1 to 19" ]
	run -64 --separate-stderr hr-compress -20 <"$one"
	run -64 --separate-stderr hr-compress --block-rows 0 <"$one"
	[[ ${stderr_lines[0]} == "hr-compress: error: --block-rows is not a number from 1 to 1000000: '0'" ]]
	run -64 --separate-stderr hr-compress -d -19 <"$one"
	[ "${stderr_lines[0]}" = "hr-compress: error: -d takes no options for packing" ]
	run -64 --separate-stderr hr-compress -d --group <"$one"
	run -64 --separate-stderr hr-compress --key-every 0 <"$one"
	[ "${stderr_lines[0]}" = "hr-compress: error: --key-every is not a number from 1 on: '0'" ]
	run -64 --separate-stderr hr-compress --memory 1kB <"$one"
	[ "${stderr_lines[0]}" = "hr-compress: error: --memory is not a size from 1MB to 64GB: '1kB'" ]
	run -64 --separate-stderr hr-compress stream.hrs <"$one"
	[ "${stderr_lines[0]}" = "hr-compress: error: unexpected argument 'stream.hrs'" ]
	[ -z "$output" ]
}

@test "every stream that passes comes back byte for byte, at every level and size of blocks" {
	local f options

	for f in "$STREAMS"/passed/*.hrs; do
		for options in "" -1 -19 --group "--block-rows 1 --key-every 3" "--independent --group -9" \
		    "--memory 1MB --block-rows 2"; do
			# shellcheck disable=SC2086 # words
			hr-compress $options <"$f" >packed || fail "$f $options: status $?"
			hr-transform <packed | cmp packed -
			hr-compress -d <packed >out || fail "$f $options: -d: status $?"
			cmp "$f" out || fail "$f $options"
			[ "$(stat -c %s packed)" -le "$(stat -c %s "$f")" ] || fail "$f $options: larger"
		done
		hr-compress -d <"$f" | cmp "$f" -
	done
}

@test "what is unpacked is the same in each of the five sizes" {
	local f

	for f in 0022_all_tenants 0023_relation_changed 0050_values 0052_strange_values; do
		hr-compress <"$STREAMS/passed/$f.hrs" >packed
		sizes hr-compress -d <packed >out
		cmp "$STREAMS/passed/$f.hrs" out
	done
}

@test "what is packed a byte at a time comes back, and a cut stream is refused" {
	local f

	for f in "$STREAMS"/passed/00[0-3]*.hrs; do
		dd if="$f" bs=1 status=none | hr-compress | hr-compress -d >out
		cmp "$f" out
		head -c -1 "$f" >cut
		run -65 --separate-stderr hr-compress <cut
		one_error hr-compress "ended after frame [0-9]+ without an end frame"
	done
}

@test "every stream that is to fail fails, packed or not" {
	local f

	for f in "$STREAMS"/failed/00*.hrs; do
		run -65 hr-compress <"$f"
		run -65 hr-compress -d <"$f"
	done
	# What is wrong within frames is none of its business.
	for f in "$STREAMS"/failed/05*.hrs; do
		[[ $f != *_block* ]] || continue
		hr-compress <"$f" | hr-compress -d | cmp "$f" -
	done
}

@test "a damaged packed stream is refused with the place" {
	packed >in
	printf '\x55' | dd of=in bs=1 seek=$(($(stat -c %s in) - 200)) conv=notrunc status=none
	run -65 --separate-stderr hr-compress -d <in
	one_error hr-compress "frame [0-9]+ at byte [0-9]+: the frame's bytes do not match their checksum"
}

@test "a packed stream is not packed again" {
	packed >in
	run -65 --separate-stderr hr-compress <in
	one_error hr-compress "frame 2 at byte [0-9]+: the stream is packed already; leave one hr-compress out, or unpack with -d"
}

@test "hr-apply refuses a packed stream and says what to do" {
	packed >in
	run -65 --separate-stderr hr-apply -n <in
	one_error hr-apply "the stream is packed; put hr-compress -d in front"
}

@test "hr-transform --dump says what a block is" {
	need jq
	packed | hr-transform --dump >out
	run -0 jq -c 'select(.frame == "block") | [.tenant, .all, .version, .key, .last, .bundle, .frames, .size]' out
	[ "${lines[0]}" = '["shop",null,1,true,false,0,1,457]' ] || fail "$output"
	[ "${lines[1]}" = '[null,true,1,true,true,0,2,1305]' ] || fail "$output"
}

@test "--stats says what columns took, as a table and as JSON" {
	need jq
	hr-compress --stats <"$STREAMS/passed/0050_values.hrs" >/dev/null 2>stats
	grep -q '^table .*column .*type .*codec .*in .*out .*ratio$' stats
	grep -q '^all ' stats
	hr-compress --json <"$STREAMS/passed/0050_values.hrs" >/dev/null 2>stats
	[ "$(jq -s 'map(select(.table == "(stream)" and .column == "operation")) | length' stats)" = 1 ]
	[ "$(jq -s 'last | .out < .in' stats)" = true ]
}

@test "what is there goes on at once when the input is quiet" {
	mkfifo in out
	hr-compress <in >out &
	exec 8>in 9<out
	head -c -48 "$one" >&8
	timeout 10 head -c $(($(stat -c %s "$one") - 48)) <&9 >got || fail "nothing came"
	tail -c 48 "$one" >&8
	exec 8>&-
	cat <&9 >>got
	exec 9<&-
	wait $!
	hr-compress -d <got | cmp "$one" -
}

# long_stream FRAMES [TENANTS]: a stream of so many rows frames of 3 kB.
long_stream() {
	cat >long.c <<-'C'
	#include "base/hr.h"
	#include <stdlib.h>
	#include "stream/rows.h"
	#include "stream/writer.h"
	int main(int argc, char *argv[])
	{
		struct hr_err e = HR_ERR_INIT;
		struct hr_writer w = HR_WRITER_INIT;
		struct hr_head h = HR_HEAD_INIT;
		struct hr_buf b = HR_BUF_INIT;
		int i, k, n = argc > 1 ? atoi(argv[1]) : 0, tenants = argc > 2 ? atoi(argv[2]) : 1;
		char tenant[16];

		h.database = (char[]){ "d" };
		h.slot = (char[]){ "s" };
		if (hr_write_head(&w, &h, &e) < 0)
			return 1;
		for (i = 0; i < n; i++) {
			struct hr_frame f = { .type = HR_FRAME_ROWS, .flags = HR_MUST, .tenant = tenant,
			    .tenant_len = (uint16_t)snprintf(tenant, sizeof(tenant), "t%d", i % tenants),
			    .lsn = 1000u + 48 * (hr_lsn)i, .count = 32 };
			hr_buf_reset(&b);
			hr_put_begin(&b, (uint32_t)i, f.lsn - 48, i * 1000);
			for (k = 0; k < 30; k++) {
				char text[80];
				uint8_t id[8];
				struct hr_value v[2] = { { id, 8, false }, { (uint8_t *)text, 0, false } };
				size_t m = hr_item_open(&b, HR_INSERT);

				hr_set_u64be(id, (uint64_t)i * 30 + (uint64_t)k);
				v[1].len = snprintf(text, sizeof(text), "row %d of %d, and %d more words of it %x", k, i, i % 7, i * 77 * k);
				hr_buf_u32le(&b, 7);
				hr_tuple_put(&b, v, 2);
				hr_item_close(&b, m);
			}
			hr_put_commit(&b, f.lsn);
			f.data = b.data;
			f.len = (uint32_t)b.len;
			if (hr_write(&w, &f, &e) < 0)
				return 1;
		}
		hr_buf_clear(&b);
		i = hr_write_end(&w, &e) < 0;
		hr_writer_clear(&w);
		return i;
	}
	C
	sed -i '1i #include <stdio.h>' long.c
	"${CC:-cc}" -O1 -D_GNU_SOURCE -DHR_VERSION='"0"' -I"$ROOT/lib" -o long long.c "$ROOT"/lib/base/*.c \
	    "$ROOT"/lib/stream/{frame,head,rows,writer}.c -ljansson -lyaml -lcrypto -lm -pthread
	./long "$@"
}

# The blocks of a stream by whether a reader can begin at them: 1 and 0.
keys() {
	hr-transform --dump | jq -r 'select(.frame == "block") | if .key then 1 else 0 end' | tr -d '\n'
}

@test "a reader can begin every so many blocks, and at each independent one" {
	need jq
	long_stream 70 >long.hrs
	[ "$(hr-compress --block-rows 30 <long.hrs | keys)" = "1$(printf '0%.0s' {1..63})100000" ]
	[ "$(hr-compress --block-rows 210 --key-every 3 <long.hrs | keys)" = 1001001001 ]
	[ "$(hr-compress --block-rows 210 --independent <long.hrs | keys)" = 1111111111 ]
	# What is known from before is not written again.
	[ "$(hr-compress --block-rows 30 <long.hrs | wc -c)" -lt \
	    $(($(hr-compress --block-rows 30 --independent <long.hrs | wc -c) * 9 / 10)) ]
}

@test "who unpacks allows as much memory as who packs" {
	long_stream 10 >long.hrs
	hr-compress --memory 32MB <long.hrs >packed
	run -65 --separate-stderr hr-compress -d --memory 16MB <packed
	one_error hr-compress "frame 2 at byte [0-9]+: blocks keep up to 32 MB for those after them, and 16 MB are allowed; give --memory here as where it was packed"
	hr-compress -d --memory 40MB <packed | cmp long.hrs -
	hr-compress --memory 63MB <long.hrs | hr-compress -d --memory 32MB | cmp long.hrs -
	hr-compress --independent <long.hrs | hr-compress -d --memory 1MB | cmp long.hrs -
}

@test "memory is bounded, however long the stream is" {
	long_stream 24000 >long.hrs
	[ "$(stat -c %s long.hrs)" -gt 50000000 ]
	# AddressSanitizer takes all addresses that there are.
	if nm "$(command -v hr-compress)" | grep -q __asan_init; then
		hr-compress <long.hrs | hr-compress -d | cmp long.hrs -
		return
	fi
	(ulimit -v 49152; hr-compress -1 <long.hrs >packed)
	[ "$(stat -c %s packed)" -lt 10000000 ]
	(ulimit -v 49152; hr-compress -d <packed) | cmp long.hrs -
}

@test "memory is bounded, however many tenants there are" {
	# A window for each would be a hundred times what is allowed.
	long_stream 16000 4000 >long.hrs
	if nm "$(command -v hr-compress)" | grep -q __asan_init; then
		hr-compress --memory 8MB <long.hrs | hr-compress -d | cmp long.hrs -
		return
	fi
	(ulimit -v 98304; hr-compress --memory 32MB <long.hrs >packed)
	(ulimit -v 98304; hr-compress -d <packed) | cmp long.hrs -
	(ulimit -v 360448; hr-compress <long.hrs | hr-compress -d) | cmp long.hrs -
}
