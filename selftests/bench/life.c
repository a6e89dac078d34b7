// SPDX-License-Identifier: GPL-2.0
/*
 * The life of many vectors in one VM: functions are created, every entry is written,
 * every vector gets an eventfd, and all of them are closed.  Prints the times of these
 * steps, and the memory that creation and attachment take: what the kernel counts for
 * slabs, vmalloc, per-CPU areas and page tables (/proc/meminfo), and what it has charged
 * to this process (memory.stat of a memory cgroup of its own).  The eventfds are made
 * before and count in neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define VECTOR		0x51
#define PER_FUNCTION	2048
#define MAX_NR		64U
#define CGROUP		"/sys/fs/cgroup"

static struct vm vm;
static struct function fn[MAX_NR];
static int *events;

/* ---- memory ---- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = -1;

	if (fd >= 0) {
		written = write(fd, text, strlen(text));
		close(fd);
	}
	return written >= 0;
}

/* Sum of the lines of @path that begin with one of @names. */
static __u64 sum_lines(const char *path, const char *const *names)
{
	char line[256], name[64];
	unsigned long long value;
	__u64 sum = 0;
	FILE *file = fopen(path, "r");
	unsigned int i;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %llu", name, &value) != 2)
			continue;
		for (i = 0; names[i]; i++)
			if (!strcmp(name, names[i]))
				sum += value;
	}
	fclose(file);
	return sum;
}

struct memory {
	__u64 used, charged;
};

static struct memory memory(void)
{
	static const char *const kinds[] = {
		"Slab:", "VmallocUsed:", "Percpu:", "PageTables:", "KernelStack:", NULL
	};
	static const char *const kernel[] = { "kernel", NULL };

	/* Lets an RCU grace period free what it still keeps. */
	usleep(100000);
	/* Otherwise each CPU keeps a part of the count to itself. */
	if (!write_file("/proc/sys/vm/stat_refresh", "1"))
		die("stat_refresh");
	return (struct memory) {
		sum_lines("/proc/meminfo", kinds) * 1024,
		sum_lines(CGROUP "/bench/memory.stat", kernel),
	};
}

static void enter_cgroup(void)
{
	if (!write_file(CGROUP "/cgroup.subtree_control", "+memory") ||
	    (mkdir(CGROUP "/bench", 0755) && errno != EEXIST) ||
	    !write_file(CGROUP "/bench/cgroup.procs", "0"))
		fputs("# no memory cgroup\n", stderr);
}

/*
 * Removes free objects from the slabs: the next ones come from fresh pages, for few
 * functions as for many.  A kernel that clears pages when it takes them (init_on_alloc)
 * also clears pages of slabs, besides each object.
 */
static void forget_free_objects(void)
{
	glob_t files;
	size_t i;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &files))
		die("/sys/kernel/slab");
	for (i = 0; i < files.gl_pathc; i++)
		write_file(files.gl_pathv[i], "1");
	globfree(&files);
}

/* ---- life ---- */

static __u64 create(unsigned int nr)
{
	__u64 begin = now();
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (function_try_open(&fn[i], &vm, msix_shape(PER_FUNCTION)) < 0)
			die("MSI_ROUTE_CREATE");
	return now() - begin;
}

/* As a VMM does for a restore: two qwords an entry. */
static __u64 populate(unsigned int nr)
{
	__u64 begin = now();
	unsigned int i, e;

	for (i = 0; i < nr; i++) {
		for (e = 0; e < PER_FUNCTION; e++) {
			function_write(&fn[i], MSI_ROUTE_TABLE, ENTRY(e), 8, MSI_TO(0));
			function_write(&fn[i], MSI_ROUTE_TABLE, ENTRY(e) + ENTRY_DATA, 8, VECTOR);
		}
	}
	return now() - begin;
}

static __u64 attach(unsigned int nr)
{
	__u64 begin = now();
	unsigned int i;

	for (i = 0; i < nr * PER_FUNCTION; i++)
		if (set_eventfd(&fn[i / PER_FUNCTION], MSI_ROUTE_MSIX, i % PER_FUNCTION,
				events[i], 0))
			die("attach");
	return now() - begin;
}

static __u64 destroy(unsigned int nr)
{
	__u64 begin = now();
	unsigned int i;

	for (i = 0; i < nr; i++)
		close(fn[i].fd);
	return now() - begin;
}

static void live(unsigned int nr)
{
	struct memory before, created, attached;
	char vectors[16];
	unsigned int i;

	snprintf(vectors, sizeof(vectors), "%u", nr * PER_FUNCTION);
	vm_create(&vm, 0, 1);
	for (i = 0; i < nr * PER_FUNCTION; i++)
		events[i] = new_eventfd();

	forget_free_objects();
	before = memory();
	sample("life", "create", vectors, create(nr));
	created = memory();
	sample("life", "populate", vectors, populate(nr));
	sample("life", "destroy, no eventfds", vectors, destroy(nr));

	create(nr);
	sample("memory", "image", vectors, nr * (__u64)fn[0].shape.mmap_size);
	sample("memory", "in use", vectors, created.used - before.used);
	sample("memory", "charged", vectors, created.charged - before.charged);
	created = memory();
	sample("life", "attach", vectors, attach(nr));
	attached = memory();
	sample("life", "destroy", vectors, destroy(nr));
	sample("memory", "in use, eventfds", vectors, attached.used - created.used);
	sample("memory", "charged, eventfds", vectors, attached.charged - created.charged);

	for (i = 0; i < nr * PER_FUNCTION; i++)
		close(events[i]);
	vm_destroy(&vm);
}

int main(void)
{
	const rlim_t most = MAX_NR * PER_FUNCTION + 1000;
	struct rlimit files = { most, most };
	unsigned int round;

	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE");
	events = calloc(MAX_NR * PER_FUNCTION, sizeof(*events));
	if (!events)
		die("calloc");
	enter_cgroup();
	/* The table of descriptors grows now, not while memory is measured. */
	close(dup2(STDERR_FILENO, most - 1));
	/* These runs are long, and nothing takes turns here. */
	for (round = 0; round <= rounds() / 5; round++) {
		live(1);
		live(MAX_NR);
	}
	return 0;
}
