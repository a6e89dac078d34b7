// SPDX-License-Identifier: GPL-2.0
/*
 * In-kernel MMIO: table and PBA on KVM's MMIO bus, so that a guest's access of
 * them does not leave the kernel.
 *
 * The bus is an array of ranges, replaced as a whole under slots_lock, and read
 * under kvm->srcu by vCPUs, also while they are in one of our callbacks.  Hence:
 *
 * - a callback never takes slots_lock, nor any lock that is held around it;
 * - a range is freed after a grace period of kvm->srcu, and only then.
 *
 * KVM may throw the whole bus away, if a removal finds no memory; then there is
 * nothing left to take from it, and accesses go to the VMM.
 *
 * Of two functions that a guest places over each other, the later one wins, and the
 * earlier one's ranges that it covers leave the bus: so a guest that exchanges two
 * BARs, one after the other, never writes to the wrong table.  What is not ours on the
 * bus wins over a function.
 */
#include <asm/apicdef.h>
#include <kvm/iodev.h>
#include <linux/kvm_host.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "mr.h"
#include "mutate.h"

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
 * struct mr_trap - where a function's table and PBA are on the bus
 * @part: table and PBA
 *
 * Immutable: a move makes a new one, because a vCPU may still be on its way
 * through the old one.
 */
struct mr_trap {
	struct mr_range part[MR_RANGES];
};

/* ---- a guest's access; vCPU thread, under kvm->srcu ---- */

/*
 * An access of another length is the rest of one that crosses a page.  It is
 * as undefined as any that is not an aligned dword or qword [15].
 */
static int trap_access(struct kvm_io_device *dev, gpa_t addr,
		       struct msi_route_access *a, bool write)
{
	const struct mr_range *r = container_of(dev, struct mr_range, dev);
	struct mr_function *fn = r->fn;
	int ret;

	if (mr_mutant(MR_MUT_STALE_PLACE) && READ_ONCE(fn->trap)) {
		/* Where the function is now, not where the vCPU found it. */
		r = &fn->trap->part[r->space == MSI_ROUTE_PBA ? MR_PBA : MR_TABLE];
	}
	a->space = r->space;
	a->offset = addr - r->range.addr;
	ret = mr_function_access(fn, a, write);
	if (ret)
		atomic64_inc(&fn->msix_cap.count.bad_accesses);
	return ret;
}

static int trap_read(struct kvm_vcpu *vcpu, struct kvm_io_device *dev,
		     gpa_t addr, int len, void *val)
{
	struct msi_route_access a = { .len = len };

	if (trap_access(dev, addr, &a, false))
		a.value = ~0ULL;
	memcpy(val, &a.value, min_t(size_t, len, sizeof(a.value)));
	return 0;
}

static int trap_write(struct kvm_vcpu *vcpu, struct kvm_io_device *dev,
		      gpa_t addr, int len, const void *val)
{
	struct msi_route_access a = { .len = len };

	memcpy(&a.value, val, min_t(size_t, len, sizeof(a.value)));
	trap_access(dev, addr, &a, true);
	return 0;
}

static const struct kvm_io_device_ops trap_ops = {
	.read = trap_read,
	.write = trap_write,
};

/* ---- the bus; under slots_lock ---- */

static bool is_trap(const struct kvm_io_range *range)
{
	return range->dev->ops == &trap_ops;
}

static bool belongs_to(const struct kvm_io_range *range,
		       const struct mr_trap *t)
{
	return t && (range->dev == &t->part[MR_TABLE].dev ||
		     range->dev == &t->part[MR_PBA].dev);
}

/* An ioeventfd for writes of any length has length 0. */
static gpa_t end_of(const struct kvm_io_range *r)
{
	return r->addr + max(r->len, 1);
}

static bool overlap(const struct kvm_io_range *a, const struct kvm_io_range *b)
{
	return a->addr < end_of(b) && b->addr < end_of(a);
}

static bool covers(const struct mr_trap *t, const struct kvm_io_range *range)
{
	int i;

	for (i = 0; i < MR_RANGES; i++)
		if (t->part[i].range.len && overlap(range, &t->part[i].range))
			return true;
	return false;
}

/* Another function's table or PBA that @t takes the place of. */
static bool is_covered(const struct mr_trap *t, const struct kvm_io_range *range)
{
	if (mr_mutant(MR_MUT_BOTH_PLACED))
		return false;
	return t && is_trap(range) && !belongs_to(range, t) && covers(t, range);
}

/*
 * Does @t lie where something that is no function of ours is served, which would
 * hide it, or be hidden?  The local APIC is not on the bus: KVM asks it first.
 */
static bool occupied(const struct kvm_io_bus *bus, const struct mr_trap *t)
{
	static const struct kvm_io_range lapic = {
		.addr = APIC_DEFAULT_PHYS_BASE, .len = PAGE_SIZE,
	};
	int i;

	for (i = 0; i < bus->dev_count; i++)
		if (!is_trap(&bus->range[i]) && covers(t, &bus->range[i]))
			return true;
	return covers(t, &lapic);
}

#ifdef CONFIG_MSI_ROUTE_KVM

static void leave(struct kvm *kvm, struct mr_trap *t)
{
	int i;

	for (i = 0; t && i < MR_RANGES; i++)
		if (t->part[i].range.len)
			kvm_io_bus_unregister_dev(kvm, KVM_MMIO_BUS,
						  &t->part[i].dev);
}

static int join(struct kvm *kvm, struct mr_trap *t)
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
		leave(kvm, t);
	return ret;
}

/* What @t covers of other functions, one after the other. */
static struct kvm_io_device *covered(struct kvm *kvm, const struct mr_trap *t)
{
	const struct kvm_io_bus *bus;
	int i;

	bus = rcu_dereference_protected(kvm->buses[KVM_MMIO_BUS],
					lockdep_is_held(&kvm->slots_lock));
	for (i = 0; bus && i < bus->dev_count; i++)
		if (is_covered(t, &bus->range[i]))
			return bus->range[i].dev;
	return NULL;
}

/* Between the two, accesses exit to the VMM. */
static int exchange(struct kvm *kvm, struct kvm_io_bus *bus,
		    struct mr_trap *old, struct mr_trap *t)
{
	struct kvm_io_device *dev;
	int ret;

	leave(kvm, old);
	ret = join(kvm, t);
	/* There was room for it a moment ago. */
	if (ret) {
		join(kvm, old);
		return ret;
	}
	while ((dev = covered(kvm, t)))
		kvm_io_bus_unregister_dev(kvm, KVM_MMIO_BUS, dev);
	return 0;
}

#else

/*
 * KVM does not export its registration of a device, but the array is described
 * by <linux/kvm_host.h>.  What is changed of it here is our own ranges.
 */
static bool comes_after(const struct kvm_io_range *a,
			const struct kvm_io_range *b)
{
	return a->addr >= b->addr && a->addr + a->len > b->addr + b->len;
}

/* Keeps the array in the order in which KVM searches it. */
static void insert(struct kvm_io_bus *bus, const struct kvm_io_range *range)
{
	int i, at = 0;

	while (at < bus->dev_count && !comes_after(&bus->range[at], range))
		at++;
	for (i = bus->dev_count++; i > at; i--)
		bus->range[i] = bus->range[i - 1];
	bus->range[at] = *range;
}

static void fill(struct kvm_io_bus *new, const struct kvm_io_bus *bus,
		 const struct mr_trap *old, const struct mr_trap *t)
{
	int i;

	new->dev_count = 0;
	new->ioeventfd_count = bus->ioeventfd_count;
	for (i = 0; i < bus->dev_count; i++)
		if (!belongs_to(&bus->range[i], old) &&
		    !is_covered(t, &bus->range[i]))
			new->range[new->dev_count++] = bus->range[i];
	for (i = 0; t && i < MR_RANGES; i++)
		if (t->part[i].range.len)
			insert(new, &t->part[i].range);
}

/*
 * A removal must not fail: nothing else ends the use of the function.  It asks
 * for less than it gives back, so where the memory cgroup is at its limit it is not
 * charged, and because the allocator does not promise arrays of several pages, it
 * asks until it gets it.
 */
static struct kvm_io_bus *new_bus(int ranges, bool must)
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

/* How many there are with @t in the place of @old. */
static int nr_ranges(const struct kvm_io_bus *bus, const struct mr_trap *old,
		     const struct mr_trap *t)
{
	int i, nr = 0;

	for (i = 0; i < bus->dev_count; i++)
		nr += !belongs_to(&bus->range[i], old) &&
		      !is_covered(t, &bus->range[i]);
	for (i = 0; t && i < MR_RANGES; i++)
		nr += !!t->part[i].range.len;
	return nr;
}

/* More than KVM would let in?  A move that adds nothing is no matter of room. */
static bool too_many(const struct kvm_io_bus *bus, int ranges)
{
	return ranges > bus->dev_count &&
	       ranges - bus->ioeventfd_count > NR_IOBUS_DEVS;
}

/* One swap: a vCPU finds the function at the old or at the new place. */
static int exchange(struct kvm *kvm, struct kvm_io_bus *bus,
		    const struct mr_trap *old, const struct mr_trap *t)
{
	int ranges = nr_ranges(bus, old, t);
	struct kvm_io_bus *new;

	if (too_many(bus, ranges))
		return -ENOSPC;
	new = new_bus(ranges, !t);
	if (!new)
		return -ENOMEM;
	fill(new, bus, old, t);
	rcu_assign_pointer(kvm->buses[KVM_MMIO_BUS], new);
	/* vCPUs have left the old array, and with it the old range. */
	synchronize_srcu_expedited(&kvm->srcu);
	kfree(bus);
	return 0;
}

#endif /* CONFIG_MSI_ROUTE_KVM */

static int replace(struct kvm *kvm, struct mr_trap *old, struct mr_trap *t)
{
	struct kvm_io_bus *bus;

	bus = rcu_dereference_protected(kvm->buses[KVM_MMIO_BUS],
					lockdep_is_held(&kvm->slots_lock));
	if (!bus)
		return t ? -ENOMEM : 0;
	if (t && occupied(bus, t))
		return -EEXIST;
	return exchange(kvm, bus, old, t);
}

/* ---- the interface; under fn->config ---- */

static int check(const struct mr_function *fn, const struct msi_route_map *m)
{
	if (m->flags & ~(MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA))
		return -EOPNOTSUPP;
	if (!fn->msix_cap.max)
		return -ENODEV;
	if ((!(m->flags & MSI_ROUTE_MAP_TABLE) && m->table) ||
	    (!(m->flags & MSI_ROUTE_MAP_PBA) && m->pba) ||
	    (m->table | m->pba) & 7)
		return -EINVAL;
	return 0;
}

static int set_range(struct mr_range *r, struct mr_function *fn, u32 space,
		     gpa_t addr)
{
	u32 size = mr_msix_space_size(fn, space);
	gpa_t end;

	if (check_add_overflow(addr, (gpa_t)size, &end))
		return -EINVAL;
	kvm_iodevice_init(&r->dev, &trap_ops);
	r->fn = fn;
	r->space = space;
	r->range = (struct kvm_io_range) {
		.addr = addr, .len = size, .dev = &r->dev,
	};
	return 0;
}

static struct mr_trap *new_trap(struct mr_function *fn,
				const struct msi_route_map *m)
{
	struct mr_trap *t;
	int ret = 0;

	t = kzalloc(sizeof(*t), MR_GFP);
	if (!t)
		return ERR_PTR(-ENOMEM);
	if (m->flags & MSI_ROUTE_MAP_TABLE)
		ret = set_range(&t->part[MR_TABLE], fn, MSI_ROUTE_TABLE,
				m->table);
	if (!ret && m->flags & MSI_ROUTE_MAP_PBA)
		ret = set_range(&t->part[MR_PBA], fn, MSI_ROUTE_PBA, m->pba);
	if (!ret && m->flags == (MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA) &&
	    overlap(&t->part[MR_TABLE].range, &t->part[MR_PBA].range))
		ret = -EINVAL;
	if (ret) {
		kfree(t);
		return ERR_PTR(ret);
	}
	return t;
}

/**
 * mr_trap_map() - place, move or remove table and PBA on the MMIO bus
 * @fn: the function
 * @m: where to
 *
 * On return no access goes by the old place any more.
 *
 * Context: process, may sleep; takes fn->config and the VM's slots_lock.
 * Return: 0, or -EINVAL, -EOPNOTSUPP, -ENODEV, -EEXIST, -ENOSPC, -ENOMEM, -EINTR
 * as &struct msi_route_map documents them; then nothing has changed.
 */
int mr_trap_map(struct mr_function *fn, const struct msi_route_map *m)
{
	struct kvm *kvm = fn->vm.kvm;
	struct mr_trap *t = NULL;
	int ret = check(fn, m);

	if (ret)
		return ret;
	if (m->flags) {
		t = new_trap(fn, m);
		if (IS_ERR(t))
			return PTR_ERR(t);
	}
	ret = mutex_lock_killable(&fn->config);
	if (ret)
		goto free;
	if (t || fn->trap)
		ret = mutex_lock_killable(&kvm->slots_lock);
	if (!ret && (t || fn->trap)) {
		ret = replace(kvm, fn->trap, t);
		mutex_unlock(&kvm->slots_lock);
	}
	if (!ret)
		swap(fn->trap, t);
	mutex_unlock(&fn->config);
free:
	/* The old one, or the one that found no place. */
	kfree(t);
	return ret;
}

/* Is all of it on the bus, and nothing else of the bus there? */
static bool reached(const struct kvm_io_bus *bus, const struct mr_range *r)
{
	bool on = false;
	int i;

	for (i = 0; i < bus->dev_count; i++) {
		if (bus->range[i].dev == &r->dev)
			on = true;
		else if (overlap(&bus->range[i], &r->range))
			return false;
	}
	return on;
}

/**
 * mr_trap_get() - where table and PBA are, and whether accesses reach them
 * @fn: the function
 * @m: out
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -ENODEV, -EOPNOTSUPP.
 */
int mr_trap_get(struct mr_function *fn, struct msi_route_get_map *m)
{
	static const u32 flag[MR_RANGES] = {
		[MR_TABLE] = MSI_ROUTE_MAP_TABLE, [MR_PBA] = MSI_ROUTE_MAP_PBA,
	};
	struct kvm *kvm = fn->vm.kvm;
	struct kvm_io_bus *bus;
	const struct mr_trap *t;
	int i, idx;

	if (m->reserved)
		return -EOPNOTSUPP;
	if (!fn->msix_cap.max)
		return -ENODEV;
	m->flags = 0;
	m->reached = 0;
	m->table = 0;
	m->pba = 0;
	mutex_lock(&fn->config);
	t = fn->trap;
	idx = srcu_read_lock(&kvm->srcu);
	bus = srcu_dereference(kvm->buses[KVM_MMIO_BUS], &kvm->srcu);
	for (i = 0; t && i < MR_RANGES; i++) {
		if (!t->part[i].range.len)
			continue;
		m->flags |= flag[i];
		if (bus && reached(bus, &t->part[i]))
			m->reached |= flag[i];
	}
	srcu_read_unlock(&kvm->srcu, idx);
	if (t) {
		m->table = t->part[MR_TABLE].range.addr;
		m->pba = t->part[MR_PBA].range.addr;
	}
	mutex_unlock(&fn->config);
	return 0;
}

/**
 * mr_trap_remove() - take a function from the MMIO bus as it is freed
 * @fn: the function
 *
 * Whoever holds slots_lock is of the VM's own memory, and ends with it.
 *
 * Context: process, may sleep; takes the VM's slots_lock.
 */
void mr_trap_remove(struct mr_function *fn)
{
	struct kvm *kvm = fn->vm.kvm;

	if (!fn->trap)
		return;
	mutex_lock(&kvm->slots_lock);
	replace(kvm, fn->trap, NULL);
	mutex_unlock(&kvm->slots_lock);
	kfree(fn->trap);
}
