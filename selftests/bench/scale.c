// SPDX-License-Identifier: GPL-2.0
/*
 * Threads on separate processors each signal the eventfd of a vector of their own, whose
 * message goes to a vCPU of its own; the vectors are neighbours in one function.  Prints
 * the cost of a trigger with one such thread and with one on each processor, for the
 * module and for irqfds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

#define VECTOR		0x51
#define MAX_THREADS	8
#define BATCH		100	/* triggers that are timed together */
#define BATCHES		50

static struct vm vm;
static struct function fn;
static int event[MAX_THREADS];
static int cpu_of[MAX_THREADS];

static unsigned int unfinished, waiting;
static __u64 cost[MAX_THREADS];

static __u64 time_batch(int fd)
{
	__u64 begin = now();
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		signal_eventfd(fd, 1);
	return now() - begin;
}

static void *trigger_thread(void *arg)
{
	unsigned int me = (unsigned long)arg, i;
	__u64 took[BATCHES];
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu_of[me], &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	__atomic_sub_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	while (load(&waiting))
		;
	for (i = 0; i < BATCHES; i++)
		took[i] = time_batch(event[me]);
	cost[me] = typical(took, BATCHES);
	__atomic_sub_fetch(&unfinished, 1, __ATOMIC_SEQ_CST);
	/* Disturbs the others until the end. */
	while (load(&unfinished))
		time_batch(event[me]);
	return NULL;
}

static void measure_threads(const char *variant, unsigned int nr)
{
	pthread_t thread[MAX_THREADS];
	char parameter[16];
	unsigned long i;
	__u64 sum = 0;

	store(&unfinished, nr);
	store(&waiting, nr);
	for (i = 0; i < nr; i++)
		if (pthread_create(&thread[i], NULL, trigger_thread, (void *)i))
			die("pthread_create");
	for (i = 0; i < nr; i++) {
		pthread_join(thread[i], NULL);
		sum += cost[i];
	}
	snprintf(parameter, sizeof(parameter), "%u", nr);
	sample("scale", variant, parameter, sum / nr / BATCH);
}

static unsigned int find_cpus(void)
{
	unsigned int nr = 0;
	cpu_set_t cpus;
	int i;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		die("sched_getaffinity");
	for (i = 0; i < CPU_SETSIZE && nr < MAX_THREADS; i++)
		if (CPU_ISSET(i, &cpus))
			cpu_of[nr++] = i;
	return nr;
}

int main(void)
{
	unsigned int nr = find_cpus(), round, i;
	struct kvm_irq_routing *routes = new_msi_routes(nr);

	vm_create(&vm, 0, nr);
	function_open(&fn, &vm, msix_shape(nr));
	msix_control(&fn, MSIX_ENABLE);
	for (i = 0; i < nr; i++) {
		event[i] = new_eventfd();
		entry_set(&fn, i, MSI_TO(i), VECTOR, 0);
		route(routes, i, 0, MSI_TO(i), VECTOR);
	}
	vm_set_routes(&vm, routes);

	for (round = 0; round < rounds(); round++) {
		for (i = 0; i < nr; i++)
			if (set_eventfd(&fn, MSI_ROUTE_MSIX, i, event[i], 0))
				die("attach");
		measure_threads("module", 1);
		measure_threads("module", nr);
		for (i = 0; i < nr; i++) {
			if (set_eventfd(&fn, MSI_ROUTE_MSIX, i, -1, 0))
				die("detach");
			set_irqfd(&vm, event[i], FIRST_GSI + i, 0);
		}
		measure_threads("irqfd", 1);
		measure_threads("irqfd", nr);
		for (i = 0; i < nr; i++)
			set_irqfd(&vm, event[i], FIRST_GSI + i, KVM_IRQFD_FLAG_DEASSIGN);
	}
	return 0;
}
