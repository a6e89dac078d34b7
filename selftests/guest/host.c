// SPDX-License-Identifier: GPL-2.0
/* The host's kernel as seen from outside: modules, log, memory. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "host.h"
#include "vm.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

unsigned int times(unsigned int n)
{
	const char *factor = getenv("TEST_HOSTILE");

	return factor ? n * strtoul(factor, NULL, 0) : n;
}

/* ---- modules ---- */

static const char *const modules[NR_MODULES] = { "msi_route", "kvm", "kvm_amd", "kvm_intel" };

long module_users(const char *name)
{
	char path[64];
	long users = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &users) != 1)
		users = -1;
	fclose(file);
	return users;
}

struct users all_users(void)
{
	struct users users;
	unsigned int i;

	for (i = 0; i < NR_MODULES; i++)
		users.of[i] = module_users(modules[i]);
	return users;
}

void wait_for_users(const struct users *users)
{
	unsigned int i;

	for (i = 0; i < NR_MODULES; i++)
		while (module_users(modules[i]) != users->of[i])
			sched_yield();
}

int rmmod(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static int insmod_with(const char *path, const char *options)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 || syscall(SYS_finit_module, fd, options, 0) ? -errno : 0;

	close(fd);
	return ret;
}

int insmod(const char *path)
{
	return insmod_with(path, "");
}

int load_again(const char *path)
{
	char options[64] = "mutation=";
	size_t length = strlen(options);
	int fd = open("/sys/module/msi_route/parameters/mutation", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, options + length, sizeof(options) - length - 1);
	int ret;

	close(fd);
	/* Without the newline at its end. */
	options[got > 0 ? length + got - 1 : 0] = 0;
	ret = rmmod("msi_route");
	return ret ? ret : insmod_with(path, options);
}

/* ---- the kernel's log ---- */

int kernel_log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		die("/dev/kmsg");
	return log;
}

/*
 * Lines about time, of which an emulated host has too little; and KVM's lines about the
 * reused descriptor number of a VM that still lives.
 */
static bool about_other_things(const char *text)
{
	static const char *const beginnings[] = {
		"perf: interrupt took", "hrtimer: interrupt took", "clocksource: ",
		"tsc: ", "TSC found unstable", "sched_clock: ", "workqueue: ", "sched: ",
		"KVM: debugfs: duplicate directory", "kvm: debugfs: duplicate directory",
		/* KVM reports how many of these it suppressed. */
		"kvm_create_vm_debugfs: ",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (!strncmp(text, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

unsigned int kernel_log_lines(int log)
{
	char record[8192], *text;
	unsigned int lines = 0, disabled = 0;
	ssize_t length;

	/* One record a read: "priority,number,time,flags;text", and more lines. */
	for (;;) {
		length = read(log, record, sizeof(record) - 1);
		if (length < 0 && errno == EAGAIN)
			return lines;
		/* EPIPE: some records were overwritten before they were read. */
		if (length < 0 && errno != EPIPE)
			die("/dev/kmsg");
		record[length < 0 ? 0 : length] = 0;
		text = strchr(record, ';');
		/* Facility 0 is the kernel; others are processes that write there. */
		if (length >= 0 && (!text || atoi(record) >= 8 || about_other_things(text + 1)))
			continue;
		/* KVM prints this once for a VM whose guest does so. */
		if (text && strstr(text, "Disabled LAPIC found") && !disabled++)
			continue;
		lines++;
		printf("# the kernel: %.*s\n", text ? (int)strcspn(text + 1, "\n") : 0,
		       text ? text + 1 : "");
		/* A test's process ends without flushing. */
		fflush(stdout);
	}
}

/* ---- memory ---- */

unsigned int module_areas(void)
{
	FILE *file = fopen("/proc/vmallocinfo", "r");
	unsigned int nr = 0;
	char line[512];

	if (!file)
		die("/proc/vmallocinfo");
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "[msi_route]"))
			nr++;
	fclose(file);
	return nr;
}

#define TRACING		"/sys/kernel/tracing"

static const char *const taking[] = { "kmalloc", "kmem_cache_alloc", "kmalloc_node",
				      "kmem_cache_alloc_node", NULL };
static const char *const giving[] = { "kfree", "kmem_cache_free", NULL };

/* Two instances of the tracer, so that their counts are separate. */
static const struct counter {
	const char *name;
	const char *const *events;
} counters[] = {
	{ "msi_route_taken", taking },
	{ "msi_route_given", giving },
};

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Finds the addresses of the module's functions. */
static void module_text(unsigned long *first, unsigned long *last)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char line[512], type;

	if (!file)
		die("/proc/kallsyms");
	*first = -1UL;
	*last = 0;
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "[msi_route]") ||
		    sscanf(line, "%lx %c", &address, &type) != 2 || tolower(type) != 't')
			continue;
		*first = address < *first ? address : *first;
		*last = address > *last ? address : *last;
	}
	fclose(file);
	if (!*last)
		die("msi_route has no functions");
}

static bool count_event(const char *counter, const char *event, const char *filter)
{
	char path[256];

	snprintf(path, sizeof(path), TRACING "/instances/%s/events/kmem/%s/filter", counter, event);
	if (!put(path, filter))
		return false;
	snprintf(path, sizeof(path), TRACING "/instances/%s/events/kmem/%s/enable", counter, event);
	return put(path, "1");
}

void allocations_end(void)
{
	char path[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		snprintf(path, sizeof(path), TRACING "/instances/%s", counters[i].name);
		rmdir(path);
	}
}

bool allocations_count(void)
{
	unsigned long first, last;
	char filter[128], path[256];
	const char *event;
	unsigned int i, j, nr;

	/* A test that failed may have left them. */
	allocations_end();
	module_text(&first, &last);
	/* The last function ends within a page, and nothing follows there. */
	snprintf(filter, sizeof(filter), "call_site >= %#lx && call_site < %#lx && ptr != 0",
		 first, last + 4096);
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		snprintf(path, sizeof(path), TRACING "/instances/%s", counters[i].name);
		if (mkdir(path, 0700))
			return false;
		for (nr = 0, j = 0; counters[i].events[j]; j++) {
			event = counters[i].events[j];
			/* kmem_cache_free() may be its own caller: filter by cache. */
			nr += count_event(counters[i].name, event,
					  strcmp(event, "kmem_cache_free") ?
					  filter : "name ~ \"msi_route*\"");
		}
		if (!nr)
			return false;
	}
	return true;
}

/* The number of events in the buffers of all processors, and of those that they lost. */
static __u64 counted(const char *counter)
{
	unsigned int cpu, nr = sysconf(_SC_NPROCESSORS_CONF);
	unsigned long long value;
	__u64 sum = 0;
	char path[256], line[128];
	FILE *file;

	for (cpu = 0; cpu < nr; cpu++) {
		snprintf(path, sizeof(path), TRACING "/instances/%s/per_cpu/cpu%u/stats",
			 counter, cpu);
		file = fopen(path, "r");
		if (!file)
			continue;
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "entries: %llu", &value) == 1 ||
			    sscanf(line, "overrun: %llu", &value) == 1 ||
			    sscanf(line, "dropped events: %llu", &value) == 1)
				sum += value;
		fclose(file);
	}
	return sum;
}

struct allocations allocations_counted(void)
{
	return (struct allocations) {
		.taken = counted(counters[0].name),
		.given_back = counted(counters[1].name),
	};
}
