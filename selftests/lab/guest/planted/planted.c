// SPDX-License-Identifier: GPL-2.0
/* What the lab must notice, one at each load. */
#include <linux/bug.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <asm/processor.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "warn, silent, oops, panic, refuse or hang");

static int __init planted_init(void)
{
	int level = console_loglevel;

	if (!strcmp(what, "warn")) {
		WARN(1, "planted\n");
	} else if (!strcmp(what, "silent")) {
		console_loglevel = CONSOLE_LOGLEVEL_SILENT;
		WARN(1, "planted\n");
		console_loglevel = level;
	} else if (!strcmp(what, "oops")) {
		BUG();
	} else if (!strcmp(what, "panic")) {
		panic("planted");
	} else if (!strcmp(what, "refuse")) {
		return -EPERM;
	} else if (!strcmp(what, "hang")) {
		for (;;)
			cpu_relax();
	}
	return 0;
}
module_init(planted_init);

static void __exit planted_exit(void)
{
}
module_exit(planted_exit);

MODULE_DESCRIPTION("Faults for the lab's own test");
MODULE_LICENSE("GPL");
