# SPDX-License-Identifier: GPL-2.0-only
# How the guests' suites make their programs: make -C tests/SUITE [O=DIR]. A suite's Makefile says of which
# objects each program is, and what else is in `all`; sources are its own and those of tests/lib.

ROOT	:= $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
O	?= $(ROOT)/build/tests/$(notdir $(CURDIR))
SPEC	:= $(ROOT)/Documentation/netlink/specs/freezeguard.yaml
HEADER	:= $(ROOT)/module/uapi/linux/freezeguard.h
CFLAGS	?= -O2 -g

.PHONY: all clean
.SECONDARY:
all:

# what every program that freezes is linked with
KT	:= $(addprefix $(O)/,kt.o kt_leases.o kt_writer.o kt_threads.o fgnl.o fgnl_lease.o)

vpath %.c $(CURDIR) $(ROOT)/tests/lib
$(O)/%.o: %.c $(wildcard $(CURDIR)/*.h $(ROOT)/tests/lib/*.h) $(HEADER) | $(O)
	$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wno-missing-field-initializers $(CFLAGS) \
		-I$(ROOT)/module/uapi -I$(ROOT)/tests/lib -I$(O) -c -o $@ $<

# The programs: their objects are named by the includer.
link = $(CC) $(CFLAGS) -o $@ $(filter %.o,$^)

$(O):
	mkdir -p $@

clean:
	rm -rf $(O)
