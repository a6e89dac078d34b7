// SPDX-License-Identifier: GPL-2.0
/*
 * What a trigger and a message update cost, with few vectors and with many.
 * In the lab with --icount a nanosecond is an instruction, of the whole stack:
 * the system call, the module, KVM.
 */
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../guest/function.h"

#define ROUNDS		1000
#define VECTOR		0x51
#define GSI		24

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* The vector that is measured; the others are there to be in the way. */
static struct function fn;
static unsigned int last;
static int event, irqfd;

static void empty(void)
{
	struct msi_route_query q = { .size = sizeof(q) };

	if (ioctl(fn.fd, MSI_ROUTE_QUERY, &q))
		die("query");
}

static void raise(void)
{
	if (trigger(&fn, MSI_ROUTE_MSIX, last) != MSI_ROUTE_SENT)
		die("not sent");
}

static void signal_event(void)
{
	signal_eventfd(event, 1);
}

static void signal_irqfd(void)
{
	signal_eventfd(irqfd, 1);
}

static void update(void)
{
	table_write(&fn, ENTRY(last) + ENTRY_DATA, VECTOR);
}

/* The least of many: what the timer interrupts is not counted. */
static unsigned long cost(void (*what)(void))
{
	unsigned long least = ~0UL;
	__u64 begin, end;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		begin = now();
		what();
		end = now();
		if (end - begin < least)
			least = end - begin;
	}
	return least;
}

static void nothing(void)
{
}

/* The irqfd sends the same message. */
static void route_gsi(struct vm *vm)
{
	struct {
		struct kvm_irq_routing table;
		struct kvm_irq_routing_entry entry;
	} routing = {
		.table.nr = 1,
		.entry.gsi = GSI,
		.entry.type = KVM_IRQ_ROUTING_MSI,
		.entry.u.msi.address_lo = MSI_TO(0),
		.entry.u.msi.data = VECTOR,
	};

	if (ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routing))
		die("routing");
}

static void measure(unsigned int functions, unsigned int vectors)
{
	struct kvm_irqfd assign = { .gsi = GSI };
	struct function others[64];
	unsigned long base;
	struct vm vm;
	unsigned int i;

	vm_create(&vm, 0, 1);
	route_gsi(&vm);
	for (i = 0; i + 1 < functions; i++)
		function_try_open(&others[i], &vm, msix_shape(vectors));
	function_open(&fn, &vm, msix_shape(vectors));
	last = vectors - 1;
	set_bus_master(&fn, 1);
	msix_control(&fn, MSIX_ENABLE);
	entry_set(&fn, last, MSI_TO(0), VECTOR, 0);

	event = new_eventfd();
	irqfd = new_eventfd();
	assign.fd = irqfd;
	if (set_eventfd(&fn, MSI_ROUTE_MSIX, last, event, 0) ||
	    ioctl(vm.fd, KVM_IRQFD, &assign))
		die("eventfd");

	base = cost(nothing);
	printf("%9u %7u %7lu %8lu %8lu %6lu %7lu\n", functions, vectors,
	       cost(empty) - base, cost(raise) - base,
	       cost(signal_event) - base, cost(signal_irqfd) - base,
	       cost(update) - base);

	close(event);
	close(irqfd);
	function_close(&fn);
	for (i = 0; i + 1 < functions; i++)
		close(others[i].fd);
	vm_destroy(&vm);
}

int main(void)
{
	struct rlimit files = { 4096, 4096 };

	setrlimit(RLIMIT_NOFILE, &files);
	puts("functions vectors   empty  trigger  eventfd  irqfd  update");
	measure(1, 1);
	measure(1, 64);
	measure(1, 2048);
	measure(64, 64);
	measure(64, 2048);
	return 0;
}
