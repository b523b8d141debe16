# SPDX-License-Identifier: GPL-2.0-only
# freezeguard: "make help" lists the targets. Everything is built below build/.

BUILD	:= $(CURDIR)/build
KERNEL	?= 6.1
KDIR	?= /lib/modules/$(shell uname -r)/build
DESTDIR	?=
PREFIX	?= /usr/local

.DEFAULT_GOAL := all
.PHONY: all help bootstrap userspace module guest-module demo check install install-module clean

all: userspace module

help:
	@echo 'make demo            what freezeguard does, shown in a throw-away virtual machine'
	@echo 'make check           every test; ends with "N passed, N failed, N skipped"'
	@echo 'make                 freezectl, and freezeguard.ko for the running kernel'
	@echo 'make install         both, to $(PREFIX) and the running kernel'"'"'s modules'
	@echo 'make clean           remove build/'

# Both of these need more than a compiler: bootstrap installs what is missing.
bootstrap:
	@tools/bootstrap

userspace:
	@$(MAKE) --no-print-directory -C userspace O=$(BUILD)/userspace

# The kernel's build system litters the tree that it builds: give it one of links.
module:
	@tools/guest/stage $(BUILD)/module
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(BUILD)/module modules

guest-module: bootstrap
	@tools/guest/build-module $(KERNEL)

demo: bootstrap
	@$(MAKE) --no-print-directory userspace
	@tools/demo/run

check: bootstrap
	@$(MAKE) --no-print-directory userspace guest-module
	@$(MAKE) --no-print-directory -C tests/kernel O=$(BUILD)/tests/kernel
	@$(MAKE) --no-print-directory -C tests/cli O=$(BUILD)/tests/cli
	@tests/run

install: install-module
	@$(MAKE) --no-print-directory -C userspace O=$(BUILD)/userspace \
		DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) install

install-module: module
	$(MAKE) -C $(KDIR) M=$(BUILD)/module modules_install $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR))

clean:
	rm -rf $(BUILD)
