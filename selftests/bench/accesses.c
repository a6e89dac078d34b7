// SPDX-License-Identifier: GPL-2.0
/* The cost of a guest's accesses to table and PBA, by its own clock. */
#include "accesses.h"
#include "bench.h"

#define ENTRY_AT(reg)	(accessed.table + ENTRY(1) + (reg))

struct accessed accessed;

static void mask_and_unmask(void)
{
	guest_write32(ENTRY_AT(ENTRY_CONTROL), ENTRY_MASKED);
	guest_write32(ENTRY_AT(ENTRY_CONTROL), 0);
}

/* As Linux does: a read ensures that the mask has arrived. */
static void mask_flush_unmask(void)
{
	guest_write32(ENTRY_AT(ENTRY_CONTROL), ENTRY_MASKED);
	guest_read32(accessed.table);
	guest_write32(ENTRY_AT(ENTRY_CONTROL), 0);
}

/* A new message each time: a VMM may skip one that is the same. */
static void change_affinity(void)
{
	accessed.data ^= 1;
	guest_write32(ENTRY_AT(ENTRY_CONTROL), ENTRY_MASKED);
	guest_write32(ENTRY_AT(ENTRY_ADDRESS), accessed.address);
	guest_write32(ENTRY_AT(ENTRY_UPPER), accessed.upper);
	guest_write32(ENTRY_AT(ENTRY_DATA), accessed.data);
	guest_write32(ENTRY_AT(ENTRY_CONTROL), 0);
	guest_read32(accessed.table);
}

static void read_table(void)
{
	guest_read32(ENTRY_AT(ENTRY_DATA));
}

static void poll_pba(void)
{
	guest_read64(accessed.pba);
}

/* Has no effect: the cost is that of KVM, and of the VMM if it exits. */
static void write_pba(void)
{
	guest_write32(accessed.pba, 0);
}

/* No access: shows what the clock counts. */
static void loop(void)
{
	unsigned int turns = 1000;

	__asm__ __volatile__("1: dec %0; jnz 1b" : "+r" (turns) :: "cc");
}

/* The cost of reading the clock. */
static void nothing(void)
{
}

static const struct {
	const char *name;
	void (*access)(void);
} accesses[] = {
	{ "mask and unmask", mask_and_unmask },
	{ "mask, flushing read, unmask", mask_flush_unmask },
	{ "change of affinity", change_affinity },
	{ "table read", read_table },
	{ "PBA poll", poll_pba },
	{ "dropped write", write_pba },
	{ "2,000 instructions", loop },
	{ "nothing", nothing },
};

#define NR_ACCESSES	ARRAY_SIZE(accesses)
#define NOTHING		(NR_ACCESSES - 1)

static __u64 took[NR_ACCESSES][MAX_TIMES];

/* ---- guest ---- */

static __u64 guest_now(void)
{
	__u32 low, high;

	__asm__ __volatile__("rdtsc" : "=a" (low), "=d" (high) :: "memory");
	return (__u64)high << 32 | low;
}

static void take(__u64 *row, void (*access)(void))
{
	unsigned int i;

	for (i = 0; i < MAX_TIMES; i++) {
		__u64 begin = guest_now();

		access();
		row[i] = guest_now() - begin;
	}
}

void take_accesses(void)
{
	unsigned int i;

	/* A write of a read-only page costs KVM more once a read has mapped it. */
	read_table();
	poll_pba();
	for (i = 0; i < NR_ACCESSES; i++)
		take(took[i], accesses[i].access);
}

/* ---- host ---- */

void tell_accesses(const char *subject, const char *variant)
{
	__u64 base = typical(took[NOTHING], MAX_TIMES);
	unsigned int i;

	for (i = 0; i < NOTHING; i++) {
		__u64 all = typical(took[i], MAX_TIMES);

		sample(subject, variant, accesses[i].name, all > base ? all - base : 0);
	}
}
