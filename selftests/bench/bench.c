// SPDX-License-Identifier: GPL-2.0
/* What the benchmarks share. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#include "bench.h"

unsigned int rounds(void)
{
	const char *text = getenv("BENCH_ROUNDS");

	return text ? atoi(text) : 3;
}

static __u64 clock_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

__u64 now(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

void sample(const char *subject, const char *variant, const char *parameter, __u64 value)
{
	printf("%s;%s;%s;%llu\n", subject, variant, parameter, value);
	fflush(stdout);
}

static void call(void (*what)(void))
{
	if (what)
		what();
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

__u64 typical(__u64 *took, unsigned int nr)
{
	qsort(took, nr, sizeof(*took), compare);
	return took[getenv("BENCH_MEDIAN") ? nr / 2 : 0];
}

static __u64 typical_of(const struct variant *v, unsigned int times)
{
	clockid_t clock = v->cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
	static __u64 took[MAX_TIMES];
	unsigned int i;
	__u64 begin;

	for (i = 0; i < times; i++) {
		call(v->prepare);
		begin = clock_now(clock);
		v->run();
		took[i] = clock_now(clock) - begin;
		call(v->check);
	}
	return typical(took, times);
}

static void nothing(void)
{
}

static __u64 cost(const struct variant *v, unsigned int times)
{
	const struct variant empty = { .run = nothing, .cpu_time = v->cpu_time };
	__u64 base, took;

	call(v->attach);
	base = typical_of(&empty, times);
	took = typical_of(v, times);
	call(v->detach);
	return took > base ? took - base : 0;
}

void measure(const char *subject, const char *parameter, const struct variant *variants,
	     unsigned int nr, unsigned int times)
{
	unsigned int round, i;

	for (round = 0; round < rounds(); round++)
		for (i = 0; i < nr; i++)
			sample(subject, variants[i].name, parameter, cost(&variants[i], times));
}

void route(struct kvm_irq_routing *routes, unsigned int index, __u32 address_hi,
	   __u32 address_lo, __u32 data)
{
	struct kvm_irq_routing_msi *msi = &routes->entries[index].u.msi;

	msi->address_hi = address_hi;
	msi->address_lo = address_lo;
	msi->data = data;
}

void set_irqfd(struct vm *vm, int fd, __u32 gsi, __u32 flags)
{
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = gsi, .flags = flags };

	if (ioctl(vm->fd, KVM_IRQFD, &irqfd))
		die("KVM_IRQFD");
}
