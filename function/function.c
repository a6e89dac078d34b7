// SPDX-License-Identifier: GPL-2.0
/* One PCI function: create, destroy, reset, renew, trigger, bind to another VM. */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/pci_regs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../mutate.h"
#include "../route/eventfd.h"
#include "../route/trace.h"
#include "function.h"

/* ---- life ---- */

/* A capability in configuration space; size 0: there is none. */
struct mr_function_place {
	u32 offset;
	u32 size;
};

static bool mr_function_overlap(const struct mr_function_place *a,
				const struct mr_function_place *b)
{
	return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* A name for people: one word that fits into the field. */
static bool mr_function_valid_name(const char *name)
{
	size_t i, len = strnlen(name, MSI_ROUTE_NAME_SIZE);

	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || !isgraph(name[i]) || name[i] == '/')
			return false;
	return len < MSI_ROUTE_NAME_SIZE &&
	       !memchr_inv(name + len, 0, MSI_ROUTE_NAME_SIZE - len);
}

static int mr_function_check(const struct msi_route_create *c)
{
	const u32 known = MSI_ROUTE_CREATE_EXT_DEST_ID |
			  MSI_ROUTE_CREATE_REMAPPING |
			  MSI_ROUTE_CREATE_COMMAND |
			  MSI_ROUTE_CREATE_DROP_DISABLED;
	const struct mr_function_place place[] = {
		{ c->msix_cap, c->msix_vectors ? PCI_CAP_MSIX_SIZEOF : 0 },
		{ c->msi_cap, c->msi_vectors ? mr_msi_size(c->msi_flags) : 0 },
		{ c->grant_cap, c->grant_cap ? MSI_ROUTE_GRANT_CAP_SIZE : 0 },
	};

	if (c->flags & ~known || c->reserved || c->reserved2 || c->reserved3)
		return -EOPNOTSUPP;
	if (!c->msix_vectors && !c->msi_vectors && !c->ims_vectors)
		return -EINVAL;
	if (!mr_function_valid_name(c->name))
		return -EINVAL;
	if (c->grant_cap &&
	    (c->grant_cap < PCI_STD_HEADER_SIZEOF || c->grant_cap & 3 ||
	     c->grant_cap + MSI_ROUTE_GRANT_CAP_SIZE > PCI_CFG_SPACE_SIZE))
		return -EINVAL;
	if (mr_function_overlap(&place[0], &place[1]) ||
	    mr_function_overlap(&place[0], &place[2]) ||
	    mr_function_overlap(&place[1], &place[2]))
		return -EINVAL;
	return 0;
}

/*
 * debugfs and the descriptor use allocators that call the OOM killer at the memory
 * cgroup's limit.  They need less than this.
 */
static int mr_function_find_room(void)
{
	void *room = kmalloc(SZ_32K, MR_GFP);

	kfree(room);
	return room ? 0 : -ENOMEM;
}

static void mr_function_set_name(struct mr_function *fn, const struct msi_route_create *c)
{
	if (c->name[0])
		memcpy(fn->rq.name, c->name, sizeof(fn->rq.name));
	else
		scnprintf(fn->rq.name, sizeof(fn->rq.name), "0x%x", c->id);
}

/**
 * mr_function_init() - make the capabilities of a function
 * @fn: zeroed, except for the VM, which is bound
 * @c: what the VMM asked for; the out fields are filled in
 *
 * Context: process, may sleep.
 * Return: 0, or -EINVAL, -EOPNOTSUPP, -ENOMEM as &struct msi_route_create documents
 * them; then nothing is left to free.
 */
int mr_function_init(struct mr_function *fn, struct msi_route_create *c)
{
	int ret;

	/* The caller may have left anything there. */
	c->mmap_size = 0;
	c->mmap_table = 0;
	c->mmap_pba = 0;
	fn->rq.id = c->id;
	mr_function_set_name(fn, c);
	fn->rq.flags = c->flags;
	raw_spin_lock_init(&fn->rq.lock);
	mutex_init(&fn->rq.config);

	ret = mr_msix_init(fn, c);
	if (ret)
		return ret;
	ret = mr_msi_init(fn, c);
	if (ret)
		goto destroy_msix;
	ret = mr_ims_init(fn, c);
	if (ret)
		goto destroy_msi;
	mr_changes_init(&fn->rq);
	return 0;

destroy_msi:
	mr_msi_destroy(fn);
destroy_msix:
	mr_msix_destroy(fn);
	return ret;
}

/**
 * mr_function_fini() - free what mr_function_init() made
 * @fn: the function; no call on it is under way
 *
 * The timers of the capabilities may mark changes, so they end before the marks do.
 *
 * Context: process, may sleep.
 */
void mr_function_fini(struct mr_function *fn)
{
	mr_ims_destroy(fn);
	mr_msi_destroy(fn);
	mr_msix_destroy(fn);
	mr_changes_destroy(&fn->rq);
}

/**
 * mr_function_create() - create a function
 * @c: what the VMM asked for; the out fields are filled in
 *
 * Context: process, may sleep.
 * Return: the function, or an ERR_PTR() as &struct msi_route_create documents.
 */
struct mr_function *mr_function_create(struct msi_route_create *c)
{
	struct mr_function *fn;
	int ret;

	ret = mr_function_check(c);
	if (ret)
		return ERR_PTR(ret);
	fn = kzalloc(sizeof(*fn), MR_GFP);
	if (!fn)
		return ERR_PTR(-ENOMEM);
	ret = mr_vm_bind(&fn->rq.vm, c->vm_fd);
	if (ret)
		goto free;
	ret = -EADDRNOTAVAIL;
	if ((c->flags & MSI_ROUTE_CREATE_EXT_DEST_ID) &&
	    !mr_vm_x2apic_format(&fn->rq.vm))
		goto release;
	ret = mr_function_init(fn, c);
	if (ret)
		goto release;
	ret = mr_function_find_room() ?: mr_observe_add(fn);
	if (ret)
		goto fini;
	mr_debugfs_add(fn);
	return fn;

fini:
	mr_function_fini(fn);
release:
	mr_vm_release(&fn->rq.vm);
free:
	kfree(fn);
	return ERR_PTR(ret);
}

/**
 * mr_function_free() - free a function
 * @fn: the function; nobody uses it any more
 *
 * Context: process, may sleep.
 */
void mr_function_free(struct mr_function *fn)
{
	mr_mmio_free(fn);
	mr_function_fini(fn);
	mr_vm_release(&fn->rq.vm);
	kfree(fn);
}

/**
 * mr_function_destroy() - close a function
 * @fn: the function; no call on it is under way
 *
 * Observers end first, then the eventfds: after that nothing can raise an event.  The
 * guest's accesses end last, because a vCPU may stay in one.
 *
 * Context: process, may sleep.
 */
void mr_function_destroy(struct mr_function *fn)
{
	struct mr_cap *cap;

	mr_debugfs_remove(fn);
	mr_observe_remove(fn);
	mr_for_each_cap(cap, &fn->rq)
		mr_eventfd_remove_all(cap);
	if (mr_mmio_remove(fn, mr_function_free))
		mr_function_free(fn);
}

/* ---- all vectors ---- */

/**
 * mr_function_set_hold() - change the bound of update holds
 * @fn: the function
 * @bound_ns: at most MR_HOLD_MAX_NS; 0: no holds
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_set_hold(struct mr_function *fn, u32 bound_ns)
{
	struct mr_cap *cap;

	/* A message store has no holds, but the bound belongs to the whole function. */
	mr_for_each_cap(cap, &fn->rq)
		mr_cap_set_hold(cap, ns_to_ktime(bound_ns));
	mr_function_sync(fn);
}

/**
 * mr_function_reset() - conventional reset or Function Level Reset [29]
 * @fn: the function
 * @keep_bus_master: leave Bus Master Enable as it is
 *
 * The gate closes first: events in flight are delivered before that, and later
 * events find the registers as after reset.  The gate of a message store follows
 * Bus Master Enable alone.  If that is kept, each vector closes by itself.
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0 or -EINTR.
 */
int mr_function_reset(struct mr_function *fn, bool keep_bus_master)
{
	unsigned long flags;
	struct mr_cap *cap;
	int ret;

	ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		return ret;
	trace_msi_route_reset(&fn->rq);
	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	if (!keep_bus_master || mr_mutant(MR_MUT_RESETS_ALL))
		fn->rq.bus_master = false;
	mr_for_each_cap(cap, &fn->rq)
		if (cap->ops->reset)
			cap->ops->reset(cap);
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
	mr_function_gate(fn);
	mr_for_each_cap(cap, &fn->rq)
		mr_cap_for_each(cap, mr_vector_reset);
	mr_grant_reset(fn);
	mr_changes_forget(&fn->rq);
	mutex_unlock(&fn->rq.config);
	mr_function_sync(fn);
	return 0;
}

/**
 * mr_function_renew() - as if the guest wrote all registers again [30]
 * @fn: the function
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_renew(struct mr_function *fn)
{
	struct mr_cap *cap;

	/* Not a message store: the VMM itself keeps its entries. */
	mr_for_each_cap(cap, &fn->rq) {
		if (!cap->changes)
			continue;
		mr_cap_for_each(cap, mr_vector_renew);
		mr_change_control(cap);
	}
	mr_function_sync(fn);
}

/**
 * mr_function_set_remapping() - set how the remapping unit treats messages [33]
 * @fn: the function, behind a remapping unit
 * @all: no message goes untranslated, whatever its format
 *
 * This recomposes each vector once, under its lock.  Whoever composes a message after
 * that sees the new value.  A vector that is to be added waits for rq->config.
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0 or -EINTR.
 */
int mr_function_set_remapping(struct mr_function *fn, bool all)
{
	struct mr_cap *cap;
	int ret;

	ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		return ret;
	WRITE_ONCE(fn->rq.remap_all, all);
	mr_for_each_cap(cap, &fn->rq)
		if (!mr_mutant(MR_MUT_LATE_REMAPPING))
			mr_cap_for_each(cap, mr_vector_recompose);
	mutex_unlock(&fn->rq.config);
	mr_function_sync(fn);
	return 0;
}

/* ---- another VM ---- */

/* Under rq->config. */
static int mr_function_check_rebind(const struct mr_function *fn, const struct mr_vm *vm)
{
	if (vm->mm != fn->rq.vm.mm)
		return -EPERM;
	if (fn->rq.flags & MSI_ROUTE_CREATE_EXT_DEST_ID && !mr_vm_x2apic_format(vm))
		return -EADDRNOTAVAIL;
	return fn->rq.stopped ? 0 : -EBUSY;
}

/*
 * The function is stopped, so nobody delivers.  Whoever writes a message, or is about
 * to, may have found the old VM under the vector's lock.  The loop skips vectors that
 * were given back; the grace period is for them.
 */
static void mr_function_change_vm(struct mr_function *fn, struct mr_vm *vm)
{
	struct mr_cap *cap;

	mr_vm_exchange(&fn->rq.vm, vm);
	mr_for_each_cap(cap, &fn->rq)
		mr_cap_for_each(cap, mr_vector_rebind);
	synchronize_rcu();
	/* The directory is named after the VM. */
	mr_debugfs_remove(fn);
	mr_debugfs_add(fn);
}

/**
 * mr_function_rebind() - move to another VM of the same process
 * @fn: the function
 * @vm_fd: the VM's file descriptor in the calling process
 *
 * Context: process, may sleep; takes rq->config and the old VM's slots_lock, waits for
 * grace periods of RCU and of that VM's SRCU; may destroy that VM.
 * Return: 0, or -EBADF, -EBADFD, -EPERM, -ENXIO, -EADDRNOTAVAIL, -EBUSY, -ENOMEM,
 * -EINTR as &struct msi_route_rebind documents them; then nothing has changed.
 */
int mr_function_rebind(struct mr_function *fn, int vm_fd)
{
	struct mr_vm vm;
	int ret;

	ret = mr_vm_bind(&vm, vm_fd);
	if (ret)
		return ret;
	ret = mr_function_find_room() ?: mutex_lock_killable(&fn->rq.config);
	if (ret)
		goto release;
	ret = mr_function_check_rebind(fn, &vm);
	/* This is the last step that can fail. */
	if (!ret)
		ret = mr_mmio_take_away(fn);
	if (!ret)
		mr_function_change_vm(fn, &vm);
	mutex_unlock(&fn->rq.config);
release:
	/* The VM that the function left or, on failure, the new one. */
	mr_vm_release(&vm);
	return ret;
}

/* ---- single vectors ---- */

/**
 * mr_function_trigger() - raise an event of a vector
 * @fn: the function
 * @t: which vector; the outcome is filled in
 *
 * Context: process, interrupts on, no lock held.
 * Return: 0, or -EINVAL, -ENODEV, -ECHRNG.
 */
int mr_function_trigger(struct mr_function *fn, struct msi_route_trigger *t)
{
	struct mr_cap *cap = mr_function_cap_of_kind(fn, t->kind);
	struct mr_vector *v;

	if (IS_ERR(cap))
		return PTR_ERR(cap);
	rcu_read_lock();
	v = mr_vector_find(cap, t->vector);
	if (v)
		t->outcome = mr_vector_raise(v, 1, true);
	rcu_read_unlock();
	mr_cap_sync(cap);
	return v ? 0 : -ECHRNG;
}

/**
 * mr_function_clear() - clear a pending event whose cause is gone [21]
 * @fn: the function
 * @t: which vector; the outcome says whether an event was pending
 *
 * Context: process.
 * Return: 0, or -EINVAL, -ENODEV, -ECHRNG.
 */
int mr_function_clear(struct mr_function *fn, struct msi_route_trigger *t)
{
	struct mr_cap *cap = mr_function_cap_of_kind(fn, t->kind);
	struct mr_vector *v;

	if (IS_ERR(cap))
		return PTR_ERR(cap);
	rcu_read_lock();
	v = mr_vector_find(cap, t->vector);
	if (v)
		t->outcome = mr_vector_clear(v);
	rcu_read_unlock();
	return v ? 0 : -ECHRNG;
}

/**
 * mr_function_set_entries() - write many entries of the MSI-X table
 * @cap: the MSI-X capability
 * @first: the first vector
 * @entries: their new values
 * @nr: number of entries
 *
 * Context: process, may sleep; takes rq->config, so that no vector is given back.
 * Return: 0, or -ECHRNG if a vector does not exist, or -EINTR.
 */
int mr_function_set_entries(struct mr_cap *cap, u32 first,
			    const struct msi_route_entry *entries, u32 nr)
{
	struct mr_function *fn = mr_function_of(cap);
	int ret;
	u32 i;

	ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		return ret;
	if (!mr_cap_has(cap, first, nr))
		ret = -ECHRNG;
	for (i = 0; !ret && i < nr; i++) {
		mr_msix_set_entry(mr_vector_at(cap, first + i), &entries[i]);
		cond_resched();
	}
	mutex_unlock(&fn->rq.config);
	mr_function_sync(fn);
	return ret;
}
