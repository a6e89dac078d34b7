// SPDX-License-Identifier: GPL-2.0
/*
 * In-kernel MMIO: table and PBA on KVM's MMIO bus, so that a guest's access of
 * them does not leave the kernel.
 *
 * The bus is an array of ranges, replaced as a whole under slots_lock.  vCPUs read it
 * under kvm->srcu, and stay under it while they are in one of our callbacks.  Hence:
 *
 * - a callback never takes slots_lock, nor a lock under which slots_lock is taken;
 * - a range is freed only after a grace period of kvm->srcu.
 *
 * KVM may drop the whole bus if a removal finds no memory.  Then there is nothing left
 * to remove from it, and accesses go to the VMM.
 *
 * If a guest places two functions over each other, the later one wins, and the earlier
 * one's covered ranges leave the bus.  So a guest that exchanges two BARs, one after
 * the other, never writes to the wrong table.  A range on the bus that is not ours wins
 * over a function.
 *
 * A vCPU stays under kvm->srcu even while it waits for a page of the guest's memory.
 * A server of the VMM's may bring that page at any time.  So only the VMM's own calls
 * wait for vCPUs.
 */
#include <asm/apicdef.h>
#include <kvm/iodev.h>
#include <linux/jiffies.h>
#include <linux/kvm_host.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

#include "function.h"
#include "../mutate.h"

/**
 * struct mr_range - the table or the PBA on the bus
 * @dev: what the bus calls
 * @fn: the function
 * @space: MSI_ROUTE_TABLE or MSI_ROUTE_PBA
 * @range: guest-physical addresses; length 0: not on the bus
 */
struct mr_range {
	struct kvm_io_device dev;
	struct mr_function *fn;
	u32 space;
	struct kvm_io_range range;
};

enum { MR_TABLE, MR_PBA, MR_RANGES };

/**
 * struct mr_mmio - where a function's table and PBA are on the bus
 * @part: table and PBA; immutable: a move makes a new struct, because a vCPU may still
 *	use the old one
 * @fn: the function
 * @leave: takes it off the bus if the function was closed and nobody waits for that;
 *	the fields below are for this work
 * @left: it is off the bus
 * @bus: the last array that had it
 * @grace: the SRCU grace period after which no vCPU uses @bus
 * @delay: time until the next try, in jiffies
 * @done: frees the function
 */
struct mr_mmio {
	struct mr_range part[MR_RANGES];
	struct mr_function *fn;
	struct delayed_work leave;
	bool left;
	struct kvm_io_bus *bus;
	unsigned long grace;
	unsigned long delay;
	void (*done)(struct mr_function *fn);
};

/* ---- a guest's access; vCPU thread, under kvm->srcu ---- */

/*
 * An access of another length is a part of one that crosses a page.  Like any
 * that is not an aligned dword or qword, it is undefined [15].
 *
 * Returns false if the function is closed: the access exits to the VMM.
 */
static bool mr_mmio_access(struct kvm_io_device *dev, gpa_t addr,
			   struct msi_route_access *a, bool write)
{
	const struct mr_range *r = container_of(dev, struct mr_range, dev);
	struct mr_function *fn = r->fn;

	if (READ_ONCE(fn->closed))
		return false;
	if (mr_mutant(MR_MUT_STALE_PLACE) && READ_ONCE(fn->mmio)) {
		/* Where the function is now, not where the vCPU found it. */
		r = &fn->mmio->part[r->space == MSI_ROUTE_PBA ? MR_PBA : MR_TABLE];
	}
	a->space = r->space;
	a->offset = addr - r->range.addr;
	if (mr_function_access(fn, a, write)) {
		atomic64_inc(&mr_msix_cap(fn)->count.bad_accesses);
		a->value = ~0ULL;
	}
	return true;
}

static int mr_mmio_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev,
			gpa_t addr, int len, void *val)
{
	struct msi_route_access a = { .len = len };

	if (!mr_mmio_access(dev, addr, &a, false))
		return -EOPNOTSUPP;
	memcpy(val, &a.value, min_t(size_t, len, sizeof(a.value)));
	return 0;
}

static int mr_mmio_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev,
			 gpa_t addr, int len, const void *val)
{
	struct msi_route_access a = { .len = len };

	memcpy(&a.value, val, min_t(size_t, len, sizeof(a.value)));
	mr_vm_note_writer(&container_of(dev, struct mr_range, dev)->fn->rq.vm, vcpu);
	return mr_mmio_access(dev, addr, &a, true) ? 0 : -EOPNOTSUPP;
}

static const struct kvm_io_device_ops mr_mmio_ops = {
	.read = mr_mmio_read,
	.write = mr_mmio_write,
};

/* ---- the bus; under slots_lock ---- */

static bool mr_mmio_is_ours(const struct kvm_io_range *range)
{
	return range->dev->ops == &mr_mmio_ops;
}

static bool mr_mmio_belongs_to(const struct kvm_io_range *range,
			       const struct mr_mmio *t)
{
	return t && (range->dev == &t->part[MR_TABLE].dev ||
		     range->dev == &t->part[MR_PBA].dev);
}

/* An ioeventfd for writes of any length has length 0. */
static gpa_t mr_mmio_end(const struct kvm_io_range *r)
{
	return r->addr + max(r->len, 1);
}

static bool mr_mmio_overlap(const struct kvm_io_range *a, const struct kvm_io_range *b)
{
	return a->addr < mr_mmio_end(b) && b->addr < mr_mmio_end(a);
}

static bool mr_mmio_covers(const struct mr_mmio *t, const struct kvm_io_range *range)
{
	int i;

	for (i = 0; i < MR_RANGES; i++)
		if (t->part[i].range.len && mr_mmio_overlap(range, &t->part[i].range))
			return true;
	return false;
}

/* Is it another function's table or PBA, and does @t cover it? */
static bool mr_mmio_is_covered(const struct mr_mmio *t, const struct kvm_io_range *range)
{
	if (mr_mutant(MR_MUT_BOTH_PLACED))
		return false;
	return t && mr_mmio_is_ours(range) && !mr_mmio_belongs_to(range, t) &&
	       mr_mmio_covers(t, range);
}

/*
 * Does @t overlap anything but our functions?  One would hide the other.  The local
 * APIC is not on the bus: KVM asks it first.
 */
static bool mr_mmio_occupied(const struct kvm_io_bus *bus, const struct mr_mmio *t)
{
	static const struct kvm_io_range lapic = {
		.addr = APIC_DEFAULT_PHYS_BASE, .len = PAGE_SIZE,
	};
	int i;

	for (i = 0; i < bus->dev_count; i++)
		if (!mr_mmio_is_ours(&bus->range[i]) && mr_mmio_covers(t, &bus->range[i]))
			return true;
	return mr_mmio_covers(t, &lapic);
}

/* <linux/kvm_host.h> describes the array.  We change only our own ranges in it. */
static bool mr_mmio_comes_after(const struct kvm_io_range *a,
				const struct kvm_io_range *b)
{
	return a->addr >= b->addr && a->addr + a->len > b->addr + b->len;
}

/* Keeps the array in the order in which KVM searches it. */
static void mr_mmio_insert(struct kvm_io_bus *bus, const struct kvm_io_range *range)
{
	int i, at = 0;

	while (at < bus->dev_count && !mr_mmio_comes_after(&bus->range[at], range))
		at++;
	for (i = bus->dev_count++; i > at; i--)
		bus->range[i] = bus->range[i - 1];
	bus->range[at] = *range;
}

static void mr_mmio_fill_bus(struct kvm_io_bus *new, const struct kvm_io_bus *bus,
			     const struct mr_mmio *old, const struct mr_mmio *t)
{
	int i;

	new->dev_count = 0;
	new->ioeventfd_count = bus->ioeventfd_count;
	for (i = 0; i < bus->dev_count; i++)
		if (!mr_mmio_belongs_to(&bus->range[i], old) &&
		    !mr_mmio_is_covered(t, &bus->range[i]))
			new->range[new->dev_count++] = bus->range[i];
	for (i = 0; t && i < MR_RANGES; i++)
		if (t->part[i].range.len)
			mr_mmio_insert(new, &t->part[i].range);
}

/*
 * A removal must not fail: nothing else ends the use of the function.  It asks for
 * less memory than it gives back, so at the memory cgroup's limit it asks without a
 * charge.  The allocator does not promise several pages, so it asks until it gets
 * them.
 */
static struct kvm_io_bus *mr_mmio_new_bus(int ranges, bool must)
{
	struct kvm_io_bus *new;

	new = kzalloc(struct_size(new, range, ranges), MR_GFP);
	while (!new && must) {
		cond_resched();
		new = kzalloc(struct_size(new, range, ranges),
			      GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	}
	return new;
}

/* The number of ranges on the bus with @t in place of @old. */
static int mr_mmio_nr_ranges(const struct kvm_io_bus *bus, const struct mr_mmio *old,
			     const struct mr_mmio *t)
{
	int i, nr = 0;

	for (i = 0; i < bus->dev_count; i++)
		nr += !mr_mmio_belongs_to(&bus->range[i], old) &&
		      !mr_mmio_is_covered(t, &bus->range[i]);
	for (i = 0; t && i < MR_RANGES; i++)
		nr += !!t->part[i].range.len;
	return nr;
}

#ifdef CONFIG_MSI_ROUTE_KVM

static void mr_mmio_leave(struct kvm *kvm, struct mr_mmio *t)
{
	int i;

	for (i = 0; t && i < MR_RANGES; i++)
		if (t->part[i].range.len)
			kvm_io_bus_unregister_dev(kvm, KVM_MMIO_BUS,
						  &t->part[i].dev);
}

static int mr_mmio_join(struct kvm *kvm, struct mr_mmio *t)
{
	struct kvm_io_range *r;
	int i, ret = 0;

	for (i = 0; t && i < MR_RANGES && !ret; i++) {
		r = &t->part[i].range;
		if (r->len)
			ret = kvm_io_bus_register_dev(kvm, KVM_MMIO_BUS,
						      r->addr, r->len, r->dev);
	}
	if (ret)
		mr_mmio_leave(kvm, t);
	return ret;
}

/* Returns a range of another function that @t covers, or NULL if none is left. */
static struct kvm_io_device *mr_mmio_covered(struct kvm *kvm, const struct mr_mmio *t)
{
	const struct kvm_io_bus *bus;
	int i;

	bus = rcu_dereference_protected(kvm->buses[KVM_MMIO_BUS],
					lockdep_is_held(&kvm->slots_lock));
	for (i = 0; bus && i < bus->dev_count; i++)
		if (mr_mmio_is_covered(t, &bus->range[i]))
			return bus->range[i].dev;
	return NULL;
}

/* Between mr_mmio_leave() and mr_mmio_join(), accesses exit to the VMM. */
static int mr_mmio_exchange(struct kvm *kvm, struct kvm_io_bus *bus,
			    struct mr_mmio *old, struct mr_mmio *t)
{
	struct kvm_io_device *dev;
	int ret;

	mr_mmio_leave(kvm, old);
	ret = mr_mmio_join(kvm, t);
	/* Back to the old place: there was room a moment ago. */
	if (ret) {
		mr_mmio_join(kvm, old);
		return ret;
	}
	while ((dev = mr_mmio_covered(kvm, t)))
		kvm_io_bus_unregister_dev(kvm, KVM_MMIO_BUS, dev);
	return 0;
}

#else

/* KVM does not export kvm_io_bus_register_dev(). */

/* Would KVM refuse so many ranges?  A move that adds none always has room. */
static bool mr_mmio_too_many(const struct kvm_io_bus *bus, int ranges)
{
	return ranges > bus->dev_count &&
	       ranges - bus->ioeventfd_count > NR_IOBUS_DEVS;
}

/* One swap: a vCPU finds the function at the old place or at the new one. */
static int mr_mmio_exchange(struct kvm *kvm, struct kvm_io_bus *bus,
			    const struct mr_mmio *old, const struct mr_mmio *t)
{
	int ranges = mr_mmio_nr_ranges(bus, old, t);
	struct kvm_io_bus *new;

	if (mr_mmio_too_many(bus, ranges))
		return -ENOSPC;
	new = mr_mmio_new_bus(ranges, !t);
	if (!new)
		return -ENOMEM;
	mr_mmio_fill_bus(new, bus, old, t);
	rcu_assign_pointer(kvm->buses[KVM_MMIO_BUS], new);
	/* After this, no vCPU uses the old array or the old range. */
	synchronize_srcu_expedited(&kvm->srcu);
	kfree(bus);
	return 0;
}

#endif /* CONFIG_MSI_ROUTE_KVM */

static int mr_mmio_replace(struct kvm *kvm, struct mr_mmio *old, struct mr_mmio *t)
{
	struct kvm_io_bus *bus;

	bus = rcu_dereference_protected(kvm->buses[KVM_MMIO_BUS],
					lockdep_is_held(&kvm->slots_lock));
	if (!bus)
		return t ? -ENOMEM : 0;
	if (t && mr_mmio_occupied(bus, t))
		return -EEXIST;
	return mr_mmio_exchange(kvm, bus, old, t);
}

/* ---- the interface; under rq->config ---- */

static int mr_mmio_check(const struct mr_function *fn, const struct msi_route_map *m)
{
	if (m->flags & ~(MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA))
		return -EOPNOTSUPP;
	if (!mr_msix_cap(fn)->max)
		return -ENODEV;
	if ((!(m->flags & MSI_ROUTE_MAP_TABLE) && m->table) ||
	    (!(m->flags & MSI_ROUTE_MAP_PBA) && m->pba) ||
	    (m->table | m->pba) & 7)
		return -EINVAL;
	return 0;
}

static int mr_mmio_set_range(struct mr_range *r, struct mr_function *fn, u32 space,
			     gpa_t addr)
{
	u32 size = mr_msix_space_size(fn, space);
	gpa_t end;

	if (check_add_overflow(addr, (gpa_t)size, &end))
		return -EINVAL;
	kvm_iodevice_init(&r->dev, &mr_mmio_ops);
	r->fn = fn;
	r->space = space;
	r->range = (struct kvm_io_range) {
		.addr = addr, .len = size, .dev = &r->dev,
	};
	return 0;
}

static struct mr_mmio *mr_mmio_new(struct mr_function *fn,
				   const struct msi_route_map *m)
{
	struct mr_mmio *t;
	int ret = 0;

	t = kzalloc(sizeof(*t), MR_GFP);
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->fn = fn;
	if (m->flags & MSI_ROUTE_MAP_TABLE)
		ret = mr_mmio_set_range(&t->part[MR_TABLE], fn, MSI_ROUTE_TABLE,
					m->table);
	if (!ret && m->flags & MSI_ROUTE_MAP_PBA)
		ret = mr_mmio_set_range(&t->part[MR_PBA], fn, MSI_ROUTE_PBA, m->pba);
	if (!ret && m->flags == (MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA) &&
	    mr_mmio_overlap(&t->part[MR_TABLE].range, &t->part[MR_PBA].range))
		ret = -EINVAL;
	if (ret) {
		kfree(t);
		return ERR_PTR(ret);
	}
	return t;
}

/* Under rq->config.  On success, *@t is the old place. */
static int mr_mmio_move(struct mr_function *fn, struct mr_mmio **t)
{
	struct kvm *kvm = fn->rq.vm.kvm;
	int ret;

	if (!*t && !fn->mmio)
		return 0;
	ret = mutex_lock_killable(&kvm->slots_lock);
	if (ret)
		return ret;
	ret = mr_mmio_replace(kvm, fn->mmio, *t);
	mutex_unlock(&kvm->slots_lock);
	if (!ret)
		swap(fn->mmio, *t);
	return ret;
}

/**
 * mr_mmio_map() - place, move or remove table and PBA on the MMIO bus
 * @fn: the function
 * @m: where to
 *
 * On return no access uses the old place any more.
 *
 * Context: process, may sleep; takes rq->config and the VM's slots_lock.
 * Return: 0, or -EINVAL, -EOPNOTSUPP, -ENODEV, -EEXIST, -ENOSPC, -ENOMEM, -EINTR
 * as &struct msi_route_map documents them; then nothing has changed.
 */
int mr_mmio_map(struct mr_function *fn, const struct msi_route_map *m)
{
	struct mr_mmio *t = NULL;
	int ret = mr_mmio_check(fn, m);

	if (ret)
		return ret;
	if (m->flags) {
		t = mr_mmio_new(fn, m);
		if (IS_ERR(t))
			return PTR_ERR(t);
	}
	ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		goto free;
	ret = mr_mmio_move(fn, &t);
	mutex_unlock(&fn->rq.config);
free:
	/* The old place or, on failure, the new one. */
	kfree(t);
	return ret;
}

/**
 * mr_mmio_take_away() - take table and PBA off the MMIO bus of the function's VM
 * @fn: the function
 *
 * Context: process, may sleep; rq->config held; takes the VM's slots_lock.
 * Return: 0, or -EINTR; then nothing has changed.
 */
int mr_mmio_take_away(struct mr_function *fn)
{
	struct mr_mmio *t = NULL;
	int ret = mr_mmio_move(fn, &t);

	kfree(t);
	return ret;
}

/* Is @r on the bus, and does nothing else on the bus overlap it? */
static bool mr_mmio_reached(const struct kvm_io_bus *bus, const struct mr_range *r)
{
	bool on = false;
	int i;

	for (i = 0; i < bus->dev_count; i++) {
		if (bus->range[i].dev == &r->dev)
			on = true;
		else if (mr_mmio_overlap(&bus->range[i], &r->range))
			return false;
	}
	return on;
}

/**
 * mr_mmio_get() - where table and PBA are, and whether accesses reach them
 * @fn: the function
 * @m: out
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0, or -ENODEV, -EOPNOTSUPP, -EINTR.
 */
int mr_mmio_get(struct mr_function *fn, struct msi_route_get_map *m)
{
	static const u32 flag[MR_RANGES] = {
		[MR_TABLE] = MSI_ROUTE_MAP_TABLE, [MR_PBA] = MSI_ROUTE_MAP_PBA,
	};
	struct kvm_io_bus *bus;
	const struct mr_mmio *t;
	struct kvm *kvm;
	int i, idx, ret;

	if (m->reserved)
		return -EOPNOTSUPP;
	if (!mr_msix_cap(fn)->max)
		return -ENODEV;
	m->flags = 0;
	m->reached = 0;
	m->table = 0;
	m->pba = 0;
	ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		return ret;
	kvm = fn->rq.vm.kvm;
	t = fn->mmio;
	idx = srcu_read_lock(&kvm->srcu);
	bus = srcu_dereference(kvm->buses[KVM_MMIO_BUS], &kvm->srcu);
	for (i = 0; t && i < MR_RANGES; i++) {
		if (!t->part[i].range.len)
			continue;
		m->flags |= flag[i];
		if (bus && mr_mmio_reached(bus, &t->part[i]))
			m->reached |= flag[i];
	}
	srcu_read_unlock(&kvm->srcu, idx);
	if (t) {
		m->table = t->part[MR_TABLE].range.addr;
		m->pba = t->part[MR_PBA].range.addr;
	}
	mutex_unlock(&fn->rq.config);
	return 0;
}

/* ---- a function that is closed ---- */

/*
 * Whoever holds slots_lock, and each vCPU, runs in the VM's own memory.  A caller that
 * runs in it, too, is killed with them.  If that memory has no users, nobody is left.
 */
static bool mr_mmio_may_wait(const struct kvm *kvm)
{
	return current->mm == kvm->mm || !atomic_read(&kvm->mm->mm_users) ||
	       mr_mutant(MR_MUT_WAITING_CLOSE);
}

/* Takes @t off the bus if that needs no wait.  Returns whether it is off. */
static bool mr_mmio_try_leave(struct kvm *kvm, struct mr_mmio *t)
{
	struct kvm_io_bus *bus, *new = NULL;

	if (!mutex_trylock(&kvm->slots_lock))
		return false;
	bus = rcu_dereference_protected(kvm->buses[KVM_MMIO_BUS],
					lockdep_is_held(&kvm->slots_lock));
	if (bus)
		new = mr_mmio_new_bus(mr_mmio_nr_ranges(bus, t, NULL), false);
	if (new) {
		mr_mmio_fill_bus(new, bus, t, NULL);
		rcu_assign_pointer(kvm->buses[KVM_MMIO_BUS], new);
		t->bus = bus;
	}
	t->left = new || !bus;
	if (t->left)
		t->grace = start_poll_synchronize_srcu(&kvm->srcu);
	mutex_unlock(&kvm->slots_lock);
	return t->left;
}

/*
 * Waits for nobody, but runs again until it is done.  If it waited, the work items of
 * many functions, each with a vCPU that stays in the kernel, would fill the queue.
 */
static void mr_mmio_leave_work(struct work_struct *work)
{
	struct mr_mmio *t = container_of(to_delayed_work(work), struct mr_mmio, leave);
	struct kvm *kvm = t->fn->rq.vm.kvm;

	if ((t->left || mr_mmio_try_leave(kvm, t)) &&
	    poll_state_synchronize_srcu(&kvm->srcu, t->grace)) {
		kfree(t->bus);
		/* This frees @t as well. */
		t->done(t->fn);
		module_put(THIS_MODULE);
		return;
	}
	t->delay = clamp_t(unsigned long, 2 * t->delay, 1, HZ);
	queue_delayed_work(mr_release_wq, &t->leave, t->delay);
}

/**
 * mr_mmio_remove() - take a function off the MMIO bus to close it
 * @fn: the function; from now on a vCPU's access at its place exits to the VMM
 * @done: frees the function; called once, or not at all
 *
 * The VMM waits for its vCPUs.  Nobody else does, such as a process that the descriptor
 * was passed to, or a kernel thread that closes a descriptor left in a socket.
 *
 * Context: process, may sleep; may take the VM's slots_lock.
 * Return: true if no access is under way any more.  If false, a work item waits for
 * that and calls @done.
 */
bool mr_mmio_remove(struct mr_function *fn, void (*done)(struct mr_function *fn))
{
	struct kvm *kvm = fn->rq.vm.kvm;
	struct mr_mmio *t = fn->mmio;

	if (!t)
		return true;
	WRITE_ONCE(fn->closed, true);
	if (mr_mmio_may_wait(kvm) && !mutex_lock_killable(&kvm->slots_lock)) {
		mr_mmio_replace(kvm, t, NULL);
		mutex_unlock(&kvm->slots_lock);
		return true;
	}
	/* The file's reference to the module is about to end. */
	__module_get(THIS_MODULE);
	t->done = done;
	INIT_DELAYED_WORK(&t->leave, mr_mmio_leave_work);
	queue_delayed_work(mr_release_wq, &t->leave, 0);
	return false;
}

/**
 * mr_mmio_free() - free what mr_mmio_remove() took off the bus
 * @fn: the function
 */
void mr_mmio_free(struct mr_function *fn)
{
	kfree(fn->mmio);
}
