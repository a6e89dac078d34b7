/* SPDX-License-Identifier: GPL-2.0 */
/* A virtual machine: how to hold it, and how to put a message into its local APICs. */
#ifndef MR_VLAPIC_H
#define MR_VLAPIC_H

#include <linux/bits.h>
#include <linux/types.h>

#include "message.h"

struct kvm;
struct kvm_kernel_irq_routing_entry;
struct kvm_vcpu;
struct mm_struct;
struct module;

/* KVM's way from an MSI into the vLAPIC */
typedef int (*mr_set_fn)(struct kvm_kernel_irq_routing_entry *e,
			 struct kvm *kvm, int irq_source_id, int level,
			 bool line_status);

/* Number of threads whose vCPU is kept, by the hash of their pid. */
#define MR_WRITERS_BITS	4
#define MR_WRITERS	BIT(MR_WRITERS_BITS)

struct mr_vm {
	struct kvm *kvm;
	const struct mm_struct *mm;	/* of the process that made it; only compared */
	struct module *vendor;	/* kvm_amd or kvm_intel; NULL if @kvm pins it */
	pid_t pid;		/* with @fd, KVM's own name of the VM in debugfs */
	int fd;
	u16 writers[MR_WRITERS];	/* see mr_vm_note_writer() */
};

#ifndef CONFIG_MSI_ROUTE_KVM
void mr_vm_module_init(void);
#endif
void mr_vm_use(mr_set_fn set);
int mr_vm_bind(struct mr_vm *vm, int fd);
void mr_vm_release(struct mr_vm *vm);
void mr_vm_exchange(struct mr_vm *vm, struct mr_vm *other);
bool mr_vm_x2apic_format(const struct mr_vm *vm);
enum mr_action mr_vm_broadcast(const struct mr_vm *vm, const struct mr_message *msg);
int mr_vm_deliver(const struct mr_vm *vm, const struct mr_message *msg,
		  enum mr_action how);
void mr_vm_note_writer(struct mr_vm *vm, struct kvm_vcpu *vcpu);
u32 mr_vm_writer(const struct mr_vm *vm);
bool mr_vm_has_vcpu(const struct mr_vm *vm, u32 index);
bool mr_vm_vcpu_runs(const struct mr_vm *vm, u32 index);

#endif /* MR_VLAPIC_H */
