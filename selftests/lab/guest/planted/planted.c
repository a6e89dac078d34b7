// SPDX-License-Identifier: GPL-2.0
/* What the lab must notice, one at each load. */
#include <linux/bug.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/processor.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "warn, silent, oops, breakpoint, panic, slept, kept, deaf, refuse or hang");

/* What RCU says of a processor that gets no interrupt of its timer, asleep or not. */
static void stall(bool asleep)
{
	pr_info("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n");
	pr_info("rcu: \t0-...!: (0 ticks this GP) idle=1b90/0/0x0 softirq=1/1 fqs=0\n");
	if (asleep)
		pr_info("NMI backtrace for cpu 0 skipped: idling at native_safe_halt+0xb/0x10\n");
	pr_info("rcu: rcu_preempt kthread timer wakeup didn't happen for 5251 jiffies!\n");
	pr_info("rcu: \tPossible timer handling issue on cpu=0 timer-softirq=1\n");
}

/* From now on no timer interrupts this processor. */
static void deafen(void *unused)
{
	apic_write(APIC_LVTT, apic_read(APIC_LVTT) | APIC_LVT_MASKED);
}

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
	} else if (!strcmp(what, "breakpoint")) {
		asm volatile("int3");
	} else if (!strcmp(what, "panic")) {
		panic("planted");
	} else if (!strcmp(what, "slept") || !strcmp(what, "kept")) {
		stall(!strcmp(what, "slept"));
	} else if (!strcmp(what, "deaf")) {
		on_each_cpu(deafen, NULL, true);
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
