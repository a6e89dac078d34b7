// SPDX-License-Identifier: GPL-2.0
/* Operations of events: triggers, eventfds, notifications and changes. */
#include <poll.h>
#include <string.h>

#include "drive_parts.h"

bool do_trigger(const __u64 *arg, unsigned long request)
{
	struct msi_route_trigger t = {
		.size = sizeof(t), .kind = arg[0], .vector = arg[1], .outcome = ~0U,
	};
	int ret = call(request, &t);
	__u32 outcome = 0;
	struct errors e;

	pair.broad = false;
	e = request == MSI_ROUTE_TRIGGER ? model_trigger(&now.model, arg[0], arg[1], &outcome) :
					   model_clear(&now.model, arg[0], arg[1], &outcome);
	if (!same_errors(&e, ret))
		return false;
	if (!ret && t.outcome != outcome &&
	    !(pair.broad && t.outcome == MSI_ROUTE_SENT && outcome == MSI_ROUTE_UNREACHED))
		return differ("outcome %u, not %u", t.outcome, outcome);
	return true;
}

bool do_signal(const __u64 *arg)
{
	signal_eventfd(now.eventfd[arg[0]], arg[1]);
	model_signal(&now.model, arg[0], arg[1]);
	now.flush = true;
	return true;
}

bool do_attach(const __u64 *arg)
{
	int eventfd = arg[3];
	struct errors e;
	int ret;

	ret = set_eventfd(&now.fn, arg[1], arg[2], descriptor(eventfd), arg[0]);
	e = model_set_eventfd(&now.model, arg[0], arg[1], arg[2], eventfd);
	return same_errors(&e, ret);
}

bool do_attach_many(const __u64 *arg)
{
	static int eventfds[MAX_ENTRIES], fds[MAX_ENTRIES];
	unsigned int i, used = 0, nr = arg[3] < MAX_ENTRIES ? arg[3] : MAX_ENTRIES;
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[4]);
	for (i = 0; i < nr; i++) {
		bool detach = !(arg[0] & (MSI_ROUTE_EVENTFD_ADD | MSI_ROUTE_EVENTFD_REMOVE)) ||
			      chance(&r, 2);

		eventfds[i] = detach && chance(&r, 20) ? NO_EVENTFD : MSI_ROUTE_EVENTFD_KEEP;
		if (chance(&r, 40))
			eventfds[i] = chance(&r, 90) ? (int)(used++ + arg[4]) % MAX_EVENTFDS :
						       (int)below(&r, MAX_EVENTFDS);
		if (chance(&r, 1))
			eventfds[i] = chance(&r, 50) ? BAD_FD : FOREIGN_FD;
		fds[i] = descriptor(eventfds[i]);
	}
	now.model.fault = arg[4] % 32 == 0;
	ret = set_eventfds(&now.fn, arg[1], arg[2], nr, now.model.fault ? NOWHERE : fds, arg[0]);
	e = model_set_eventfds(&now.model, arg[0], arg[1], arg[2], nr, eventfds);
	return same_errors(&e, ret);
}

/* ---- notifications and changes ---- */

__u64 wait_notified(void)
{
	struct pollfd p = { .fd = now.notify_fd, .events = POLLIN };

	if (now.model.signalled)
		poll(&p, 1, 10000);
	return drain_eventfd(now.notify_fd);
}

bool do_notify(const __u64 *arg)
{
	int which = arg[1];
	int fd = which >= 0 ? now.notify_fd : descriptor(which);
	__u64 count = wait_notified();
	struct errors e;
	int ret;

	ret = set_notify(&now.fn, arg[0], fd);
	e = model_set_notify(&now.model, arg[0], which);
	if (ret && count)
		signal_eventfd(now.notify_fd, count);
	return same_errors(&e, ret);
}

/* @beyond: bytes of the element that the module does not know. */
static bool same_change(const __u8 *element, unsigned int beyond)
{
	struct msi_route_vector_change c;
	unsigned int i;

	memcpy(&c, element, sizeof(c));
	if (!model_take_change(&now.model, &c))
		return differ("a change is wrong: kind %u vector %u changes %#x state %#x "
			      "address %#llx data %#x control %#x", c.kind, c.vector, c.changes,
			      c.state, (unsigned long long)c.address, c.data, c.control);
	for (i = 0; i < beyond; i++)
		if (element[sizeof(c) + i])
			return differ("byte %u beyond a change is %#x", i, element[sizeof(c) + i]);
	return true;
}

bool do_changes(const __u64 *arg)
{
	static __u8 changes[MAX_ENTRIES * (sizeof(struct msi_route_vector_change) + MAX_BEYOND)];
	const __u32 size = sizeof(struct msi_route_vector_change);
	struct msi_route_get_changes g = {
		.size = sizeof(g), .room = arg[0], .stride = size + arg[1],
		.changes = (unsigned long)changes,
	};
	struct errors e = { 0 };
	bool signalled;
	int ret, left;
	__u32 i;

	/* The elements are longer than the room here. */
	if (g.stride > size + MAX_BEYOND && g.stride <= 4096)
		return true;
	signalled = wait_notified();
	if (signalled != now.model.signalled)
		return differ("the VMM was%s told that something changed", signalled ? "" : " not");
	now.model.signalled = false;
	memset(changes, 0xa5, sizeof(changes));
	ret = call(MSI_ROUTE_GET_CHANGES, &g);
	may_fail(&e, !g.room, EINVAL);
	may_fail(&e, g.stride < size || g.stride > 4096, EINVAL);
	if (!same_errors(&e, ret) || ret < 0)
		return e.nr && ret < 0;
	for (i = 0; i < g.nr; i++)
		if (!same_change(changes + i * g.stride, g.stride - size))
			return false;
	left = model_changes(&now.model);
	if (g.more != !!left || (left && g.nr != g.room))
		return differ("%u changes of %u, and %d should be left", g.nr, g.room, left);
	now.model.signalled = g.more;
	return true;
}
