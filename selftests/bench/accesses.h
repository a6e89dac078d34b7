/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The accesses of table and PBA that access.c measures in a guest of its own and
 * qemu_access.c in one of QEMU.
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

/* Makes each access MAX_TIMES, which leaves entry 1 as it was, not masked.  For the guest. */
void take_accesses(void);

/*
 * Prints a sample of each, in what the guest's time stamp counter counts.  In the
 * lab with --icount that is instructions of the whole stack: the guest, KVM, the
 * module, the VMM.
 */
void tell_accesses(const char *subject, const char *variant);

#endif /* ACCESSES_H */
