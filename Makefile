# SPDX-License-Identifier: GPL-2.0-only
# freezeguard: "make help" lists the targets. Everything is built below build/.

BUILD	:= $(CURDIR)/build
# tools/guest/kernels has them: those of "make check", and the one that everything else boots.
KERNELS	?= $(shell tools/guest/list check)
DEFAULT_KERNEL = $(shell tools/guest/list default)
KDIR	?= /lib/modules/$(shell uname -r)/build
DESTDIR	?=
PREFIX	?= /usr/local
# of fuzz, soak and bench
KERNEL	?= debug
MESSAGES ?= 1000000
DURATION ?= 600

.DEFAULT_GOAL := all
.PHONY: all help bootstrap userspace module guest demo demo-picture check check-all check-debug check-fresh test unit lint \
	fuzz soak bench bench-quick install install-module clean

all: userspace module

help:
	@echo 'make demo            what freezeguard does, shown in a throw-away virtual machine'
	@echo 'make demo-picture    runs the demo and draws the README'"'"'s picture of it'
	@echo 'make check           every test; ends with "N passed, N failed, N skipped"'
	@echo '                     KERNELS="$(KERNELS)": on which; known: $(shell tools/guest/list)'
	@echo '                     SUITES="static cli-$(DEFAULT_KERNEL)": only these; ALSO="fresh-13": this one, too'
	@echo 'make test SUITE=cli  one suite; KERNEL=$(DEFAULT_KERNEL): on which; ONLY=test_dlm.sh: one of its files or programs'
	@echo 'make unit            the unit tests, on this machine; ONLY=test_socket: one program'
	@echo 'make lint            what is checked without running it: warnings, sparse, shellcheck, documents'
	@echo 'make check-all       every test on every kernel, with full numbers; takes hours'
	@echo 'make check-debug     the guests'"'"' tests and KUnit on a kernel that checks itself; builds it once'
	@echo 'make check-fresh     that the README is enough on a bare Debian 12 and 13; takes root'
	@echo 'make fuzz            MESSAGES=1000000 to the module, in KERNEL=debug; SEED=N repeats a run'
	@echo 'make soak            everything at once for DURATION=600 seconds, likewise'
	@echo 'make bench           what freezes, deadlines and commands cost; KERNEL=$(DEFAULT_KERNEL), GROUPS="set idle";'
	@echo '                     adds the run to the figures and the picture of Documentation/performance.md;'
	@echo '                     ANEW=1: in place of the earlier runs'
	@echo 'make bench-quick     that all of it can be measured'
	@echo 'make                 freezectl, and freezeguard.ko for the running kernel'
	@echo 'make install         both, to $(PREFIX) and the running kernel'"'"'s modules'
	@echo 'make clean           remove build/'

# Installs what is missing; the tests' servers and checkers only for tests.
bootstrap:
	@tools/bootstrap $(if $(filter-out demo,$(MAKECMDGOALS)),,build guest demo)

# As many jobs as processors, unless make was called with -j.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

userspace: | $(if $(filter demo demo-picture check check-all check-debug test unit lint guest fuzz soak bench bench-quick,$(MAKECMDGOALS)),bootstrap)
	@$(MAKE) --no-print-directory $(JOBS) -C userspace O=$(BUILD)/userspace

# Objects land beside the sources, as the kernel's build system has it; "make clean" takes them away.
module:
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) modules

# What the guests' tests are: modules for each kernel, programs for all.
guest: bootstrap userspace
	@tools/guest/prepare $(KERNELS)
	@$(MAKE) --no-print-directory -s -C tests/kernel O=$(BUILD)/tests/kernel
	@$(MAKE) --no-print-directory -s -C tests/cli O=$(BUILD)/tests/cli
	@$(MAKE) --no-print-directory -s -C tests/hostile O=$(BUILD)/tests/hostile
	@$(MAKE) --no-print-directory -s -C tests/fuzz O=$(BUILD)/tests/fuzz
	@$(MAKE) --no-print-directory -s -C tests/soak O=$(BUILD)/tests/soak
	@$(MAKE) --no-print-directory -s -C tests/bench O=$(BUILD)/tests/bench
	@$(MAKE) --no-print-directory -s -C tests/observer O=$(BUILD)/tests/observer
	@tests/apps/templates $(BUILD)/tests/apps

demo: bootstrap userspace
	@tools/demo/run

demo-picture: bootstrap userspace
	@mkdir -p $(BUILD)
	@tools/demo/run >$(BUILD)/demo.log || { cat $(BUILD)/demo.log; exit 1; }
	@tools/demo/picture.py $(BUILD)/demo.log >$(BUILD)/demo.svg
	@mv $(BUILD)/demo.svg Documentation/demo.svg

check: guest
	@KERNELS='$(KERNELS)' ALSO='$(ALSO)' tests/run $(SUITES)

# One suite, by its name without the kernel. These need no guest.
HOST_SUITES := unit static ssm databases
ifneq ($(filter test,$(MAKECMDGOALS)),)
$(if $(SUITE),,$(error make test needs a suite, for example SUITE=cli ONLY=test_dlm.sh))
endif
test: KERNEL = $(DEFAULT_KERNEL)
test: KERNELS = $(KERNEL)
test: $(if $(filter $(HOST_SUITES),$(SUITE)),userspace,guest)
	@KERNELS='$(KERNELS)' ONLY='$(ONLY)' tests/run $(SUITE)

unit: userspace
	@ONLY='$(ONLY)' tests/run unit

lint: userspace
	@tests/run static

# PATIENCE multiplies the suites' timeouts.
check-all: KERNELS := $(shell tools/guest/list check-all)
check-all: export PART := all
check-all: guest
	@KERNELS='$(KERNELS)' HOSTILE_TRIES=20 ROUNDS=10 PATIENCE=4 tests/run

check-debug: KERNELS := $(shell tools/guest/list check-debug)
check-debug: guest
	@KERNELS='$(KERNELS)' tests/run $(shell tools/guest/list --suites debug)

check-fresh:
	@tests/run fresh-12 fresh-13

fuzz soak: KERNELS := $(KERNEL)

# kmemleak's stack trace of every allocation makes it four times slower; "make check-debug" has it.
fuzz: guest
	@tools/vm-run --kernel $(KERNEL) --append kmemleak=off --allow 'leak detector disabled' --timeout $$((600 + $(MESSAGES) / 100)) -- \
		tests/fuzz/run --messages $(MESSAGES) $(if $(SEED),--seed $(SEED))

soak: guest
	@tools/vm-run --kernel $(KERNEL) --timeout $$((600 + $(DURATION))) -- \
		tests/soak/run --seconds $(DURATION) $(if $(SEED),--seed $(SEED))

bench bench-quick: KERNEL = $(DEFAULT_KERNEL)
bench bench-quick: KERNELS = $(KERNEL)

# The table and build/bench/figures.json, and from these what performance.md shows.
bench: guest
	@mkdir -p $(BUILD)/bench
	@tools/vm-run --kernel $(KERNEL) --memory 2048 --timeout 2400 --output $(BUILD)/bench -- \
		tests/bench/run --output $(BUILD)/bench $(GROUPS)
	@tests/bench/publish.py --merge $(BUILD)/bench/figures.json $(if $(ANEW),--anew) Documentation

bench-quick: guest
	@KERNELS=$(KERNEL) tests/run bench

install: install-module
	@$(MAKE) --no-print-directory -C userspace O=$(BUILD)/userspace \
		DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) install

install-module: module
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) modules_install \
		$(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR))
	$(if $(DESTDIR),,depmod -a $$(awk -F'"' '/UTS_RELEASE/ { print $$2 }' \
		$(KDIR)/include/generated/utsrelease.h))

clean:
	@[ ! -e $(KDIR) ] || $(MAKE) --no-print-directory -s -C $(KDIR) M=$(CURDIR) clean
	rm -rf $(BUILD)
