/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One PCI function: its registers, its life, and what the files of function/ share.
 * route/route.h lists the locks, and the ways of an interrupt and of a guest's write.
 */
#ifndef MR_FUNCTION_H
#define MR_FUNCTION_H

#include <linux/completion.h>
#include <linux/container_of.h>
#include <linux/rbtree_types.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "../route/route.h"

struct dentry;
struct mr_mmio;
struct vm_area_struct;

/* ---- registers ---- */

/*
 * The image is the only copy of table and PBA, as the guest sees them.  User space
 * can map it read-only.
 */
struct mr_msix {
	u16 control;		/* under rq->lock; Table Size is derived */
	u32 table_reg;		/* Table Offset/BIR */
	u32 pba_reg;		/* PBA Offset/BIR */
	void *image;
	u32 image_size;
	u32 image_table;	/* offsets in @image */
	u32 image_pba;
};

/* The registers are under rq->lock. */
struct mr_msi {
	u8 layout;		/* enum msi_route_msi_flag */
	u16 control;
	u32 address_lo;
	u32 address_hi;
	u32 data;
	u32 mask;
	unsigned long pending;
};

/*
 * An access of configuration space, as on the bus: one aligned dword with byte
 * enables [11].
 */
struct mr_config_access {
	u32 reg;		/* offset of the dword in the capability */
	u32 lanes;		/* FFh in each byte that is accessed */
	u32 value;
};

/* The capability by which a driver asks for vectors; changed under rq->config. */
struct mr_grant {
	u8 offset;		/* in configuration space; 0: none */
	u32 request;
	u32 status;		/* enum msi_route_grant_status */
};

/**
 * struct mr_function - one PCI function
 * @rq: all that route/ knows about it
 * @both_enabled: MSI and MSI-X were both enabled when the gate was set; under rq->lock
 * @closed: it is being closed; accesses that still reach it exit to the VMM
 * @msix: registers of MSI-X
 * @msi: registers of MSI
 * @grant: registers of the grant capability
 * @ims_pending: Pending bits of the message store
 * @mmio: the place on the MMIO bus, or NULL; under rq->config
 * @number: observers find it by this
 * @owned: its node in the tree by owner and number
 * @observers: number of its observers, plus 1 while it is open
 * @unobserved: completes when nobody observes it any more
 * @debugfs: its directory
 */
struct mr_function {
	struct mr_requester rq;
	bool both_enabled;
	bool closed;
	struct mr_msix msix;
	struct mr_msi msi;
	struct mr_grant grant;
	unsigned long *ims_pending;
	struct mr_mmio *mmio;
	u32 number;
	struct rb_node owned;
	refcount_t observers;
	struct completion unobserved;
	struct dentry *debugfs;
};

/* A function may lack any of these capabilities; then the capability's max is 0. */
#define mr_msix_cap(fn)	(&(fn)->rq.caps[MSI_ROUTE_MSIX])
#define mr_msi_cap(fn)	(&(fn)->rq.caps[MSI_ROUTE_MSI])
#define mr_ims_cap(fn)	(&(fn)->rq.caps[MSI_ROUTE_IMS])

static inline struct mr_function *mr_function_of(const struct mr_cap *cap)
{
	return container_of(cap->rq, struct mr_function, rq);
}

/* Why may the whole function not send?  Under rq->lock. */
static inline enum msi_route_reason
mr_function_blocked(const struct mr_function *fn)
{
	if (!fn->rq.bus_master)
		return MSI_ROUTE_REASON_BUS_MASTER;
	return fn->rq.stopped ? MSI_ROUTE_REASON_STOPPED : MSI_ROUTE_REASON_NONE;
}

/* ---- life: function.c ---- */

struct mr_function *mr_function_create(struct msi_route_create *c);
int mr_function_init(struct mr_function *fn, struct msi_route_create *c);
void mr_function_fini(struct mr_function *fn);
void mr_function_destroy(struct mr_function *fn);
void mr_function_free(struct mr_function *fn);
int mr_function_trigger(struct mr_function *fn, struct msi_route_trigger *t);
int mr_function_clear(struct mr_function *fn, struct msi_route_trigger *t);
int mr_function_set_entries(struct mr_cap *cap, u32 first,
			    const struct msi_route_entry *entries, u32 nr);
void mr_function_set_hold(struct mr_function *fn, u32 bound_ns);
int mr_function_reset(struct mr_function *fn, bool keep_bus_master);
void mr_function_renew(struct mr_function *fn);
int mr_function_set_remapping(struct mr_function *fn, bool all);
int mr_function_rebind(struct mr_function *fn, int vm_fd);

/* ---- a guest's accesses: access.c ---- */

int mr_function_access(struct mr_function *fn, struct msi_route_access *a,
		       bool write);

/* ---- open or closed: gate.c ---- */

void mr_function_shut(struct mr_function *fn);
void mr_function_gate(struct mr_function *fn);
void mr_function_sync(struct mr_function *fn);
void mr_function_set_bus_master(struct mr_function *fn, bool enable);

/* ---- capabilities and their vectors: cap.c ---- */

int mr_cap_init(struct mr_function *fn, u32 kind, const struct mr_cap_ops *ops,
		u32 nr, u32 max, unsigned long *pending);
void mr_cap_destroy(struct mr_cap *cap);
struct mr_cap *mr_function_cap_of_kind(struct mr_function *fn, u32 kind);
struct mr_cap *mr_function_cap(struct mr_function *fn, u32 kind, u32 first,
			       u32 nr);
u32 mr_vectors_reserve(struct mr_cap *cap, u32 nr);
void mr_vectors_grow(struct mr_cap *cap, u32 nr);
void mr_vectors_shrink(struct mr_cap *cap, u32 nr);
void mr_vectors_trim(struct mr_cap *cap);

/* ---- counters.c ---- */

int mr_function_counters(struct mr_function *fn, struct msi_route_counters *c);

/* ---- registers: msix.c, msi.c, ims.c, grant.c ---- */

int mr_msix_init(struct mr_function *fn, struct msi_route_create *c);
void mr_msix_destroy(struct mr_function *fn);
u32 mr_msix_space_size(const struct mr_function *fn, u32 space);
bool mr_msix_enabled(const struct mr_function *fn);
void mr_msix_read(struct mr_function *fn, const struct msi_route_access *a,
		  u64 *value);
void mr_msix_write(struct mr_function *fn, const struct msi_route_access *a);
void mr_msix_set_entry(struct mr_vector *v, const struct msi_route_entry *e);
u16 mr_msix_writable_control(void);
int mr_msix_mmap(struct mr_function *fn, struct vm_area_struct *vma);

int mr_msi_init(struct mr_function *fn, struct msi_route_create *c);
void mr_msi_destroy(struct mr_function *fn);
u32 mr_msi_size(u8 layout);
int mr_msi_check_registers(const struct mr_function *fn,
			   const struct msi_route_state *s);
void mr_msi_get_registers(const struct mr_function *fn,
			  struct msi_route_state *s);
void mr_msi_set_registers(struct mr_function *fn,
			  const struct msi_route_state *s);

int mr_ims_init(struct mr_function *fn, const struct msi_route_create *c);
void mr_ims_destroy(struct mr_function *fn);
int mr_ims_set(struct mr_function *fn, const struct msi_route_ims_op *ops,
	       u32 nr);

u32 mr_grant_config_read(const struct mr_function *fn, u32 reg, u32 *owned);
void mr_grant_config_write(struct mr_function *fn,
			   const struct mr_config_access *a);
void mr_grant_reset(struct mr_function *fn);
int mr_grant_resize(struct mr_cap *cap, struct msi_route_resize *r);

/* ---- in-kernel MMIO: mmio.c ---- */

int mr_mmio_map(struct mr_function *fn, const struct msi_route_map *m);
int mr_mmio_get(struct mr_function *fn, struct msi_route_get_map *m);
int mr_mmio_take_away(struct mr_function *fn);
bool mr_mmio_remove(struct mr_function *fn, void (*done)(struct mr_function *fn));
void mr_mmio_free(struct mr_function *fn);

/* ---- what observers see: observe.c, debugfs.c ---- */

int mr_observe_add(struct mr_function *fn);
void mr_observe_remove(struct mr_function *fn);
void mr_observe_function(struct mr_function *fn, struct msi_route_function *f);
void mr_observe_vector(struct mr_vector *v, struct msi_route_vector *d);
int mr_observe_functions(struct msi_route_get_functions *g);
int mr_observe_vectors(struct mr_function *fn, struct msi_route_get_vectors *g);
int mr_observe_counters(struct mr_function *fn, struct msi_route_counters *c);

void mr_debugfs_add(struct mr_function *fn);
void mr_debugfs_remove(struct mr_function *fn);
void mr_debugfs_module_init(void);
void mr_debugfs_module_exit(void);

/* ---- stop, save, restore: state.c ---- */

/*
 * What the pointers in a struct msi_route_state point to, for one capability.  MSI
 * has no @entries.  If @nr is 0, all are NULL.
 */
struct mr_state_arrays {
	u32 nr;
	struct msi_route_entry *entries;
	unsigned long *pba;
	unsigned long *held;
};

int mr_state_set_run(struct mr_function *fn, bool run);
void mr_state_get(struct mr_function *fn, struct msi_route_state *s,
		  struct mr_state_arrays *msix, struct mr_state_arrays *ims);
int mr_state_put(struct mr_function *fn, const struct msi_route_state *s,
		 const struct mr_state_arrays *msix,
		 const struct mr_state_arrays *ims);
int mr_state_save(struct mr_function *fn, struct msi_route_state *s);
int mr_state_restore(struct mr_function *fn, const struct msi_route_state *s);

#endif /* MR_FUNCTION_H */
