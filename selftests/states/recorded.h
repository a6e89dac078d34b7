/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The function whose state was recorded.  Versions of the module are compared by it, so it
 * uses what the oldest one has: registers of MSI and MSI-X with what is pending, an open
 * update hold, granted vectors, a message store.
 */
#ifndef SELFTESTS_RECORDED_H
#define SELFTESTS_RECORDED_H

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../guest/function.h"

#define RECORDED_NR		70
#define RECORDED_QWORDS		2
#define RECORDED_GRANTED	66
#define RECORDED_NR_MSI		4
#define RECORDED_NR_IMS		3
#define RECORDED_IMS_GRANTED	2
#define RECORDED_GRANT_CAP	0x80
#define RECORDED_HOLD_NS	1000000000

/* What is pending (masked, and with a message that arrives), and the vector that is held. */
#define RECORDED_PENDING	63
#define RECORDED_HELD		1
#define RECORDED_MSI_PENDING	2
#define RECORDED_IMS_PENDING	1

struct recorded {
	struct msi_route_state state;
	struct msi_route_entry entries[RECORDED_NR];
	__u64 pba[RECORDED_QWORDS];
	__u64 held[RECORDED_QWORDS];
	struct msi_route_entry ims_entries[RECORDED_NR_IMS];
	__u64 ims_pending[1];
};

static inline struct msi_route_create recorded_shape(void)
{
	struct msi_route_create c = both_shape(RECORDED_NR, RECORDED_NR_MSI);

	c.msix_granted = RECORDED_GRANTED - 1;
	c.grant_cap = RECORDED_GRANT_CAP;
	c.ims_vectors = RECORDED_IMS_GRANTED;
	c.ims_max = RECORDED_NR_IMS;
	return c;
}

/* Writes each register, and leaves the function stopped. */
static inline void recorded_set(struct function *fn)
{
	const struct msi_route_ims_op ims[] = {
		{ 0, MSI_ROUTE_IMS_SET, { MSI_TO(0), 0, 0x91, 0 } },
		{ 1, MSI_ROUTE_IMS_SET, { MSI_TO(0), 0, 0x92, 1 } },
	};
	unsigned int i;

	/* The request register: 66 vectors, at least 3. */
	config_write(fn, RECORDED_GRANT_CAP + 0xc, 4, 3 << 16 | RECORDED_GRANTED);
	for (i = 0; i < RECORDED_GRANTED; i++) {
		entry_set(fn, i, MSI_TO(i & 1), 0x30 + i, i % 3 == 0);
		table_write(fn, ENTRY(i) + ENTRY_UPPER, i % 5 ? 0 : i << 8);
	}
	msi_set(fn, MSI_TO(1), 0xb0);
	msi_mask(fn, 5);
	msi_control(fn, MSI_MME(2));
	msix_control(fn, MSIX_ENABLE);
	if (set_hold(fn, RECORDED_HOLD_NS) || set_ims(fn, ims, 2))
		die("the state to record");
	/* A stopped function opens no hold, and what it has open does not run out. */
	table_write(fn, ENTRY(RECORDED_HELD) + ENTRY_ADDRESS, MSI_TO(0));
	if (set_run(fn, 0))
		die("MSI_ROUTE_SET_RUN");
	if (trigger(fn, MSI_ROUTE_MSIX, RECORDED_PENDING) != MSI_ROUTE_PENDING ||
	    trigger(fn, MSI_ROUTE_MSI, RECORDED_MSI_PENDING) != MSI_ROUTE_PENDING ||
	    trigger(fn, MSI_ROUTE_IMS, RECORDED_IMS_PENDING) != MSI_ROUTE_PENDING)
		die("what is pending");
}

/* Addresses are those of @r, or none, as where it is compared or kept. */
static inline void recorded_addresses(struct recorded *r, bool none)
{
	const unsigned long all = none ? 0 : ~0UL;

	r->state.entries = (unsigned long)r->entries & all;
	r->state.pba = (unsigned long)r->pba & all;
	r->state.held = (unsigned long)r->held & all;
	r->state.ims_entries = (unsigned long)r->ims_entries & all;
	r->state.ims_pending = (unsigned long)r->ims_pending & all;
}

static inline void recorded_save(struct function *fn, struct recorded *r)
{
	memset(r, 0, sizeof(*r));
	r->state.size = sizeof(r->state);
	r->state.msix_vectors = RECORDED_NR;
	r->state.msi_vectors = RECORDED_NR_MSI;
	r->state.msi_flags = fn->shape.msi_flags;
	r->state.ims_max = RECORDED_NR_IMS;
	recorded_addresses(r, false);
	if (ioctl(fn->fd, MSI_ROUTE_SAVE, &r->state))
		die("MSI_ROUTE_SAVE");
	recorded_addresses(r, true);
}

/* Returns 0 or -errno. */
static inline int recorded_restore(struct function *fn, struct recorded *r)
{
	int ret;

	recorded_addresses(r, false);
	ret = ioctl(fn->fd, MSI_ROUTE_RESTORE, &r->state) ? -errno : 0;
	recorded_addresses(r, true);
	return ret;
}

/* Does the guest find the same in both? */
static inline bool recorded_same(struct function *a, struct function *b)
{
	__u32 offset;

	for (offset = 0; offset < RECORDED_NR * 16; offset += 4)
		if (table_read(a, offset) != table_read(b, offset))
			return false;
	for (offset = 0; offset < RECORDED_QWORDS * 8; offset += 8)
		if (pba_read(a, offset) != pba_read(b, offset))
			return false;
	for (offset = MSIX_CAP; offset < RECORDED_GRANT_CAP + 0x14; offset += 4)
		if (config_read(a, offset, 4) != config_read(b, offset, 4))
			return false;
	return true;
}

#endif /* SELFTESTS_RECORDED_H */
