# hr: facts, then choices made by ./configure, then rules.
#
#   make               the tools, into $(O)/bin, which is a usable PATH
#   make deps          install what building and testing need (Debian)
#   make check         every test but the long ones; check-unit, check-cmd,
#                      check-doc, check-pipe, check-verify: a part; check-slow,
#                      check-conformance and check-san: long ones
#   make check-versions  with servers of other versions, in chroots (root, Debian);
#                      RUNS='17-15' names SOURCE-TARGET, SERVERS=DIR keeps them
#   make fuzz          T=name for one target, FUZZ_TIME=seconds for each
#   make bench demo lint ci install uninstall dist clean print-VAR
#
# O=DIR builds into another folder, SAN=address,undefined with sanitizers.

VERSION     = 0.1.0
TOOLS       = capture apply transform compress ship checkpoint migrate
O           = .build

prefix      = /usr/local
exec_prefix = $(prefix)
bindir      = $(exec_prefix)/bin
datarootdir = $(prefix)/share
mandir      = $(datarootdir)/man
bashcompdir = $(datarootdir)/bash-completion/completions
zshcompdir  = $(datarootdir)/zsh/site-functions
fishcompdir = $(datarootdir)/fish/vendor_completions.d

CFLAGS      = -O2 -g
AR          = ar
INSTALL     = install
BATS        = bats
MANDOC      = mandoc
PKG_CONFIG  = pkg-config
AUTOCONF    = autoconf
SUITES      = unit cmd doc pipe verify
FUZZ_TIME   = 30

-include config.mk

# Which tool needs which library.  This table is part of the design.
NEEDS_capture    = PQ JANSSON YAML CRYPTO
NEEDS_apply      = PQ JANSSON YAML
NEEDS_transform  = PQ JANSSON YAML CRYPTO
NEEDS_compress   = JANSSON ZSTD
NEEDS_ship       = JANSSON SSL CRYPTO ZSTD NATS
NEEDS_checkpoint = JANSSON
NEEDS_migrate    = PQ JANSSON YAML

# A library that config.mk does not name is asked of pkg-config.
define ask
ifndef $1_LIBS
$1_CFLAGS := $$(shell $$(PKG_CONFIG) --cflags $2 2>/dev/null)
$1_LIBS   := $$(shell $$(PKG_CONFIG) --libs $2 2>/dev/null)
endif
missing   += $$(if $$($1_LIBS),,$2)
endef
found = $(shell command -v $(firstword $(1)) 2>/dev/null)

$(eval $(call ask,PQ,libpq))
$(eval $(call ask,JANSSON,jansson))
$(eval $(call ask,YAML,yaml-0.1))
$(eval $(call ask,SSL,libssl))
$(eval $(call ask,CRYPTO,libcrypto))
$(eval $(call ask,ZSTD,libzstd))
# Without this one lib/net says that it is missing; NATS_LIBS= builds so.
ifeq ($(origin NATS_LIBS),undefined)
NATS_CFLAGS := $(shell $(PKG_CONFIG) --cflags libnats 2>/dev/null)
NATS_LIBS   := $(shell $(PKG_CONFIG) --libs libnats 2>/dev/null)
endif
ifneq ($(strip $(missing)),)
missing    := $(if $(call found,$(PKG_CONFIG)),$(missing),$(PKG_CONFIG))
endif
missing    := $(strip $(if $(call found,$(CC)),,$(CC)) $(missing))

LIBRARIES   = PQ JANSSON YAML SSL CRYPTO ZSTD NATS
WARN        = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
              -Wwrite-strings -Wpointer-arith -Wvla $(WERROR)
SAN_FLAGS   = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS  = -std=gnu11 -Ilib -DHR_VERSION='"$(VERSION)"' $(WARN) -pthread -MMD -MP \
              $(foreach l,$(LIBRARIES),$($l_CFLAGS)) $(if $(strip $(NATS_LIBS)),-DHAVE_NATS) \
              $(CPPFLAGS) $(SAN_FLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(SAN_FLAGS) $(CFLAGS) $(LDFLAGS)

bins    = $(TOOLS:%=$(O)/bin/hr-%) $(O)/bin/hr-supervise
libo    = $(patsubst %.c,$(O)/%.o,$(sort $(wildcard lib/*/*.c)))
units   = $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/*.c)))
tools   = $(patsubst tests/tool/%.c,%,$(sort $(wildcard tests/tool/*.c)))
fuzzers = $(filter-out replay,$(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c))))
again   = +@$(MAKE) --no-print-directory
run     = @O='$(O)' BATS='$(BATS)' V='$(V)' tests/run

all: $(bins)
	@:

# The flags are a file that everything compiled depends on: another SAN= or
# CC= rebuilds.  Not so for install, which copies what has been built.
flags   = $(if $(filter install,$(MAKECMDGOALS)),,$(O)/flags)
quote   = '$(subst ','\'',$(1))'

$(O)/flags: FORCE
	@for m in $(missing); do echo "make: $$m is missing; run 'make deps'" >&2; done; \
	test -z '$(missing)'
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS)) >$@.new; \
	if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi

$(O)/%.o: %.c $(flags)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# The linker takes the first of two names without a word.
$(O)/libhr.a: $(libo)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^
	@nm $@ | awk '$$2 ~ /^[TDBR]$$/ && seen[$$3]++ { print "$@: two are called " $$3; bad = 1 } END { exit bad }' || \
	    { rm -f $@; exit 1; }

# $(call link,LIBRARY...): the objects, then libhr.a, then the libraries.
link = $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
       $(foreach l,$(1),$($l_LIBS)) $(LIBS) -lm

$(O)/bin/hr-%: $(O)/cmd/hr-%.o $(O)/libhr.a
	@mkdir -p $(@D)
	$(call link,$(NEEDS_$*))

$(O)/bin/hr-supervise: cmd/hr-supervise
	@mkdir -p $(@D)
	$(INSTALL) -m 755 $< $@

$(O)/unit/%: $(O)/tests/unit/%.o $(O)/libhr.a
	@mkdir -p $(@D)
	$(call link,$(LIBRARIES))

# Programs that tests of pipelines drive things with.
$(O)/tool/%: $(O)/tests/tool/%.o $(O)/libhr.a
	@mkdir -p $(@D)
	$(call link,$(LIBRARIES))

# Under the ordinary compiler a fuzz target is a program that replays files.
$(O)/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/replay.o $(O)/libhr.a
	@mkdir -p $(@D)
	$(call link,$(LIBRARIES))

$(O)/libfuzzer/%: $(O)/tests/fuzz/%.o $(O)/libhr.a
	@mkdir -p $(@D)
	$(call link,$(LIBRARIES)) -fsanitize=fuzzer

# libFuzzer calls its target without a prototype.
$(O)/tests/fuzz/%.o: WARN += -Wno-missing-prototypes

tests: $(units:%=$(O)/unit/%) $(fuzzers:%=$(O)/fuzz/%) $(tools:%=$(O)/tool/%)
	@:

deps:
	@CC='$(CC)' tests/deps.sh

# A second make, because the first looked for the libraries before deps ran.
check:
	@CC='$(CC)' tests/deps.sh build server test
	$(again) all tests
	$(run) $(SUITES)

check-unit: tests
	$(run) unit

check-cmd check-doc check-pipe check-verify check-conformance check-slow: check-%: all tests
	$(run) $*

check-versions: all
	@tests/deps.sh versions
	@O='$(O)' SERVERS='$(SERVERS)' BATS='$(BATS)' V='$(V)' tests/versions $(RUNS)

check-san: export ASAN_OPTIONS = detect_leaks=1:abort_on_error=0:exitcode=99
check-san: export UBSAN_OPTIONS = halt_on_error=1:print_stacktrace=1
check-san:
	$(again) check O=.build-san SAN=address,undefined SUITES='unit cmd pipe'

fuzz:
	$(again) fuzz-all O=.build-fuzz CC=clang SAN=fuzzer-no-link,address,undefined

fuzz-all: $(addprefix fuzz-,$(or $(T),$(fuzzers)))
fuzz-%: $(O)/libfuzzer/%
	@mkdir -p $(O)/corpus/$* $(O)/crash
	$< -max_total_time=$(FUZZ_TIME) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	    -artifact_prefix=$(O)/crash/$*- $(O)/corpus/$* \
	    $(wildcard tests/fuzz/corpus/$* tests/stream/passed tests/stream/failed)

bench: all
	PATH="$(abspath $(O))/bin:$$PATH" tests/bench/run

demo:
	@CC='$(CC)' tests/deps.sh build server
	$(again) all
	PATH="$(abspath $(O))/bin:$$PATH" examples/shop/run

ci:
	.ci/run

pages   = $(wildcard man/*.[157])
scripts = $(wildcard cmd/hr-supervise .ci/run tests/run tests/versions tests/*.sh tests/*.bash \
          tests/*/*.bash tests/bench/run examples/*/run examples/*/*.sh completions/*.bash)
sources = $(wildcard cmd/*.c lib/*/*.[ch] tests/*/*.[ch])

# Formatting is a wish: only a file that clang-format cannot read is an error.
lint:
	$(if $(pages),$(MANDOC) -T lint -W warning $(pages))
	shellcheck -x $(scripts)
	@mkdir -p $(O)
	@clang-format --dry-run $(sources) 2>$(O)/format || { cat $(O)/format; exit 1; }
	@echo "lint: clang-format would change $$(grep -c Wclang-format $(O)/format) places"
	@! grep -rnwE 'TODO|FIXME|XXX' cmd lib

bash = $(wildcard completions/hr.bash)
zsh  = $(firstword $(wildcard completions/_hr completions/hr.zsh))
fish = $(wildcard completions/hr.fish)
names = $(notdir $(bins))
dest = $(DESTDIR)$(1)
copy = $(INSTALL) -d $(call dest,$(2)) && $(INSTALL) -m 644 $(1) $(call dest,$(2)$(3))

install: all
	$(INSTALL) -d $(call dest,$(bindir))
	$(INSTALL) -m 755 $(bins) $(call dest,$(bindir))
	$(foreach s,1 5 7,$(if $(wildcard man/*.$s),$(call copy,$(wildcard man/*.$s),$(mandir)/man$s) &&)) :
	$(if $(bash),$(foreach n,$(names),$(call copy,$(bash),$(bashcompdir),/$n) &&)) :
	$(if $(zsh),$(call copy,$(zsh),$(zshcompdir),/_hr))
	$(if $(fish),$(foreach n,$(names),$(call copy,$(fish),$(fishcompdir),/$n.fish) &&)) :

uninstall:
	rm -f $(addprefix $(call dest,$(bindir))/,$(names))
	rm -f $(foreach s,1 5 7,$(patsubst man/%,$(call dest,$(mandir))/man$s/%,$(wildcard man/*.$s)))
	rm -f $(addprefix $(call dest,$(bashcompdir))/,$(names)) $(call dest,$(zshcompdir))/_hr
	rm -f $(patsubst %,$(call dest,$(fishcompdir))/%.fish,$(names))

dist:
	@mkdir -p $(O)/dist
	$(AUTOCONF) -o $(O)/dist/configure configure.ac && rm -rf autom4te.cache
	git archive --prefix=hr-$(VERSION)/ --add-file=$(O)/dist/configure \
	    -o $(O)/hr-$(VERSION).tar.gz HEAD

clean:
	rm -rf $(O) .build .build-*

print-%:
	@printf '%s\n' $(call quote,$($*))

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d)

FORCE:
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: FORCE all tests deps check check-unit check-cmd check-doc check-pipe check-verify check-conformance check-slow \
        check-versions check-san fuzz fuzz-all bench demo lint ci install uninstall dist clean
