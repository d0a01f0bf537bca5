# The folders of lib include downwards only.

load ../lib

LAYERS='base stream codec rule state pg capture apply migrate net cmd'

# Our includes, as FILE FOLDER INCLUDED, the folder of each by its place.
includes() {
	(cd "$ROOT" && grep -rHoE --include='*.[ch]' '^#[[:space:]]*include[[:space:]]+"[^"]+"' \
	    cmd lib) | sed -E 's|^(lib/)?([a-z]+)/([^:]*):.*"([^"]+)"$|\1\2/\3 \2 \4|'
}

@test "an include goes to the same folder or to one below" {
	run -0 bash -c 'cat' < <(includes | awk -v layers="$LAYERS" '
	BEGIN { n = split(layers, l, " "); for (i = 1; i <= n; i++) at[l[i]] = i }
	{
		to = $3
		if (!sub("/.*", "", to))
			print $1 " includes " $3 " without its folder"
		else if (!(to in at) || !($2 in at))
			print $1 " includes " $3 ", and one of them is in no layer"
		else if (at[to] > at[$2])
			print $1 " includes " $3 ", which is above it"
	}')
	[ -z "$output" ] || fail "$output"
	[ "$(includes | wc -l)" -gt 100 ]
}

@test "every folder of lib is a layer" {
	local folder

	for folder in "$ROOT"/lib/*/; do
		folder=$(basename "$folder")
		[[ " $LAYERS " == *" $folder "* ]] || fail "lib/$folder is no layer"
	done
}

@test "the page has the layers in this order" {
	local page

	page=$(awk '/^Includes go downwards/ { on = 1; next } on && /^\.Pa / { print $2; next }
	    on && /^is the order/ { exit }' "$ROOT/man/hr-style.7" | paste -sd' ')
	[ "$page" = "$LAYERS" ]
}

@test "only lib/pg knows libpq" {
	run -0 bash -c "cd '$ROOT' && grep -rlE '^#[[:space:]]*include[[:space:]]+[<\"](libpq|postgresql|pg_config)' \
	    --include='*.[ch]' cmd lib"
	for file in "${lines[@]}"; do
		[[ $file == lib/pg/* ]] || fail "$file"
	done
}

@test "only lib/net/nats*.c knows libnats" {
	run -0 bash -c "cd '$ROOT' && grep -rlE '^#[[:space:]]*include[[:space:]]+[<\"]nats' \
	    --include='*.[ch]' cmd lib tests"
	[ "$output" = lib/net/nats_inside.h ]
	run -0 bash -c "cd '$ROOT' && grep -rlE '^#[[:space:]]*include.*nats_inside' --include='*.[ch]' cmd lib tests"
	for file in "${lines[@]}"; do
		[[ $file == lib/net/nats*.c ]] || fail "$file"
	done
}

@test "base/hr.h is the first include of every source file" {
	local file first status=0

	cd "$ROOT"
	for file in cmd/*.c lib/*/*.c; do
		first=$(grep -m 1 '^#include' "$file")
		[ "$first" = '#include "base/hr.h"' ] || [[ $first == '#include "'*'/pq.h"' ]] ||
		    { fail "$file: $first" || status=1; }
	done
	return $status
}
