// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of a guest's accesses to table and PBA: by exits to a VMM that calls the
 * module, in the kernel, and in the kernel with read-only pages.
 */
#include "accesses.h"
#include "bench.h"

static void measure_variant(const char *variant, bool in_kernel, bool pages)
{
	struct function fn;
	struct vm vm;

	vm_create(&vm, VM_X2APIC, 1);
	function_open(&fn, &vm, msix_shape(64));
	entry_set(&fn, 1, accessed.address, accessed.data, 0);
	msix_control(&fn, MSIX_ENABLE);
	if (in_kernel && map(&fn, MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA,
			     TABLE_GPA(0), PBA_GPA(0)))
		die("MSI_ROUTE_MAP");
	if (pages) {
		map_read_only(&fn, 1, fn.shape.mmap_table, TABLE_GPA(0));
		map_read_only(&fn, 2, fn.shape.mmap_pba, PBA_GPA(0));
	}
	vcpu_start(&vm.vcpu[0], take_accesses);
	vcpu_join(&vm.vcpu[0]);
	tell_accesses("access", variant);
	vm_destroy(&vm);
	function_close(&fn);
}

int main(void)
{
	unsigned int round;

	accessed = (struct accessed) {
		.table = TABLE_GPA(0), .pba = PBA_GPA(0), .address = MSI_TO(0), .data = 0x51,
	};
	for (round = 0; round < rounds(); round++) {
		measure_variant("exit and ioctl", false, false);
		measure_variant("in-kernel", true, false);
		measure_variant("in-kernel and read-only pages", true, true);
	}
	return 0;
}
