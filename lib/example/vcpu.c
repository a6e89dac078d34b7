// SPDX-License-Identifier: GPL-2.0
/* The virtual machine, and its vCPUs, each a thread. */
#include <err.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include "vmm.h"

/* Pages that Intel's processors need in the guest's addresses: above BARs and the local APIC */
#define TSS_ADDRESS		0xfffbd000UL
#define IDENTITY_MAP_ADDRESS	0xfffbc000UL
#define MAX_CPUID		256
#define KICK			SIGUSR1

struct vcpu {
	struct machine *machine;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	pthread_t thread;
};

#define CALL(fd, request, arg) call(fd, request, (void *)(uintptr_t)(arg), #request)

static int call(int fd, unsigned long request, void *arg, const char *name)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		err(1, "%s", name);
	return ret;
}

/* ---- creation ---- */

/*
 * With the full irqchip there are a PIC and an I/O APIC, which this machine uses for nothing:
 * the guest's clock is that of its local APIC.  A KVM may be built without it: then only the
 * local APICs are in the kernel.
 */
static void create_irqchip(struct machine *m)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

	if (!m->split && ioctl(m->vm, KVM_CREATE_IRQCHIP, NULL))
		m->split = true;
	if (m->split)
		CALL(m->vm, KVM_ENABLE_CAP, &split);
}

static void create_vm(struct machine *m)
{
	const uint64_t identity_map = IDENTITY_MAP_ADDRESS;
	struct kvm_userspace_memory_region ram = {
		.memory_size = m->memory.size,
		.userspace_addr = (uintptr_t)m->memory.base,
	};

	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0)
		err(1, "/dev/kvm");
	m->vm = CALL(m->kvm, KVM_CREATE_VM, NULL);
	CALL(m->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS);
	CALL(m->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	create_irqchip(m);
	CALL(m->vm, KVM_SET_USER_MEMORY_REGION, &ram);
}

/* What KVM can do, and which processor this is of how many. */
static void set_cpuid(const struct machine *m, const struct vcpu *v)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) +
					  MAX_CPUID * sizeof(cpuid->entries[0]));
	bool deadline = ioctl(m->kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	struct kvm_cpuid_entry2 *e;
	unsigned int i;

	if (!cpuid)
		err(1, "CPUID");
	cpuid->nent = MAX_CPUID;
	CALL(m->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	for (i = 0; i < cpuid->nent; i++) {
		e = &cpuid->entries[i];
		switch (e->function) {
		case 0x1:
			e->ebx = (e->ebx & 0xffff) | m->nr_vcpus << 16 | v->id << 24;
			/*
			 * And that there is a hypervisor, of which KVM's answer may lack the bit:
			 * without it the guest has no kvmclock, and measures its TSC by a PIT
			 * that is not there.
			 */
			e->ecx |= deadline << 24 | 1U << 31;
			e->edx |= 1U << 28;
			break;
		case 0xb:
		case 0x1f:
			/* No levels: the number of processors is in leaf 1. */
			e->eax = 0;
			e->ebx = 0;
			e->ecx = e->index;
			e->edx = v->id;
			break;
		case 0x80000008:
			e->ecx = m->nr_vcpus - 1;
			break;
		}
	}
	CALL(v->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
}

/* 32-bit mode, segments of 4 GiB, no paging: as the kernel's 32-bit entry wants it. */
static void set_entry(const struct vcpu *v)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 0x10, .type = 11, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment data = code;
	struct kvm_regs regs = {
		.rip = KERNEL_ADDRESS, .rsi = ZERO_PAGE, .rflags = 2,
	};
	struct kvm_sregs sregs;

	data.selector = 0x18;
	data.type = 3;
	CALL(v->fd, KVM_GET_SREGS, &sregs);
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 |= 1;
	CALL(v->fd, KVM_SET_SREGS, &sregs);
	CALL(v->fd, KVM_SET_REGS, &regs);
}

static void create_vcpu(struct machine *m, unsigned int id)
{
	struct vcpu *v = &m->vcpu[id];

	v->machine = m;
	v->id = id;
	v->fd = CALL(m->vm, KVM_CREATE_VCPU, id);
	v->run_size = CALL(m->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	v->run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		err(1, "mmap of a vCPU");
	set_cpuid(m, v);
	/* The others wait for the first one to start them. */
	if (!id)
		set_entry(v);
}

void machine_create(struct machine *m, uint64_t memory, unsigned int nr_vcpus, bool split)
{
	unsigned int i;

	m->split = split;
	m->nr_vcpus = nr_vcpus;
	m->status = -1;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->change, NULL);
	memory_init(&m->memory, memory);
	create_vm(m);
	m->vcpu = calloc(nr_vcpus, sizeof(*m->vcpu));
	if (!m->vcpu)
		err(1, "vCPUs");
	for (i = 0; i < nr_vcpus; i++)
		create_vcpu(m, i);
}

void machine_destroy(struct machine *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_vcpus; i++) {
		munmap(m->vcpu[i].run, m->vcpu[i].run_size);
		close(m->vcpu[i].fd);
	}
	free(m->vcpu);
	close(m->vm);
	close(m->kvm);
	memory_fini(&m->memory);
}

/* ---- exits ---- */

static void handle_port(struct vcpu *v)
{
	uint8_t *data = (uint8_t *)v->run + v->run->io.data_offset;
	uint32_t i;

	/* One instruction may do several, such as rep insl. */
	for (i = 0; i < v->run->io.count; i++)
		port_access(v->machine, v->run->io.direction == KVM_EXIT_IO_OUT,
			    v->run->io.port, data + i * v->run->io.size, v->run->io.size);
}

static void handle_exit(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	char why[64];

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		handle_port(v);
		break;
	case KVM_EXIT_MMIO:
		mmio_access(v->machine, run->mmio.is_write, run->mmio.phys_addr,
			    run->mmio.data, run->mmio.len);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IOAPIC_EOI:
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		/* KVM gives the guest up: the one end that need not be the guest's doing */
		snprintf(why, sizeof(why), "KVM's internal error %u", run->internal.suberror);
		machine_end(v->machine, 3, why);
		break;
	default:
		/* Such as a triple fault: this ends the guest, not the VMM. */
		snprintf(why, sizeof(why), "exit %u of vCPU %u", run->exit_reason, v->id);
		machine_end(v->machine, 2, why);
	}
}

static bool runs(struct machine *m)
{
	bool ret;

	pthread_mutex_lock(&m->lock);
	ret = m->status < 0;
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *v = arg;

	while (runs(v->machine)) {
		if (!ioctl(v->fd, KVM_RUN, NULL)) {
			handle_exit(v);
		} else if (errno != EINTR && errno != EAGAIN) {
			/* Such as memory that does not exist */
			machine_end(v->machine, 2, strerror(errno));
		}
	}
	return NULL;
}

/* The first end counts. */
void machine_end(struct machine *m, int status, const char *why)
{
	pthread_mutex_lock(&m->lock);
	if (m->status < 0) {
		m->status = status;
		fflush(stdout);
		printf("vmm: the guest ended: %s\n", why);
	}
	pthread_cond_broadcast(&m->change);
	pthread_mutex_unlock(&m->lock);
}

static void kicked(int signal)
{
	(void)signal;
}

/* Returns when the guest has ended, and no vCPU runs any more. */
void machine_run(struct machine *m)
{
	const struct sigaction action = { .sa_handler = kicked };
	unsigned int i;

	sigaction(KICK, &action, NULL);
	for (i = 0; i < m->nr_vcpus; i++)
		if (pthread_create(&m->vcpu[i].thread, NULL, vcpu_thread, &m->vcpu[i]))
			errx(1, "a vCPU's thread");
	pthread_mutex_lock(&m->lock);
	while (m->status < 0)
		pthread_cond_wait(&m->change, &m->lock);
	pthread_mutex_unlock(&m->lock);
	for (i = 0; i < m->nr_vcpus; i++) {
		/* KVM_RUN returns at once, also if it is only about to be called. */
		__atomic_store_n(&m->vcpu[i].run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		pthread_kill(m->vcpu[i].thread, KICK);
	}
	for (i = 0; i < m->nr_vcpus; i++)
		pthread_join(m->vcpu[i].thread, NULL);
}
