/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of virtual machines, of capabilities and of vectors: rows and their order. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include "observe.h"

#define MAX_COLUMNS	10
#define CELL_SIZE	40

enum view {
	VIEW_VMS,
	VIEW_FUNCTIONS,			/* a row for each capability */
	VIEW_VECTORS,
	VIEW_VECTOR,			/* no table: text */
};

struct column {
	const char *title;
	int width;
	bool number;			/* to the right, the greatest first */
};

/* Which VM, capability or vector a row is of; stays when the order changes. */
struct id {
	__s32 vm_pid, vm_fd;
	__u32 function, kind, vector;
};

struct row {
	struct id id;
	bool warn;			/* something was lost */
	bool wait;			/* something is pending */
	char cell[MAX_COLUMNS][CELL_SIZE];
	double key[MAX_COLUMNS];	/* of a column of numbers */
};

struct table {
	const struct column *columns;
	int nr_columns;
	struct row *rows;
	size_t nr;
};

/* In which order, and which rows. */
struct order {
	int column;
	bool reverse;
	const char *filter;		/* "": all */
};

const struct column *columns_of(enum view view, int *nr);

/*
 * @before is what was seen last time, for the rates, and may be empty.  @of names
 * the VM whose capabilities they are.  Return 0 or -ENOMEM.
 */
int table_of_vms(struct table *t, const struct functions *now, const struct functions *before);
int table_of_functions(struct table *t, const struct functions *now,
		       const struct functions *before, const struct id *of);
int table_of_vectors(struct table *t, const struct vectors *now, const struct vectors *before,
		     const struct id *of);
void table_order(struct table *t, const struct order *order);
void free_table(struct table *t);

bool same_id(const struct id *a, const struct id *b);
const struct function *find_function(const struct functions *all, __u32 number);

#endif /* TOOLS_TABLE_H */
