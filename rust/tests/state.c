// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
/*
 * A state of the helper in C: `state save` writes one, `state restore` reads one and compares
 * it.  In user space and without KVM: any descriptor stands in for the VM.
 */
#include <err.h>
#include <stdio.h>
#include "msi_route_vmm.h"

#define NR	70

static void put(struct mrv_function *fn, __u32 offset, __u32 value)
{
	if (!mrv_bar_write(fn, 0, 0x1000 + offset, &value, 4))
		errx(1, "no table");
}

/* The same as in state.rs. */
static void fill(struct mrv_function *fn)
{
	const __u16 command = 0x404, control = 0xc000, msi_control = 0x20;
	const __u64 msi_address = 0x2fee01000ULL;
	const __u32 msi_data = 0x4051, mask = 5;
	__u32 i;

	for (i = 0; i < NR; i++) {
		put(fn, i * 16, 0xfee00000 | i << 12);
		put(fn, i * 16 + 4, i << 8);
		put(fn, i * 16 + 8, 0x20 + i);
		put(fn, i * 16 + 12, i << 16 | i % 2);
	}
	mrv_config_write(fn, 0x42, &control, 2);
	mrv_config_write(fn, 0x54, &msi_address, 8);
	mrv_config_write(fn, 0x5c, &msi_data, 2);
	mrv_config_write(fn, 0x60, &mask, 4);
	mrv_config_write(fn, 0x52, &msi_control, 2);
	mrv_trigger(fn, MSI_ROUTE_MSIX, 69);
	mrv_trigger(fn, MSI_ROUTE_MSIX, 1);
	mrv_trigger(fn, MSI_ROUTE_MSI, 2);
	mrv_set_command(fn, command);
}

int main(int argc, char **argv)
{
	const __u8 config[256] = {
		[0x06] = 0x10, [0x34] = 0x40,
		[0x40] = 0x11, 0x50, NR - 1, 0, 0, 0x10, 0, 0, 0, 0x18, 0, 0,
		[0x50] = 0x05, 0, 0x84, 0x01,
	};
	struct mrv_function fn;
	struct mrv_vm host;
	static __u8 state[4096], other[4096];
	size_t size;

	if (mrv_vm_init(&host, open("/dev/null", O_RDWR), -1, MRV_VM_USER) ||
	    mrv_create(&fn, &host, config, 0, NULL, 0))
		errx(1, "no function");
	fill(&fn);
	size = mrv_state_size(&fn);
	if (mrv_stop(&fn) || mrv_save(&fn, state, size))
		errx(1, "no state");
	if (argc == 2 && !strcmp(argv[1], "save"))
		return fwrite(state, size, 1, stdout) != 1;
	if (fread(other, 1, sizeof(other), stdin) != size || memcmp(state, other, size))
		errx(1, "the states differ");
	return mrv_restore(&fn, other, size) != 0;
}
