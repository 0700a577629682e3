# The commands of contributors and operators; `make` alone lists them. They install everything below this folder
# (node_modules, .tools, target), except rustup's toolchain and the system packages of the tests.

SHELL := bash
.NOTPARALLEL:

# The commands take variables, as in `make dev PORT=9000`. The recipes read them from the environment, so the shell never
# runs a value as code. make itself would expand the value of its command line, as in NAME='$(shell …)', so each value
# becomes the text that was written. Its origin is then "override".
$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(eval override $(name) := $$(value $(name)))$(eval export $(name))))

# The environment of wrangler.toml that a command is for. wrangler takes an empty name as the top level, and warns if
# the variable is missing. Some shells set an ENV of their own, the path of a file: that value is dropped.
ifeq ($(origin ENV)$(findstring /,$(ENV)),environment/)
ENV :=
endif
export CLOUDFLARE_ENV := $(or $(ENV),$(CLOUDFLARE_ENV))

# The programs of the npm packages come first: one of them is a Node that wrangler accepts.
export PATH := $(CURDIR)/node_modules/.bin:$(CURDIR)/.tools/bin:$(PATH)

# Without these variables worker-build would download the three programs, which are installed here already.
export WASM_BINDGEN_BIN := $(CURDIR)/.tools/bin/wasm-bindgen
export WASM_OPT_BIN := $(CURDIR)/node_modules/.bin/wasm-opt
export ESBUILD_BIN := $(CURDIR)/node_modules/.bin/esbuild

# The operators' commands are those of this program. $(call option,name) passes a variable on as an option, if it is set.
EDGE_SIGNUP := node scripts/edge-signup.js
option = $(if $(filter override environment,$(origin $(1))),"--$(or $(2),$(shell tr A-Z a-z <<< $(1)))=$$$(1)")

# $(call locked,crate) is the version of a crate in Cargo.lock: the tools must match their libraries.
locked = $(shell awk '/^name = "$(1)"$$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' Cargo.lock)
WORKER_BUILD := worker-build@$(call locked,worker)
WASM_BINDGEN := wasm-bindgen-cli@$(call locked,wasm-bindgen)

PACKAGES := node_modules/.package-lock.json
TOOLS := .tools/$(WORKER_BUILD)+$(WASM_BINDGEN)
VENV := .tools/venv/.installed
# The rules of the library that the operators' program shares with the Worker.
TOOLS_WASM := scripts/tools/index_bg.wasm
# The last file of dist/ that is written.
PACKED := dist/SHA256SUMS
SHELLCHECK := $(dir $(VENV))bin/shellcheck
REQUIREMENTS := $(wildcard tests/*/requirements.txt scripts/requirements.txt)
SOURCES := $(shell find src worker -type f) Cargo.toml Cargo.lock .cargo/config.toml scripts/link-wasm

# The Cargo features of the Worker. The settings decide which features it needs; FEATURES=confusables overrides them.
ifndef FEATURES
FEATURES := $(shell grep -q "^ *CONFUSABLES *= *[\"']deny[\"']" wrangler.toml && echo confusables)
endif
export FEATURES

# The limit of the Worker's size, in bytes after gzip -9. With features it is the limit of the free plan.
SIZE_LIMIT := $(if $(FEATURES),3000000,101000)

# $(call say,text) announces a long step, in bold on a terminal. A comma would end the argument of the call, so the
# text must not have one.
say = echo "$(if $(MAKE_TERMOUT),$(shell tput bold 2>/dev/null))==> $(1)$(if $(MAKE_TERMOUT),$(shell tput sgr0 2>/dev/null))"

# $(call or_fail,advice) stands at the end of a command. If the command fails, it prints the advice and stops.
or_fail = || { echo "$(1)" >&2; exit 1; }

# A target whose recipe fails is deleted, so the next make builds it again. `make dev` needs the previous Workers, so
# they are kept: $(call or_fail_again,advice) makes such a target old instead.
.DELETE_ON_ERROR:
or_fail_again = || { touch -c -t 197001020000 $@; echo "$(1)" >&2; exit 1; }

.PHONY: always help setup build examples dev check test mutants bench browser python php settings third-party package release \
	provision deployable deploy verify grow freeze shards block unblock blocked client clients client-disable skeletons \
	breached-list import webhook webhooks clean

help:
	@echo "make dev        serve the Worker on http://127.0.0.1:8787, and its admin on 8788 [PORT=9000] [STATE=dir] [DATABASES=4] [ADMIN=no]"
	@echo "make check      check the format, lints and documentation, in less than a minute"
	@echo "make test       run every test, or only the tests with a word in their names [T=block_list]"
	@echo "make mutants    change the rules one by one, and list the changes that no unit test notices [ONLY=src/routes.rs]"
	@echo "make bench      compare the Worker with its alternatives [QUICK=1] [ONLY=sign-up,users] [PEERS=hono]"
	@echo "make build      build the Worker in build/ and the client in packages/client/dist/, and print their sizes"
	@echo "make examples   build the pages of examples/ that use the element"
	@echo "make package    fill dist/ with the ready-made packages"
	@echo "make release VERSION=1.2.3   check everything, write the heading of the changelog and a tag; publishes nothing"
	@echo "make third-party   list the licences and the crates of the Worker again, after a change of Cargo.lock"
	@echo "make provision  make the remote database and block list once: [LOCATION=weur] or [JURISDICTION=eu]"
	@echo "make deploy     run the tests after a change, migrate the remote database, deploy, verify [URL=https://…] [DRY=1] [ADMIN=no]"
	@echo "make grow       add a generation of databases: N=4 [LOCATION=weur] or [JURISDICTION=eu]"
	@echo "make freeze     freeze the first generation that takes sign-ups; the next one takes them then [LOCAL=1]"
	@echo "make shards     list the databases: their generations, rows and sizes [LOCAL=1] [DATABASES=4]"
	@echo "make verify     check a running service from outside: URL=https://… [CLIENT_ID=…]"
	@echo "make block      block an address or a range: IP=203.0.113.7 [REASON=spam] [TTL=3600] [REMOTE=1]"
	@echo "make unblock    unblock an address or a range: IP=203.0.113.7 [REMOTE=1]"
	@echo "make blocked    list the blocked addresses and ranges [REMOTE=1]"
	@echo "make client     register a client or change one: NAME=shop [ORIGINS=https://shop.example] [ID=…] [REMOTE=1]"
	@echo "make clients    list the registered clients [REMOTE=1]"
	@echo "make client-disable ID=…   refuse the sign-ups of a client [REMOTE=1]"
	@echo "make skeletons  store the skeletons of the existing names, for CONFUSABLES = \"deny\" [REMOTE=1] [DATABASES=4]"
	@echo "make breached-list  store the list of breached passwords, for BREACHED_PASSWORDS = \"list\" [REMOTE=1]"
	@echo "make import     store the users of a file: FILE=users.ndjson [FROM=auth0 CLIENT_ID=…] [URL=https://…] [DRY=1] [FAILURES=FILE]"
	@echo "make webhook    tell a server of events: URL=https://… [EVENTS=user.created] [CLIENT=…] [SIGNATURE=v1a] [ADMIN_URL=https://…]"
	@echo "make webhooks   list the servers that are told of events [ADMIN_URL=https://…]"
	@echo "make clean      delete all build output; installed tools and stored data stay"
	@echo "ENV=staging     run any of these commands for that environment of wrangler.toml"

setup: $(PACKAGES) $(TOOLS)

$(PACKAGES): package.json package-lock.json
	@command -v npm >/dev/null $(call or_fail,Node 20 or later with npm is needed: see https://nodejs.org)
	@$(call say,Installing wrangler and esbuild and Node and other tools from npm)
	@npm install --no-audit --no-fund --loglevel=error \
		$(call or_fail,npm could not install the packages: fix the problem that it reports and run make again)
	@touch $@

$(TOOLS):
	@command -v rustup >/dev/null $(call or_fail,Rust by rustup is needed: see https://rustup.rs)
	@$(call say,Installing the Rust toolchain that rust-toolchain.toml names)
	@rustup --quiet toolchain install --no-self-update \
		$(call or_fail,rustup (1.28 or later) could not install the toolchain: fix the problem that it reports and run make again)
	@$(call say,Building $(WORKER_BUILD) and $(WASM_BINDGEN): this takes some minutes and happens once)
	@cargo install --debug --root .tools --target-dir .tools/target $(OPENSSL) $(WORKER_BUILD) $(WASM_BINDGEN) \
		$(call or_fail,cargo could not build the tools (they need a C compiler and perl): fix the problem that it reports and run make again)
	@rm -rf .tools/target && touch $@

# On Linux worker-build links OpenSSL. If the headers of OpenSSL are missing, cargo builds OpenSSL from source too.
OPENSSL = $(if $(filter Linux,$(shell uname)),$(shell pkg-config --exists openssl 2>/dev/null || echo --features ureq/vendored))

# The tools of the commands, if the code that is shared with the Worker must read SHARDS.
LISTED := $(if $(DATABASES)$(shell grep '^ *SHARDS *=' wrangler.toml),scripts/tools/index_bg.wasm)

# The settings must be good before anything is built. A failing build would end a running `make dev`, which sets
# IS_SERVING and checks the settings itself.
settings: setup $(if $(IS_SERVING),,$(LISTED))
	@[ -n "$$IS_SERVING" ] || $(EDGE_SIGNUP) settings

# $(call remember,text) compares the text with the target's content, and writes it there if they differ.
remember = mkdir -p $(@D) && echo "$(1)" | cmp --silent - $@ || echo "$(1)" > $@

build: build/index.js public/client.js public/edge-sign-up.js admin/public/uplot.js

# `wrangler dev` interrupts a build when another change comes. make must then keep the previous Worker.
.PRECIOUS: build/index.js build/admin/index.js

build/index.js: $(SOURCES) build/.features | settings
	@$(call say,Building the Worker$(if $(wildcard target/wasm32-unknown-unknown/release),,: two minutes the first time))
	@worker-build --release --out-dir ../build worker --features "$$FEATURES" $(call or_fail_again,The Worker does not compile: fix the errors above)
	@# Function names would be an eighth of the upload.
	@wasm-opt --strip-debug --strip-producers build/index_bg.wasm -o build/index_bg.wasm $(call or_fail_again,wasm-opt failed)
	@gzip -9c build/index_bg.wasm build/index.js | wc -c | awk '{ \
		printf "==> The Worker takes %.1f KB after gzip -9; the limit is %d KB\n", $$1 / 1000, $(SIZE_LIMIT) / 1000; \
		exit $$1 > $(SIZE_LIMIT) }' $(call or_fail_again,The Worker is too large)

# The features of the last build. This file changes only with the features, and the Worker is then built again.
build/.features: always
	@$(call remember,$$FEATURES)

# ADMIN=no leaves the admin Worker out of `make dev` and `make deploy`.
ADMIN_BUILT := $(if $(filter no,$(ADMIN)),,build/admin/index.js)

# The admin Worker, which always has the table of look-alike characters.
build/admin/index.js: $(SOURCES) $(shell find admin/src -type f) admin/Cargo.toml | settings
	@$(call say,Building the admin Worker)
	@worker-build --release --out-dir ../build/admin admin $(call or_fail_again,The admin Worker does not compile: fix the errors above)
	@wasm-opt --strip-debug --strip-producers build/admin/index_bg.wasm -o build/admin/index_bg.wasm $(call or_fail_again,wasm-opt failed)

# The client of packages/client, as pages load it, and the script of its thread. git ignores the built files: wrangler
# runs `make build` before it serves or deploys, and so do `make test` and `make deploy DRY=1`. So a fresh clone has
# them in time, and they cannot differ from their sources. A word of openapi.json that the client does not know is an
# error of the compiler, and so of every build.
CLIENT := packages/client
CLIENT_SIZE_LIMIT := 6000

public/client.js: $(shell find $(CLIENT)/src $(CLIENT)/*.json -type f ! -name openapi.ts) public/openapi.json | setup
	@$(call say,Building the client)
	@openapi-typescript public/openapi.json --output $(CLIENT)/src/openapi.ts >/dev/null \
		$(call or_fail,The types of public/openapi.json could not be made: make check finds its errors)
	@tsc --project $(CLIENT) $(call or_fail,The client does not compile: fix the errors above)
	@esbuild $(CLIENT)/src/solver.ts $(BUNDLE) --format=iife --outfile=$(CLIENT)/dist/solver.js
	@esbuild $(CLIENT)/src/client.ts $(BUNDLE) --format=esm --outfile=$(CLIENT)/dist/client.js \
		--alias:solver-script=./$(CLIENT)/dist/solver.js --loader:.js=text --banner:js="// @edge-signup/client, MIT OR Apache-2.0"
	@gzip -9c $(CLIENT)/dist/client.js | wc -c | awk '{ \
		printf "==> The client takes %.1f KB after gzip -9; the limit is %d KB\n", $$1 / 1000, $(CLIENT_SIZE_LIMIT) / 1000; \
		exit $$1 > $(CLIENT_SIZE_LIMIT) }' $(call or_fail,The client is too large)
	@cp $(CLIENT)/dist/solver.js $(CLIENT)/dist/client.js public

BUNDLE := --bundle --minify --target=es2022 --log-level=warning

# The custom element of packages/element with the client in it, and a file for each language but English.
ELEMENT := packages/element
ELEMENT_SIZE_LIMIT := 12000

public/edge-sign-up.js: $(shell find $(ELEMENT) -type f ! -path '*/dist/*') public/client.js
	@$(call say,Building the element)
	@tsc --project $(ELEMENT) $(call or_fail,The element does not compile: fix the errors above)
	@esbuild $(ELEMENT)/src/style.css --minify --log-level=warning --outfile=$(ELEMENT)/dist/style.css
	@esbuild $(ELEMENT)/src/element.ts $(BUNDLE) --format=esm --charset=utf8 --outfile=$(ELEMENT)/dist/edge-sign-up.js \
		--alias:solver-script=./$(ELEMENT)/src/solver-script.ts \
		--alias:style-sheet=./$(ELEMENT)/dist/style.css --loader:.css=text --banner:js="// edge-signup, MIT OR Apache-2.0"
	@gzip -9c $(ELEMENT)/dist/edge-sign-up.js | wc -c | awk '{ \
		printf "==> The element takes %.1f KB after gzip -9; the limit is %d KB\n", $$1 / 1000, $(ELEMENT_SIZE_LIMIT) / 1000; \
		exit $$1 > $(ELEMENT_SIZE_LIMIT) }' $(call or_fail,The element is too large)
	@for file in $(filter-out %/en.ts,$(wildcard $(ELEMENT)/src/texts/*.ts)); do \
		esbuild $$file $(BUNDLE) --format=esm --charset=utf8 --outfile=public/edge-sign-up.$$(basename $$file .ts).js || exit 1; done
	@cp $(ELEMENT)/dist/edge-sign-up.js public

# The files that the page of the admin takes from elsewhere: those that it shares with the console, and uPlot, which draws its
# plot. uPlot is small, is maintained, has no dependency, and works under the page's strict policy. git ignores the files.
admin/public/uplot.js: $(addprefix public/,console.css dom.js favicon.svg) $(PACKAGES)
	@cp public/console.css public/dom.js public/favicon.svg $(@D)
	@cp node_modules/uplot/dist/uPlot.min.css $(@D)/uplot.css
	@esbuild node_modules/uplot/dist/uPlot.esm.js $(BUNDLE) --format=esm --outfile=$@ --banner:js="// uPlot, MIT, https://github.com/leeoniya/uPlot"

# Deno and Bun, which only the tests of the client need.
RUNTIMES := tests/client/node_modules/.package-lock.json

$(RUNTIMES): tests/client/package.json tests/client/package-lock.json
	@$(call say,Installing Deno and Bun for the tests)
	@cd $(<D) && npm install --no-audit --no-fund --loglevel=error \
		$(call or_fail,npm could not install the packages: fix the problem that it reports and run make again)
	@touch $@

EXAMPLES := examples/node_modules/.package-lock.json

$(EXAMPLES): examples/package.json examples/package-lock.json $(wildcard examples/*/package.json)
	@$(call say,Installing the packages of the examples from npm)
	@cd examples && npm install --no-audit --no-fund --loglevel=error \
		$(call or_fail,npm could not install the packages: fix the problem that it reports and run make again)
	@touch $@

# The pages in React and Vue and Svelte that use the element.
examples: $(EXAMPLES)
	@for name in react vue svelte; do (cd examples/$$name && npx vite build --logLevel warn) || exit 1; done

dev: build $(ADMIN_BUILT)
	@$(EDGE_SIGNUP) dev

# A Worker with every feature, for the tests of the features that the plain Worker leaves out.
FULL := target/full/index.js

$(FULL): $(SOURCES) | setup
	@$(call say,Building the Worker with every feature for the tests)
	@worker-build --release --no-opt --out-dir ../$(@D) worker --all-features $(call or_fail,The Worker does not compile with every feature: fix the errors above)

# The system packages of the tests. If a package is missing and apt may not install it, the tests that need it say
# that they are skipped.
apt_install = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { \
	$(call say,Installing $(1) for the tests); apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null; }

browser:
	@command -v chromedriver >/dev/null || { $(call apt_install,chromium chromium-driver); } || true

python:
	@python3 -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { $(call apt_install,python3-venv); } || exit 0; $(MAKE) --silent --no-print-directory $(VENV)

$(VENV): $(REQUIREMENTS)
	@$(call say,Installing shellcheck and the tests' Python packages)
	@python3 -m venv --clear $(@D) && $(@D)/bin/pip install --quiet --disable-pip-version-check \
		$(REQUIREMENTS:%=--requirement %) \
		$(call or_fail,pip could not install the packages: fix the problem that it reports and run make again)
	@touch $@

# The languages of the documents that npm, PyPI and crates.io do not have.
php:
	@command -v ruby >/dev/null || { $(call apt_install,ruby); } || true
	@php -r 'exit(class_exists("Normalizer") ? 0 : 1);' 2>/dev/null || { $(call apt_install,php-cli php-intl); } || true

# Warnings are errors here. shellcheck comes as a Python package. Without Python it is skipped, except in .ci/run,
# which then fails.
check: setup python public/edge-sign-up.js
	@$(call say,Checking format and lints and documentation)
	@cargo fmt --all --check
	@cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
	@cargo clippy --quiet --workspace --target wasm32-unknown-unknown -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --all-features --no-deps --document-private-items
	@biome check --error-on-warnings
	@tsc --project tests/client
	@REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true redocly lint --config tests/openapi/redocly.yaml public/openapi.json admin/public/openapi.json
	@if [ -x $(SHELLCHECK) ] || [ -n "$$CI" ]; then $(SHELLCHECK) scripts/link-wasm .ci/run; \
		else echo "Skipped: shellcheck needs Python 3.11 or later"; fi

# The settings of every test run. The tests use the top level of wrangler.toml, so ENV is emptied. Many of them wait
# for a server, so there are more threads than processors. Their output goes through `| cat`. Each server holds this
# pipe until it ends, so the command ends after its last server.
CARGO_TEST = set -o pipefail; export ENV= CLOUDFLARE_ENV= MAKEFLAGS= CARGO_TERM_COLOR=$(if $(MAKE_TERMOUT),always,auto) \
	RUST_TEST_THREADS=$$((2 * $$(getconf _NPROCESSORS_ONLN)))
# The tests' servers keep their databases in memory if /dev/shm has half a gigabyte free.
IN_MEMORY = if [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 500000 ] 2>/dev/null; then \
	TEST_STATE=$$(mktemp -d -p /dev/shm) && export TEST_STATE && trap 'rm -rf "$$TEST_STATE"' EXIT; fi
FOR_TESTS := build build/admin/index.js $(FULL) $(TOOLS_WASM) $(EXAMPLES) $(RUNTIMES) $(if $(FEATURES),,$(PACKED)) browser python php

# The tests expect the settings of tests/wrangler.toml, with which the project comes. If wrangler.toml has others, the
# tests run in a copy of the project that has those of tests/wrangler.toml. Names, ids and addresses make no difference.
# The copy shares the installed tools. It has builds of its own, and a target/ that it keeps: each test has the path of its
# folder in it, and cargo would not compile it again for another folder.
DEFAULTS := tests/wrangler.toml
COPY := target/defaults
SHARED := .tools $(dir $(PACKAGES) $(EXAMPLES) $(RUNTIMES))

settings_of = <(sed -E '/^(name|database_name|database_id|id|routes|workers_dev|preview_urls) *=/d' $(1))
ifneq ($(shell cmp -s $(call settings_of,wrangler.toml) $(call settings_of,$(DEFAULTS)) || echo differs),)
test: setup $(EXAMPLES) $(RUNTIMES)
	@$(call say,Copying the project with the settings of $(DEFAULTS) to $(COPY) for the tests)
	@mkdir -p $(COPY) && find $(COPY) -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
	@git -c core.quotePath=off ls-files --cached --others --exclude-standard | while read -r file; do [ ! -f "$$file" ] || echo "$$file"; done \
		| tar -cf - -T - | tar -C $(COPY) -xf - $(call or_fail,The project could not be copied)
	@for folder in $(SHARED:/=); do ln -s "$(CURDIR)/$$folder" "$(COPY)/$$folder" || exit 1; done
	@cp $(DEFAULTS) $(COPY)/wrangler.toml
	@sed -E '/^(ACCESS|OUTCOMES)_/d' admin/wrangler.toml > $(COPY)/admin/wrangler.toml
	@env -u FEATURES CLOUDFLARE_ENV= $(MAKE) --no-print-directory -C $(COPY) test ENV=
else ifeq ($(filter override,$(origin T)),)
# The black-box tests that also run on five databases: one that is frozen, and four that take the sign-ups. The tests of the
# admin have several databases of their own.
SCALED := accounts:: confusables:: guards:: races:: retries:: sign_up::

# The unit tests run on the host without features, as in the plain Worker. Those that touch Unicode then run in V8,
# whose normalisation the Worker uses. Then all run on the host with every feature, with the black-box tests. Some of
# these run again on five databases.
test: $(FOR_TESTS)
	@$(call say,Running the tests)
	@touch .tools/testing
	@$(CARGO_TEST); $(IN_MEMORY); \
	{ cargo test --lib && cargo test --lib --all-features --target wasm32-unknown-unknown \
		&& node --test --test-reporter=dot tests/program/*.js \
		&& cargo test --workspace --all-features --tests \
		&& TEST_SHARDS=1+4 cargo test --all-features --test worker -- $(SCALED) --skip admin::; } 2>&1 | cat
	@mv .tools/testing .tools/tested
else
# The tests on the host whose names contain T. The Worker is built only if one of them is in tests/worker.
test: setup
	@$(CARGO_TEST); has=; for kind in "--workspace --lib" "--test house" "--test model" "--test worker"; do \
		list=$$(cargo test --quiet --all-features $$kind -- --list "$$T") || exit 1; \
		[[ $$list == *': test'* ]] || continue; \
		has=1; \
		[ "$$kind" != "--test worker" ] || $(MAKE) --no-print-directory $(FOR_TESTS) || exit 1; \
		cargo test --all-features $$kind -- "$$T" 2>&1 | cat || exit 1; \
	done; \
	[ -n "$$has" ] $(call or_fail,No test has \"$$T\" in its name: cargo test --all-features -- --list lists all names)
endif

MUTANTS := .tools/bin/cargo-mutants

$(MUTANTS):
	@$(call say,Building cargo-mutants: this takes some minutes and happens once)
	@cargo install --debug --root .tools --target-dir .tools/target --locked cargo-mutants@27.1.0 \
		$(call or_fail,cargo could not build cargo-mutants: fix the problem that it reports and run make again)
	@rm -rf .tools/target

# .cargo/mutants.toml says which rules of the library are changed, and .cargo/mutants-admin.toml those of the admin. A
# full run takes about two hours; ONLY is a regular expression that chooses some of the changes.
mutants: $(MUTANTS)
	@failed=; for of in "" "--config .cargo/mutants-admin.toml --package edge-signup-admin"; do \
		cargo mutants --output "target/mutants$${of:+-admin}" $$of $(if $(ONLY),--re "$$ONLY") || failed=1; \
	done; [ -z "$$failed" ]

# The files that git ignores among the sources: make builds them.
BUILT := public/client.js public/solver.js public/edge-sign-up% $(CLIENT)/src/openapi.ts scripts/tools/% \
	$(addprefix admin/public/,console.css dom.js favicon.svg uplot.js uplot.css)

# The time at which the tests began that last passed. `make deploy` runs the tests again if a source of a Worker, of a
# command, of a package or of a test is newer.
.tools/tested: $(SOURCES) $(filter-out $(BUILT),$(shell find admin examples migrations packages public scripts tests tools -type f \
		-not -path '*/node_modules/*' -not -path '*/dist/*'))
	@$(MAKE) --no-print-directory test

BENCH_PACKAGES := bench/node_modules/.package-lock.json

$(BENCH_PACKAGES): bench/package.json bench/package-lock.json
	@$(call say,Installing the bench's packages from npm)
	@cd bench && npm install --no-audit --no-fund --loglevel=error \
		$(call or_fail,npm could not install the packages: fix the problem that it reports and run make again)
	@touch $@

# The Worker's password hash alone, built like the Worker.
bench/hash/build/index.js: bench/hash/Cargo.toml bench/hash/src/lib.rs $(SOURCES) | setup
	@$(call say,Building the password hash for the bench)
	@worker-build --release bench/hash $(call or_fail,The hash does not compile: fix the errors above)

# The hash of the crate argon2, built for the processor of this machine.
target/native/native: bench/native/Cargo.toml bench/native/src/main.rs Cargo.toml Cargo.lock | setup
	@$(call say,Building the native hash for the bench)
	@RUSTFLAGS="-C target-cpu=native" cargo build --quiet --profile native --package native \
		$(call or_fail,The native hash does not compile: fix the errors above)
	@touch $@

bench: build bench/hash/build/index.js target/native/native $(BENCH_PACKAGES)
	@node bench/run.js

$(TOOLS_WASM): $(SOURCES) $(wildcard tools/*) | setup
	@$(call say,Building the tools of the commands)
	@cargo build --quiet --release --target wasm32-unknown-unknown --package edge-signup-tools \
		$(call or_fail,The tools do not compile: fix the errors above)
	@wasm-bindgen --target nodejs --no-typescript --out-dir $(@D) --out-name index \
		target/wasm32-unknown-unknown/release/edge_signup_tools.wasm
	@wasm-opt --strip-debug --strip-producers $@ -o $@

# The Worker with the table of look-alike characters, which a package carries beside the plain one.
CONFUSABLES := target/confusables/index.js

$(CONFUSABLES): $(SOURCES) | setup
	@$(call say,Building the Worker with the table of look-alike characters)
	@worker-build --release --out-dir ../$(@D) worker --features confusables $(call or_fail,The Worker does not compile with confusables: fix the errors above)
	@wasm-opt --strip-debug --strip-producers $(@D)/index_bg.wasm -o $(@D)/index_bg.wasm

CYCLONEDX := .tools/bin/cargo-cyclonedx

$(CYCLONEDX):
	@$(call say,Building cargo-cyclonedx: this takes some minutes and happens once)
	@cargo install --debug --root .tools --target-dir .tools/target --locked cargo-cyclonedx@0.5.9 \
		$(call or_fail,cargo could not build cargo-cyclonedx: fix the problem that it reports and run make again)
	@rm -rf .tools/target

# The list of all crates in both Workers with every feature, and their licences: the other wasm files of a package have no
# further crate. Both lists depend only on the locks and are part of the sources, so a package needs no tool.
third-party: $(CYCLONEDX) $(PACKAGES)
	@$(call say,Listing the crates and their licences)
	@for worker in worker admin; do \
		cargo cyclonedx --quiet --manifest-path $$worker/Cargo.toml --all-features --target wasm32-unknown-unknown --format json \
			--override-filename sbom $(call or_fail,The list of crates could not be made: see above); done
	@trap 'rm -f sbom.json */sbom.json */*/sbom.json' EXIT; \
		node packages/create/sbom.js worker/sbom.json admin/sbom.json > target/sbom.cdx.json && mv target/sbom.cdx.json packages/create
	@node packages/create/licences.js > target/THIRD-PARTY.md && mv target/THIRD-PARTY.md packages/create

# Every file of a folder gets the time of the commit.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)

$(PACKED): build/index.js build/admin/index.js public/client.js public/edge-sign-up.js admin/public/uplot.js $(CONFUSABLES) $(TOOLS_WASM) wrangler.toml package.json package-lock.json \
		$(wildcard docs/* worker/*.js admin/*.js admin/*.toml packages/create/*) \
		$(shell find scripts migrations public admin/public data -type f -not -path 'scripts/tools/*')
	@[ -z "$$FEATURES" ] $(call or_fail,A package carries the plain Worker too: leave CONFUSABLES out of wrangler.toml)
	@$(call say,Packing)
	@node packages/create/assemble.js

package: $(PACKED)

# The checks of a release, then the heading of the changelog and a tag. Nothing is published.
release: check .tools/tested package
	@node packages/create/release.js "$$VERSION"

provision: settings
	@$(EDGE_SIGNUP) provision $(call option,LOCATION) $(call option,JURISDICTION)

# `make deploy` checks the ids and the login before it runs the tests, which take minutes.
deployable: settings
	@$(EDGE_SIGNUP) deploy --check

deploy: $(if $(DRY),build $(ADMIN_BUILT),deployable .tools/tested)
	@$(EDGE_SIGNUP) deploy $(if $(DRY),--dry,--checked) $(if $(URL),"$$URL")

# A service grows by these commands: docs/scaling.md.
grow: $(TOOLS_WASM) settings
	@$(EDGE_SIGNUP) grow $(call option,LOCATION) $(call option,JURISDICTION) -- "$$N"

freeze: $(LISTED) settings
	@$(EDGE_SIGNUP) freeze $(if $(LOCAL),--local)

shards: $(LISTED) settings
	@$(EDGE_SIGNUP) shards $(if $(LOCAL),--local)

verify: $(if $(CLOUDFLARE_ENV),setup)
	@$(EDGE_SIGNUP) verify "$$URL"

# The commands on the block list, the clients and the names. With REMOTE=1 they work on what is deployed.
ON := $(if $(REMOTE),--remote)

block: $(TOOLS_WASM)
	@$(EDGE_SIGNUP) block $(ON) $(call option,TTL) $(call option,REASON) -- "$$IP"

unblock: $(TOOLS_WASM)
	@$(EDGE_SIGNUP) unblock $(ON) -- "$$IP"

blocked: setup $(LISTED)
	@$(EDGE_SIGNUP) blocked $(ON)

client: $(TOOLS_WASM)
	@$(EDGE_SIGNUP) client $(ON) $(call option,ORIGINS) $(call option,ID) -- "$$NAME"

clients: $(TOOLS_WASM)
	@$(EDGE_SIGNUP) clients $(ON)

client-disable: $(TOOLS_WASM)
	@$(EDGE_SIGNUP) client-disable $(ON) -- "$$ID"

skeletons: $(TOOLS_WASM)
	@$(EDGE_SIGNUP) skeletons $(ON)

breached-list: setup $(LISTED)
	@$(EDGE_SIGNUP) breached-list $(ON)

# Desktops set a USERNAME of their own, so it counts only on the command line.
import: setup
	@$(EDGE_SIGNUP) import $(call option,FROM) $(call option,CLIENT_ID,client) $(call option,URL) $(call option,FAILURES) \
		$(call option,ROUNDS) $(call option,MEM_COST,mem-cost) $(if $(filter override,$(origin USERNAME)),"--username=$$USERNAME") \
		$(if $(DRY),--dry) -- "$$FILE"

# Desktops may set CLIENT or EVENTS for other programs, so they count only on the command line.
webhook: setup
	@$(EDGE_SIGNUP) webhook $(foreach name,EVENTS CLIENT SIGNATURE,$(if $(filter override,$(origin $(name))),$(call option,$(name)))) \
		$(call option,ADMIN_URL,admin) -- "$$URL"

webhooks: setup
	@$(EDGE_SIGNUP) webhooks $(call option,ADMIN_URL,admin)

clean:
	rm -rf build target dist scripts/tools bench/hash/build examples/*/dist $(CLIENT)/dist $(ELEMENT)/dist .wrangler.dev.json \
		$(subst %,*,$(BUILT))
