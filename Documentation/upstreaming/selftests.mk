# SPDX-License-Identifier: GPL-2.0
TEST_GEN_PROGS := $(patsubst %.c,%,$(wildcard test_*.c))

@guest_cflags@
CFLAGS += -std=gnu11 -O2 -Wall $(guest_cflags) -pthread -I.. $(KHDR_INCLUDES)
LDFLAGS += -no-pie

include ../lib.mk

$(TEST_GEN_PROGS): $(wildcard guest/*.c) guest/entry.S
