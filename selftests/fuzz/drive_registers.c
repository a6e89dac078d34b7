// SPDX-License-Identifier: GPL-2.0
/* Operations of registers: accesses, entries, translations, vectors that come and go. */
#include <string.h>

#include "drive_parts.h"

bool do_access(const __u64 *arg, bool write)
{
	struct msi_route_access a = {
		.size = sizeof(a), .space = arg[0], .offset = arg[1], .len = arg[2],
		.value = arg[3],
	};
	struct msi_route_access given = a;
	struct errors e;
	__u64 value;
	int ret;

	/* A hold that the first dword opens may expire before the next is written. */
	if (write && a.space == MSI_ROUTE_CONFIG && a.offset % 4 + a.len > 4 &&
	    now.model.bound == SHORT_BOUND)
		return true;
	ret = call(write ? MSI_ROUTE_WRITE : MSI_ROUTE_READ, &a);
	e = model_access(&now.model, write, &given, &value);
	now.config_written = write && given.space == MSI_ROUTE_CONFIG;
	if (!same_errors(&e, ret))
		return false;
	if (!write && !ret && (a.value ^ value) << (64 - given.len * 8))
		return differ("read %#llx, not %#llx", (unsigned long long)a.value,
			      (unsigned long long)value);
	return true;
}

bool do_entries(const __u64 *arg)
{
	static struct msi_route_entry entries[MAX_ENTRIES];
	unsigned int i, nr = arg[1] < MAX_ENTRIES ? arg[1] : MAX_ENTRIES;
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[2]);
	for (i = 0; i < nr; i++)
		entries[i] = random_entry(&r);
	now.model.fault = arg[2] % 32 == 0;
	ret = set_entries(&now.fn, arg[0], nr, now.model.fault ? NOWHERE : entries);
	e = model_set_entries(&now.model, arg[0], nr, entries);
	return same_errors(&e, ret);
}

bool do_ims(const __u64 *arg)
{
	static struct msi_route_ims_op ims[MAX_ENTRIES];
	unsigned int i, n = now.model.cap[IMS].nr, nr = arg[0] < MAX_ENTRIES ? arg[0] : MAX_ENTRIES;
	struct msi_route_ims s = { .size = sizeof(s), .nr = arg[0], .ops = (unsigned long)ims };
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[1]);
	memset(ims, 0, nr * sizeof(ims[0]));
	for (i = 0; i < nr; i++) {
		ims[i].vector = chance(&r, 70) ? below(&r, n < 4 ? n ?: 1 : 4) : below(&r, n ?: 1);
		ims[i].op = chance(&r, 50) ? MSI_ROUTE_IMS_SET : below(&r, 4);
		if (ims[i].op == MSI_ROUTE_IMS_FREE && chance(&r, 50))
			ims[i].op = MSI_ROUTE_IMS_UNMASK;
		if (ims[i].op == MSI_ROUTE_IMS_SET || chance(&r, 1))
			ims[i].entry = random_entry(&r);
		if (chance(&r, 1))
			ims[i].vector += n;
		if (chance(&r, 1))
			ims[i].op += 4;
	}
	now.model.fault = arg[1] % 32 == 0;
	if (now.model.fault)
		s.ops = (unsigned long)NOWHERE;
	ret = call(MSI_ROUTE_SET_IMS, &s);
	e = model_set_ims(&now.model, arg[0], ims);
	return same_errors(&e, ret);
}

bool do_translate(const __u64 *arg)
{
	struct msi_route_translation t = {
		.size = sizeof(t), .flags = arg[0], .kind = arg[1], .vector = arg[2],
	};
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[3]);
	if (t.kind < NR_KINDS && t.vector < now.model.cap[t.kind].nr) {
		struct message raw = model_message(&now.model, t.kind, t.vector);

		t.raw_address = raw.address;
		t.raw_data = raw.data;
	}
	if (arg[3] % 4 == 0) {
		t.raw_address ^= 1ULL << below(&r, 64);
		t.raw_data ^= below(&r, 2);
	}
	if (!(t.flags & MSI_ROUTE_TRANSLATION_NONE) || chance(&r, 5)) {
		t.address = random_lo(&r);
		t.address |= (__u64)random_hi(&r) << 32;
		t.data = random_data(&r);
	}
	ret = call(MSI_ROUTE_SET_TRANSLATION, &t);
	e = model_translate(&now.model, &t);
	return same_errors(&e, ret);
}

bool do_resize(const __u64 *arg)
{
	struct msi_route_resize s = {
		.size = sizeof(s), .flags = arg[0], .kind = arg[1], .min = arg[2], .nr = arg[3],
		.limit = arg[4], .granted = ~0U,
	};
	__u32 granted = 0;
	struct errors e;
	int ret;

	ret = call(MSI_ROUTE_RESIZE, &s);
	e = model_resize(&now.model, &s, &granted);
	now.config_written = true;
	if (!same_errors(&e, ret))
		return false;
	if (!ret && s.granted != granted)
		return differ("granted %u, not %u", s.granted, granted);
	return true;
}
