/* SPDX-License-Identifier: GPL-2.0 */
/* What a message says: to whom, which vector, how. */
#ifndef TOOLS_MESSAGE_H
#define TOOLS_MESSAGE_H

#include <stdbool.h>
#include <linux/types.h>

struct message {
	bool interrupt;			/* its address is one of interrupts */
	bool logical;
	__u32 destination;
	__u8 vector;
	const char *mode;
};

struct message message_of(__u64 address, __u32 data);

/* "APIC 3", "logical 0x3", "all", "memory". */
#define TARGET_SIZE	24
const char *message_target(const struct message *m, char text[TARGET_SIZE]);

#endif /* TOOLS_MESSAGE_H */
