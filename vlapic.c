// SPDX-License-Identifier: GPL-2.0
/*
 * The vLAPIC: this file knows how a VM is held and a message delivered.
 *
 * A message is delivered by the function that KVM itself calls for an MSI
 * route, kvm_set_msi().
 */
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/srcu.h>

#include "compat.h"
#include "mr.h"
#include "mutate.h"

#define APIC_ID_BROADCAST	0xffU
#define X2APIC_ID_BROADCAST	0xffffffffU

#ifndef CONFIG_MSI_ROUTE_KVM

/*
 * kvm_set_msi() is not exported, but each route of type KVM_IRQ_ROUTING_MSI
 * carries a pointer to it, in a table that <linux/kvm_host.h> describes.  It is
 * the same for every VM and part of kvm.ko, which this module depends on: learnt
 * once, it stays valid.
 */
static mr_set_fn known_set;

static mr_set_fn learn_set(struct kvm *kvm)
{
	struct kvm_kernel_irq_routing_entry *e;
	struct kvm_irq_routing_table *table;
	mr_set_fn set = NULL;
	u32 i;
	int idx;

	idx = srcu_read_lock(&kvm->irq_srcu);
	table = srcu_dereference(kvm->irq_routing, &kvm->irq_srcu);
	for (i = 0; table && i < table->nr_rt_entries && !set; i++) {
		hlist_for_each_entry(e, &table->map[i], link) {
			if (e->type == KVM_IRQ_ROUTING_MSI) {
				set = e->set;
				break;
			}
		}
	}
	srcu_read_unlock(&kvm->irq_srcu, idx);
	return set;
}

static mr_set_fn find_set(struct kvm *kvm)
{
	mr_set_fn set = learn_set(kvm);

	if (set)
		WRITE_ONCE(known_set, set);
	else
		set = READ_ONCE(known_set);
	return set;
}

#endif /* CONFIG_MSI_ROUTE_KVM */

static bool has_lapic(const struct kvm *kvm)
{
	/* Pairs with KVM, which makes the irqchip before it says so. */
	return smp_load_acquire(&kvm->arch.irqchip_mode) != KVM_IRQCHIP_NONE;
}

/**
 * mr_vm_bind() - hold a VM and find the way into its vLAPICs
 * @vm: out
 * @fd: the VM's file descriptor in the calling process
 *
 * Context: process.
 * Return: 0, or -EBADF, -EBADFD, -EPERM, -ENXIO, -ENODATA as
 * &struct msi_route_create documents them.
 */
int mr_vm_bind(struct mr_vm *vm, int fd)
{
	struct file *file = fget(fd);
	struct kvm *kvm;
	int ret;

	if (!file)
		return -EBADF;
	ret = -EBADFD;
	if (!file_is_kvm(file))
		goto out;
	kvm = file->private_data;
	ret = -EPERM;
	if (kvm->mm != current->mm)
		goto out;
	ret = -ENXIO;
	if (!has_lapic(kvm))
		goto out;

#ifdef CONFIG_MSI_ROUTE_KVM
	vm->set = kvm_set_msi;
#else
	ret = -ENODATA;
	vm->set = find_set(kvm);
	if (!vm->set)
		goto out;
#endif

	/*
	 * From 6.8 on a VM without open files no longer pins the module that
	 * runs it.  Where f_op has no owner, the VM itself does.
	 */
	ret = -EBADFD;
	vm->vendor = file->f_op->owner;
	if (!try_module_get(vm->vendor))
		goto out;
	kvm_get_kvm(kvm);
	vm->kvm = kvm;
	vm->pid = kvm->userspace_pid;
	vm->fd = fd;
	ret = 0;
out:
	fput(file);
	return ret;
}

/**
 * mr_vm_release() - let go of a VM
 * @vm: bound
 *
 * Context: process; may destroy the VM.
 */
void mr_vm_release(struct mr_vm *vm)
{
	kvm_put_kvm(vm->kvm);
	/* Last: destroying the VM runs the vendor module's code. */
	module_put(vm->vendor);
}

/**
 * mr_vm_x2apic_format() - does the VM use KVM's 32-bit x2APIC message format?
 * @vm: bound
 *
 * KVM_CAP_X2APIC_API: address_hi carries bits 31:8 of the destination ID.
 *
 * Context: any.
 * Return: whether it does.
 */
bool mr_vm_x2apic_format(const struct mr_vm *vm)
{
	return READ_ONCE(vm->kvm->arch.x2apic_format);
}

/**
 * mr_vm_broadcast() - does a message go to every vCPU?
 * @vm: bound
 * @msg: effective message
 *
 * FFh is a broadcast, unless the VMM switched KVM's quirk off and a vCPU of
 * that ID exists, which only x2APIC mode can address.
 *
 * Context: any.
 * Return: whether it does.
 */
bool mr_vm_broadcast(const struct mr_vm *vm, const struct mr_message *msg)
{
	u32 dest = (msg->address_lo >> 12) & 0xff;

	if (mr_vm_x2apic_format(vm))
		dest |= msg->address_hi & ~0xffU;
	if (dest == APIC_ID_BROADCAST)
		return !READ_ONCE(vm->kvm->arch.x2apic_broadcast_quirk_disabled) ||
		       !kvm_get_vcpu_by_id(vm->kvm, APIC_ID_BROADCAST);
	return dest == X2APIC_ID_BROADCAST;
}

/**
 * mr_vm_logical_to_few() - does a logical destination have few vCPUs?
 * @vm: bound
 *
 * KVM has none of its map from logical IDs while the guest's local APICs are in
 * different modes, or share an ID; then all of them may take the message.
 *
 * Context: any.  The guest may change it at any time.
 * Return: whether there are 16 at most.
 */
bool mr_vm_logical_to_few(const struct mr_vm *vm)
{
	return kvm_apic_map_has_logical(vm->kvm);
}

/**
 * mr_vm_deliver() - put a message into the vLAPICs that it addresses
 * @vm: bound
 * @msg: effective message
 *
 * On return the IRR bit, or the posted-interrupt request bit, of each target
 * is set [26].
 *
 * Context: any, interrupts off and raw spinlocks held included.
 * Return: number of vCPUs reached; 0 or negative if there is none that takes
 * it, as KVM_SIGNAL_MSI returns.
 */
int mr_vm_deliver(const struct mr_vm *vm, const struct mr_message *msg)
{
	struct kvm_kernel_irq_routing_entry e = {
		.type = KVM_IRQ_ROUTING_MSI,
		.msi.address_lo = msg->address_lo,
		.msi.address_hi = msg->address_hi,
		.msi.data = msg->data,
	};

	mr_stretch();
	return vm->set(&e, vm->kvm, KVM_USERSPACE_IRQ_SOURCE_ID, 1, false);
}
