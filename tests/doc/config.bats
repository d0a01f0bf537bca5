# hr-config(5) and the reader know the same keys, and the page's files are read.

load ../lib

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# described SECTION: the keys of a subsection of the page.
described() {
	awk -v want="$1" '/^\.S[hs] / { on = substr($0, 5) == want } on && /^\.It Cm / { print $3 }' \
	    "$ROOT/man/hr-config.5" | sort
}

# known TEXT: the keys that the reader names where it finds an unknown one.
known() {
	printf '%b' "$1" >t.yaml
	hr-capture --config t.yaml --print-pipeline . 2>&1 |
	    sed -n 's/.*known keys here: //p' | sed 's/, /\n/g' | sort
}

@test "the page describes the keys that are known, and no others" {
	local small='name: a\nsource: {dbname: a, slot: s, publication: p}\ntarget: {dbname: b}\n'

	[ -n "$(known 'x: y\n')" ]
	[ "$(known 'x: y\n')" = "$(printf '%s\n' name source target tenancy tenants tables rules tier \
	    max_lag_seconds priority | sort)" ]
	[ "$({ described 'The pipeline'; printf '%s\n' source target tenancy tables; } | sort)" = \
	    "$(known 'x: y\n')" ]
	[ "$(described source)" = "$(known 'source: {x: y}\n')" ]
	[ "$(described target)" = "$(known 'target: {x: y}\n')" ]
	[ "$(described tenancy)" = "$(known 'tenancy: {x: y}\n')" ]
	[ "$(described tables)" = "$(known "${small}tables: {a.b: {x: y}}\n")" ]
}

@test "the files in the page are read" {
	local file

	awk '/^name: / { n++; on = 1 } /^\.Ed/ { on = 0 } on { print >("page" n ".yaml") }' \
	    "$ROOT/man/hr-config.5"
	[ "$(ls page*.yaml | wc -l)" = 2 ]
	for file in page1.yaml page2.yaml "$ROOT/examples/shop/tenant.yaml"; do
		run -0 --separate-stderr hr-capture --config "$file" --print-pipeline /state
		[ "${lines[0]}" = "name shop" ]
		[[ ${lines[1]} == "hr-capture --config '/"* ]]
		[[ ${lines[2]} == "hr-apply --config '/"*" --checkpoint '/state/checkpoint'" ]]
	done
}

@test "what the page calls required is required" {
	printf 'name: a\n' >t.yaml
	run -78 --separate-stderr hr-capture --config t.yaml --print-pipeline .
	[ "$stderr" = "hr-capture: error: t.yaml:1:1: the file has no 'source'" ]
}
