// SPDX-License-Identifier: GPL-2.0
/*
 * From the signal of an eventfd to the IRR: the module against KVM's irqfd, which take
 * turns with the same eventfd.  Also the parts that both are made of: an eventfd that
 * nobody waits for, an ioctl that does nothing, KVM's delivery of the same message
 * (KVM_SIGNAL_MSI, which is an ioctl as well).
 *
 * The vCPUs do not run: so their IRRs can be emptied and read, and their own work adds
 * nothing.  If one message goes to all, both leave it to a work item.  Then the time ends
 * when the last vCPU's IRR is seen set: it includes the switch to the kernel's worker and
 * one KVM_GET_LAPIC.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

#define VECTOR		0x51
#define LOGICAL		0x4	/* destination mode */
#define LOWEST		0x100	/* delivery mode */
#define TIMES		100

static const struct target {
	const char *name;
	unsigned int vm_flags, nr_vcpus, first_id;
	__u32 address_hi, address_lo, data;
	bool many;
} targets[] = {
	{ "1 vCPU", 0, 1, 0, 0, MSI_TO(0), VECTOR, false },
	{ "8 vCPUs", 0, 8, 0, 0, MSI_TO(7), VECTOR, false },
	/* Cluster 1: for KVM all of cluster 0, FFh, would be a broadcast. */
	{ "lowest priority of 8", VM_X2APIC, 8, 16,
	  0x100 << 8, MSI_TO(0xff) | LOGICAL, VECTOR | LOWEST, false },
	{ "broadcast to 64", 0, 64, 0, 0, MSI_TO(0xff), VECTOR, true },
};

static const struct target *target;
static struct vm vm;
static struct function fn;
static int event;

static void signal_event(void)
{
	signal_eventfd(event, 1);
}

static void signal_and_wait(void)
{
	signal_event();
	/* KVM sends to one vCPU after the other, in this order. */
	while (target->many && !vcpu_irr(&vm.vcpu[vm.nr_vcpus - 1], VECTOR))
		sched_yield();
}

static void empty_ioctl(void)
{
	ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS);
}

static void signal_msi(void)
{
	struct kvm_msi msi = {
		.address_hi = target->address_hi,
		.address_lo = target->address_lo,
		.data = target->data,
	};

	if (ioctl(vm.fd, KVM_SIGNAL_MSI, &msi) <= 0)
		die("KVM_SIGNAL_MSI");
}

static void trigger_ioctl(void)
{
	if (trigger(&fn, MSI_ROUTE_MSIX, 0) != MSI_ROUTE_SENT)
		die("not sent");
}

static void clear_irrs(void)
{
	unsigned int i;

	for (i = 0; i < vm.nr_vcpus; i++)
		vcpu_clear_irr(&vm.vcpu[i]);
}

static void check_irrs(void)
{
	unsigned int i, reached = 0, wanted = target->many ? vm.nr_vcpus : 1;

	while (target->many && !vcpu_irr(&vm.vcpu[vm.nr_vcpus - 1], VECTOR))
		sched_yield();
	for (i = 0; i < vm.nr_vcpus; i++)
		reached += vcpu_irr(&vm.vcpu[i], VECTOR);
	if (reached != wanted)
		die("%s: %u IRRs", target->name, reached);
}

static void attach_module(void)
{
	if (set_eventfd(&fn, MSI_ROUTE_MSIX, 0, event, 0))
		die("attach");
}

static void detach_module(void)
{
	if (set_eventfd(&fn, MSI_ROUTE_MSIX, 0, -1, 0))
		die("detach");
}

static void attach_irqfd(void)
{
	set_irqfd(&vm, event, FIRST_GSI, 0);
}

static void detach_irqfd(void)
{
	set_irqfd(&vm, event, FIRST_GSI, KVM_IRQFD_FLAG_DEASSIGN);
}

/* A signal that nobody took must not be raised at the next attach. */
static void empty_eventfd(void)
{
	__u64 count;

	if (read(event, &count, sizeof(count)) != sizeof(count))
		die("read of an eventfd");
}

static const struct variant variants[] = {
	{ "module", signal_and_wait, attach_module, detach_module, clear_irrs, check_irrs, false },
	{ "irqfd", signal_and_wait, attach_irqfd, detach_irqfd, clear_irrs, check_irrs, false },
	{ "module, return of the signal", signal_event, attach_module, detach_module,
	  clear_irrs, check_irrs, false },
	{ "irqfd, return of the signal", signal_event, attach_irqfd, detach_irqfd,
	  clear_irrs, check_irrs, false },
	{ "eventfd alone", signal_event, NULL, empty_eventfd, NULL, NULL, false },
	{ "empty ioctl", empty_ioctl, NULL, NULL, NULL, NULL, false },
	{ "KVM_SIGNAL_MSI", signal_msi, NULL, NULL, clear_irrs, check_irrs, false },
	{ "MSI_ROUTE_TRIGGER", trigger_ioctl, NULL, NULL, clear_irrs, check_irrs, false },
};

static void measure_target(void)
{
	struct kvm_irq_routing *routes = new_msi_routes(1);
	unsigned int i;

	vm_create(&vm, target->vm_flags, 0);
	for (i = 0; i < target->nr_vcpus; i++)
		vm_add_vcpu(&vm, target->first_id + i);
	route(routes, 0, target->address_hi, target->address_lo, target->data);
	vm_set_routes(&vm, routes);
	free(routes);

	function_open(&fn, &vm, msix_shape(1));
	table_write(&fn, ENTRY_ADDRESS, target->address_lo);
	table_write(&fn, ENTRY_UPPER, target->address_hi);
	table_write(&fn, ENTRY_DATA, target->data);
	table_write(&fn, ENTRY_CONTROL, 0);
	msix_control(&fn, MSIX_ENABLE);

	event = new_eventfd();
	measure("trigger", target->name, variants, ARRAY_SIZE(variants),
		target->many ? TIMES / 10 : TIMES);
	close(event);
	function_close(&fn);
	vm_destroy(&vm);
}

int main(void)
{
	for (target = targets; target < targets + ARRAY_SIZE(targets); target++)
		measure_target();
	return 0;
}
