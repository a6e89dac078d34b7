// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that keeps a function open: the example of README.md, then a function of the
 * module's, with an event for each line on standard input and what became of it on standard
 * output.
 */
#define main example
#include "example.c"
#undef main

int main(void)
{
	const struct msi_route_create shape = {
		.msix_vectors = 8, .msix_cap = 0x40, .msix_pba_offset = 0x800,
	};
	struct mrv_function fn;
	struct mrv_vm host;
	char line[80];
	int vcpu;

	if (example())
		return 1;
	/* The example would do without the module. */
	if (mrv_vm_init(&host, create_vm(&vcpu), -1, MRV_VM_KERNEL) ||
	    mrv_create_shape(&fn, &host, &shape))
		return 1;
	guest_sets_up(&fn);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int outcome = mrv_trigger(&fn, MSI_ROUTE_MSIX, 0);

		printf("%s\n", outcome < 0 ? "no function" : "event");
		fflush(stdout);
	}
	return 0;
}
