/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeps a device that raises without pause from taking all of the guest's time: it raises
 * PACE_BURST events for each sign of the guest's progress.  The guest cannot notice this
 * as a pause, but an emulated processor does more than take kicks.
 */
#ifndef SELFTESTS_PACE_H
#define SELFTESTS_PACE_H

#include <sched.h>

#include "guest.h"

#define PACE_BURST	16

/* For one device; all zero at first. */
struct pace {
	__u32 seen, used;
};

/* Returns whether the device may raise now; if not, ask again. */
static inline bool pace_may_raise(struct pace *pace, __u32 *progress)
{
	__u32 now = load(progress);

	if (now != pace->seen) {
		pace->seen = now;
		pace->used = 0;
	}
	if (pace->used < PACE_BURST) {
		pace->used++;
		return true;
	}
	sched_yield();
	return false;
}

#endif /* SELFTESTS_PACE_H */
