// SPDX-License-Identifier: GPL-2.0
/* Deliberate faults: the module parameters of a MSI_ROUTE_MUTATIONS build. */
#include <linux/delay.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "mutate.h"

static const char * const mutation_names[MR_MUT_COUNT] = {
	[MR_MUT_NONE] = "none",
	[MR_MUT_NO_DRAIN] = "no-drain",
	[MR_MUT_MASK_LATE] = "mask-late",
	[MR_MUT_NO_RECHECK] = "no-recheck",
	[MR_MUT_CONTROL_ONLY] = "control-only",
	[MR_MUT_NO_HOLD] = "no-hold",
	[MR_MUT_NO_REPLAY] = "no-replay",
	[MR_MUT_HALF_UPDATE] = "half-update",
	[MR_MUT_NO_PENDING] = "no-pending",
	[MR_MUT_LOST_DETACH] = "lost-detach",
	[MR_MUT_STALE_RESET] = "stale-reset",
	[MR_MUT_EQUAL_SKIPPED] = "equal-skipped",
	[MR_MUT_STALE_PLACE] = "stale-place",
	[MR_MUT_LOST_CHANGE] = "lost-change",
	[MR_MUT_NO_FREEZE] = "no-freeze",
	[MR_MUT_PAUSE_COUNTS] = "pause-counts",
	[MR_MUT_ANY_TRANSLATION] = "any-translation",
	[MR_MUT_STAYS_ON] = "stays-on",
	[MR_MUT_GONE_UNCOUNTED] = "gone-uncounted",
	[MR_MUT_STALE_TRANSLATION] = "stale-translation",
	[MR_MUT_STALE_REASON] = "stale-reason",
	[MR_MUT_ANY_SIZE] = "any-size",
	[MR_MUT_LOST_IMAGE] = "lost-image",
	[MR_MUT_IMAGE_KEEPS] = "image-keeps",
	[MR_MUT_KEPT_BLOCK] = "kept-block",
	[MR_MUT_WRITE_TAKES] = "write-takes",
	[MR_MUT_LOUD] = "loud",
	[MR_MUT_HALF_BATCH] = "half-batch",
	[MR_MUT_ADD_REPLACES] = "add-replaces",
	[MR_MUT_LOST_MOVE] = "lost-move",
	[MR_MUT_BOTH_PLACED] = "both-placed",
	[MR_MUT_LATE_DETACH] = "late-detach",
	[MR_MUT_SHORT_GRANT] = "short-grant",
	[MR_MUT_TELL_WAITS] = "tell-waits",
	[MR_MUT_OOM] = "oom",
	[MR_MUT_UNSTEERED] = "unsteered",
	[MR_MUT_DEAF] = "deaf",
	[MR_MUT_KEEPS_DISABLED] = "keeps-disabled",
	[MR_MUT_RESETS_ALL] = "resets-all",
	[MR_MUT_LATE_REMAPPING] = "late-remapping",
	[MR_MUT_KEPT_TRANSLATION] = "kept-translation",
	[MR_MUT_IN_PLACE] = "in-place",
	[MR_MUT_WAITING_CLOSE] = "waiting-close",
	[MR_MUT_NO_LEARNING] = "no-learning",
	[MR_MUT_STALE_VM] = "stale-vm",
	[MR_MUT_STAYS_QUEUED] = "stays-queued",
	[MR_MUT_SLEEPS_LOCKED] = "sleeps-locked",
	[MR_MUT_OVERREAD] = "overread",
	[MR_MUT_LEAK] = "leak",
	[MR_MUT_TIMER_LEFT] = "timer-left",
	[MR_MUT_UNMARKED] = "unmarked",
	[MR_MUT_IMAGE_APART] = "image-apart",
	[MR_MUT_ANY_RANGE] = "any-range",
	[MR_MUT_DROPS_MASKED] = "drops-masked",
};

/* KUnit runs before its module's parameters are read, so the build sets the fault. */
#ifndef MR_MUTATION
#define MR_MUTATION MR_MUT_NONE
#endif

static int mutation = MR_MUTATION;

static int mr_mutation_set(const char *val, const struct kernel_param *kp)
{
	int m = sysfs_match_string(mutation_names, val);

	if (m < 0)
		return m;
	WRITE_ONCE(mutation, m);
	return 0;
}

static int mr_mutation_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", mutation_names[READ_ONCE(mutation)]);
}

static const struct kernel_param_ops mutation_ops = {
	.set = mr_mutation_set,
	.get = mr_mutation_get,
};
module_param_cb(mutation, &mutation_ops, NULL, 0600);
MODULE_PARM_DESC(mutation, "break the module in a named way (tests only)");

static unsigned int stretch_us;
module_param(stretch_us, uint, 0600);
MODULE_PARM_DESC(stretch_us, "hold race windows open this long (tests only)");

bool mr_mutant(enum mr_mutation m)
{
	return READ_ONCE(mutation) == m;
}

void mr_stretch(void)
{
	unsigned int us = READ_ONCE(stretch_us);

	if (us)
		udelay(min(us, 1000U));
}
