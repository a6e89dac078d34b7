/* SPDX-License-Identifier: GPL-2.0 */
/* A test's virtual machine, the host's side. */
#ifndef SELFTESTS_VM_H
#define SELFTESTS_VM_H

#include <pthread.h>
#include <stdbool.h>
#include <linux/kvm.h>
#include <linux/types.h>

#include "guest.h"

#define VM_MAX_VCPUS	64
#define FIRST_GSI	24	/* after those of the I/O APIC */

/* Options of vm_create(); 0 is a VM that is ready for msi_route. */
enum vm_flag {
	VM_X2APIC = 1 << 0,		/* vCPUs in x2APIC mode, 32-bit IDs */
	VM_SPLIT_IRQCHIP = 1 << 1,	/* only the local APICs in the kernel */
	VM_NO_IRQCHIP = 1 << 2,		/* no local APIC in the kernel */
	VM_NO_QUIRK = 1 << 3,		/* FFh may be an ID; as with VM_X2APIC */
};

struct vm;

struct vcpu {
	struct vm *vm;
	int fd;
	__u32 apic_id;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
};

struct vm {
	int kvm_fd;
	int fd;
	unsigned int flags;
	unsigned int nr_vcpus;
	struct vcpu vcpu[VM_MAX_VCPUS];
	bool stop;
};

/* Ends the test as failed, after an error that should not happen. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

void vm_create(struct vm *vm, unsigned int flags, unsigned int nr_vcpus);
void vm_add_vcpu(struct vm *vm, __u32 apic_id);
void vm_destroy(struct vm *vm);

/* Replaces the VM's routes by @nr of type MSI, on GSIs from FIRST_GSI on. */
void vm_set_msi_routes(struct vm *vm, unsigned int nr);
/* The same in two steps; the caller frees the result of the first. */
struct kvm_irq_routing *new_msi_routes(unsigned int nr);
void vm_set_routes(struct vm *vm, struct kvm_irq_routing *routing);

/* The local APIC of a vCPU that is not running. */
__u32 vcpu_apic_read(struct vcpu *vcpu, unsigned int reg);
void vcpu_apic_write(struct vcpu *vcpu, unsigned int reg, __u32 value);
bool vcpu_irr(struct vcpu *vcpu, __u8 vector);
/* Number of vectors in the IRR. */
unsigned int vcpu_irr_weight(struct vcpu *vcpu);
void vcpu_clear_irr(struct vcpu *vcpu);
/* Was the vector in the IRR?  Empties the IRR. */
bool vcpu_take_irr(struct vcpu *vcpu, __u8 vector);
bool vcpu_nmi_pending(struct vcpu *vcpu);
bool vcpu_smi_pending(struct vcpu *vcpu);

/*
 * Runs @entry on a vCPU in its own thread, with interrupts off, until it returns or
 * vm_stop() is called.
 */
void vcpu_start(struct vcpu *vcpu, void (*entry)(void));
void vcpu_join(struct vcpu *vcpu);
/* Ends vCPUs wherever they are, even in HLT. */
void vm_stop(struct vm *vm);

/*
 * Handles the vCPUs' accesses to guest physical addresses without memory.  Returns false
 * for an unknown address.
 */
extern bool (*vm_mmio)(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write);
/* Likewise for accesses to ports, except those of guest.h. */
extern bool (*vm_pio)(struct vm *vm, __u16 port, void *data, __u32 len, bool write);

#endif /* SELFTESTS_VM_H */
