// SPDX-License-Identifier: GPL-2.0
/* Operations that save and restore a function, or move it. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "drive_parts.h"

#define QWORDS		(MAX_ENTRIES / 64)

struct arrays {
	struct msi_route_entry entries[MAX_ENTRIES], ims[MAX_ENTRIES];
	__u64 pba[QWORDS], held[QWORDS], ims_pending[QWORDS];
};

static struct arrays saved, right;

static void prepare(struct msi_route_state *s, struct arrays *a, int byte)
{
	memset(a, byte, sizeof(*a));
	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->msix_vectors = now.model.shape.msix_vectors;
	s->msi_vectors = now.model.shape.msi_vectors;
	s->msi_flags = now.model.shape.msi_flags;
	s->ims_max = now.model.cap[IMS].max;
	s->entries = (unsigned long)a->entries;
	s->pba = (unsigned long)a->pba;
	s->held = (unsigned long)a->held;
	s->ims_entries = (unsigned long)a->ims;
	s->ims_pending = (unsigned long)a->ims_pending;
}

static bool same_state(const struct msi_route_state *s, const struct msi_route_state *expected)
{
	const struct msi_route_state a = *s, b = *expected;
	unsigned int msix = now.model.cap[MSIX].max, ims = now.model.cap[IMS].nr;
	unsigned int i;

	/* The pointers differ. */
	if (memcmp(&a, &b, offsetof(struct msi_route_state, entries)) ||
	    memcmp(&a.msix_granted, &b.msix_granted, offsetof(struct msi_route_state, ims_entries) -
		   offsetof(struct msi_route_state, msix_granted))) {
		for (i = 0; i < sizeof(a); i += 4)
			if (memcmp((char *)&a + i, (char *)&b + i, 4))
				break;
		return differ("saved state differs at byte %u: %#x, not %#x", i,
			      *(__u32 *)((char *)&a + i), *(__u32 *)((char *)&b + i));
	}
	if (memcmp(saved.entries, right.entries, msix * sizeof(saved.entries[0])))
		return differ("saved entries differ");
	if (memcmp(saved.pba, right.pba, (msix + 63) / 64 * 8) ||
	    memcmp(saved.held, right.held, (msix + 63) / 64 * 8))
		return differ("saved Pending bits or holds differ");
	if (memcmp(saved.ims, right.ims, ims * sizeof(saved.ims[0])))
		return differ("saved entries of the message store differ");
	for (i = 0; i < ims; i++)
		if ((saved.ims_pending[i / 64] ^ right.ims_pending[i / 64]) >> i % 64 & 1)
			return differ("saved Pending bit %u of the message store differs", i);
	return true;
}

bool save_state(struct msi_route_state *s, __u32 flags)
{
	struct msi_route_state expected;
	struct errors e;
	int ret;

	prepare(s, &saved, 0xa5);
	prepare(&expected, &right, 0);
	s->flags = expected.flags = flags;
	ret = call(MSI_ROUTE_SAVE, s);
	e = model_save(&now.model, &expected);
	if (!same_errors(&e, ret))
		return false;
	return ret || same_state(s, &expected);
}

/* A state that another host may send, and that may be refused. */
static void mangle_state(struct rng *r, struct msi_route_state *s)
{
	__u32 one = 1U << below(r, 32), which;

	switch (below(r, 24)) {
	case 0:
		s->hold_bound_ns = LONG_BOUND + below(r, 2);
		break;
	case 1:
		s->bus_master = below(r, 3);
		break;
	case 2:
		s->msix_vectors += below(r, 2);
		break;
	case 3:
		s->msix_control ^= one;
		break;
	case 4:
		s->msi_vectors ^= one;
		break;
	case 5:
		s->msi_flags ^= 1 << below(r, 4);
		break;
	case 6:
		s->msi_control ^= one;
		break;
	case 7:
		s->msi_address_lo ^= one;
		break;
	case 8:
		s->msi_address_hi ^= one;
		break;
	case 9:
		s->msi_data ^= one;
		break;
	case 10:
		s->msi_mask ^= one;
		break;
	case 11:
		s->msi_pending ^= one;
		break;
	case 12:
		s->msi_held ^= one;
		break;
	case 13:
		s->msix_granted = below(r, s->msix_vectors + 2);
		break;
	case 14:
		s->grant_request ^= one;
		break;
	case 15:
		s->grant_status = below(r, 8);
		break;
	case 16:
		s->ims_granted = below(r, s->ims_max + 2);
		break;
	case 17:
		s->ims_max += below(r, 2);
		break;
	case 18:
		which = below(r, 3);
		*(which == 0 ? &s->flags : which == 1 ? &s->reserved3 : &s->grant_status) =
			1 + !which;
		break;
	case 19:
		saved.entries[below(r, s->msix_vectors + 1)].address_lo ^= one;
		break;
	case 20:
		saved.entries[below(r, s->msix_vectors + 1)].control ^= 1;
		break;
	case 21:
		saved.pba[below(r, (s->msix_vectors + 63) / 64 + 1)] ^= 1ULL << below(r, 64);
		break;
	case 22:
		saved.held[below(r, (s->msix_vectors + 63) / 64 + 1)] ^= 1ULL << below(r, 64);
		break;
	default:
		saved.ims_pending[below(r, (s->ims_max + 63) / 64 + 1)] ^= 1ULL << below(r, 64);
	}
}

bool do_restore(const __u64 *arg)
{
	struct msi_route_state s;
	struct errors e;
	struct rng r;
	int ret;

	if (!save_state(&s, 0))
		return false;
	seed_rng(&r, arg[0]);
	now.model.fault = arg[0] && now.model.shape.msix_vectors && arg[0] % 32 == 0;
	if (arg[0])
		mangle_state(&r, &s);
	if (now.model.fault)
		s.entries = (unsigned long)NOWHERE;
	ret = call(MSI_ROUTE_RESTORE, &s);
	s.entries = (unsigned long)saved.entries;
	e = model_restore(&now.model, &s);
	now.config_written = true;
	return same_errors(&e, ret);
}

bool do_migrate(const __u64 *arg)
{
	struct function from = now.fn;
	struct msi_route_state s;
	struct errors e;
	__u64 count[MAX_EVENTFDS];
	int ret;

	if (!do_run(0) || !save_state(&s, arg[0] >> 1))
		return false;
	close_image();
	/* With the returned shape. */
	if (function_try_open(&now.fn, pair.vm, from.shape) < 0)
		return differ("MSI_ROUTE_CREATE: %s", strerror(-now.fn.fd));
	close(from.fd);
	open_image();
	drain_eventfd(now.notify_fd);
	memcpy(count, now.model.count, sizeof(count));
	{
		struct msi_route_create shape = now.model.shape;
		bool x2apic = now.model.x2apic;

		add_statistics();
		model_destroy(&now.model);
		model_create(&now.model, &shape, x2apic, LONG_BOUND, LONG_BOUND);
	}
	memcpy(now.model.count, count, sizeof(count));
	if (!do_run(0))
		return false;
	ret = call(MSI_ROUTE_RESTORE, &s);
	e = model_restore(&now.model, &s);
	if (!same_errors(&e, ret))
		return false;
	return !(arg[0] & 1) || do_run(1);
}

bool do_rebind(const __u64 *arg)
{
	unsigned int to = arg[0];
	int fd = to < NR_MACHINES ? 0 : to == NR_MACHINES ? BAD_FD : FOREIGN_FD;
	struct msi_route_rebind r = {
		.size = sizeof(r), .vm_fd = fd ? descriptor(fd) : machine(to)->fd,
	};
	struct errors e;
	int ret;

	if (arg[1] & 1 && !do_run(0))
		return false;
	/* Completes what a signal left to a work item, while it can still be compared. */
	if (now.flush && !same_config(0))
		return false;
	now.flush = false;
	if (!same_messages(true))
		return false;
	ret = call(MSI_ROUTE_REBIND, &r);
	e = model_rebind(&now.model, fd, !fd && machine(to)->flags & VM_X2APIC);
	if (!same_errors(&e, ret))
		return false;
	if (!ret) {
		machines_use(to);
		clear_machines();
	}
	return !(arg[1] & 2) || do_run(1);
}
