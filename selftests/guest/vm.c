// SPDX-License-Identifier: GPL-2.0
/* A virtual machine whose memory is this program's own image. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "vm.h"

#define PAGE_SIZE	4096UL
#define LARGE_PAGE	(2UL << 20)

#define CODE_SELECTOR	0x08
#define DATA_SELECTOR	0x10

/* Bounds of the image, set by the linker. */
extern char __executable_start[], _end[];
extern char guest_stubs[];

bool (*vm_mmio)(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write);
bool (*vm_pio)(struct vm *vm, __u16 port, void *data, __u32 len, bool write);

#ifdef __x86_64__
#define CODE_DESCRIPTOR	0x00209b0000000000	/* 64-bit */
#define DATA_DESCRIPTOR	0x0000930000000000

/* Four GiB, mapped one to one with large pages. */
static __u64 pml4[512] __attribute__((aligned(4096)));
static __u64 pdpt[512] __attribute__((aligned(4096)));
static __u64 pd[4][512] __attribute__((aligned(4096)));

static void build_pages(void)
{
	unsigned int i;

	pml4[0] = (unsigned long)pdpt | 3;
	for (i = 0; i < 4; i++)
		pdpt[i] = (unsigned long)pd[i] | 3;
	for (i = 0; i < 4 * 512; i++)
		pd[i / 512][i % 512] = i * LARGE_PAGE | 0x83;
}

static void set_paging(struct kvm_sregs *sregs)
{
	sregs->cr0 = 0x80000011;	/* PG, ET, PE */
	sregs->cr3 = (unsigned long)pml4;
	sregs->cr4 = 0x20;		/* PAE */
	sregs->efer = 0x500;		/* LMA, LME */
	sregs->cs.l = 1;
}
#else
/* Protected mode without paging: flat segments. */
#define CODE_DESCRIPTOR	0x00cf9b000000ffff
#define DATA_DESCRIPTOR	0x00cf93000000ffff

static void build_pages(void)
{
}

static void set_paging(struct kvm_sregs *sregs)
{
	sregs->cr0 = 0x11;		/* ET, PE */
	sregs->cs.db = 1;
}
#endif

static __u64 gdt[3];
static struct {
	__u16 offset_low;
	__u16 selector;
	__u16 type;
	__u16 offset_mid;
#ifdef __x86_64__
	__u32 offset_high;
	__u32 reserved;
#endif
} idt[256];

void die(const char *format, ...)
{
	int error = errno;
	va_list args;

	fprintf(stderr, "# ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (%s)\n", strerror(error));
	_exit(EXIT_FAILURE);
}

static void build_tables(void)
{
	unsigned int i;

	build_pages();
	gdt[1] = CODE_DESCRIPTOR;
	gdt[2] = DATA_DESCRIPTOR;
	for (i = 0; i < 256; i++) {
		unsigned long stub = (unsigned long)guest_stubs + i * 16;

		idt[i].offset_low = stub;
		idt[i].selector = CODE_SELECTOR;
		idt[i].type = 0x8e00;	/* present, interrupt gate */
		idt[i].offset_mid = stub >> 16;
	}
}

static void set_memory(struct vm *vm)
{
	unsigned long start = (unsigned long)__executable_start & ~(PAGE_SIZE - 1);
	unsigned long end = ((unsigned long)_end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = start,
		.memory_size = end - start,
		.userspace_addr = start,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
}

static void enable_cap(struct vm *vm, __u32 cap, __u64 arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	if (ioctl(vm->fd, KVM_ENABLE_CAP, &enable))
		die("KVM_ENABLE_CAP %u", cap);
}

struct kvm_irq_routing *new_msi_routes(unsigned int nr)
{
	struct kvm_irq_routing *routing;
	unsigned int i;

	routing = calloc(1, sizeof(*routing) + nr * sizeof(routing->entries[0]));
	if (!routing)
		die("calloc");
	routing->nr = nr;
	for (i = 0; i < nr; i++) {
		routing->entries[i].gsi = FIRST_GSI + i;
		routing->entries[i].type = KVM_IRQ_ROUTING_MSI;
		routing->entries[i].u.msi.address_lo = APIC_BASE;
	}
	return routing;
}

void vm_set_routes(struct vm *vm, struct kvm_irq_routing *routing)
{
	if (ioctl(vm->fd, KVM_SET_GSI_ROUTING, routing))
		die("KVM_SET_GSI_ROUTING");
}

void vm_set_msi_routes(struct vm *vm, unsigned int nr)
{
	struct kvm_irq_routing *routing = new_msi_routes(nr);

	vm_set_routes(vm, routing);
	free(routing);
}

/* From 6.17 on KVM may have no PIC and no I/O APIC: then only the local APICs are there. */
static void create_irqchip(struct vm *vm)
{
	bool split = vm->flags & VM_SPLIT_IRQCHIP;

	if (!split && ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0)) {
		if (errno != ENOTTY)
			die("KVM_CREATE_IRQCHIP");
		split = true;
	}
	if (split)
		enable_cap(vm, KVM_CAP_SPLIT_IRQCHIP, 24);
}

void vm_create(struct vm *vm, unsigned int flags, unsigned int nr_vcpus)
{
	__u32 i;

	/* Each test is a process of its own; it ends with its program. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(vm, 0, sizeof(*vm));
	vm->flags = flags;
	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0)
		die("/dev/kvm");
	vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		die("KVM_CREATE_VM");

	if (!(flags & VM_NO_IRQCHIP))
		create_irqchip(vm);
	if (flags & VM_X2APIC)
		enable_cap(vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS |
						   KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	else if (flags & VM_NO_QUIRK)
		enable_cap(vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);

	build_tables();
	set_memory(vm);
	for (i = 0; i < nr_vcpus; i++)
		vm_add_vcpu(vm, i);
}

static void set_cpuid(struct vcpu *vcpu)
{
	enum { MAX = 256 };
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + MAX * sizeof(cpuid->entries[0]));
	if (!cpuid)
		die("calloc");
	cpuid->nent = MAX;
	if (ioctl(vcpu->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid))
		die("KVM_GET_SUPPORTED_CPUID");
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid))
		die("KVM_SET_CPUID2");
	free(cpuid);
}

/* The program's own mode; @flags select that of the local APIC. */
static void set_mode(struct vcpu *vcpu, struct guest_cpu *cpu)
{
	struct kvm_segment code = {
		.limit = ~0U, .selector = CODE_SELECTOR, .type = 11, .present = 1,
		.s = 1, .g = 1,
	};
	struct kvm_segment data = {
		.limit = ~0U, .selector = DATA_SELECTOR, .type = 3, .present = 1,
		.s = 1, .db = 1, .g = 1,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.ss = data;
	sregs.gs = data;
	sregs.gs.base = (unsigned long)cpu;
	sregs.gdt.base = (unsigned long)gdt;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.idt.base = (unsigned long)idt;
	sregs.idt.limit = sizeof(idt) - 1;
	set_paging(&sregs);
	if (vcpu->vm->flags & VM_X2APIC)
		sregs.apic_base |= 0x400;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		die("KVM_SET_SREGS");
}

void vm_add_vcpu(struct vm *vm, __u32 apic_id)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	unsigned int index = vm->nr_vcpus++;
	struct vcpu *vcpu = &vm->vcpu[index];
	struct guest_cpu *cpu = &guest_cpus[index % GUEST_MAX_CPUS];
	long size;

	vcpu->vm = vm;
	vcpu->apic_id = apic_id;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)apic_id);
	if (vcpu->fd < 0)
		die("KVM_CREATE_VCPU %u", apic_id);
	size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	vcpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("mmap of a vCPU");
	if (vm->flags & VM_NO_IRQCHIP)
		return;

	/* Before any vCPU runs: a running one may look for the others. */
	if (index < GUEST_MAX_CPUS) {
		cpu->self = cpu;
		cpu->index = index;
		cpu->apic_id = apic_id;
		cpu->x2apic = vm->flags & VM_X2APIC;
	}
	set_cpuid(vcpu);
	set_mode(vcpu, cpu);
	if (ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable))
		die("KVM_SET_MP_STATE");
	vcpu_apic_write(vcpu, APIC_SVR, 0x100 | SPURIOUS_VECTOR);
}

void vm_destroy(struct vm *vm)
{
	unsigned int i;

	vm_stop(vm);
	for (i = 0; i < vm->nr_vcpus; i++) {
		munmap(vm->vcpu[i].run, ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0));
		close(vm->vcpu[i].fd);
	}
	close(vm->fd);
	close(vm->kvm_fd);
}

static void get_lapic(struct vcpu *vcpu, struct kvm_lapic_state *lapic)
{
	if (ioctl(vcpu->fd, KVM_GET_LAPIC, lapic))
		die("KVM_GET_LAPIC");
}

static __u32 *lapic_reg(struct kvm_lapic_state *lapic, unsigned int reg)
{
	return (__u32 *)(lapic->regs + reg);
}

__u32 vcpu_apic_read(struct vcpu *vcpu, unsigned int reg)
{
	struct kvm_lapic_state lapic;

	get_lapic(vcpu, &lapic);
	return *lapic_reg(&lapic, reg);
}

void vcpu_apic_write(struct vcpu *vcpu, unsigned int reg, __u32 value)
{
	struct kvm_lapic_state lapic;

	get_lapic(vcpu, &lapic);
	*lapic_reg(&lapic, reg) = value;
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic))
		die("KVM_SET_LAPIC");
}

bool vcpu_irr(struct vcpu *vcpu, __u8 vector)
{
	return vcpu_apic_read(vcpu, APIC_IRR + vector / 32 * 16) >> (vector % 32) & 1;
}

unsigned int vcpu_irr_weight(struct vcpu *vcpu)
{
	struct kvm_lapic_state lapic;
	unsigned int i, weight = 0;

	get_lapic(vcpu, &lapic);
	for (i = 0; i < 8; i++)
		weight += __builtin_popcount(*lapic_reg(&lapic, APIC_IRR + i * 16));
	return weight;
}

void vcpu_clear_irr(struct vcpu *vcpu)
{
	struct kvm_lapic_state lapic;
	unsigned int i;

	get_lapic(vcpu, &lapic);
	for (i = 0; i < 8; i++)
		*lapic_reg(&lapic, APIC_IRR + i * 16) = 0;
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic))
		die("KVM_SET_LAPIC");
}

bool vcpu_take_irr(struct vcpu *vcpu, __u8 vector)
{
	bool set = vcpu_irr(vcpu, vector);

	vcpu_clear_irr(vcpu);
	return set;
}

static void get_events(struct vcpu *vcpu, struct kvm_vcpu_events *events)
{
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, events))
		die("KVM_GET_VCPU_EVENTS");
}

bool vcpu_nmi_pending(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	get_events(vcpu, &events);
	return events.nmi.pending;
}

bool vcpu_smi_pending(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	get_events(vcpu, &events);
	return events.smi.pending;
}

/* Its only purpose is to interrupt KVM_RUN. */
static void kicked(int signal)
{
	(void)signal;
}

/* Returns true when the guest is done. */
static bool handle_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		if (vm_mmio && vm_mmio(vcpu->vm, run->mmio.phys_addr, run->mmio.data,
				       run->mmio.len, run->mmio.is_write))
			return false;
		die("guest: access of %#llx", run->mmio.phys_addr);
	case KVM_EXIT_IO:
		if (run->io.port == GUEST_PORT_DONE)
			return true;
		if (run->io.port == GUEST_PORT_PANIC)
			die("guest: %s %#llx %#llx", guest_panic_text,
			    guest_panic_value[0], guest_panic_value[1]);
		if (vm_pio && vm_pio(vcpu->vm, run->io.port, (void *)run + run->io.data_offset,
				     run->io.size, run->io.direction == KVM_EXIT_IO_OUT))
			return false;
		die("guest: port %#x", run->io.port);
	default:
		die("guest: exit %u", run->exit_reason);
	}
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!load(&vcpu->vm->stop)) {
		if (!ioctl(vcpu->fd, KVM_RUN, 0)) {
			if (handle_exit(vcpu))
				break;
		} else if (errno != EINTR && errno != EAGAIN) {
			die("KVM_RUN");
		}
	}
	return NULL;
}

/* The guest's entry functions return here. */
static void guest_done(void)
{
	for (;;)
		guest_out32(GUEST_PORT_DONE, 0);
}

void vcpu_start(struct vcpu *vcpu, void (*entry)(void))
{
	struct guest_cpu *cpu = &guest_cpus[vcpu - vcpu->vm->vcpu];
	struct sigaction action = { .sa_handler = kicked };
	struct kvm_regs regs = { .rip = (unsigned long)entry, .rflags = 2 };
	void **stack = (void **)(cpu->stack + GUEST_STACK_SIZE);

	/* As if called: the stack is aligned before the return address. */
	stack[-2] = guest_done;
	regs.rsp = (unsigned long)&stack[-2];
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		die("KVM_SET_REGS");

	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu))
		die("pthread_create");
	vcpu->started = true;
}

void vcpu_join(struct vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	pthread_join(vcpu->thread, NULL);
	vcpu->started = false;
}

void vm_stop(struct vm *vm)
{
	unsigned int i;

	store(&vm->stop, true);
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];

		if (!vcpu->started)
			continue;
		/* Also if the signal comes just before KVM_RUN. */
		vcpu->run->immediate_exit = 1;
		pthread_kill(vcpu->thread, SIGUSR1);
		vcpu_join(vcpu);
	}
}
