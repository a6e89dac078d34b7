// SPDX-License-Identifier: GPL-2.0
/* Intel SDM, "Message Address Register Format" and "Data Register Format". */
#include <stdio.h>

#include "message.h"

#define BROADCAST	0xffU
#define X2APIC_BROADCAST 0xffffffffU

struct message message_of(__u64 address, __u32 data)
{
	static const char *const modes[8] = {
		"fixed", "lowest", "SMI", "reserved", "NMI", "INIT", "startup", "ExtINT",
	};

	return (struct message) {
		/* KVM's 32-bit format has more of the destination above. */
		.interrupt = (address & 0xfff00000) == 0xfee00000 && !(address >> 32 & 0xff),
		.logical = address & 4,
		.destination = (address >> 12 & 0xff) | (address >> 32 & ~0xffU),
		.vector = data & 0xff,
		.mode = modes[data >> 8 & 7],
	};
}

const char *message_target(const struct message *m, char text[TARGET_SIZE])
{
	if (!m->interrupt)
		snprintf(text, TARGET_SIZE, "memory");
	else if (m->destination == BROADCAST || m->destination == X2APIC_BROADCAST)
		snprintf(text, TARGET_SIZE, "all");
	else if (m->logical)
		snprintf(text, TARGET_SIZE, "logical 0x%x", m->destination);
	else
		snprintf(text, TARGET_SIZE, "APIC %u", m->destination);
	return text;
}
