// SPDX-License-Identifier: GPL-2.0
/*
 * Changes one vector's message in a VM that has n of them: the module's table against
 * KVM_SET_GSI_ROUTING of n routes.  The module's cost is that of the writes of a guest
 * that masks, changes all, and unmasks, each an ioctl; and that of one of these writes.
 *
 * KVM_SET_GSI_ROUTING waits for a grace period of SRCU.  So it has two costs: from call
 * to return, and what the calling thread itself worked meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

#define VECTOR		0x51
#define PER_FUNCTION	2048U
#define MAX_VECTORS	4000U
#define FUNCTIONS	((MAX_VECTORS + PER_FUNCTION - 1) / PER_FUNCTION)
#define TIMES		30

static struct vm vm;
static struct function fn[FUNCTIONS];
static struct function *last;		/* has the vector that is changed */
static struct kvm_irq_routing *routes;

static void write_register(void)
{
	table_write(last, ENTRY(last->shape.msix_vectors - 1) + ENTRY_DATA, VECTOR);
}

static void write_message(void)
{
	entry_set(last, last->shape.msix_vectors - 1, MSI_TO(0), VECTOR, 0);
}

static void set_gsi_routing(void)
{
	vm_set_routes(&vm, routes);
}

static const struct variant variants[] = {
	{ .name = "module", .run = write_message },
	{ .name = "module, one register", .run = write_register },
	{ .name = "KVM_SET_GSI_ROUTING", .run = set_gsi_routing },
	{ .name = "KVM_SET_GSI_ROUTING, its own work", .run = set_gsi_routing, .cpu_time = true },
};

static void measure_vectors(unsigned int vectors)
{
	unsigned int i, nr, left = vectors;
	char parameter[16];

	vm_create(&vm, 0, 1);
	routes = new_msi_routes(vectors);
	for (i = 0; i < vectors; i++)
		route(routes, i, 0, MSI_TO(0), VECTOR);
	vm_set_routes(&vm, routes);

	for (last = fn; left; last++, left -= nr) {
		nr = left < PER_FUNCTION ? left : PER_FUNCTION;
		function_open(last, &vm, msix_shape(nr));
		msix_control(last, MSIX_ENABLE);
		for (i = 0; i < nr; i++)
			entry_set(last, i, MSI_TO(0), VECTOR, 0);
	}
	last--;

	snprintf(parameter, sizeof(parameter), "%u", vectors);
	measure("update", parameter, variants, ARRAY_SIZE(variants), TIMES);

	for (; last >= fn; last--)
		function_close(last);
	free(routes);
	vm_destroy(&vm);
}

int main(void)
{
	measure_vectors(1);
	measure_vectors(64);
	measure_vectors(1024);
	measure_vectors(MAX_VECTORS);
	return 0;
}
