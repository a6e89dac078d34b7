// SPDX-License-Identifier: GPL-2.0
/*
 * n eventfds of one VM are attached, one call each: to vectors of the module, and by
 * KVM_IRQFD.  Prints the cost of an attach, on the average of all n.  Each time the VM is
 * new, and everything has been used once before it is measured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#define VECTOR		0x51
#define PER_FUNCTION	2048U
#define MOST		4096U
/* KVM has no more GSIs.  The last eventfds share some. */
#define NR_GSIS		(4096U - FIRST_GSI)

static const unsigned int numbers[] = { 64, 256, 1024, MOST };

static struct vm vm;
static struct function fn[MOST / PER_FUNCTION];
static int event[MOST];

static unsigned int least_of(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static __u64 attach_module(unsigned int n)
{
	unsigned int nr = (n + PER_FUNCTION - 1) / PER_FUNCTION, i, e;
	unsigned int each = least_of(n, PER_FUNCTION);
	__u64 took;

	for (i = 0; i < nr; i++) {
		function_open(&fn[i], &vm, msix_shape(each));
		for (e = 0; e < each; e++)
			entry_set(&fn[i], e, MSI_TO(0), VECTOR, 0);
		msix_control(&fn[i], MSIX_ENABLE);
	}
	took = now();
	for (i = 0; i < n; i++)
		if (set_eventfd(&fn[i / each], MSI_ROUTE_MSIX, i % each, event[i], 0))
			die("attach");
	took = now() - took;
	for (i = 0; i < nr; i++)
		function_close(&fn[i]);
	return took;
}

/* The VM's end detaches them. */
static __u64 attach_irqfd(unsigned int n)
{
	unsigned int nr = least_of(n, NR_GSIS), i;
	struct kvm_irq_routing *routes = new_msi_routes(nr);
	__u64 took;

	for (i = 0; i < nr; i++)
		route(routes, i, 0, MSI_TO(0), VECTOR);
	vm_set_routes(&vm, routes);
	free(routes);
	took = now();
	for (i = 0; i < n; i++)
		set_irqfd(&vm, event[i], FIRST_GSI + i % NR_GSIS, 0);
	return now() - took;
}

static const struct {
	const char *name;
	__u64 (*attach)(unsigned int n);
} ways[] = {
	{ "module", attach_module },
	{ "KVM_IRQFD", attach_irqfd },
};

int main(void)
{
	struct rlimit files = { MOST + 1000, MOST + 1000 };
	unsigned int round, i, way;
	char parameter[16];
	__u64 took;

	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE");
	for (i = 0; i < MOST; i++)
		event[i] = new_eventfd();
	for (round = 0; round <= rounds(); round++) {
		for (i = 0; i < ARRAY_SIZE(numbers); i++) {
			snprintf(parameter, sizeof(parameter), "%u", numbers[i]);
			for (way = 0; way < ARRAY_SIZE(ways); way++) {
				vm_create(&vm, 0, 1);
				took = ways[way].attach(numbers[i]);
				vm_destroy(&vm);
				if (round)
					sample("attach", ways[way].name, parameter,
					       took / numbers[i]);
			}
		}
	}
	return 0;
}
