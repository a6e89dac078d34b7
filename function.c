// SPDX-License-Identifier: GPL-2.0
/*
 * One PCI function: its life, its gate, accesses of it, reset.
 */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/pci_regs.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "mr.h"
#include "mutate.h"
#include "trace.h"

struct workqueue_struct *mr_wq;
struct workqueue_struct *mr_release_wq;

/* ---- life ---- */

/* The KUnit suites may run before the module is initialized, and call it too. */
int mr_function_module_init(void)
{
	int ret;

	if (mr_wq)
		return 0;
	ret = mr_vectors_module_init();
	if (ret)
		return ret;
	/* Unbound: a long row of broadcasts is in the way of nobody else's work. */
	mr_release_wq = alloc_workqueue("msi_route_release", WQ_UNBOUND, 0);
	mr_wq = alloc_workqueue("msi_route", WQ_UNBOUND, 0);
	if (mr_wq && mr_release_wq)
		return 0;
	mr_function_module_exit();
	return -ENOMEM;
}

void mr_function_module_exit(void)
{
	if (mr_wq)
		destroy_workqueue(mr_wq);
	if (mr_release_wq)
		destroy_workqueue(mr_release_wq);
	mr_wq = NULL;
	mr_vectors_module_exit();
}

/* A capability in configuration space; of size 0: there is none. */
struct place {
	u32 offset;
	u32 size;
};

static bool overlap(const struct place *a, const struct place *b)
{
	return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* For people: one word, as long as there is room for. */
static bool valid_name(const char *name)
{
	size_t i, len = strnlen(name, MSI_ROUTE_NAME_SIZE);

	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || !isgraph(name[i]) || name[i] == '/')
			return false;
	return len < MSI_ROUTE_NAME_SIZE &&
	       !memchr_inv(name + len, 0, MSI_ROUTE_NAME_SIZE - len);
}

static int check(const struct msi_route_create *c)
{
	const u32 known = MSI_ROUTE_CREATE_EXT_DEST_ID |
			  MSI_ROUTE_CREATE_REMAPPING;
	const struct place place[] = {
		{ c->msix_cap, c->msix_vectors ? PCI_CAP_MSIX_SIZEOF : 0 },
		{ c->msi_cap, c->msi_vectors ? mr_msi_size(c->msi_flags) : 0 },
		{ c->grant_cap, c->grant_cap ? MSI_ROUTE_GRANT_CAP_SIZE : 0 },
	};

	if (c->flags & ~known || c->reserved || c->reserved2 || c->reserved3)
		return -EOPNOTSUPP;
	if (!c->msix_vectors && !c->msi_vectors && !c->ims_vectors)
		return -EINVAL;
	if (!valid_name(c->name))
		return -EINVAL;
	if (c->grant_cap &&
	    (c->grant_cap < PCI_STD_HEADER_SIZEOF || c->grant_cap & 3 ||
	     c->grant_cap + MSI_ROUTE_GRANT_CAP_SIZE > PCI_CFG_SPACE_SIZE))
		return -EINVAL;
	if (overlap(&place[0], &place[1]) || overlap(&place[0], &place[2]) ||
	    overlap(&place[1], &place[2]))
		return -EINVAL;
	return 0;
}

/*
 * What debugfs and the descriptor take comes from allocators that call the OOM
 * killer at the memory cgroup's limit.  They need less than this.
 */
static int find_room(void)
{
	void *room = kmalloc(SZ_32K, MR_GFP);

	kfree(room);
	return room ? 0 : -ENOMEM;
}

static void name(struct mr_function *fn, const struct msi_route_create *c)
{
	if (c->name[0])
		memcpy(fn->name, c->name, sizeof(fn->name));
	else
		scnprintf(fn->name, sizeof(fn->name), "0x%x", c->id);
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

	ret = check(c);
	if (ret)
		return ERR_PTR(ret);
	/* Whatever the caller left there. */
	c->mmap_size = 0;
	c->mmap_table = 0;
	c->mmap_pba = 0;
	fn = kzalloc(sizeof(*fn), MR_GFP);
	if (!fn)
		return ERR_PTR(-ENOMEM);
	fn->id = c->id;
	name(fn, c);
	fn->flags = c->flags;
	raw_spin_lock_init(&fn->lock);
	mutex_init(&fn->config);

	ret = mr_vm_bind(&fn->vm, c->vm_fd);
	if (ret)
		goto free;
	ret = -EADDRNOTAVAIL;
	if ((c->flags & MSI_ROUTE_CREATE_EXT_DEST_ID) &&
	    !mr_vm_x2apic_format(&fn->vm))
		goto release;
	ret = mr_msix_init(fn, c);
	if (ret)
		goto release;
	ret = mr_msi_init(fn, c);
	if (ret)
		goto destroy_msix;
	ret = mr_ims_init(fn, c);
	if (ret)
		goto destroy_msi;
	mr_changes_init(fn);
	ret = find_room() ?: mr_observe_add(fn);
	if (ret)
		goto destroy_ims;
	mr_debugfs_add(fn);
	return fn;

destroy_ims:
	mr_changes_destroy(fn);
	mr_ims_destroy(fn);
destroy_msi:
	mr_msi_destroy(fn);
destroy_msix:
	mr_msix_destroy(fn);
release:
	mr_vm_release(&fn->vm);
free:
	kfree(fn);
	return ERR_PTR(ret);
}

/**
 * mr_function_destroy() - free a function
 * @fn: the function; no call on it is under way
 *
 * Observers end first, then the guest's accesses, then the eventfds: after them
 * nothing can raise an event.  What the timers of the capabilities change may be
 * marked, so they end before the marks do.
 *
 * Context: process, may sleep.
 */
void mr_function_destroy(struct mr_function *fn)
{
	mr_debugfs_remove(fn);
	mr_observe_remove(fn);
	mr_trap_remove(fn);
	mr_trigger_remove_all(&fn->msix_cap);
	mr_trigger_remove_all(&fn->msi_cap);
	mr_trigger_remove_all(&fn->ims_cap);
	mr_ims_destroy(fn);
	mr_msi_destroy(fn);
	mr_msix_destroy(fn);
	mr_changes_destroy(fn);
	mr_vm_release(&fn->vm);
	kfree(fn);
}

/* ---- the gate: Enable, Function Mask, Bus Master Enable ---- */

/* Open if there is no reason against it; is it?  Under fn->lock. */
static bool gate_set(struct mr_cap *cap, enum msi_route_reason reason)
{
	if (!cap->max)
		return !reason;
	trace_msi_route_gate(cap, reason);
	/* An older one stays, for who has found the gate closed just now. */
	if (reason && !mr_mutant(MR_MUT_STALE_REASON))
		WRITE_ONCE(cap->reason, reason);
	WRITE_ONCE(cap->open, !reason);
	return !reason;
}

static void gate_shut(struct mr_cap *cap, enum msi_route_reason reason)
{
	if (reason)
		gate_set(cap, reason);
}

/*
 * Also where the gate was so before: the vCPU that closed or opened it may not
 * have finished yet, and this write's promises are its own [26] [27].
 */
static void gate_settle(struct mr_cap *cap, bool open)
{
	if (open) {
		mr_cap_opened(cap);
		/* After its barrier: see mr_change_used(). */
		mr_change_opened(cap);
	} else {
		mr_cap_closed(cap);
	}
}

/**
 * mr_function_shut() - what the registers forbid is not sent from now on
 * @fn: the function
 *
 * Together with the change of the registers: who reads the new value and then raises
 * an event finds the gate closed.  What they permit waits for mr_function_gate(),
 * because messages come first [18].
 *
 * Context: any; fn->lock held.
 */
void mr_function_shut(struct mr_function *fn)
{
	lockdep_assert_held(&fn->lock);

	gate_shut(&fn->msix_cap, mr_msix_shut(fn));
	gate_shut(&fn->msi_cap, mr_msi_shut(fn));
	gate_shut(&fn->ims_cap, mr_ims_shut(fn));
}

/**
 * mr_function_gate() - make changed control registers effective
 * @fn: the function
 *
 * On return nothing is sent any more by what was closed [27], and what was
 * pending in what was opened has been sent [26].
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_gate(struct mr_function *fn)
{
	bool msix, msi, ims, both;
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	both = mr_msix_enabled(fn) && mr_msi_enabled(fn);
	if (both && !fn->both_enabled) {
		atomic64_inc(&fn->msix_cap.count.both_enabled);
		atomic64_inc(&fn->msi_cap.count.both_enabled);
	}
	fn->both_enabled = both;

	msix = gate_set(&fn->msix_cap, mr_msix_shut(fn));
	msi = gate_set(&fn->msi_cap, mr_msi_shut(fn));
	ims = gate_set(&fn->ims_cap, mr_ims_shut(fn));
	raw_spin_unlock_irqrestore(&fn->lock, flags);

	gate_settle(&fn->msix_cap, msix);
	gate_settle(&fn->msi_cap, msi);
	gate_settle(&fn->ims_cap, ims);
}

/**
 * mr_function_sync() - complete what was deferred
 * @fn: the function
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_sync(struct mr_function *fn)
{
	mr_cap_sync(&fn->msix_cap);
	mr_cap_sync(&fn->msi_cap);
	mr_cap_sync(&fn->ims_cap);
}

/**
 * mr_function_set_bus_master() - Bus Master Enable changed [31]
 * @fn: the function
 * @enable: its value
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_set_bus_master(struct mr_function *fn, bool enable)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	fn->bus_master = enable;
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	mr_function_gate(fn);
	mr_change_control(&fn->msix_cap);
	mr_change_control(&fn->msi_cap);
	mr_function_sync(fn);
}

/**
 * mr_function_set_hold() - change the bound of update holds
 * @fn: the function
 * @bound_ns: at most MR_HOLD_MAX_NS; 0: no holds
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_set_hold(struct mr_function *fn, u32 bound_ns)
{
	mr_cap_set_hold(&fn->msix_cap, ns_to_ktime(bound_ns));
	mr_cap_set_hold(&fn->msi_cap, ns_to_ktime(bound_ns));
	/* It has no holds; but the bound is the function's. */
	mr_cap_set_hold(&fn->ims_cap, ns_to_ktime(bound_ns));
	mr_function_sync(fn);
}

/**
 * mr_function_reset() - conventional reset or Function Level Reset [29]
 * @fn: the function
 *
 * The gate closes first: events in flight are delivered before that, and what
 * comes later finds the registers as after reset.
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0 or -EINTR.
 */
int mr_function_reset(struct mr_function *fn)
{
	unsigned long flags;
	int ret;

	ret = mutex_lock_killable(&fn->config);
	if (ret)
		return ret;
	trace_msi_route_reset(fn);
	raw_spin_lock_irqsave(&fn->lock, flags);
	fn->bus_master = false;
	WRITE_ONCE(fn->msix.control, 0);
	mr_msi_reset(fn);
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	mr_function_gate(fn);
	mr_cap_for_each(&fn->msix_cap, mr_vector_reset);
	mr_cap_for_each(&fn->msi_cap, mr_vector_reset);
	mr_cap_for_each(&fn->ims_cap, mr_vector_reset);
	mr_grant_reset(fn);
	mr_changes_forget(fn);
	mutex_unlock(&fn->config);
	mr_function_sync(fn);
	return 0;
}

/**
 * mr_function_renew() - as if the guest wrote all registers once more [30]
 * @fn: the function
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_renew(struct mr_function *fn)
{
	mr_cap_for_each(&fn->msix_cap, mr_vector_renew);
	mr_cap_for_each(&fn->msi_cap, mr_vector_renew);
	mr_change_control(&fn->msix_cap);
	mr_change_control(&fn->msi_cap);
	mr_function_sync(fn);
}

/* ---- accesses ---- */

/* The part of configuration space that a capability takes. */
static bool in_cap(u32 dword, u32 cap, u32 size)
{
	return dword >= cap && dword < cap + size;
}

static u32 merge(u32 value, u32 lanes, u32 from)
{
	return (value & ~lanes) | (from & lanes);
}

static u32 config_read(struct mr_function *fn, u32 dword, u32 lanes, u32 value)
{
	u32 owned, from;

	if (fn->msix_cap.max &&
	    in_cap(dword, fn->msix.offset, PCI_CAP_MSIX_SIZEOF)) {
		from = mr_msix_config_read(fn, dword - fn->msix.offset, &owned);
		value = merge(value, lanes & owned, from);
	}
	if (fn->msi_cap.max &&
	    in_cap(dword, fn->msi.offset, mr_msi_size(fn->msi.layout))) {
		from = mr_msi_config_read(fn, dword - fn->msi.offset, &owned);
		value = merge(value, lanes & owned, from);
	}
	if (fn->grant.offset &&
	    in_cap(dword, fn->grant.offset, MSI_ROUTE_GRANT_CAP_SIZE)) {
		from = mr_grant_config_read(fn, dword - fn->grant.offset, &owned);
		value = merge(value, lanes & owned, from);
	}
	return value;
}

static void config_write(struct mr_function *fn, u32 dword, u32 lanes,
			 u32 value)
{
	struct mr_config_access a = { .lanes = lanes, .value = value };

	if (fn->msix_cap.max &&
	    in_cap(dword, fn->msix.offset, PCI_CAP_MSIX_SIZEOF)) {
		a.reg = dword - fn->msix.offset;
		mr_msix_config_write(fn, &a);
	}
	if (fn->msi_cap.max &&
	    in_cap(dword, fn->msi.offset, mr_msi_size(fn->msi.layout))) {
		a.reg = dword - fn->msi.offset;
		mr_msi_config_write(fn, &a);
	}
	if (fn->grant.offset &&
	    in_cap(dword, fn->grant.offset, MSI_ROUTE_GRANT_CAP_SIZE)) {
		a.reg = dword - fn->grant.offset;
		mr_grant_config_write(fn, &a);
	}
}

static int config_access(struct mr_function *fn, struct msi_route_access *a,
			 bool write)
{
	u32 at = a->offset, end = at + a->len;
	u32 next, shift, lanes, value;
	u64 read = 0;

	if (a->offset > PCI_CFG_SPACE_EXP_SIZE - a->len)
		return -ERANGE;

	/* One access of a dword after the other, the lowest first [11]. */
	for (; at < end; at = next) {
		next = min(round_down(at, 4) + 4, end);
		shift = (at & 3) * 8;
		lanes = (~0U >> (32 - 8 * (next - at))) << shift;
		value = (u32)(a->value >> (at - a->offset) * 8) << shift;
		if (write) {
			config_write(fn, round_down(at, 4), lanes, value);
			/* What it released has arrived before the next is written. */
			mr_function_sync(fn);
			continue;
		}
		value = config_read(fn, round_down(at, 4), lanes, value) & lanes;
		read |= (u64)(value >> shift) << (at - a->offset) * 8;
	}
	if (!write)
		a->value = read;
	return 0;
}

static int memory_access(struct mr_function *fn, struct msi_route_access *a,
			 bool write)
{
	u32 size = mr_msix_space_size(fn, a->space);

	if (!size)
		return -ENODEV;
	if (a->offset > size - a->len)
		return -ERANGE;

	a->offset = array_index_nospec(a->offset, size);
	if (write)
		mr_msix_write(fn, a);
	else
		mr_msix_read(fn, a, &a->value);
	return 0;
}

/**
 * mr_function_access() - a guest's access of the function's registers
 * @fn: the function
 * @a: the access; its value is filled in by a read
 * @write: a write, else a read
 *
 * Context: process, interrupts on, no lock held; waits for no other task, save
 * for one that sends a broadcast, and in mr_grant_config_write().
 * Return: 0, or -EINVAL, -EMSGSIZE, -ERANGE, -ENODEV as
 * &struct msi_route_access documents them.
 */
int mr_function_access(struct mr_function *fn, struct msi_route_access *a,
		       bool write)
{
	int ret;

	if (!a->len || a->len > sizeof(a->value))
		return -EMSGSIZE;
	if (!write)
		mr_function_sync(fn);
	switch (a->space) {
	case MSI_ROUTE_CONFIG:
		ret = config_access(fn, a, write);
		break;
	case MSI_ROUTE_TABLE:
	case MSI_ROUTE_PBA:
		ret = memory_access(fn, a, write);
		break;
	default:
		ret = -EINVAL;
		break;
	}
	if (write)
		mr_function_sync(fn);
	return ret;
}

static struct mr_cap *cap_of(struct mr_function *fn, u32 kind)
{
	struct mr_cap *cap;

	switch (kind) {
	case MSI_ROUTE_MSIX:
		cap = &fn->msix_cap;
		break;
	case MSI_ROUTE_MSI:
		cap = &fn->msi_cap;
		break;
	case MSI_ROUTE_IMS:
		cap = &fn->ims_cap;
		break;
	default:
		return ERR_PTR(-EINVAL);
	}
	return cap->max ? cap : ERR_PTR(-ENODEV);
}

/**
 * mr_function_cap() - find the capability that has these vectors
 * @fn: the function
 * @kind: enum msi_route_kind
 * @first: number of the first one, from the caller
 * @nr: how many there must be from it on, from the caller
 *
 * Context: any.  Vectors may be given back until fn->config is held.
 * Return: the capability, or ERR_PTR() of -EINVAL, -ENODEV, -ECHRNG.
 */
struct mr_cap *mr_function_cap(struct mr_function *fn, u32 kind, u32 first,
			       u32 nr)
{
	struct mr_cap *cap = cap_of(fn, kind);

	if (IS_ERR(cap))
		return cap;
	if (!nr)
		return ERR_PTR(-EINVAL);
	return mr_cap_has(cap, first, nr) ? cap : ERR_PTR(-ECHRNG);
}

/**
 * mr_function_trigger() - an event of a vector
 * @fn: the function
 * @t: which vector; the outcome is filled in
 *
 * Context: process, interrupts on, no lock held.
 * Return: 0, or -EINVAL, -ENODEV, -ECHRNG.
 */
int mr_function_trigger(struct mr_function *fn, struct msi_route_trigger *t)
{
	struct mr_cap *cap = cap_of(fn, t->kind);
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
 * mr_function_clear() - the cause of a vector's pending event is gone [21]
 * @fn: the function
 * @t: which vector; the outcome is filled in: was an event pending?
 *
 * Context: process.
 * Return: 0, or -EINVAL, -ENODEV, -ECHRNG.
 */
int mr_function_clear(struct mr_function *fn, struct msi_route_trigger *t)
{
	struct mr_cap *cap = cap_of(fn, t->kind);
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
 * @entries: @nr of them
 * @nr: number
 *
 * Context: process, may sleep; takes fn->config, so that no vector goes.
 * Return: 0, or -ECHRNG if not all of them are there, or -EINTR.
 */
int mr_function_set_entries(struct mr_cap *cap, u32 first,
			    const struct msi_route_entry *entries, u32 nr)
{
	struct mr_function *fn = cap->fn;
	int ret;
	u32 i;

	ret = mutex_lock_killable(&fn->config);
	if (ret)
		return ret;
	if (!mr_cap_has(cap, first, nr))
		ret = -ECHRNG;
	for (i = 0; !ret && i < nr; i++) {
		mr_msix_set_entry(mr_vector_at(cap, first + i), &entries[i]);
		cond_resched();
	}
	mutex_unlock(&fn->config);
	mr_function_sync(fn);
	return ret;
}

/**
 * mr_function_state() - how a capability stands
 * @cap: the capability
 *
 * Context: any, fn->lock not held.
 * Return: bits of enum msi_route_vector_state that are the same for all its vectors.
 */
u32 mr_function_state(const struct mr_cap *cap)
{
	struct mr_function *fn = cap->fn;
	bool msix = cap->kind == MSI_ROUTE_MSIX;
	bool msi = cap->kind == MSI_ROUTE_MSI;
	unsigned long flags;
	u32 state = 0;

	raw_spin_lock_irqsave(&fn->lock, flags);
	if ((msix && mr_msix_enabled(fn)) || (msi && mr_msi_enabled(fn)))
		state |= MSI_ROUTE_STATE_ENABLED;
	if (msix && fn->msix.control & PCI_MSIX_FLAGS_MASKALL)
		state |= MSI_ROUTE_STATE_FUNCTION_MASK;
	if (fn->bus_master)
		state |= MSI_ROUTE_STATE_BUS_MASTER;
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return state;
}

/* ---- all registers ---- */

/**
 * mr_function_check_registers() - can the registers have these values?
 * @fn: the function
 * @s: the values, but for entries and what is pending
 *
 * Return: 0 or -EINVAL.
 */
int mr_function_check_registers(const struct mr_function *fn,
				const struct msi_route_state *s)
{
	u16 control = fn->msix_cap.max ? mr_msix_writable_control() : 0;

	if (s->hold_bound_ns > MR_HOLD_MAX_NS || s->bus_master > 1 ||
	    s->msix_control & ~control ||
	    s->grant_status > MSI_ROUTE_GRANT_MEMORY ||
	    (!fn->grant.offset && (s->grant_request || s->grant_status)))
		return -EINVAL;
	return mr_msi_check_registers(fn, s);
}

/**
 * mr_function_get_registers() - the values of the registers
 * @fn: the function
 * @s: out; but for entries and what is pending
 *
 * Context: process; fn->config held.
 */
void mr_function_get_registers(struct mr_function *fn,
			       struct msi_route_state *s)
{
	const struct mr_cap *cap = fn->msix_cap.max ? &fn->msix_cap :
				   fn->msi_cap.max ? &fn->msi_cap : &fn->ims_cap;
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	s->bus_master = fn->bus_master;
	s->msix_control = fn->msix.control;
	mr_msi_get_registers(fn, s);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	s->hold_bound_ns = ktime_to_ns(READ_ONCE(cap->hold_bound));
	s->grant_request = fn->grant.request;
	s->grant_status = fn->grant.status;
}

/**
 * mr_function_set_registers() - give the registers values
 * @fn: the function, stopped
 * @s: the values, checked; neither entries nor what is pending nor the bound
 *
 * They are not effective before the messages and the gate are renewed.
 *
 * Context: process; fn->config held.
 */
void mr_function_set_registers(struct mr_function *fn,
			       const struct msi_route_state *s)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->lock, flags);
	fn->bus_master = s->bus_master;
	WRITE_ONCE(fn->msix.control, s->msix_control);
	mr_msi_set_registers(fn, s);
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	WRITE_ONCE(fn->grant.request, s->grant_request);
	WRITE_ONCE(fn->grant.status, s->grant_status);
}

/* ---- counters ---- */

static int count_vectors(struct mr_cap *cap, u32 vector,
			 struct mr_vector_count *count)
{
	struct mr_vector *v;

	if (vector == MSI_ROUTE_ALL_VECTORS)
		return mr_vectors_count(cap, count);
	rcu_read_lock();
	v = mr_vector_find(cap, vector);
	if (v)
		mr_vector_count(v, count);
	rcu_read_unlock();
	return v ? 0 : -ECHRNG;
}

static void add_cap(struct msi_route_counters *c, struct mr_counters *count)
{
	c->cleared = atomic64_read(&count->cleared);
	c->unreached = atomic64_read(&count->unreached);
	c->dropped_address = atomic64_read(&count->dropped[0]);
	c->dropped_mode = atomic64_read(&count->dropped[1]);
	c->dropped_vector = atomic64_read(&count->dropped[2]);
	c->dropped_absent = atomic64_read(&count->dropped[3]);
	c->replayed = atomic64_read(&count->replayed);
	c->held = atomic64_read(&count->held);
	c->updates = atomic64_read(&count->updates);
	c->drained = atomic64_read(&count->drained);
	c->holds = atomic64_read(&count->holds);
	c->holds_expired = atomic64_read(&count->holds_expired);
	c->bad_accesses = atomic64_read(&count->bad_accesses);
	c->both_enabled = atomic64_read(&count->both_enabled);
	c->remappable = atomic64_read(&count->remappable);
}

/**
 * mr_function_counters() - what happened
 * @fn: the function
 * @c: kind and vector say of what; the rest is filled in
 *
 * Context: process, may sleep; takes cap->blocks_lock.  Not one instant's values
 * while calls are under way.
 * Return: 0, or -EINVAL, -ENODEV, -ECHRNG, -EINTR.
 */
int mr_function_counters(struct mr_function *fn, struct msi_route_counters *c)
{
	struct mr_cap *cap = cap_of(fn, c->kind);
	struct mr_vector_count count = {};
	int ret;

	if (IS_ERR(cap))
		return PTR_ERR(cap);
	ret = count_vectors(cap, c->vector, &count);
	if (ret)
		return ret;
	c->pending = count.pending;
	c->events = count.events;
	c->messages = count.messages;
	c->coalesced = count.coalesced;
	add_cap(c, &cap->count);
	return 0;
}
