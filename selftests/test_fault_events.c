// SPDX-License-Identifier: GPL-2.0
/* Failures in calls about eventfds, changes and events: fault.h tells how. */
#include "fault.h"

/* ---- eventfds ---- */

/* A signal of @fd is an event of the vector. */
static bool raises(struct world *w, __u32 vector, int fd)
{
	__u64 events = counters(&w->fn, MSIX, vector).events;

	signal_eventfd(fd, 1);
	return counters(&w->fn, MSIX, vector).events == events + 1;
}

static bool old_attached(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		if (!idle(w->fd[i]))
			return false;
	return raises(w, 0, w->old[0]) && raises(w, 7, w->old[1]);
}

static int attach(struct world *w)
{
	return set_eventfd(&w->fn, MSIX, 1, w->fd[1], 0);
}

static bool attached(struct world *w)
{
	return raises(w, 1, w->fd[1]);
}

static int replace(struct world *w)
{
	return set_eventfd(&w->fn, MSIX, 0, w->fd[0], MSI_ROUTE_EVENTFD_REPLACE);
}

static bool replaced(struct world *w)
{
	return raises(w, 0, w->fd[0]) && idle(w->old[0]) && raises(w, 7, w->old[1]);
}

static int add(struct world *w)
{
	return set_eventfd(&w->fn, MSIX, 0, w->fd[0], MSI_ROUTE_EVENTFD_ADD);
}

static bool added(struct world *w)
{
	return raises(w, 0, w->fd[0]) && raises(w, 0, w->old[0]) && raises(w, 7, w->old[1]);
}

static int detach(struct world *w)
{
	return set_eventfd(&w->fn, MSIX, 0, -1, 0);
}

static bool detached(struct world *w)
{
	return idle(w->old[0]);
}

/* One replaces another, one is detached, one is kept. */
static int attach_many(struct world *w)
{
	__s32 fds[FIRST];

	memcpy(fds, w->fd, sizeof(fds));
	fds[3] = -1;
	fds[7] = MSI_ROUTE_EVENTFD_KEEP;
	return set_eventfds(&w->fn, MSIX, 0, FIRST, fds, MSI_ROUTE_EVENTFD_REPLACE);
}

static bool many_attached(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		if (i != 3 && i != 7 && !raises(w, i, w->fd[i]))
			return false;
	return idle(w->old[0]) && idle(w->fd[3]) && raises(w, 7, w->old[1]);
}

/* Attached eventfds change places with new ones, and move. */
static int move_many(struct world *w)
{
	__s32 fds[FIRST];

	memcpy(fds, w->fd, sizeof(fds));
	fds[1] = w->old[1];
	fds[7] = w->old[0];
	return set_eventfds(&w->fn, MSIX, 0, FIRST, fds, MSI_ROUTE_EVENTFD_REPLACE);
}

static bool many_moved(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		if (i != 1 && i != 7 && !raises(w, i, w->fd[i]))
			return false;
	return raises(w, 1, w->old[1]) && raises(w, 7, w->old[0]);
}

/* ---- changes ---- */

static int take_changes(struct world *w)
{
	int nr = get_changes(&w->fn, w->change, FIRST, NULL);

	return nr < 0 ? nr : 0;
}

static bool none_is_told(struct world *w)
{
	change_messages(w);
	return get_changes(&w->fn, w->change, FIRST, NULL) == 0;
}

/* The changes of all vectors, in any order. */
static bool changes_taken(struct world *w)
{
	unsigned int i, seen = 0;

	for (i = 0; i < FIRST; i++)
		if (w->change[i].changes == MSI_ROUTE_CHANGE_MESSAGE)
			seen |= 1U << w->change[i].vector;
	return seen == (1U << FIRST) - 1;
}

static bool told(struct world *w)
{
	change_messages(w);
	return !take_changes(w) && changes_taken(w);
}

/* ---- events ---- */

static int raise_event(struct world *w)
{
	int outcome = trigger(&w->fn, MSIX, 0);

	return outcome < 0 ? outcome : 0;
}

static bool event_raised(struct world *w)
{
	return counters(&w->fn, MSIX, 0).messages >= 1;
}

static int clear(struct world *w)
{
	int was = clear_pending(&w->fn, MSIX, 1);

	return was < 0 ? was : 0;
}

static bool cleared(struct world *w)
{
	return !pba_bit(&w->fn, 1) && totals(&w->fn, MSIX).cleared == 1;
}

/* ---- the calls ---- */

CALL(eventfd, .call = attach, .done = attached, .prepare = attach_old, .undone = old_attached);
CALL(eventfd_replaced, .call = replace, .done = replaced, .prepare = attach_old,
     .undone = old_attached);
CALL(eventfd_added, .call = add, .done = added, .prepare = attach_old,
     .undone = old_attached);
CALL(eventfd_detached, .call = detach, .done = detached, .prepare = attach_old,
     .undone = old_attached, .copies_only = true);
CALL(eventfds, .call = attach_many, .done = many_attached, .prepare = attach_old,
     .undone = old_attached);
CALL(eventfds_moved, .call = move_many, .done = many_moved, .prepare = attach_old,
     .undone = old_attached);
CALL(notify, .call = ask_to_be_told, .done = told, .undone = none_is_told);
CALL(changes, .call = take_changes, .done = changes_taken, .prepare = be_told);
CALL(trigger, .call = raise_event, .done = event_raised, .copies_only = true, .returns = true);
CALL(clear_pending, .call = clear, .done = cleared, .copies_only = true, .returns = true);
