// SPDX-License-Identifier: GPL-2.0
/* MSI-X of one function by the helper, lib/msi_route_vmm.h: what replaces before.c. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include "../../msi_route.h"
#include "../../lib/msi_route_vmm.h"
#include "msix.h"

#define CAPABILITY	0x40
#define TABLE		0x0	/* both in BAR 0 */
#define PBA		0x800

struct msix {
	struct mrv_vm host;
	struct mrv_function fn;
};

static void need(int error, const char *what)
{
	errno = -error;
	if (error < 0)
		err(1, "%s", what);
}

/* ---- irqfds ---- */

static void set_eventfds(struct msix *x, const int *eventfd)
{
	int i;

	for (i = 0; i < MSIX_VECTORS; i++)
		need(mrv_attach(&x->fn, MSI_ROUTE_MSIX, i, eventfd[i]), "attach");
}

/* ---- masks ---- */

void msix_write_control(struct msix *x, uint16_t value)
{
	mrv_config_write(&x->fn, CAPABILITY + 2, &value, sizeof(value));
}

void msix_bus_master(struct msix *x, int enable)
{
	need(mrv_set_command(&x->fn, enable ? 4 : 0), "Command");
}

void msix_write_table(struct msix *x, uint32_t offset, uint32_t value)
{
	mrv_bar_write(&x->fn, 0, TABLE + offset, &value, sizeof(value));
}

/* ---- pending ---- */

uint64_t msix_read_pba(struct msix *x)
{
	uint64_t pba = 0;

	mrv_bar_read(&x->fn, 0, PBA, &pba, sizeof(pba));
	return pba;
}

/* ---- events ---- */

void msix_raise(struct msix *x, uint32_t i)
{
	need(mrv_trigger(&x->fn, MSI_ROUTE_MSIX, i), "trigger");
}

/* ---- life ---- */

struct msix *msix_create(int vm, const int *eventfd)
{
	/* What the guest finds: one capability, MSI-X. */
	const uint8_t config[256] = {
		[0x06] = 0x10, [0x34] = CAPABILITY, [CAPABILITY] = 0x11,
		[CAPABILITY + 2] = MSIX_VECTORS - 1, [CAPABILITY + 9] = PBA >> 8,
	};
	struct msix *x = malloc(sizeof(*x));

	if (!x)
		err(1, "malloc");
	need(mrv_vm_init(&x->host, vm, -1, 0), "the VM");
	need(mrv_create(&x->fn, &x->host, config, 0, NULL, 0), "the function");
	set_eventfds(x, eventfd);
	return x;
}

void msix_destroy(struct msix *x)
{
	mrv_destroy(&x->fn);
	mrv_vm_fini(&x->host);
	free(x);
}
