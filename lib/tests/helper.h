/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* What the helper's tests share: a VM, a function of either backend, the guest's accesses. */
#ifndef LIB_TESTS_HELPER_H
#define LIB_TESTS_HELPER_H

#include <sched.h>
#include "../../selftests/guest/function.h"
#include "../../selftests/harness.h"
#include "../msi_route_vmm.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define MSIX_CONTROL_AT	(MSIX_CAP + MSIX_CONTROL)
#define MSI_CONTROL_AT	(MSI_CAP + MSI_CONTROL)

/* Table and PBA are in different BARs, and other registers around them. */
#define TABLE_BAR	2
#define PBA_BAR		4
#define TABLE_AT	0x1000
#define PBA_AT		0x40

/* A function of one backend, and the VM that it belongs to. */
struct side {
	struct mrv_vm host;
	struct mrv_function fn;
};

/* Configuration space with both capabilities, or with one; 0 vectors: without it. */
static inline void fill_config(__u8 *config, unsigned int msix, unsigned int msi,
			       unsigned int msi_flags)
{
	const __u32 table = TABLE_AT | TABLE_BAR, pba = PBA_AT | PBA_BAR;
	__u16 control = msix - 1;

	memset(config, 0, 256);
	config[0x06] = 0x10;
	config[0x34] = msix ? MSIX_CAP : MSI_CAP;
	if (msix) {
		config[MSIX_CAP] = 0x11;
		config[MSIX_CAP + 1] = msi ? MSI_CAP : 0;
		memcpy(config + MSIX_CONTROL_AT, &control, 2);
		memcpy(config + MSIX_CAP + MSIX_TABLE, &table, 4);
		memcpy(config + MSIX_CAP + MSIX_PBA, &pba, 4);
	}
	if (msi) {
		control = __builtin_ctz(msi) << 1;
		control |= msi_flags & MSI_ROUTE_MSI_64BIT ? MSI_64BIT : 0;
		control |= msi_flags & MSI_ROUTE_MSI_MASKING ? MSI_MASKING : 0;
		control |= msi_flags & MSI_ROUTE_MSI_EXT_DATA ? MSI_EXT_CAPABLE : 0;
		config[MSI_CAP] = 0x05;
		memcpy(config + MSI_CONTROL_AT, &control, 2);
	}
}

/* The fallback has no update hold: these tests are about what both do. */
static inline void no_hold(struct mrv_function *fn)
{
	struct msi_route_set_hold hold = { .size = sizeof(hold) };

	if (fn->fd >= 0 && ioctl(fn->fd, MSI_ROUTE_SET_HOLD, &hold))
		die("MSI_ROUTE_SET_HOLD");
}

static inline void side_open_flags(struct side *s, struct vm *vm, __u32 backend,
				   const __u8 *config, __u32 flags)
{
	__u32 ids = vm->flags & VM_X2APIC ? MRV_VM_32BIT_IDS : 0;

	if (mrv_vm_init(&s->host, vm->fd, -1, backend | ids))
		die("mrv_vm_init");
	if (mrv_create(&s->fn, &s->host, config, 8, "00:01.0", flags))
		die("mrv_create");
	if (backend == MRV_VM_KERNEL ? s->fn.fd < 0 : s->fn.fd >= 0)
		die("the other backend");
	no_hold(&s->fn);
}

static inline void side_open(struct side *s, struct vm *vm, __u32 backend, unsigned int msix,
			     unsigned int msi, unsigned int msi_flags)
{
	__u8 config[256];

	fill_config(config, msix, msi, msi_flags);
	side_open_flags(s, vm, backend, config, 0);
}

static inline void side_close(struct side *s)
{
	mrv_destroy(&s->fn);
	mrv_vm_fini(&s->host);
}

/* ---- the guest's accesses ---- */

static inline __u32 config_get(struct side *s, __u32 offset, __u32 len)
{
	__u32 value = 0;

	mrv_config_read(&s->fn, offset, &value, len);
	return value;
}

static inline void config_put(struct side *s, __u32 offset, __u32 len, __u32 value)
{
	mrv_config_write(&s->fn, offset, &value, len);
}

static inline __u64 table_get(struct side *s, __u32 offset, __u32 len)
{
	__u64 value = 0;

	if (!mrv_bar_read(&s->fn, TABLE_BAR, TABLE_AT + offset, &value, len))
		die("the table is not the function's");
	return value;
}

static inline void table_put(struct side *s, __u32 offset, __u32 len, __u64 value)
{
	if (!mrv_bar_write(&s->fn, TABLE_BAR, TABLE_AT + offset, &value, len))
		die("the table is not the function's");
}

static inline __u64 pba_get(struct side *s, __u32 offset, __u32 len)
{
	__u64 value = 0;

	if (!mrv_bar_read(&s->fn, PBA_BAR, PBA_AT + offset, &value, len))
		die("the PBA is not the function's");
	return value;
}

static inline bool is_pending(struct side *s, unsigned int entry)
{
	return pba_get(s, entry / 64 * 8, 8) >> entry % 64 & 1;
}

static inline void entry_put(struct side *s, unsigned int entry, __u32 address, __u32 data,
			     __u32 control)
{
	table_put(s, ENTRY(entry) + ENTRY_CONTROL, 4, ENTRY_MASKED);
	table_put(s, ENTRY(entry) + ENTRY_ADDRESS, 4, address);
	table_put(s, ENTRY(entry) + ENTRY_UPPER, 4, 0);
	table_put(s, ENTRY(entry) + ENTRY_DATA, 4, data);
	table_put(s, ENTRY(entry) + ENTRY_CONTROL, 4, control);
}

static inline void mask_put(struct side *s, unsigned int entry, bool mask)
{
	table_put(s, ENTRY(entry) + ENTRY_CONTROL, 4, mask ? ENTRY_MASKED : 0);
}

static inline void control_put(struct side *s, __u16 control)
{
	config_put(s, MSIX_CONTROL_AT, 2, control);
}

static inline __u32 msi_data_at(const struct side *s)
{
	return MSI_CAP + mrv_msi_data(&s->fn.shape);
}

static inline void msi_put(struct side *s, __u32 address, __u16 data)
{
	config_put(s, MSI_CAP + MSI_ADDRESS, 4, address);
	if (s->fn.shape.msi_flags & MSI_ROUTE_MSI_64BIT)
		config_put(s, MSI_CAP + MSI_UPPER, 4, 0);
	config_put(s, msi_data_at(s), 2, data);
}

static inline void command_put(struct side *s, __u16 command)
{
	config_put(s, MRV_COMMAND, 2, command);
}

/* ---- what arrives ---- */

/* A message of an irqfd may come by a work item, after the signal. */
static inline bool comes(struct vcpu *vcpu, __u8 vector)
{
	while (!vcpu_irr(vcpu, vector))
		sched_yield();
	vcpu_clear_irr(vcpu);
	return true;
}

#endif /* LIB_TESTS_HELPER_H */
