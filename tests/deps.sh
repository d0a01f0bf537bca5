#!/bin/sh
#
# usage: tests/deps.sh [build] [server] [test] [dev] [versions]
#
# See that the machine has what these groups need (all but versions, which only
# 'make check-versions' needs, when none is named), and install what is missing from Debian's packages: as root, or with
# a sudo that asks nothing.  Otherwise say which line to run, and fail.
# Silent when nothing is missing.

set -u

# group, kind of test, what is looked for, package
table='
build   command  cc                                       gcc
build   header   stdio.h                                  libc6-dev
build   command  make                                     make
build   command  pkg-config                               pkg-config
build   library  libpq                                    libpq-dev
build   library  jansson                                  libjansson-dev
build   library  yaml-0.1                                 libyaml-dev
build   library  libcrypto                                libssl-dev
build   library  libssl                                   libssl-dev
build   library  libzstd                                  libzstd-dev
build   library  libnats                                  libnats-dev
server  server   15                                       postgresql
server  command  setpriv                                  util-linux
server  command  ps                                       procps
test    command  bats                                     bats
test    command  jq                                       jq
test    command  nats-server                              nats-server
test    command  openssl                                  openssl
test    command  zstd                                     zstd
test    command  mandoc                                   mandoc
test    command  zsh                                      zsh
test    command  fish                                     fish
test    file     /usr/share/bash-completion/*completion   bash-completion
dev     command  clang                                    clang
dev     command  clang-format                             clang-format
dev     file     /usr/lib/llvm-*/lib/clang/*/lib/*/*fuzzer*.a  libclang-rt-dev
dev     command  shellcheck                               shellcheck
dev     command  autoconf                                 autoconf
dev     command  git                                      git
versions  command  debootstrap                            debootstrap
versions  command  unshare                                util-linux
versions  file     /usr/share/keyrings/debian-archive-keyring.gpg  debian-archive-keyring
'
cc=${CC:-cc}
cc=${cc%% *}

say() {
	echo "deps: $*" >&2
}

has() {
	case $1 in
	command)
		[ "$2" != cc ] || set -- command "$cc"
		command -v "$2" >/dev/null
		;;
	header)
		echo "#include <$2>" | "$cc" -E - >/dev/null 2>&1
		;;
	library)
		pkg-config --exists "$2" 2>/dev/null
		;;
	file)
		for file in $2; do
			[ -e "$file" ] && return
		done
		return 1
		;;
	server)
		for dir in /usr/lib/postgresql/*; do
			[ -x "$dir/bin/initdb" ] && [ "${dir##*/}" -ge "$2" ] && return
		done
		dir=$(pg_config --bindir 2>/dev/null) && [ -x "$dir/initdb" ]
		;;
	esac
}

# Print the packages of the groups named whose test fails.
missing() {
	echo "$table" | while read -r group kind what package; do
		case " $* " in
		*" ${group:-none} "*) has "$kind" "$what" </dev/null || printf ' %s' "$package" ;;
		esac
	done
}

apt() {
	$as env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
	    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

[ $# -gt 0 ] || set -- build server test dev

packages=$(missing "$@")
[ -n "$packages" ] || exit 0
say "missing:$packages"

as=
line="apt-get update && apt-get install -y --no-install-recommends$packages"
if ! command -v apt-get >/dev/null; then
	say "there is no apt-get here; install what these Debian packages hold"
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	as="sudo -n"
	if ! $as true 2>/dev/null; then
		say "run as root: $line"
		exit 1
	fi
fi

# shellcheck disable=SC2086 # packages are words
if ! apt update || ! apt install -y --no-install-recommends $packages; then
	say "apt-get failed"
fi
packages=$(missing "$@")
if [ -n "$packages" ]; then
	say "still missing:$packages"
	say "run as root: $line"
	exit 1
fi
