/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * A VM's table of routes, for the fallback: the VMM's own routes, and one for each vector
 * that has an eventfd.  All of it is under vm->lock.  A part of msi_route_vmm.h.
 */
#ifndef _MSI_ROUTE_VMM_ROUTES_H
#define _MSI_ROUTE_VMM_ROUTES_H

#define MRV_MAX_GSI	4095		/* KVM's */

struct mrv_message {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
};

/* A vector's place in the table, with the GSI first_gsi + index. */
struct mrv_route {
	bool taken;
	bool valid;			/* it has a message */
	struct mrv_message message;
};

static inline void mrv_route_entry(struct kvm_irq_routing_entry *e, __u32 gsi,
				   const struct mrv_message *message)
{
	memset(e, 0, sizeof(*e));
	e->gsi = gsi;
	e->type = KVM_IRQ_ROUTING_MSI;
	e->u.msi.address_lo = message->address_lo;
	e->u.msi.address_hi = message->address_hi;
	e->u.msi.data = message->data;
}

/* Gives KVM the whole table, with one more route of type MSI if @extra. */
static inline int mrv_routes_commit(struct mrv_vm *vm, bool extra)
{
	const struct mrv_message first = { 0xfee00000, 0, 0 };
	struct kvm_irq_routing *table;
	__u32 i, n = vm->nr_own;
	int ret;

	table = (struct kvm_irq_routing *)calloc(1, sizeof(*table) +
			(vm->nr_own + vm->nr_routes + 1) * sizeof(table->entries[0]));
	if (!table)
		return -ENOMEM;
	if (n)
		memcpy(table->entries, vm->own, n * sizeof(table->entries[0]));
	for (i = 0; i < vm->nr_routes; i++)
		if (vm->route[i].valid)
			mrv_route_entry(&table->entries[n++], vm->first_gsi + i,
					&vm->route[i].message);
	if (extra)
		mrv_route_entry(&table->entries[n++], vm->first_gsi + vm->nr_routes, &first);
	table->nr = n;
	ret = mrv_call(vm->fd, KVM_SET_GSI_ROUTING, table);
	free(table);
	vm->stale = ret != 0;
	return ret;
}

/* By any route of type MSI the module finds the way into the local APIC. */
static inline int mrv_routes_set_extra(struct mrv_vm *vm, bool extra)
{
	int ret;

	pthread_mutex_lock(&vm->lock);
	ret = mrv_routes_commit(vm, extra);
	pthread_mutex_unlock(&vm->lock);
	return ret;
}

static inline int mrv_routes_set_own(struct mrv_vm *vm, const struct kvm_irq_routing_entry *entries,
				     __u32 nr)
{
	struct kvm_irq_routing_entry *own, *old = vm->own;
	__u32 i, nr_old = vm->nr_own;
	int ret;

	for (i = 0; i < nr; i++)
		if (entries[i].gsi >= vm->first_gsi)
			return -EINVAL;
	own = (struct kvm_irq_routing_entry *)calloc(nr + 1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	if (nr)
		memcpy(own, entries, nr * sizeof(*own));
	vm->own = own;
	vm->nr_own = nr;
	ret = mrv_routes_commit(vm, false);
	if (ret) {
		vm->own = old;
		vm->nr_own = nr_old;
		old = own;
	}
	free(old);
	return ret;
}

static inline void mrv_route_pin(struct kvm_irq_routing_entry *e, __u32 gsi, __u32 chip,
				 __u32 pin)
{
	e->gsi = gsi;
	e->type = KVM_IRQ_ROUTING_IRQCHIP;
	e->u.irqchip.irqchip = chip;
	e->u.irqchip.pin = pin;
}

/* The pins of the PICs and the I/O APIC, as KVM_CREATE_IRQCHIP connects them. */
static inline int mrv_routes_default(struct mrv_vm *vm)
{
	__u32 i, n = 0;

	vm->own = (struct kvm_irq_routing_entry *)calloc(24 + 16, sizeof(*vm->own));
	if (!vm->own)
		return -ENOMEM;
	for (i = 0; i < 24; i++) {
		mrv_route_pin(&vm->own[n++], i, KVM_IRQCHIP_IOAPIC, i);
		if (i < 16)
			mrv_route_pin(&vm->own[n++], i, i < 8 ? KVM_IRQCHIP_PIC_MASTER :
				      KVM_IRQCHIP_PIC_SLAVE, i % 8);
	}
	vm->nr_own = n;
	return 0;
}

static inline int mrv_routes_init(struct mrv_vm *vm)
{
	struct kvm_irqchip chip;
	int max = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQ_ROUTING);

	vm->max_routes = max > 0 ? max : MRV_MAX_GSI + 1;
	pthread_mutex_init(&vm->lock, NULL);
	memset(&chip, 0, sizeof(chip));
	chip.chip_id = KVM_IRQCHIP_IOAPIC;
	/* Only a full irqchip in the kernel has pins there. */
	return ioctl(vm->fd, KVM_GET_IRQCHIP, &chip) ? 0 : mrv_routes_default(vm);
}

static inline void mrv_routes_fini(struct mrv_vm *vm)
{
	free(vm->own);
	free(vm->route);
	pthread_mutex_destroy(&vm->lock);
}

/* Returns an index; or -1: KVM's table is full, or there is no memory. */
static inline int mrv_route_take(struct mrv_vm *vm)
{
	struct mrv_route *more;
	__u32 i;

	for (i = 0; i < vm->nr_routes; i++) {
		if (!vm->route[i].taken) {
			vm->route[i].taken = true;
			return i;
		}
	}
	if (vm->first_gsi + i > MRV_MAX_GSI || vm->nr_own + i + 1 > vm->max_routes)
		return -1;
	more = (struct mrv_route *)realloc(vm->route, (i + 1) * sizeof(*more));
	if (!more)
		return -1;
	memset(&more[i], 0, sizeof(*more));
	more[i].taken = true;
	vm->route = more;
	vm->nr_routes = i + 1;
	return i;
}

/* No irqfd uses it any more, so KVM's copy may stay until the next commit. */
static inline void mrv_route_put(struct mrv_vm *vm, int index)
{
	vm->route[index].taken = false;
	vm->route[index].valid = false;
}

static inline void mrv_route_set(struct mrv_vm *vm, int index, const struct mrv_message *message)
{
	struct mrv_route *route = &vm->route[index];

	if (route->valid && !memcmp(&route->message, message, sizeof(*message)))
		return;
	route->message = *message;
	route->valid = true;
	vm->stale = true;
}

#endif /* _MSI_ROUTE_VMM_ROUTES_H */
