/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernel versions, from 6.1 on, and nothing else.  The rest of
 * the module uses the names of the newest kernel.  This file defines them for older
 * kernels.  The Makefile looks for each feature in the kernel's own headers and
 * export list and defines MR_HAVE_... accordingly.  Distributions backport, so the
 * version number alone says little.
 */
#ifndef MR_COMPAT_H
#define MR_COMPAT_H

#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kallsyms.h>
#include <linux/kvm_host.h>
#include <linux/log2.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/wait.h>

/* 6.15: hrtimer_setup() replaced hrtimer_init(). */
#ifndef MR_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/*
 * 6.17: a caller can ask to be the only priority waiter, and gets -EBUSY if there
 * is one already.  Before, every priority waiter was exclusive, and a second one
 * starved in silence.  So look for a first one here: it is at the head of the queue.
 * Called with wqh->lock not held.
 */
#ifndef MR_HAVE_PRIORITY_EXCLUSIVE
static inline int add_wait_queue_priority_exclusive(wait_queue_head_t *wqh,
						    wait_queue_entry_t *wait)
{
	wait_queue_entry_t *first;
	unsigned long flags;
	int ret = -EBUSY;

	wait->flags |= WQ_FLAG_EXCLUSIVE | WQ_FLAG_PRIORITY;
	spin_lock_irqsave(&wqh->lock, flags);
	first = list_first_entry_or_null(&wqh->head, wait_queue_entry_t, entry);
	if (!first || !(first->flags & WQ_FLAG_PRIORITY)) {
		__add_wait_queue(wqh, wait);
		ret = 0;
	}
	spin_unlock_irqrestore(&wqh->lock, flags);
	return ret;
}
#endif

/* 6.8: eventfd_signal() no longer takes a count, and adds 1. */
#ifndef MR_HAVE_EVENTFD_SIGNAL_ONE
#define eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

/* 6.3: only accessors can change vm_flags. */
#ifndef MR_HAVE_VM_FLAGS_MOD
static inline void vm_flags_mod(struct vm_area_struct *vma,
				unsigned long set, unsigned long clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

#ifndef CONFIG_MSI_ROUTE_KVM

/*
 * Does KVM find logical destinations by its map?  The map has at most 16 vCPUs for
 * each.  From 7.3 on KVM hides its map, so the number of vCPUs decides.  Before
 * 6.3, the mode had one bit for each mode in use.
 */
static inline bool kvm_apic_map_has_logical(struct kvm *kvm)
{
#ifdef MR_HAVE_APIC_MAP
	const struct kvm_apic_map *map;
	bool has;

	rcu_read_lock();
	map = rcu_dereference(kvm->arch.apic_map);
#ifdef MR_HAVE_APIC_LOGICAL_MODE
	has = map && map->logical_mode != KVM_APIC_MODE_SW_DISABLED &&
	      map->logical_mode != KVM_APIC_MODE_MAP_DISABLED;
#else
	has = map && is_power_of_2(map->mode);
#endif
	rcu_read_unlock();
	return has;
#else
	return atomic_read(&kvm->online_vcpus) <= 16;
#endif
}

/* Are all enabled local APICs in x2APIC mode, according to KVM's map? */
static inline bool kvm_apic_map_is_x2apic(struct kvm *kvm)
{
#ifdef MR_HAVE_APIC_MAP
	const struct kvm_apic_map *map;
	bool is;

	rcu_read_lock();
	map = rcu_dereference(kvm->arch.apic_map);
#ifdef MR_HAVE_APIC_LOGICAL_MODE
	is = map && map->logical_mode == KVM_APIC_MODE_X2APIC;
#else
	is = map && map->mode == KVM_APIC_MODE_X2APIC;
#endif
	rcu_read_unlock();
	return is;
#else
	return false;
#endif
}

/*
 * Is this the file of a KVM VM?  Up to 6.17, KVM exports file_is_kvm() to all modules.
 * Later, it is an anonymous inode with KVM's name, whose ioctl is kvm.ko's.
 */
#ifndef MR_HAVE_FILE_IS_KVM
static inline bool mr_file_is_kvm(struct file *file)
{
	char sym[KSYM_SYMBOL_LEN];

	if (file_inode(file)->i_sb->s_magic != ANON_INODE_FS_MAGIC ||
	    strcmp(file->f_path.dentry->d_name.name, "kvm-vm") ||
	    !file->f_op->unlocked_ioctl)
		return false;
	sprint_symbol_no_offset(sym, (unsigned long)file->f_op->unlocked_ioctl);
	return !strcmp(sym, "kvm_vm_ioctl [kvm]") || !strcmp(sym, "kvm_vm_ioctl");
}

#define file_is_kvm	mr_file_is_kvm
#endif

#endif /* CONFIG_MSI_ROUTE_KVM */

#endif /* MR_COMPAT_H */
