// SPDX-License-Identifier: GPL-2.0
/*
 * KVM on PREEMPT_RT insists on a constant TSC. TCG's TSC is constant, but TCG
 * has no CPUID bit to say so, and kernels without setcpuid= need to be told.
 */
#include <linux/module.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

static int __init lab_tsc_init(void)
{
	set_cpu_cap(&boot_cpu_data, X86_FEATURE_CONSTANT_TSC);
	return 0;
}
module_init(lab_tsc_init);

static void __exit lab_tsc_exit(void)
{
}
module_exit(lab_tsc_exit);

MODULE_DESCRIPTION("Tells that the TSC of an emulated processor is constant");
MODULE_LICENSE("GPL");
