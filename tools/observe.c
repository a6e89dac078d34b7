// SPDX-License-Identifier: GPL-2.0
/* Asks the module. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "observe.h"

#define BATCH	64

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int observe_open(void)
{
	struct msi_route_query q = { .size = sizeof(q) };
	int device = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (device < 0)
		return -errno;
	if (ioctl(device, MSI_ROUTE_QUERY, &q))
		return -errno;
	return q.features & MSI_ROUTE_FEATURE_OBSERVE ? device : -EOPNOTSUPP;
}

const char *observe_error(int error)
{
	switch (-error) {
	case ENOENT:
		return DEVICE ": the module msi_route is not loaded";
	case EACCES:
		return DEVICE ": permission denied; root may, and the group kvm for its own";
	case EOPNOTSUPP:
	case ENOTTY:
		return DEVICE ": this module cannot be observed, it is older than this tool";
	default:
		return strerror(-error);
	}
}

/* Room for one batch more behind @nr elements. */
static int reserve(void **list, size_t nr, size_t size)
{
	void *more = realloc(*list, (nr + BATCH) * size);

	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static void count(int device, struct function *fn)
{
	__u32 kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		struct msi_route_counters *c = &fn->c[kind];

		memset(c, 0, sizeof(*c));
		c->size = sizeof(*c);
		c->kind = kind;
		c->vector = MSI_ROUTE_ALL_VECTORS;
		c->function = fn->f.number;
		/* It may be gone meanwhile: then nothing happened. */
		if (fn->f.caps[kind].max && ioctl(device, MSI_ROUTE_GET_COUNTERS, c))
			memset(c, 0, sizeof(*c));
	}
}

int observe_functions(int device, struct functions *all)
{
	struct msi_route_function batch[BATCH];
	struct msi_route_get_functions g = {
		.size = sizeof(g), .room = BATCH, .stride = sizeof(batch[0]),
		.functions = (unsigned long)batch,
	};
	__u32 i;

	memset(all, 0, sizeof(*all));
	all->seconds = now();
	do {
		if (reserve((void **)&all->list, all->nr, sizeof(*all->list)))
			return -ENOMEM;
		if (ioctl(device, MSI_ROUTE_GET_FUNCTIONS, &g))
			return -errno;
		for (i = 0; i < g.nr; i++) {
			struct function *fn = &all->list[all->nr++];

			fn->f = batch[i];
			fn->f.name[sizeof(fn->f.name) - 1] = '\0';
			count(device, fn);
			g.from = fn->f.number + 1;
		}
	} while (g.nr && g.from);
	return 0;
}

/* @nr: how many they are, or 0: there is none, or the function is gone. */
static int get_vectors(int device, struct msi_route_get_vectors *g)
{
	g->nr = 0;
	if (!ioctl(device, MSI_ROUTE_GET_VECTORS, g) || errno == ENOENT)
		return 0;
	return -errno;
}

int observe_vectors(int device, const struct msi_route_function *f, struct vectors *all)
{
	struct msi_route_vector batch[BATCH];
	__u32 i, kind;
	int ret;

	memset(all, 0, sizeof(*all));
	all->seconds = now();
	for (kind = 0; kind < NR_KINDS; kind++) {
		struct msi_route_get_vectors g = {
			.size = sizeof(g), .function = f->number, .kind = kind,
			.room = BATCH, .stride = sizeof(batch[0]),
			.vectors = (unsigned long)batch,
		};

		if (!f->caps[kind].max)
			continue;
		do {
			if (reserve((void **)&all->list, all->nr, sizeof(*all->list)))
				return -ENOMEM;
			ret = get_vectors(device, &g);
			if (ret)
				return ret;
			for (i = 0; i < g.nr; i++) {
				all->list[all->nr].kind = kind;
				all->list[all->nr++].v = batch[i];
			}
			g.first += g.nr;
		} while (g.nr);
	}
	return 0;
}

int observe_vector(int device, __u32 function, __u32 kind, __u32 index,
		   struct msi_route_vector *v)
{
	struct msi_route_get_vectors g = {
		.size = sizeof(g), .function = function, .kind = kind, .first = index,
		.room = 1, .stride = sizeof(*v), .vectors = (unsigned long)v,
	};

	if (ioctl(device, MSI_ROUTE_GET_VECTORS, &g))
		return -errno;
	return g.nr ? 0 : -ECHRNG;
}

void free_functions(struct functions *all)
{
	free(all->list);
	memset(all, 0, sizeof(*all));
}

void free_vectors(struct vectors *all)
{
	free(all->list);
	memset(all, 0, sizeof(*all));
}

const char *kind_name(__u32 kind)
{
	static const char *const names[NR_KINDS] = { "msix", "msi", "ims" };

	return kind < NR_KINDS ? names[kind] : "?";
}

const char *vm_name(const struct msi_route_function *f, char name[VM_NAME_SIZE])
{
	snprintf(name, VM_NAME_SIZE, "%d-%d", f->vm_pid, f->vm_fd);
	return name;
}

const char *vm_comm(const struct msi_route_function *f, char comm[COMM_SIZE])
{
	char path[64];
	FILE *file;

	comm[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/comm", f->vm_pid);
	file = fopen(path, "r");
	if (!file)
		return comm;
	if (fgets(comm, COMM_SIZE, file))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(file);
	return comm;
}

bool function_mentions(const struct msi_route_function *f, const char *text)
{
	char vm[VM_NAME_SIZE], comm[COMM_SIZE], line[256];

	snprintf(line, sizeof(line), "%s %s %s", vm_name(f, vm), vm_comm(f, comm), f->name);
	return strstr(line, text);
}

const struct counter counters[] = {
#define COUNTER(name, help) { #name, help, offsetof(struct msi_route_counters, name) }
#include "counters.inc"
};

const size_t nr_counters = ARRAY_SIZE(counters);

__u64 counter_value(const struct msi_route_counters *c, size_t i)
{
	return *(const __u64 *)((const char *)c + counters[i].offset);
}

__u64 events_lost(const struct msi_route_counters *c)
{
	return c->unreached + c->dropped_address + c->dropped_mode + c->dropped_vector +
	       c->dropped_absent + c->dropped_disabled;
}
