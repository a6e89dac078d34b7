// SPDX-License-Identifier: GPL-2.0
/*
 * A whole VMM: a machine with one vCPU and one PCI function whose MSI-X is msi_route's.
 * Documentation/vmm-guide.rst explains it, piece by piece.  It uses the kernel's
 * interfaces and a C library, so it can be copied from.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kvm.h>
#include "../../msi_route.h"
#include "machine.h"

/* How the guest's accesses of table and PBA are dealt with. */
enum way { BY_CALLS, IN_KERNEL, WITH_PAGES };

struct machine {
	enum way way;
	void *memory;
	int vm;
	int vcpu;
	struct kvm_run *run;
	size_t run_size;

	int function;		/* msi_route's descriptor */
	void *image;		/* table and PBA, as the guest reads them */
	size_t image_size;
	bool pages;		/* the guest has the image as memory */
	uint8_t config[256];	/* what the VMM keeps of configuration space */
	uint32_t config_index;

	pthread_t device;
	int kick;		/* to the device's thread */
	int call;		/* from it: the eventfd of vector 1 */
	unsigned int exits;	/* accesses of table and PBA that came here */
};

static void *guest_memory;

/* The guest: guest.c, as one piece. */
asm(".section .rodata\n"
    "guest_image: .incbin \"guest.bin\"\n"
    "guest_image_end:\n"
    ".previous");
extern const uint8_t guest_image[], guest_image_end[];

#define CALL(fd, request, arg) call(fd, request, arg, #request)

static int call(int fd, unsigned long request, void *arg, const char *name)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		err(1, "%s", name);
	return ret;
}

static int event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		err(1, "eventfd");
	return fd;
}

/* ---- the VM ---- */

static void create_vm(struct machine *m)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry msi;
	} route = {
		.head.nr = 1,
		.msi = { .gsi = 24, .type = KVM_IRQ_ROUTING_MSI },
	};
	struct kvm_userspace_memory_region ram = {
		.slot = 0, .memory_size = MEMORY_SIZE,
		.userspace_addr = (uintptr_t)m->memory,
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		err(1, "/dev/kvm");
	m->vm = CALL(kvm, KVM_CREATE_VM, NULL);
	CALL(m->vm, KVM_CREATE_IRQCHIP, NULL);
	/* From a route msi_route learns KVM's way into the local APIC. */
	CALL(m->vm, KVM_SET_GSI_ROUTING, &route);
	CALL(m->vm, KVM_SET_USER_MEMORY_REGION, &ram);

	m->vcpu = CALL(m->vm, KVM_CREATE_VCPU, NULL);
	m->run_size = CALL(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	m->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (m->run == MAP_FAILED)
		err(1, "mmap of the vCPU");
	close(kvm);
}

/* ---- the function ---- */

static void create_function(struct machine *m)
{
	struct msi_route_query query = { .size = sizeof(query) };
	struct msi_route_create create = {
		.size = sizeof(create),
		.vm_fd = m->vm,
		.id = 0x0008,		/* 00:01.0 */
		.msix_vectors = VECTORS,
		.msix_cap = MSIX_CAP,
		.msix_table_offset = BAR_TABLE,
		.msix_pba_offset = BAR_PBA,
	};
	int device = open("/dev/msi_route", O_RDWR | O_CLOEXEC);

	if (device < 0)
		err(1, "/dev/msi_route");
	CALL(device, MSI_ROUTE_QUERY, &query);
	if (m->way != BY_CALLS && !(query.features & MSI_ROUTE_FEATURE_MAP))
		errx(1, "this msi_route has no in-kernel MMIO");
	m->function = CALL(device, MSI_ROUTE_CREATE, &create);
	close(device);

	m->image_size = create.mmap_size;
	m->image = mmap(NULL, m->image_size, PROT_READ, MAP_SHARED, m->function, 0);
	if (m->image == MAP_FAILED)
		err(1, "mmap of the function");
}

/* What the VMM has in configuration space: the header, and where MSI-X is. */
static void fill_config(struct machine *m)
{
	uint32_t id = FUNCTION_ID;

	memcpy(m->config, &id, sizeof(id));
	m->config[0x06] = 0x10;		/* Status: there is a list of capabilities, */
	m->config[0x34] = MSIX_CAP;	/* which begins here */
	m->config[MSIX_CAP] = 0x11;	/* MSI-X; the link to the next is 0 */
}

/* ---- configuration space ---- */

static uint32_t config_dword(const struct machine *m, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, m->config + offset, sizeof(value));
	return value;
}

static void command_changed(struct machine *m)
{
	struct msi_route_bus_master master = {
		.size = sizeof(master), .enable = m->config[0x04] >> 2 & 1,
	};

	CALL(m->function, MSI_ROUTE_SET_BUS_MASTER, &master);
}

static void place(struct machine *m);

/* Command and BAR 0 are the registers that can be written here. */
static bool writable(uint32_t offset)
{
	return offset == 0x04 || offset == 0x05 || (offset >= 0x10 && offset < 0x14);
}

static void config_write(struct machine *m, uint32_t offset, uint32_t len, uint32_t value)
{
	struct msi_route_access access = {
		.size = sizeof(access), .space = MSI_ROUTE_CONFIG,
		.offset = offset, .len = len, .value = value,
	};
	uint32_t i;

	/* msi_route takes what is its own, and ignores the rest. */
	CALL(m->function, MSI_ROUTE_WRITE, &access);
	for (i = 0; i < len; i++)
		if (writable(offset + i))
			m->config[offset + i] = value >> 8 * i;
	/* A BAR of 8 KiB: address bits 31:13 */
	m->config[0x10] = 0;
	m->config[0x11] &= ~(BAR_SIZE - 1) >> 8;
	if (offset < 0x14) {
		command_changed(m);
		place(m);
	}
}

static uint32_t config_read(struct machine *m, uint32_t offset, uint32_t len)
{
	struct msi_route_access access = {
		.size = sizeof(access), .space = MSI_ROUTE_CONFIG,
		.offset = offset, .len = len,
	};

	/* It replaces what is its own in what the VMM has. */
	memcpy(&access.value, m->config + offset, len);
	CALL(m->function, MSI_ROUTE_READ, &access);
	return access.value;
}

/* ---- the BAR ---- */

/* Its address, or 0 while Memory Space Enable is clear. */
static uint32_t bar_address(const struct machine *m)
{
	return m->config[0x04] & 2 ? config_dword(m, 0x10) : 0;
}

static void access_function(struct machine *m, bool write, uint32_t space, uint32_t offset)
{
	struct msi_route_access access = {
		.size = sizeof(access), .space = space,
		.offset = offset, .len = m->run->mmio.len,
	};

	m->exits++;
	memcpy(&access.value, m->run->mmio.data, m->run->mmio.len);
	CALL(m->function, write ? MSI_ROUTE_WRITE : MSI_ROUTE_READ, &access);
	memcpy(m->run->mmio.data, &access.value, m->run->mmio.len);
}

static void ring(struct machine *m, uint32_t vector);

static void handle_mmio(struct machine *m)
{
	uint64_t offset = m->run->mmio.phys_addr - bar_address(m);
	uint32_t len = m->run->mmio.len;
	bool write = m->run->mmio.is_write;

	/* Whatever the guest does: pieces of any length, across the edge of anything. */
	if (!bar_address(m) || offset >= BAR_SIZE)
		memset(m->run->mmio.data, 0xff, len);
	else if (offset + len <= BAR_TABLE + VECTORS * 16)
		access_function(m, write, MSI_ROUTE_TABLE, offset - BAR_TABLE);
	else if (offset >= BAR_PBA && offset + len <= BAR_PBA + 8)
		access_function(m, write, MSI_ROUTE_PBA, offset - BAR_PBA);
	else if (offset == BAR_BELL && write)
		ring(m, m->run->mmio.data[0]);
	else
		memset(m->run->mmio.data, 0, len);
}

/* ---- in the kernel ---- */

static void place(struct machine *m)
{
	uint32_t bar = bar_address(m);
	struct msi_route_map map = { .size = sizeof(map) };
	struct msi_route_map nowhere = { .size = sizeof(nowhere) };
	struct kvm_userspace_memory_region pages = {
		.slot = 1,
		.flags = KVM_MEM_READONLY,
		.userspace_addr = (uintptr_t)m->image,
	};

	if (m->way == BY_CALLS)
		return;
	if (bar) {
		map.flags = MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA;
		map.table = bar + BAR_TABLE;
		map.pba = bar + BAR_PBA;
	}
	/* Where the guest has placed it onto something else, accesses come here. */
	if (ioctl(m->function, MSI_ROUTE_MAP, &map))
		CALL(m->function, MSI_ROUTE_MAP, &nowhere);
	if (m->pages)
		CALL(m->vm, KVM_SET_USER_MEMORY_REGION, &pages);
	pages.guest_phys_addr = bar;
	pages.memory_size = m->image_size;
	/* KVM refuses it where there is memory. */
	m->pages = m->way == WITH_PAGES && bar &&
		   !ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &pages);
}

/* ---- the device ---- */

/* An event of vector 0 is raised here, one of vector 1 by the device's thread. */
static void ring(struct machine *m, uint32_t vector)
{
	struct msi_route_trigger event = {
		.size = sizeof(event), .kind = MSI_ROUTE_MSIX, .vector = vector,
	};

	if (vector == 1)
		eventfd_write(m->kick, 1);
	/* It is the guest that says which: ECHRNG is its mistake. */
	else if (ioctl(m->function, MSI_ROUTE_TRIGGER, &event) && errno != ECHRNG)
		err(1, "MSI_ROUTE_TRIGGER");
}

#define STOP	(1ULL << 32)

/* What vhost, VFIO or a thread of the VMM does: it knows two eventfds. */
static void *device(void *arg)
{
	const struct machine *m = arg;
	eventfd_t kicks = 0;

	while (!eventfd_read(m->kick, &kicks) && kicks < STOP)
		eventfd_write(m->call, 1);
	return NULL;
}

static void start_device(struct machine *m)
{
	struct msi_route_eventfd attach = {
		.size = sizeof(attach), .kind = MSI_ROUTE_MSIX, .vector = 1,
	};

	m->kick = event();
	m->call = event();
	attach.fd = m->call;
	CALL(m->function, MSI_ROUTE_SET_EVENTFD, &attach);
	errno = pthread_create(&m->device, NULL, device, m);
	if (errno)
		err(1, "pthread_create");
}

static void stop_device(struct machine *m)
{
	eventfd_write(m->kick, STOP);
	pthread_join(m->device, NULL);
	close(m->kick);
	close(m->call);
}

/* ---- the machine ---- */

static void create_machine(struct machine *m, enum way way)
{
	memset(m, 0, sizeof(*m));
	m->way = way;
	m->memory = guest_memory;
	create_vm(m);
	create_function(m);
	fill_config(m);
}

/* In any order: the function holds what it needs of the VM. */
static void destroy_machine(struct machine *m)
{
	close(m->vm);
	close(m->vcpu);
	munmap(m->run, m->run_size);
	munmap(m->image, m->image_size);
	close(m->function);
}

/* 32-bit mode, segments of 4 GiB, no paging. */
static void set_vcpu(struct machine *m)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment data = code;
	struct kvm_regs regs = {
		.rip = IMAGE_ADDRESS, .rsp = STACK_ADDRESS, .rflags = 2,
	};
	struct kvm_sregs sregs;

	data.selector = 16;
	data.type = 3;
	CALL(m->vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 |= 1;
	CALL(m->vcpu, KVM_SET_SREGS, &sregs);
	CALL(m->vcpu, KVM_SET_REGS, &regs);
}

/* ---- save and restore ---- */

struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
};

struct function_state {
	struct msi_route_state registers;
	struct msi_route_entry entries[VECTORS];
	uint64_t pba[1];
	uint64_t held[1];
};

static struct msi_route_state state_shape(struct function_state *s)
{
	return (struct msi_route_state) {
		.size = sizeof(struct msi_route_state),
		.msix_vectors = VECTORS,
		.entries = (uintptr_t)s->entries,
		.pba = (uintptr_t)s->pba,
		.held = (uintptr_t)s->held,
	};
}

static void set_run(struct machine *m, bool run)
{
	struct msi_route_set_run set = { .size = sizeof(set), .run = run };

	CALL(m->function, MSI_ROUTE_SET_RUN, &set);
}

/* KVM completes an exit's instruction when it is called again. */
static void complete_exit(struct machine *m)
{
	m->run->immediate_exit = 1;
	if (ioctl(m->vcpu, KVM_RUN, NULL) == 0 || errno != EINTR)
		errx(1, "KVM_RUN went on");
	m->run->immediate_exit = 0;
}

static void save(struct machine *m, struct vcpu_state *cpu, struct function_state *f)
{
	complete_exit(m);
	stop_device(m);
	/* From here on nothing is sent: the local APIC stands still. */
	set_run(m, false);
	CALL(m->vcpu, KVM_GET_REGS, &cpu->regs);
	CALL(m->vcpu, KVM_GET_SREGS, &cpu->sregs);
	CALL(m->vcpu, KVM_GET_LAPIC, &cpu->lapic);
	f->registers = state_shape(f);
	CALL(m->function, MSI_ROUTE_SAVE, &f->registers);
}

/* Into a machine that was created like the saved one. */
static void restore(struct machine *m, struct vcpu_state *cpu, struct function_state *f)
{
	set_run(m, false);
	CALL(m->function, MSI_ROUTE_RESTORE, &f->registers);
	CALL(m->vcpu, KVM_SET_SREGS, &cpu->sregs);
	CALL(m->vcpu, KVM_SET_REGS, &cpu->regs);
	CALL(m->vcpu, KVM_SET_LAPIC, &cpu->lapic);
	start_device(m);
	place(m);
	/* What is pending and may be sent goes out now, once. */
	set_run(m, true);
}

static void move_to_new_machine(struct machine *m)
{
	static struct vcpu_state cpu;
	static struct function_state function;
	struct machine old = *m;

	save(m, &cpu, &function);
	create_machine(m, old.way);
	memcpy(m->config, old.config, sizeof(m->config));
	m->config_index = old.config_index;
	m->exits = old.exits;
	destroy_machine(&old);
	restore(m, &cpu, &function);
}

/* ---- what happened ---- */

static void tell_counters(const struct machine *m)
{
	struct msi_route_counters c = {
		.size = sizeof(c), .kind = MSI_ROUTE_MSIX,
		.vector = MSI_ROUTE_ALL_VECTORS,
	};
	uint64_t sum;

	CALL(m->function, MSI_ROUTE_GET_COUNTERS, &c);
	/* Each event is in one place. */
	sum = c.messages + c.coalesced + c.cleared + c.unreached +
	      c.dropped_address + c.dropped_mode + c.dropped_vector +
	      c.dropped_absent + c.pending;
	if (c.events != sum)
		errx(1, "%llu events, %llu told", c.events, (unsigned long long)sum);
	printf("vmm: %llu events: %llu messages, %llu coalesced, %u pending\n",
	       c.events, c.messages, c.coalesced, c.pending);
}

/* ---- exits ---- */

static void handle_config(struct machine *m, uint8_t *data)
{
	uint32_t byte = m->run->io.port & 3;
	uint32_t offset = (m->config_index & 0xfc) | byte;
	uint32_t value = 0, len = m->run->io.size;
	bool in = m->run->io.direction == KVM_EXIT_IO_IN;

	if (in)
		memset(data, 0xff, len);
	/* Bus 0, device 1, function 0; others are not there. */
	if ((m->config_index & ~0xffu) != (0x80000000 | 1 << 11))
		return;
	/* What reaches beyond 0xCFF is at other ports, which are not there. */
	if (len > 4 - byte)
		len = 4 - byte;
	if (in) {
		value = config_read(m, offset, len);
		memcpy(data, &value, len);
	} else {
		memcpy(&value, data, len);
		config_write(m, offset, len, value);
	}
}

/* Returns the guest's status when it has ended, else -1. */
static int handle_port(struct machine *m)
{
	uint8_t *data = (uint8_t *)m->run + m->run->io.data_offset;
	uint32_t size = m->run->io.size, count = m->run->io.count;
	bool in = m->run->io.direction == KVM_EXIT_IO_IN;
	uint32_t i;

	switch (m->run->io.port) {
	case PORT_CONFIG_INDEX:
		if (in)
			memset(data, 0xff, size * count);
		else if (size == sizeof(m->config_index))
			memcpy(&m->config_index, data, sizeof(m->config_index));
		break;
	case PORT_CONFIG_DATA ... PORT_CONFIG_DATA + 3:
		/* Several by one instruction, such as rep insl. */
		for (i = 0; i < count; i++)
			handle_config(m, data + i * size);
		break;
	case PORT_PRINT:
		if (!in)
			fwrite(data, size, count, stdout);
		break;
	case PORT_SAVE:
		tell_counters(m);
		move_to_new_machine(m);
		break;
	case PORT_END:
		return data[0];
	default:
		if (in)
			memset(data, 0xff, size * count);
	}
	return -1;
}

static int run(struct machine *m)
{
	int status = -1;

	while (status < 0) {
		if (ioctl(m->vcpu, KVM_RUN, NULL)) {
			if (errno == EINTR)
				continue;
			err(1, "KVM_RUN");
		}
		switch (m->run->exit_reason) {
		case KVM_EXIT_IO:
			status = handle_port(m);
			break;
		case KVM_EXIT_MMIO:
			handle_mmio(m);
			break;
		default:
			/* Such as a triple fault: the guest's end, not the VMM's. */
			warnx("the guest ended: exit %u", m->run->exit_reason);
			return 2;
		}
	}
	return status;
}

/* ---- all of it ---- */

static int run_guest(enum way way)
{
	struct machine m;
	int status;

	memset(guest_memory, 0, MEMORY_SIZE);
	memcpy((uint8_t *)guest_memory + IMAGE_ADDRESS, guest_image,
	       guest_image_end - guest_image);
	create_machine(&m, way);
	set_vcpu(&m);
	start_device(&m);
	status = run(&m);
	stop_device(&m);
	tell_counters(&m);
	printf("vmm: %u accesses of table and PBA came here\n", m.exits);
	destroy_machine(&m);
	return status;
}

int main(void)
{
	static const char *const name[] = {
		[BY_CALLS] = "by calls",
		[IN_KERNEL] = "in the kernel",
		[WITH_PAGES] = "in the kernel, with read-only pages",
	};
	enum way way;

	guest_memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest_memory == MAP_FAILED)
		err(1, "mmap of the guest's memory");
	for (way = BY_CALLS; way <= WITH_PAGES; way++) {
		printf("vmm: table and PBA %s\n", name[way]);
		if (run_guest(way))
			return 1;
	}
	return 0;
}
