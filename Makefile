# The front door. The work is in Meson and in tools/.
PREFIX ?= /usr/local
MINUTES ?= 10

build: ## build the library, the command and the examples into build/
	@tools/packages build
	@tools/build build

run: ## build, then see kin demo: a count that stays right while its workers are killed
	@tools/packages build
	@tools/build build
	@build/cli/kin demo $(wildcard /usr/share/common-licenses) include src cli

chat: ## build, then open the chat room on port 6667 of this machine, until ^C
	@tools/packages build
	@tools/build build
	@build/chat/kin-chat

test: ## build and run all tests, with gcc, clang and the sanitizers
	@tools/packages build test
	@tools/run-tests

test-long: ## the tests that take long: other compilers and levels, real kills, a soak of MINUTES=10
	@tools/packages build test long
	@KIN_SOAK_MINUTES=$(MINUTES) tools/run-tests --long

prove: ## kill one real send at every instruction, then show each planted bug caught
	@tools/packages build prove
	@tools/build build -Dtests=true
	@tools/prove build

bench: ## measure kin beside the kernel and its peers, into build/bench.json
	@tools/packages build bench
	@tools/build build -Dbench=true
	@bench/run build

neighbours: ## kill the holder of other libraries' locks and see who hangs
	@tools/packages build neighbours
	@tools/build build
	@neighbours/run build

lib: ## the library alone: needs a C compiler and Meson
	@tools/build build-lib -Dprograms=false

install: ## install below PREFIX=/usr/local (and DESTDIR)
	@tools/packages build
	@tools/build build-install --prefix=$(abspath $(PREFIX))
	@DESTDIR=$(DESTDIR) meson install -C build-install --no-rebuild
	@[ -n "$(DESTDIR)" ] || ! [ -w /etc/ld.so.cache ] || ldconfig

clean: ## remove everything that was built
	@rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\): ## /\1: /p' Makefile | awk -F': ' '{printf "make %-11s %s\n", $$1, $$2}'

.PHONY: build run chat test test-long prove bench neighbours lib install clean help
