// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual machine to be looked at.  Each of its functions is named after what keeps its
 * vector 0 from being sent, or after the outcome of its last event.  Prints the VM's name
 * when all are there.  Raises each event of the function "sent", which sends for ever,
 * until the end of the standard input.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <kselftest.h>

#include "guest/function.h"

#define MSIX		MSI_ROUTE_MSIX
#define VECTOR		0x51

static struct vm vm;

static void nothing(struct function *fn)
{
	trigger(fn, MSIX, 0);
}

static void masked(struct function *fn)
{
	entry_mask(fn, 0, true);
	trigger(fn, MSIX, 0);
}

static void function_mask(struct function *fn)
{
	msix_control(fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	trigger(fn, MSIX, 0);
}

static void disabled(struct function *fn)
{
	msix_control(fn, 0);
	trigger(fn, MSIX, 0);
}

static void bus_master(struct function *fn)
{
	set_bus_master(fn, 0);
	trigger(fn, MSIX, 0);
}

static void stopped(struct function *fn)
{
	set_run(fn, 0);
	trigger(fn, MSIX, 0);
}

/* The hold of a stopped function does not expire. */
static void held(struct function *fn)
{
	set_hold(fn, query().hold_max_ns);
	do {
		set_run(fn, 1);
		entry_set(fn, 0, MSI_TO(0), VECTOR, 0);
		table_write(fn, ENTRY(0) + ENTRY_ADDRESS, MSI_TO(1));
		set_run(fn, 0);
	} while (trigger(fn, MSIX, 0) == MSI_ROUTE_PENDING && totals(fn, MSIX).held == 0);
}

static void untranslated(struct function *fn)
{
	entry_set(fn, 0, 0xfee00010, 0, 0);
	trigger(fn, MSIX, 0);
}

static void address(struct function *fn)
{
	entry_set(fn, 0, 0x12345678, VECTOR, 0);
	trigger(fn, MSIX, 0);
}

static void mode(struct function *fn)
{
	entry_set(fn, 0, MSI_TO(0), 0x300 | VECTOR, 0);
	trigger(fn, MSIX, 0);
}

static void vector(struct function *fn)
{
	entry_set(fn, 0, MSI_TO(0), 0xf, 0);
	trigger(fn, MSIX, 0);
}

static void unreached(struct function *fn)
{
	entry_set(fn, 0, MSI_TO(0x77), VECTOR, 0);
	trigger(fn, MSIX, 0);
}

static void cleared(struct function *fn)
{
	masked(fn);
	clear_pending(fn, MSIX, 0);
	entry_mask(fn, 0, false);
}

static void never(struct function *fn)
{
	(void)fn;
}

static const struct scene {
	const char *name;
	void (*play)(struct function *fn);
} scenes[] = {
	{ "sent", nothing },
	{ "never", never },
	{ "masked", masked },
	{ "function_mask", function_mask },
	{ "disabled", disabled },
	{ "bus_master", bus_master },
	{ "stopped", stopped },
	{ "held", held },
	{ "untranslated", untranslated },
	{ "address", address },
	{ "mode", mode },
	{ "vector", vector },
	{ "unreached", unreached },
	{ "cleared", cleared },
};

#define NR_SCENES	ARRAY_SIZE(scenes)

static void play(struct function *fn, const struct scene *scene)
{
	struct msi_route_create shape = msix_shape(4);

	strcpy(shape.name, scene->name);
	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	if (function_try_open(fn, &vm, shape) < 0)
		die("MSI_ROUTE_CREATE");
	set_bus_master(fn, 1);
	entry_set(fn, 0, MSI_TO(0), VECTOR, 0);
	msix_control(fn, MSIX_ENABLE);
	scene->play(fn);
}

int main(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct function fn[NR_SCENES];
	unsigned int i;

	vm_create(&vm, 0, 1);
	for (i = 0; i < NR_SCENES; i++)
		play(&fn[i], &scenes[i]);
	printf("%d-%d\n", getpid(), vm.fd);
	fflush(stdout);
	/* Often enough to be visible, but not all of a processor's time. */
	while (!poll(&input, 1, 1)) {
		trigger(&fn[0], MSIX, 0);
		table_write(&fn[0], ENTRY(1) + ENTRY_DATA, i++ & 0xff);
		trigger(&fn[2], MSIX, 0);
		trigger(&fn[9], MSIX, 0);
	}
	return 0;
}
