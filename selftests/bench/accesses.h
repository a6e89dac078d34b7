/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The accesses to table and PBA that access.c measures in a guest of its own and
 * qemu_access.c in a guest of QEMU.
 */
#ifndef ACCESSES_H
#define ACCESSES_H

#include <linux/types.h>

/* What the guest accesses: addresses, and the message of entry 1. */
extern struct accessed {
	unsigned long table;
	unsigned long pba;
	__u32 address;
	__u32 upper;
	__u32 data;
} accessed;

/* For the guest: makes each access MAX_TIMES, and leaves entry 1 as it was, unmasked. */
void take_accesses(void);

/*
 * Prints a sample of each, in units of the guest's time stamp counter.  In the lab with
 * --icount these are instructions of the whole stack: the guest, KVM, the module, the
 * VMM.
 */
void tell_accesses(const char *subject, const char *variant);

#endif /* ACCESSES_H */
