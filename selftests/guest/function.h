/* SPDX-License-Identifier: GPL-2.0 */
/* A PCI function of msi_route, as a VMM uses it. */
#ifndef SELFTESTS_FUNCTION_H
#define SELFTESTS_FUNCTION_H

#include <stdbool.h>
#include <linux/types.h>

#include "../../msi_route.h"
#include "vm.h"

#define DEVICE		"/dev/msi_route"

/*
 * Where the guest finds function @n: its configuration space, its MSI-X table
 * and its PBA, each at a fixed address.
 */
#define MAX_FUNCTIONS	8
#define CONFIG_GPA(n)	(0xb0000000UL + (n) * 0x1000UL)
#define TABLE_GPA(n)	(0xd0000000UL + (n) * 0x10000UL)
#define PBA_GPA(n)	(TABLE_GPA(n) + PBA_OFFSET)
#define PBA_OFFSET	0x8000UL

/* Offsets of the capabilities in the tests' functions. */
#define MSIX_CAP	0x40
#define MSI_CAP		0x60

/* Registers of the capabilities, as offsets from their beginning. */
#define MSIX_CONTROL	0x02
#define MSIX_TABLE	0x04
#define MSIX_PBA	0x08
#define MSIX_ENABLE	0x8000
#define MSIX_FUNCTION_MASK 0x4000

#define MSI_CONTROL	0x02
#define MSI_ADDRESS	0x04
#define MSI_UPPER	0x08	/* with a 64-bit address only */
#define MSI_ENABLE	0x0001
#define MSI_MME(log2)	((log2) << 4)
#define MSI_64BIT	0x0080
#define MSI_MASKING	0x0100
#define MSI_EXT_CAPABLE	0x0200
#define MSI_EXT_ENABLE	0x0400

/* The dwords of a table entry. */
#define ENTRY(n)	((n) * 16U)
#define ENTRY_ADDRESS	0
#define ENTRY_UPPER	4
#define ENTRY_DATA	8
#define ENTRY_CONTROL	12
#define ENTRY_MASKED	1U

/* Address of a message to one physical destination. */
#define MSI_TO(apic_id)	(0xfee00000U | (__u32)(apic_id) << 12)

struct function {
	struct vm *vm;
	int fd;
	unsigned int number;
	struct msi_route_create shape;	/* as created, with the returned fields */
};

int open_device(void);

/* Shapes; function_open() sets vm_fd. */
struct msi_route_create msix_shape(unsigned int vectors);
struct msi_route_create msi_shape(unsigned int vectors, unsigned int msi_flags);
/* Both capabilities; MSI with a 64-bit address and mask bits. */
struct msi_route_create both_shape(unsigned int msix, unsigned int msi);

/*
 * Creates a function, sets Bus Master Enable and adds it to those of vm_mmio.  With
 * TEST_TRAP in the environment its table and PBA are in-kernel MMIO.  Dies on failure;
 * function_try_open() returns -errno instead, and leaves the new function as created.
 */
void function_open(struct function *fn, struct vm *vm, struct msi_route_create shape);
int function_try_open(struct function *fn, struct vm *vm, struct msi_route_create shape);
void function_close(struct function *fn);

/* All calls below return 0 (or what their comment says) or -errno. */
int function_access(struct function *fn, unsigned long request, __u32 space,
		    __u32 offset, __u32 len, __u64 *value);

/* These die on an error, as a real VMM would. */
__u64 function_read(struct function *fn, __u32 space, __u32 offset, __u32 len);
void function_write(struct function *fn, __u32 space, __u32 offset, __u32 len, __u64 value);

static inline __u32 config_read(struct function *fn, __u32 offset, __u32 len)
{
	return function_read(fn, MSI_ROUTE_CONFIG, offset, len);
}

static inline void config_write(struct function *fn, __u32 offset, __u32 len, __u32 value)
{
	function_write(fn, MSI_ROUTE_CONFIG, offset, len, value);
}

static inline __u32 table_read(struct function *fn, __u32 offset)
{
	return function_read(fn, MSI_ROUTE_TABLE, offset, 4);
}

static inline void table_write(struct function *fn, __u32 offset, __u32 value)
{
	function_write(fn, MSI_ROUTE_TABLE, offset, 4, value);
}

static inline __u64 pba_read(struct function *fn, __u32 offset)
{
	return function_read(fn, MSI_ROUTE_PBA, offset, 8);
}

static inline bool pba_bit(struct function *fn, unsigned int entry)
{
	return pba_read(fn, entry / 64 * 8) >> (entry % 64) & 1;
}

/* Sets a whole table entry, in the order in which software must do it. */
void entry_set(struct function *fn, unsigned int entry, __u32 address, __u32 data,
	       __u32 control);
void entry_mask(struct function *fn, unsigned int entry, bool mask);
void msix_control(struct function *fn, __u16 value);
void msi_control(struct function *fn, __u16 value);

/* Offsets in configuration space of registers that depend on the layout. */
unsigned int msi_data_offset(const struct function *fn);
unsigned int msi_mask_offset(const struct function *fn);
unsigned int msi_pending_offset(const struct function *fn);
void msi_set(struct function *fn, __u32 address, __u16 data);
void msi_mask(struct function *fn, __u32 mask);
__u32 msi_pending(struct function *fn);

/* Returns the outcome (enum msi_route_outcome) or -errno. */
int trigger(struct function *fn, __u32 kind, __u32 vector);
/* Returns 1 if it was pending, else 0; or -errno. */
int clear_pending(struct function *fn, __u32 kind, __u32 vector);
/* @fd -1 detaches. */
int set_eventfd(struct function *fn, __u32 kind, __u32 vector, int fd, __u32 flags);
/* For @nr vectors from @first on. */
int set_eventfds(struct function *fn, __u32 kind, __u32 first, __u32 nr, const __s32 *fds,
		 __u32 flags);
int set_entries(struct function *fn, __u32 first, __u32 nr, const struct msi_route_entry *entries);
/* @fd -1 with @changes 0. */
int set_notify(struct function *fn, __u32 changes, int fd);
/* Returns how many, or -errno; *more: whether there were more. */
int get_changes(struct function *fn, struct msi_route_vector_change *changes, __u32 room,
		bool *more);
int set_bus_master(struct function *fn, __u32 enable);
int reset(struct function *fn);
/* @flags of enum msi_route_reset_flag. */
int reset_with(struct function *fn, __u32 flags);
int set_hold(struct function *fn, __u32 bound_ns);
/* Returns how many vectors it then has, or -errno. */
int resize(struct function *fn, __u32 kind, __u32 min, __u32 nr);
int set_limit(struct function *fn, __u32 kind, __u32 limit);
int set_ims(struct function *fn, const struct msi_route_ims_op *ops, __u32 nr);
int renew(struct function *fn);
/* @flags of enum msi_route_remapping_flag. */
int set_remapping(struct function *fn, __u32 flags);
/* Moves it to another VM, where the guest finds it as before. */
int rebind(struct function *fn, struct vm *vm);
/* 0: stop, 1: run. */
int set_run(struct function *fn, __u32 run);
/* In-kernel MMIO: @flags of enum msi_route_map_flag. */
int map(struct function *fn, __u32 flags, __u64 table, __u64 pba);
/* Returns the result, or dies. */
struct msi_route_get_map get_map(struct function *fn);
/* Maps the image's page with @offset as a read-only memory slot at @gpa, or dies. */
void map_read_only(struct function *fn, __u32 slot, __u32 offset, __u64 gpa);

struct msi_route_query query(void);
struct msi_route_counters counters(struct function *fn, __u32 kind, __u32 vector);
struct msi_route_counters totals(struct function *fn, __u32 kind);
/* The equation of struct msi_route_counters, for a function at rest. */
__u64 accounted(const struct msi_route_counters *c);

int new_eventfd(void);
void signal_eventfd(int fd, __u64 count);

#endif /* SELFTESTS_FUNCTION_H */
