// SPDX-License-Identifier: GPL-2.0
/* Failures in calls about registers, messages and states: fault.h tells how. */
#include "fault.h"

/* ---- registers ---- */

static int unmask(struct world *w)
{
	__u64 value = 0;

	return function_access(&w->fn, MSI_ROUTE_WRITE, MSI_ROUTE_TABLE,
			       ENTRY(1) + ENTRY_CONTROL, 4, &value);
}

static bool sent_what_was_pending(struct world *w)
{
	return counters(&w->fn, MSIX, 1).messages == 1;
}

static int read_pba(struct world *w)
{
	__u64 value = 0;

	return function_access(&w->fn, MSI_ROUTE_READ, MSI_ROUTE_PBA, 0, 8, &value);
}

static int write_entries(struct world *w)
{
	struct msi_route_entry entries[FIRST];
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		entries[i] = (struct msi_route_entry) { MSI_TO(0), 0, VECTOR + i, 1 };
	return set_entries(&w->fn, 0, FIRST, entries);
}

static bool entries_written(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		if (table_read(&w->fn, ENTRY(i) + ENTRY_DATA) != VECTOR + i)
			return false;
	return true;
}

static int operate(struct world *w)
{
	const struct msi_route_ims_op ops[] = {
		{ .vector = 0, .op = MSI_ROUTE_IMS_MASK },
		{ .vector = 1, .op = MSI_ROUTE_IMS_SET,
		  .entry = { .address_lo = MSI_TO(0), .data = VECTOR + 3 } },
		{ .vector = NR_IMS - 1, .op = MSI_ROUTE_IMS_FREE },
	};

	return set_ims(&w->fn, ops, ARRAY_SIZE(ops));
}

static bool operated(struct world *w)
{
	return trigger(&w->fn, IMS, 0) == MSI_ROUTE_PENDING &&
	       trigger(&w->fn, IMS, 1) == MSI_ROUTE_SENT &&
	       totals(&w->fn, IMS).cleared == 1;
}

/* ---- states ---- */

static int save(struct world *w)
{
	return transfer(&w->fn, MSI_ROUTE_SAVE, &w->saved);
}

static bool was_saved(struct world *w)
{
	return w->saved.entries[0].data == VECTOR && w->saved.pba[0] == 2 &&
	       w->saved.ims_pending[1] == 1ULL << (NR_IMS - 1 - 64);
}

/* Saves the state of another function, which has @msix and @ims vectors. */
static void save_another(struct world *w, unsigned int msix, unsigned int ims)
{
	struct function fn;

	function_open(&fn, &w->vm, shape());
	if (resize(&fn, MSIX, msix, msix) != (int)msix ||
	    resize(&fn, IMS, ims, ims) != (int)ims)
		die("MSI_ROUTE_RESIZE");
	entry_set(&fn, msix - 1, MSI_TO(0), VECTOR + 7, 0);
	if (set_run(&fn, 0) || transfer(&fn, MSI_ROUTE_SAVE, &w->saved))
		die("MSI_ROUTE_SAVE");
	function_close(&fn);
	be_stopped(w);
}

static void save_more(struct world *w)
{
	save_another(w, NR, MAX_IMS);
}

static void save_fewer(struct world *w)
{
	save_another(w, FIRST - 1, NR_IMS - 1);
}

static int restore(struct world *w)
{
	return transfer(&w->fn, MSI_ROUTE_RESTORE, &w->saved);
}

static bool restored(struct world *w)
{
	unsigned int last = w->saved.state.msix_granted - 1;

	return config_read(&w->fn, VECTORS, 4) >> 16 == last + 1 &&
	       table_read(&w->fn, ENTRY(last) + ENTRY_DATA) == VECTOR + 7 &&
	       trigger(&w->fn, IMS, w->saved.state.ims_granted - 1) == MSI_ROUTE_PENDING &&
	       trigger(&w->fn, IMS, w->saved.state.ims_granted) == -ECHRNG;
}

/* ---- translations ---- */

static int translate(struct world *w)
{
	struct msi_route_translation arg = {
		.size = sizeof(arg), .kind = MSIX, .vector = HANDLED,
		.raw_address = HANDLE, .address = MSI_TO(0), .data = VECTOR,
	};

	return ioctl(w->fn.fd, MSI_ROUTE_SET_TRANSLATION, &arg) ? -errno : 0;
}

static bool translated(struct world *w)
{
	return trigger(&w->fn, MSIX, HANDLED) == MSI_ROUTE_SENT;
}

static bool not_translated(struct world *w)
{
	return trigger(&w->fn, MSIX, HANDLED) >= MSI_ROUTE_PENDING;
}

static int remap_all(struct world *w)
{
	return set_remapping(&w->fn, MSI_ROUTE_REMAPPING_ALL);
}

static bool all_remapped(struct world *w)
{
	return trigger(&w->fn, MSIX, 0) == MSI_ROUTE_PENDING;
}

static bool not_all_remapped(struct world *w)
{
	return trigger(&w->fn, MSIX, 0) == MSI_ROUTE_SENT;
}

/* ---- what concerns all vectors ---- */

static int master_off(struct world *w)
{
	return set_bus_master(&w->fn, 0);
}

static bool no_master(struct world *w)
{
	return trigger(&w->fn, MSIX, 0) == MSI_ROUTE_PENDING;
}

static int be_reset(struct world *w)
{
	return reset(&w->fn);
}

static bool was_reset(struct world *w)
{
	return !pba_read(&w->fn, 0) && !table_read(&w->fn, ENTRY_DATA);
}

static int hold(struct world *w)
{
	return set_hold(&w->fn, 1);
}

static int renew_it(struct world *w)
{
	return renew(&w->fn);
}

static bool nothing(struct world *w)
{
	return w;
}

/* ---- the calls ---- */

CALL(write, .call = unmask, .done = sent_what_was_pending, .copies_only = true);
CALL(read, .call = read_pba, .done = nothing, .copies_only = true);
CALL(entries, .call = write_entries, .done = entries_written);
CALL(ims, .call = operate, .done = operated);
CALL(save, .call = save, .done = was_saved, .prepare = be_stopped);
CALL(restore_more, .call = restore, .done = restored, .prepare = save_more);
CALL(restore_fewer, .call = restore, .done = restored, .prepare = save_fewer);
CALL(translation, .call = translate, .done = translated, .undone = not_translated,
     .copies_only = true);
CALL(remapping, .call = remap_all, .done = all_remapped, .undone = not_all_remapped,
     .copies_only = true);
CALL(bus_master, .call = master_off, .done = no_master, .copies_only = true);
CALL(reset, .call = be_reset, .done = was_reset, .copies_only = true);
CALL(hold, .call = hold, .done = nothing, .copies_only = true);
CALL(run, .call = stop, .done = no_master, .copies_only = true);
CALL(renew, .call = renew_it, .done = nothing, .copies_only = true);
