# The front door: `make` lists the commands. Everything that they install goes below this folder
# (node_modules, .tools, target), but for rustup's toolchain.

SHELL := bash
.NOTPARALLEL:

# What a command may be told, as in `make dev PORT=9000`; the recipes read it from the environment,
# so that no value is taken for shell code. make puts there what it is told; these have a default.
PORT ?= 8787
STATE ?= .wrangler/state
REASON ?= blocked by an operator
export PORT STATE REASON

# The environment of wrangler.toml that a command is for. wrangler takes an empty name for the top level, and warns
# where it is given none. Some shells have an ENV of their own: the path of a file.
ifeq ($(origin ENV)$(findstring /,$(ENV)),environment/)
ENV :=
endif
export CLOUDFLARE_ENV := $(or $(ENV),$(CLOUDFLARE_ENV))

# The npm packages' programs first: one of them is a Node that wrangler accepts.
export PATH := $(CURDIR)/node_modules/.bin:$(CURDIR)/.tools/bin:$(PATH)

# worker-build would download these three; they are here already.
export WASM_BINDGEN_BIN := $(CURDIR)/.tools/bin/wasm-bindgen
export WASM_OPT_BIN := $(CURDIR)/node_modules/.bin/wasm-opt
export ESBUILD_BIN := $(CURDIR)/node_modules/.bin/esbuild

# No questions, no reports, nothing that needs a network: wrangler serves what is here.
export WRANGLER_SEND_METRICS := false
export WRANGLER_HIDE_BANNER := true
export CLOUDFLARE_CF_FETCH_ENABLED := false
export WRANGLER_LOG_PATH := $(CURDIR)/.wrangler/logs
export WRANGLER_REGISTRY_PATH := $(CURDIR)/.wrangler/registry

# The version of a crate in Cargo.lock: the tools must be those of the libraries.
locked = $(shell awk '/^name = "$(1)"$$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' Cargo.lock)
WORKER_BUILD := worker-build@$(call locked,worker)
WASM_BINDGEN := wasm-bindgen-cli@$(call locked,wasm-bindgen)

PACKAGES := node_modules/.package-lock.json
TOOLS := .tools/$(WORKER_BUILD)+$(WASM_BINDGEN)
VENV := .tools/venv/.installed
SHELLCHECK := $(dir $(VENV))bin/shellcheck
REQUIREMENTS := $(wildcard tests/*/requirements.txt scripts/requirements.txt)
SOURCES := $(shell find src worker -type f) Cargo.toml Cargo.lock .cargo/config.toml

# Cargo features. The settings say which the Worker needs; by FEATURES=confusables it has one in any case.
ifndef FEATURES
FEATURES := $(shell grep -q "^ *CONFUSABLES *= *[\"']deny[\"']" wrangler.toml && echo confusables)
endif
export FEATURES

# The most that the Worker may weigh, in bytes after gzip -9; with features, what the free plan allows.
SIZE_LIMIT := $(if $(FEATURES),3000000,120000)

# $(call say,text) tells of a long step; where a terminal is attached, it stands out. For make, a comma
# ends an argument: no text here has one.
say = echo "$(if $(MAKE_TERMOUT),$(shell tput bold 2>/dev/null))==> $(1)$(if $(MAKE_TERMOUT),$(shell tput sgr0 2>/dev/null))"

# $(call or_fail,advice) ends a command: where it failed, it says what to do.
or_fail = || { echo "$(1)" >&2; exit 1; }

.PHONY: always help setup build dev check test mutants bench browser python php signed-in provision provisioned deploy verify \
	block unblock blocked client clients client-disable skeletons breached-list clean

help:
	@echo "make dev        serve on http://127.0.0.1:8787 [PORT=9000] [STATE=dir]"
	@echo "make check      format, lints and documentation, in less than a minute"
	@echo "make test       every test; the tests with a word in their names: T=block_list"
	@echo "make mutants    change the rules and list what no unit test notices [ONLY=src/routes.rs]"
	@echo "make bench      measure the Worker beside its alternatives [QUICK=1] [ONLY=sign-up,users] [PEERS=hono]"
	@echo "make build      the Worker, in build/, and its size"
	@echo "make provision  make the remote database and block list once: [LOCATION=weur] or [JURISDICTION=eu]"
	@echo "make deploy     test what was not tested, migrate the remote database, deploy, verify [URL=https://…] [DRY=1]"
	@echo "make verify     check a running service from outside: URL=https://… [CLIENT_ID=…]"
	@echo "make block      block an address or a range: IP=203.0.113.7 [REASON=spam] [TTL=3600] [REMOTE=1]"
	@echo "make unblock    let it in again: IP=203.0.113.7 [REMOTE=1]"
	@echo "make blocked    list what is blocked [REMOTE=1]"
	@echo "make client     register a client or change one: NAME=shop [ORIGINS=https://shop.example] [ID=…] [REMOTE=1]"
	@echo "make clients    list them [REMOTE=1]"
	@echo "make client-disable ID=…   refuse the sign-ups of one [REMOTE=1]"
	@echo "make skeletons  let CONFUSABLES = \"deny\" know the names that are there already [REMOTE=1]"
	@echo "make breached-list  put the list of breached passwords where BREACHED_PASSWORDS looks [REMOTE=1]"
	@echo "make clean      remove what was built; what was installed and stored stays"
	@echo "ENV=staging     any of these commands, for that environment of wrangler.toml"

setup: $(PACKAGES) $(TOOLS)

$(PACKAGES): package.json package-lock.json
	@command -v npm >/dev/null $(call or_fail,Node 20 or later with npm is needed: see https://nodejs.org)
	@$(call say,Installing wrangler and wasm-opt and esbuild and Node from npm)
	@npm install --no-audit --no-fund --loglevel=error \
		$(call or_fail,npm could not install the packages: mend what its message says and run make again)
	@touch $@

$(TOOLS):
	@command -v rustup >/dev/null $(call or_fail,Rust by rustup is needed: see https://rustup.rs)
	@$(call say,Installing the Rust toolchain that rust-toolchain.toml names)
	@rustup --quiet toolchain install --no-self-update \
		$(call or_fail,rustup 1.28 or later must install it: mend what its message says and run make again)
	@$(call say,Building $(WORKER_BUILD) and $(WASM_BINDGEN): some minutes and only once)
	@cargo install --debug --root .tools --target-dir .tools/target $(OPENSSL) $(WORKER_BUILD) $(WASM_BINDGEN) \
		$(call or_fail,cargo could not build the tools: they need a C compiler and perl; then run make again)
	@rm -rf .tools/target && touch $@

# worker-build links OpenSSL on Linux; where its headers are missing, it is built from source too.
OPENSSL = $(if $(filter Linux,$(shell uname)),$(shell pkg-config --exists openssl 2>/dev/null || echo --features ureq/vendored))

# The settings that were found good. What is said of them, were it only a warning, is said again the next time. A server
# that runs would end with a build that fails, so there it is said and no more.
.wrangler/settings: wrangler.toml scripts/settings.js .wrangler/environment .wrangler/variables | setup
	@said=$$(node scripts/settings.js 2>&1); failed=$$?; \
		if [ -z "$$said" ]; then touch $@; else echo "$$said" >&2; fi; [ -n "$$IS_SERVING" ] || exit $$failed

# The environment that was checked last.
.wrangler/environment: always
	@$(call remember,$$CLOUDFLARE_ENV)

# The variables that were checked last. A `wrangler dev` that runs reads them again when wrangler.toml changes, and not
# when they do; so a change touches that file.
.wrangler/variables: always
	@$(call remember,$$(cksum .dev.vars* 2>/dev/null),[ ! -e $@ ] || touch wrangler.toml)

# $(call remember,text,command) writes a file if its text is another, after the command.
remember = mkdir -p $(@D) && echo "$(1)" | cmp --silent - $@ || { $(or $(2),true); echo "$(1)" > $@; }

build: build/index.js

# `wrangler dev` breaks a build off when another change comes; the Worker from before stays.
.PRECIOUS: build/index.js

build/index.js: $(SOURCES) .tools/features | setup .wrangler/settings
	@$(call say,Building the Worker$(if $(wildcard target/wasm32-unknown-unknown/release),,: two minutes the first time))
	@worker-build --release --out-dir ../build worker --features "$$FEATURES" $(call or_fail,The Worker does not compile: mend what the message above says)
	@wasm-opt --strip-debug --strip-producers build/index_bg.wasm -o build/index_bg.wasm # names: an eighth of the upload
	@gzip -9c build/index_bg.wasm build/index.js | wc -c | awk '{ \
		printf "==> The Worker is %.1f KB after gzip -9, of at most %d KB\n", $$1 / 1000, $(SIZE_LIMIT) / 1000; \
		exit $$1 > $(SIZE_LIMIT) }' $(call or_fail,The Worker is too large)

# The features of the last build: changes only when they do, and the Worker is then built anew.
.tools/features: always
	@$(call remember,$$FEATURES)

dev: build
	@scripts/serve

# A Worker with every feature, for the tests of what the plain one does without.
FULL := target/full/index.js

$(FULL): $(SOURCES) | setup
	@$(call say,Building the Worker with every feature for the tests)
	@worker-build --release --no-opt --out-dir ../$(@D) worker --all-features $(call or_fail,It does not compile with every feature)

# What only the tests need. Where it is missing and apt may not bring it, a test says that it is skipped.
apt_install = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { \
	$(call say,Installing $(1) for the tests); apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null; }

browser:
	@command -v chromedriver >/dev/null || { $(call apt_install,chromium chromium-driver); } || true

python:
	@python3 -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { $(call apt_install,python3-venv); } || exit 0; $(MAKE) --silent --no-print-directory $(VENV)

$(VENV): $(REQUIREMENTS)
	@$(call say,Installing Python packages for the tests and shellcheck)
	@python3 -m venv --clear $(@D) && $(@D)/bin/pip install --quiet --disable-pip-version-check \
		$(REQUIREMENTS:%=--requirement %) \
		$(call or_fail,pip could not install the packages: mend what its message says and run make again)
	@touch $@

php:
	@php -r 'exit(class_exists("Normalizer") ? 0 : 1);' 2>/dev/null || { $(call apt_install,php-cli php-intl); } || true

# Warnings are errors here. shellcheck is a Python package: where Python is missing, it is skipped; in .ci/run it is not.
check: setup python
	@$(call say,Checking format and lints and documentation)
	@cargo fmt --all --check
	@cargo clippy --quiet --all-targets --all-features -- -D warnings
	@cargo clippy --quiet --workspace --target wasm32-unknown-unknown -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --all-features --no-deps --document-private-items
	@biome check --error-on-warnings
	@REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true redocly lint --config tests/openapi/redocly.yaml public/openapi.json
	@if [ -x $(SHELLCHECK) ] || [ -n "$$CI" ]; then $(SHELLCHECK) scripts/serve scripts/deploy .ci/run; \
		else echo "Skipped: shellcheck needs Python 3.11 or later"; fi

# A test's servers end with it and hold this pipe until then, so nothing outlives `make test`. All are of the top level
# of wrangler.toml. The tests start wrangler a hundred times, so Node keeps what it compiles; and many of them wait, so
# there are more threads than processors.
CARGO_TEST = set -o pipefail; export ENV= CLOUDFLARE_ENV= MAKEFLAGS= CARGO_TERM_COLOR=$(if $(MAKE_TERMOUT),always,auto) \
	NODE_COMPILE_CACHE=$(CURDIR)/.wrangler/compiled RUST_TEST_THREADS=$$((2 * $$(getconf _NPROCESSORS_ONLN)))
# The servers' databases are in memory where there is a file system for that, with half a gigabyte free.
IN_MEMORY = if [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 500000 ] 2>/dev/null; then \
	TEST_STATE=$$(mktemp -d -p /dev/shm) && export TEST_STATE && trap 'rm -rf "$$TEST_STATE"' EXIT; fi
FOR_TESTS := build $(FULL) browser python php

ifneq ($(origin T),command line)
# The unit tests run three times: as in the plain Worker, without features; what touches Unicode in V8, as the Worker; and
# on the host.
test: $(FOR_TESTS)
	@$(call say,Running the tests)
	@$(CARGO_TEST); $(IN_MEMORY); \
	{ cargo test --lib && cargo test --lib --all-features --target wasm32-unknown-unknown \
		&& cargo test --all-features; } 2>&1 | cat
	@touch .tools/tested
else
# The tests on the host that have T in their names. The Worker is built only if one of them calls it.
test: setup
	@$(CARGO_TEST); has=; for kind in "--lib --bins" "--test worker"; do \
		list=$$(cargo test --quiet --all-features $$kind -- --list "$$T") || exit 1; \
		[[ $$list == *': test'* ]] || continue; \
		has=1; \
		[ "$$kind" != "--test worker" ] || $(MAKE) --no-print-directory $(FOR_TESTS) || exit 1; \
		cargo test --all-features $$kind -- "$$T" 2>&1 | cat || exit 1; \
	done; \
	[ -n "$$has" ] $(call or_fail,No test has \"$$T\" in its name: cargo test --all-features -- --list lists them)
endif

MUTANTS := .tools/bin/cargo-mutants

$(MUTANTS):
	@$(call say,Building cargo-mutants: some minutes and only once)
	@cargo install --debug --root .tools --target-dir .tools/target --locked cargo-mutants@27.1.0 \
		$(call or_fail,cargo could not build it: mend what its message says and run make again)
	@rm -rf .tools/target

# .cargo/mutants.toml says which rules are changed. All of them take hours; ONLY is a regular expression for some.
mutants: $(MUTANTS)
	@cargo mutants --output target $(if $(ONLY),--re "$$ONLY")

# What was built has passed the tests.
.tools/tested: build/index.js $(shell find migrations public tests -type f)
	@$(MAKE) --no-print-directory test

BENCH_PACKAGES := bench/node_modules/.package-lock.json

$(BENCH_PACKAGES): bench/package.json bench/package-lock.json
	@$(call say,Installing from npm what the Worker is compared with)
	@cd bench && npm install --no-audit --no-fund --loglevel=error \
		$(call or_fail,npm could not install the packages: mend what its message says and run make again)
	@touch $@

# The Worker's hash alone, built like the Worker.
bench/hash/build/index.js: bench/hash/Cargo.toml bench/hash/src/lib.rs $(SOURCES) | setup
	@$(call say,Building the hash for the bench)
	@worker-build --release bench/hash $(call or_fail,The hash does not compile: mend what the message above says)

bench: build bench/hash/build/index.js $(BENCH_PACKAGES)
	@node bench/run.js

# Whether anybody is signed in is asked before the tests take their time.
signed-in: .wrangler/settings
	@wrangler whoami --json >/dev/null 2>&1 \
		$(call or_fail,wrangler is not signed in: run npx wrangler login or set CLOUDFLARE_API_TOKEN and run make again)

provision: signed-in
	@node scripts/provision.js

provisioned: .wrangler/settings
	@node scripts/provision.js --check

deploy: $(if $(DRY),build,provisioned signed-in .tools/tested)
	@scripts/deploy

verify: $(if $(CLOUDFLARE_ENV),.wrangler/settings)
	@node scripts/verify.js "$$URL"

# The block list is local, or with REMOTE=1 Cloudflare's. The tool prints the key of an address or a range, and then
# those of the ranges around it.
KV = --binding BLOCKLIST $(if $(REMOTE),--remote,--local --persist-to "$$STATE")
BLOCK_KEYS = keys=$$(target/debug/block-key "$$IP") || exit 1; key=$${keys%%$$'\n'*}

target/debug/%: $(SOURCES) | setup
	@$(call say,Building the tool $* of src/bin)
	@cargo build --quiet --bin $* $(call or_fail,It does not compile: mend what the message above says)
	@touch $@

# The reason stands in the value, for the Worker's log, and in the metadata, which a listing shows.
block: target/debug/block-key .wrangler/settings
	@$(if $(filter command environment,$(origin TTL)),[[ $$TTL =~ ^0*([6-9][0-9]|[1-9][0-9]{2,9})$$ ]] \
		$(call or_fail,TTL is \"$$TTL\": it must be a whole number of seconds and at least 60 as in TTL=3600))
	@$(BLOCK_KEYS); metadata=$$(node scripts/block_list.js metadata); \
	wrangler kv key put "$$key" "$$REASON" --metadata "$$metadata" $${TTL:+--ttl "$$TTL"} $(KV) >/dev/null \
		$(call or_fail,Nothing was blocked) && echo "Blocked: $$key"

LIST = wrangler kv key list $(KV) $(call or_fail,The block list could not be read)

# An address that a range still blocks is not let in. An entry that is younger than a minute may not be listed yet; so
# its key is deleted in any case.
unblock: target/debug/block-key .wrangler/settings
	@$(BLOCK_KEYS); list=$$($(LIST)) || exit 1; \
	wrangler kv key delete "$$key" $(KV) >/dev/null $(call or_fail,Nothing was unblocked) \
		&& node scripts/block_list.js unblocked $$keys <<< "$$list"

blocked: .wrangler/settings
	@list=$$($(LIST)) || exit 1; node scripts/block_list.js blocked <<< "$$list"

# The clients that CLIENTS = "registered" lets sign users up: a statement, made of the command's values,
# on the database that is local, or with REMOTE=1 Cloudflare's. It prints the rows that come back.
D1 = wrangler d1 execute DB $(if $(REMOTE),--remote,--local --persist-to "$$STATE")
CLIENT_SQL = sql=$$(target/debug/client-sql $(1)) || exit 1; \
	$(D1) --json --command "$$sql" | node scripts/rows.js

client: target/debug/client-sql .wrangler/settings
	@$(call CLIENT_SQL,register "$$NAME" "$$ORIGINS" "$$ID") $(call or_fail,No client was registered: where there is no such table make dev makes it)

clients: target/debug/client-sql .wrangler/settings
	@export NONE="No client is registered"; $(call CLIENT_SQL,list) \
		$(call or_fail,The clients could not be listed: where there is no such table make dev makes it)

client-disable: target/debug/client-sql .wrangler/settings
	@$(call CLIENT_SQL,disable "$$ID") $(call or_fail,No client was disabled: make clients lists their ids)

# Names from before CONFUSABLES = "deny", or from before its rule or Unicode's table changed, get their skeletons.
NAMES := SELECT id, username, username_key AS key FROM users ORDER BY id; \
	SELECT id, name, name_key AS key FROM accounts ORDER BY id

skeletons: .wrangler/settings
	@cargo build --quiet --features confusables --bin skeletons \
		$(call or_fail,It does not compile: mend what the message above says)
	@mkdir -p .wrangler && set -o pipefail && $(D1) --json --command "$(NAMES)" \
		| target/debug/skeletons > .wrangler/skeletons.sql $(call or_fail,The names could not be read)
	@[ ! -s .wrangler/skeletons.sql ] || $(D1) --yes --file .wrangler/skeletons.sql >/dev/null \
		$(call or_fail,The skeletons could not be stored)
	@echo "Names with a skeleton: $$(grep -c 'OR IGNORE' .wrangler/skeletons.sql)"

# In the block list's namespace, under a key that is no address.
breached-list: .wrangler/settings
	@wrangler kv key put breached-passwords --path data/breached-passwords $(KV) >/dev/null \
		$(call or_fail,The list was not stored) && echo "Stored the list of breached passwords"

clean:
	rm -rf build target bench/hash/build
