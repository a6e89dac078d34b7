// SPDX-License-Identifier: GPL-2.0
/*
 * A state that is moved from one version of the module to another: selftests/versions loads
 * one after the other.  "save" prints the state of states/recorded.h; "restore FILE" and
 * "refuse FILE" say in TAP what becomes of such a state, and of ones that are newer than the
 * module.
 */
#include <stdio.h>
#include <stdlib.h>

#include "states/recorded.h"

static struct vm vm;
static unsigned int number, failed;

static void result(bool passed, const char *what)
{
	failed += !passed;
	printf("%sok %u %s\n", passed ? "" : "not ", ++number, what);
}

static void save(void)
{
	const unsigned char *bytes;
	struct recorded r;
	struct function fn;
	unsigned int i;

	function_open(&fn, &vm, recorded_shape());
	recorded_set(&fn);
	recorded_save(&fn, &r);
	bytes = (const unsigned char *)&r;
	for (i = 0; i < sizeof(r); i++)
		printf("0x%02x,%s", bytes[i], i % 12 == 11 ? "\n" : " ");
	printf("\n");
	function_close(&fn);
}

/* As save() prints it. */
static void load_file(const char *path, struct recorded *r)
{
	unsigned char *bytes = (unsigned char *)r;
	FILE *file = fopen(path, "r");
	unsigned int i, value;

	if (!file)
		die("%s", path);
	for (i = 0; i < sizeof(*r); i++) {
		if (fscanf(file, " 0x%x,", &value) != 1)
			die("%s ends early", path);
		bytes[i] = value;
	}
	fclose(file);
}

static void restore(struct recorded *r)
{
	struct function fn, set;
	struct recorded again;

	function_open(&fn, &vm, recorded_shape());
	function_open(&set, &vm, recorded_shape());
	recorded_set(&set);
	if (set_run(&fn, 0))
		die("MSI_ROUTE_SET_RUN");
	result(!recorded_restore(&fn, r), "the state of the other version is restored");
	result(recorded_same(&fn, &set), "the guest finds the same registers");
	recorded_save(&fn, &again);
	result(!memcmp(r, &again, sizeof(again)), "it is saved again as it was");
	if (set_run(&fn, 1))
		die("MSI_ROUTE_SET_RUN");
	entry_mask(&fn, RECORDED_PENDING, false);
	result(vcpu_irr(&vm.vcpu[RECORDED_PENDING & 1], 0x30 + RECORDED_PENDING) &&
	       !pba_bit(&fn, RECORDED_PENDING), "what was pending is sent");
	function_close(&set);
	function_close(&fn);
}

static void refuse(struct recorded *r)
{
	struct msi_route_create shape = recorded_shape();
	struct recorded before, after;
	struct function fn, other;

	shape.flags = MSI_ROUTE_CREATE_DROP_DISABLED;
	result(function_try_open(&other, &vm, shape) == -EOPNOTSUPP,
	       "EOPNOTSUPP: no function with a flag of a later version");
	shape = recorded_shape();
	strcpy(shape.name, "00:04.0");
	result(function_try_open(&other, &vm, shape) == -E2BIG,
	       "E2BIG: no function with a field of a later version");

	function_open(&fn, &vm, recorded_shape());
	if (set_run(&fn, 0))
		die("MSI_ROUTE_SET_RUN");
	recorded_save(&fn, &before);
	r->state.flags = MSI_ROUTE_STATE_DETACH;
	result(recorded_restore(&fn, r) == -EOPNOTSUPP,
	       "EOPNOTSUPP: no state with a flag of a later version");
	recorded_save(&fn, &after);
	result(!memcmp(&before, &after, sizeof(after)), "it changed nothing");
	function_close(&fn);
}

int main(int argc, char **argv)
{
	struct recorded r;

	vm_create(&vm, 0, 2);
	/* By a route version 1.0 finds its way into the local APICs. */
	vm_set_msi_routes(&vm, 1);
	if (argc == 2 && !strcmp(argv[1], "save")) {
		save();
	} else if (argc == 3 && !strcmp(argv[1], "restore")) {
		load_file(argv[2], &r);
		restore(&r);
	} else if (argc == 3 && !strcmp(argv[1], "refuse")) {
		load_file(argv[2], &r);
		refuse(&r);
	} else {
		fprintf(stderr, "usage: %s save | restore FILE | refuse FILE\n", argv[0]);
		return 2;
	}
	return failed != 0;
}
