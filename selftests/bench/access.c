// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest's accesses of table and PBA cost: by exits to a VMM that calls
 * the module, in the kernel, and in the kernel with read-only pages.  In the
 * lab with --icount the guest's time stamp counter counts instructions, of the
 * whole stack: the guest, KVM, the module, the VMM.
 */
#include "bench.h"

#define ENTRY_GPA(reg)	(TABLE_GPA(0) + ENTRY(1) + (reg))

static void mask_and_unmask(void)
{
	guest_write32(ENTRY_GPA(ENTRY_CONTROL), ENTRY_MASKED);
	guest_write32(ENTRY_GPA(ENTRY_CONTROL), 0);
}

/* As Linux does it: a read makes sure that the mask has arrived. */
static void mask_flush_unmask(void)
{
	guest_write32(ENTRY_GPA(ENTRY_CONTROL), ENTRY_MASKED);
	guest_read32(TABLE_GPA(0));
	guest_write32(ENTRY_GPA(ENTRY_CONTROL), 0);
}

static void change_affinity(void)
{
	guest_write32(ENTRY_GPA(ENTRY_CONTROL), ENTRY_MASKED);
	guest_write32(ENTRY_GPA(ENTRY_ADDRESS), MSI_TO(0));
	guest_write32(ENTRY_GPA(ENTRY_UPPER), 0);
	guest_write32(ENTRY_GPA(ENTRY_DATA), 0x51);
	guest_write32(ENTRY_GPA(ENTRY_CONTROL), 0);
	guest_read32(TABLE_GPA(0));
}

static void read_table(void)
{
	guest_read32(ENTRY_GPA(ENTRY_DATA));
}

static void poll_pba(void)
{
	guest_read64(PBA_GPA(0));
}

/* The module drops it: what is left is KVM's, and of the VMM where it exits. */
static void write_pba(void)
{
	guest_write32(PBA_GPA(0), 0);
}

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
};

#define NR_ACCESSES	ARRAY_SIZE(accesses)

/* ---- guest ---- */

/* The last row is for nothing: what taking the time costs. */
static __u64 took[NR_ACCESSES + 1][MAX_TIMES];

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

static void guest(void)
{
	unsigned int i;

	/* A write of a read-only page costs KVM more once a read has mapped it. */
	read_table();
	poll_pba();
	take(took[NR_ACCESSES], nothing);
	for (i = 0; i < NR_ACCESSES; i++)
		take(took[i], accesses[i].access);
}

/* ---- host ---- */

static void measure_variant(const char *variant, bool in_kernel, bool pages)
{
	struct function fn;
	struct vm vm;
	unsigned int i;
	__u64 base;

	vm_create(&vm, VM_X2APIC, 1);
	function_open(&fn, &vm, msix_shape(64));
	entry_set(&fn, 1, MSI_TO(0), 0x51, 0);
	msix_control(&fn, MSIX_ENABLE);
	if (in_kernel && map(&fn, MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA,
			     TABLE_GPA(0), PBA_GPA(0)))
		die("MSI_ROUTE_MAP");
	if (pages) {
		map_read_only(&fn, 1, fn.shape.mmap_table, TABLE_GPA(0));
		map_read_only(&fn, 2, fn.shape.mmap_pba, PBA_GPA(0));
	}
	vcpu_start(&vm.vcpu[0], guest);
	vcpu_join(&vm.vcpu[0]);
	base = typical(took[NR_ACCESSES], MAX_TIMES);
	for (i = 0; i < NR_ACCESSES; i++) {
		__u64 all = typical(took[i], MAX_TIMES);

		sample("access", variant, accesses[i].name, all > base ? all - base : 0);
	}
	vm_destroy(&vm);
	function_close(&fn);
}

int main(void)
{
	unsigned int round;

	for (round = 0; round < rounds(); round++) {
		measure_variant("exit and ioctl", false, false);
		measure_variant("in-kernel", true, false);
		measure_variant("in-kernel and read-only pages", true, true);
	}
	return 0;
}
