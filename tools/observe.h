/* SPDX-License-Identifier: GPL-2.0 */
/* What the module tells of functions and vectors, as the tools use it. */
#ifndef TOOLS_OBSERVE_H
#define TOOLS_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "../msi_route.h"

#define DEVICE		"/dev/msi_route"
#define NR_KINDS	MSI_ROUTE_NR_KINDS

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A function, and what happened to each of its capabilities. */
struct function {
	struct msi_route_function f;
	struct msi_route_counters c[NR_KINDS];
};

struct functions {
	double seconds;			/* when, of a clock that only goes on */
	size_t nr;
	struct function *list;
};

struct vectors {
	double seconds;
	size_t nr;
	struct vector {
		__u32 kind;
		struct msi_route_vector v;
	} *list;
};

/* All return 0 or -errno. */
int observe_open(void);			/* ... or the descriptor */
int observe_functions(int device, struct functions *all);
int observe_vectors(int device, const struct msi_route_function *f, struct vectors *all);
int observe_vector(int device, __u32 function, __u32 kind, __u32 index,
		   struct msi_route_vector *v);
void free_functions(struct functions *all);
void free_vectors(struct vectors *all);

/* Why a call failed, for people. */
const char *observe_error(int error);

const char *kind_name(__u32 kind);

#define VM_NAME_SIZE	32
const char *vm_name(const struct msi_route_function *f, char name[VM_NAME_SIZE]);

/* The name of the task that created the VM, or of its process; "" if it is gone. */
#define COMM_SIZE	64
const char *vm_comm(const struct msi_route_function *f, char comm[COMM_SIZE]);

/* Does the name of the function, of its VM or of the VM's task have @text? "" is in all. */
bool function_mentions(const struct msi_route_function *f, const char *text);

/* All that are counted, as msi_route.h has them, with what it says of them. */
struct counter {
	const char *name, *help;
	size_t offset;
};

extern const struct counter counters[];
extern const size_t nr_counters;
__u64 counter_value(const struct msi_route_counters *c, size_t i);

__u64 events_lost(const struct msi_route_counters *c);

#endif /* TOOLS_OBSERVE_H */
