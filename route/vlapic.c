// SPDX-License-Identifier: GPL-2.0
/*
 * The vLAPIC: how to hold a VM and deliver a message.
 *
 * kvm_set_msi(), which KVM itself calls for an MSI route, delivers a message.
 */
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/srcu.h>
#include <linux/static_call.h>
#ifndef CONFIG_MSI_ROUTE_KVM
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#endif

#include "../compat.h"
#include "route.h"
#include "../mutate.h"

#define APIC_ID_BROADCAST	0xffU
#define X2APIC_ID_BROADCAST	0xffffffffU

/* For a local variable that the compiler is not to clear; newer kernels have it. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized		__attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

/* Most vCPUs to serve with interrupts off: as many as a logical ID has in KVM's map. */
#define MR_FEW			16

/*
 * The same for all VMs, and set before there is a function.  It is a direct call: an
 * indirect one takes long where the CPU must not predict it.
 */
DEFINE_STATIC_CALL_NULL(mr_vm_set, *(mr_set_fn)NULL);

/**
 * mr_vm_use() - set the way into vLAPICs
 * @set: kvm_set_msi(), or what a test has instead
 *
 * Context: process, may sleep.
 */
void mr_vm_use(mr_set_fn set)
{
	if (static_call_query(mr_vm_set) != set)
		static_call_update(mr_vm_set, set);
}

static bool mr_vm_has_lapic(const struct kvm *kvm)
{
	/* Pairs with KVM, which makes the irqchip before it sets the mode. */
	return smp_load_acquire(&kvm->arch.irqchip_mode) != KVM_IRQCHIP_NONE;
}

#ifndef CONFIG_MSI_ROUTE_KVM

/*
 * kvm_set_msi() is not exported, but each route of type KVM_IRQ_ROUTING_MSI has a
 * pointer to it, in a table that <linux/kvm_host.h> describes.  It is the same for every
 * VM and part of kvm.ko, which this module depends on: learnt once, it stays valid.  If
 * no VM with such a route has been seen yet, we make one for a moment, through KVM's
 * interface to user space and with the caller's rights: a caller that may not open
 * /dev/kvm gets none.
 */
static mr_set_fn mr_vm_known_set;

static mr_set_fn mr_vm_learn_set(struct kvm *kvm)
{
	struct kvm_kernel_irq_routing_entry *e;
	struct kvm_irq_routing_table *table;
	mr_set_fn set = NULL;
	u32 i;
	int idx;

	idx = srcu_read_lock(&kvm->irq_srcu);
	table = srcu_dereference(kvm->irq_routing, &kvm->irq_srcu);
	for (i = 0; table && i < table->nr_rt_entries && !set; i++) {
		hlist_for_each_entry(e, &table->map[i], link) {
			if (e->type == KVM_IRQ_ROUTING_MSI) {
				set = e->set;
				break;
			}
		}
	}
	srcu_read_unlock(&kvm->irq_srcu, idx);
	return set;
}

/* Arguments of KVM's ioctls, in the caller's memory. */
struct mr_vm_route_args {
	struct kvm_enable_cap split;
	u32 nr_routes;
	u32 flags;
	struct kvm_irq_routing_entry route;
};

#define MR_VM_ROUTES	offsetof(struct mr_vm_route_args, nr_routes)

static int mr_vm_call_kvm(struct file *file, unsigned int cmd, unsigned long arg)
{
	return file->f_op->unlocked_ioctl(file, cmd, arg);
}

/* Gives a VM local APICs in the kernel, and one route of type MSI. */
static int mr_vm_set_route(struct file *vm)
{
	const struct mr_vm_route_args args = {
		.split.cap = KVM_CAP_SPLIT_IRQCHIP,
		.nr_routes = 1,
		.route.type = KVM_IRQ_ROUTING_MSI,
	};
	unsigned long page;
	int ret;

	BUILD_BUG_ON(offsetof(struct mr_vm_route_args, route) - MR_VM_ROUTES !=
		     offsetof(struct kvm_irq_routing, entries));

	page = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(page))
		return page;
	ret = copy_to_user((void __user *)page, &args, sizeof(args)) ? -EFAULT : 0;
	if (!ret)
		ret = mr_vm_call_kvm(vm, KVM_ENABLE_CAP, page);
	if (!ret)
		ret = mr_vm_call_kvm(vm, KVM_SET_GSI_ROUTING, page + MR_VM_ROUTES);
	vm_munmap(page, PAGE_SIZE);
	return ret;
}

/*
 * Another thread can close the descriptor at once and put another VM at its number.  A
 * VM that has been used is not touched.
 */
static bool mr_vm_is_new(struct file *vm)
{
	struct kvm *kvm = file_is_kvm(vm) ? vm->private_data : NULL;

	return kvm && kvm->mm == current->mm && !READ_ONCE(kvm->created_vcpus) &&
	       kvm->userspace_pid == task_pid_nr(current) && !mr_vm_has_lapic(kvm);
}

static int mr_vm_learn_from(struct file *vm)
{
	struct kvm *kvm = vm->private_data;
	mr_set_fn set;
	int ret;

	ret = mr_vm_set_route(vm);
	if (ret)
		return ret;
	set = mr_vm_learn_set(kvm);
	if (!set)
		return -ENODATA;
	WRITE_ONCE(mr_vm_known_set, set);
	return 0;
}

/* KVM installs the descriptor: the process sees it for a moment, like any other. */
static int mr_vm_learn_from_new(struct file *device)
{
	int ret, fd = mr_vm_call_kvm(device, KVM_CREATE_VM, 0);
	struct file *vm;

	if (fd < 0)
		return fd;
	vm = fget(fd);
	if (!vm)
		return -ENODATA;
	ret = -ENODATA;
	if (mr_vm_is_new(vm)) {
		ret = mr_vm_learn_from(vm);
		close_fd(fd);
	}
	fput(vm);
	return ret;
}

static bool mr_vm_is_kvm_device(struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISCHR(inode->i_mode) &&
	       inode->i_rdev == MKDEV(MISC_MAJOR, KVM_MINOR);
}

/*
 * At the memory cgroup's limit KVM calls the OOM killer, so we first check for room.
 * Return: 0, or -ENODATA, -ENOMEM, -EMFILE, -EINTR.
 */
static int mr_vm_learn(void)
{
	void *room = kvmalloc(SZ_256K, MR_GFP);
	struct file *device;
	int ret = -ENODATA;

	if (!room)
		return -ENOMEM;
	kvfree(room);
	if (mr_mutant(MR_MUT_NO_LEARNING))
		return -ENODATA;
	device = filp_open("/dev/kvm", O_RDWR, 0);
	if (IS_ERR(device))
		return -ENODATA;
	if (mr_vm_is_kvm_device(device))
		ret = mr_vm_learn_from_new(device);
	fput(device);
	switch (ret) {
	case 0:
	case -ENOMEM:
	case -EMFILE:
	case -EINTR:
		return ret;
	default:
		return -ENODATA;
	}
}

static int mr_vm_find_set(struct kvm *kvm, mr_set_fn *set)
{
	int ret;

	*set = mr_vm_learn_set(kvm);
	if (*set)
		WRITE_ONCE(mr_vm_known_set, *set);
	else
		*set = READ_ONCE(mr_vm_known_set);
	if (*set)
		return 0;
	ret = mr_vm_learn();
	*set = READ_ONCE(mr_vm_known_set);
	return *set ? 0 : ret;
}

/*
 * The task that loads the module often has more rights than those that use it.  If KVM
 * is not ready yet, the first function looks for the way.
 */
void mr_vm_module_init(void)
{
	if (current->mm)
		mr_vm_learn();
}

#endif /* CONFIG_MSI_ROUTE_KVM */

/**
 * mr_vm_bind() - hold a VM and find the way into its vLAPICs
 * @vm: out
 * @fd: the VM's file descriptor in the calling process
 *
 * Context: process, may sleep; may make a VM for a moment, and open a descriptor.
 * Return: 0, or -EBADF, -EBADFD, -EPERM, -ENXIO, -ENODATA, -ENOMEM, -EMFILE, -EINTR as
 * &struct msi_route_create documents them.
 */
int mr_vm_bind(struct mr_vm *vm, int fd)
{
	struct file *file = fget(fd);
	struct kvm *kvm;
	mr_set_fn set;
	int ret;

	if (!file)
		return -EBADF;
	ret = -EBADFD;
	if (!file_is_kvm(file))
		goto out;
	kvm = file->private_data;
	ret = -EPERM;
	if (kvm->mm != current->mm)
		goto out;
	ret = -ENXIO;
	if (!mr_vm_has_lapic(kvm))
		goto out;

#ifdef CONFIG_MSI_ROUTE_KVM
	set = kvm_set_msi;
#else
	ret = mr_vm_find_set(kvm, &set);
	if (ret)
		goto out;
#endif
	mr_vm_use(set);

	/*
	 * From 6.8 on a VM without open files does not pin the module that runs
	 * it.  If f_op has no owner, the VM itself pins it.
	 */
	ret = -EBADFD;
	vm->vendor = file->f_op->owner;
	if (!try_module_get(vm->vendor))
		goto out;
	kvm_get_kvm(kvm);
	vm->kvm = kvm;
	vm->mm = kvm->mm;
	vm->pid = kvm->userspace_pid;
	vm->fd = fd;
	memset(vm->writers, 0, sizeof(vm->writers));
	ret = 0;
out:
	fput(file);
	return ret;
}

/**
 * mr_vm_release() - let go of a VM
 * @vm: bound
 *
 * Context: process; may destroy the VM.
 */
void mr_vm_release(struct mr_vm *vm)
{
	kvm_put_kvm(vm->kvm);
	/* Last, because destroying the VM runs the vendor module's code. */
	module_put(vm->vendor);
}

/**
 * mr_vm_exchange() - bind a function to another VM
 * @vm: the function's, bound; others may look at it
 * @other: bound, of the same process; on return it is what @vm was
 *
 * Nobody delivers through @vm meanwhile.  Code that composes messages may find either
 * VM.  Code that reads the VM's name may find a part of each.
 *
 * Context: process.
 */
void mr_vm_exchange(struct mr_vm *vm, struct mr_vm *other)
{
	struct mr_vm was = *vm;

	/* The VM is complete before it is found. */
	smp_store_release(&vm->kvm, other->kvm);
	vm->vendor = other->vendor;
	WRITE_ONCE(vm->pid, other->pid);
	WRITE_ONCE(vm->fd, other->fd);
	*other = was;
}

/**
 * mr_vm_x2apic_format() - does the VM use KVM's 32-bit x2APIC message format?
 * @vm: bound
 *
 * KVM_CAP_X2APIC_API: address_hi carries bits 31:8 of the destination ID.
 *
 * Context: any.
 * Return: whether it does.
 */
bool mr_vm_x2apic_format(const struct mr_vm *vm)
{
	return READ_ONCE(READ_ONCE(vm->kvm)->arch.x2apic_format);
}

/**
 * mr_vm_broadcast() - does a message go to every vCPU?
 * @vm: bound
 * @msg: effective message
 *
 * FFh is a broadcast.  If the VMM switched KVM's quirk off, it is one only for local
 * APICs in xAPIC mode; in x2APIC mode it is the ID of one vCPU, or of some in a cluster.
 *
 * Context: any.
 * Return: MR_SEND_BROADCAST, MR_SEND_FFH if it depends on the guest's modes, or MR_SEND.
 */
enum mr_action mr_vm_broadcast(const struct mr_vm *vm, const struct mr_message *msg)
{
	u32 dest = (msg->address_lo >> 12) & 0xff;
	struct kvm *kvm = READ_ONCE(vm->kvm);

	if (mr_vm_x2apic_format(vm))
		dest |= msg->address_hi & ~0xffU;
	if (dest == APIC_ID_BROADCAST)
		return READ_ONCE(kvm->arch.x2apic_broadcast_quirk_disabled) ?
		       MR_SEND_FFH : MR_SEND_BROADCAST;
	return dest == X2APIC_ID_BROADCAST ? MR_SEND_BROADCAST : MR_SEND;
}

/*
 * Does a message go to no more vCPUs than @how allows?
 *
 * KVM has no map while local APICs share an ID.  It has no map of logical IDs while they
 * are in different modes, or share a logical ID.  Then KVM asks each vCPU, and all of
 * them may take the message.  The guest may change this at any time.
 */
static bool mr_vm_within(const struct mr_vm *vm, enum mr_action how)
{
	struct kvm *kvm = vm->kvm;

	if (mr_mutant(MR_MUT_IN_PLACE))
		return true;
	if (likely(how == MR_SEND)) {
		if (likely(READ_ONCE(kvm->arch.apic_map)))
			return true;
	} else if (how == MR_SEND_BROADCAST) {
		return true;
	} else if (how == MR_SEND_LOGICAL) {
		return kvm_apic_map_has_logical(kvm);
	} else if (kvm_apic_map_is_x2apic(kvm)) {
		return true;
	}
	return atomic_read(&kvm->online_vcpus) <= MR_FEW;
}

/**
 * mr_vm_deliver() - put a message into the vLAPICs that it addresses
 * @vm: bound
 * @msg: effective message
 * @how: MR_SEND_BROADCAST: to all of them; less than that: only if there are few
 *
 * On return the IRR bit, or the posted-interrupt request bit, of each target is set [26].
 *
 * Context: any, also with interrupts off and raw spinlocks held; but a message to many
 * vCPUs takes long.
 * Return: number of vCPUs reached; 0 or negative if none takes it, as KVM_SIGNAL_MSI
 * returns.  Or -EWOULDBLOCK, which KVM never returns: there may be many vCPUs, and
 * nothing is delivered.
 */
int mr_vm_deliver(const struct mr_vm *vm, const struct mr_message *msg,
		  enum mr_action how)
{
	struct kvm_kernel_irq_routing_entry e __uninitialized;

	if (unlikely(!mr_vm_within(vm, how)))
		return -EWOULDBLOCK;
	/*
	 * Each field of a message by itself: an initializer, or the compiler where the
	 * kernel has it clear the stack, would clear as much again, of which nothing is read.
	 */
	e.type = KVM_IRQ_ROUTING_MSI;
	e.msi.address_lo = msg->address_lo;
	e.msi.address_hi = msg->address_hi;
	e.msi.data = msg->data;
	e.msi.flags = 0;
	e.msi.devid = 0;
	mr_stretch();
	return static_call(mr_vm_set)(&e, vm->kvm, KVM_USERSPACE_IRQ_SOURCE_ID, 1, false);
}

/* ---- the vCPUs ---- */

/* kvm_get_vcpu() needs an index that exists. */
static struct kvm_vcpu *mr_vm_vcpu_at(struct kvm *kvm, u32 index)
{
	if (index >= atomic_read(&kvm->online_vcpus))
		return NULL;
	return kvm_get_vcpu(kvm, index);
}

static struct kvm_vcpu *mr_vm_vcpu_of(const struct mr_vm *vm, u32 writer)
{
	return writer ? mr_vm_vcpu_at(READ_ONCE(vm->kvm), writer - 1) : NULL;
}

/* Only compares: the thread that entered the vCPU last may be gone. */
static bool mr_vm_is_run_by(struct kvm_vcpu *vcpu, const struct pid *pid)
{
	return vcpu && (const struct pid __force *)READ_ONCE(vcpu->pid) == pid;
}

static struct kvm_vcpu *mr_vm_vcpu_run_by(struct kvm *kvm, const struct pid *pid)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		if (mr_vm_is_run_by(vcpu, pid))
			return vcpu;
	return NULL;
}

/**
 * mr_vm_note_writer() - this thread is about to do a guest's write
 * @vm: bound
 * @vcpu: the vCPU that writes, NULL: look for it
 *
 * A VMM does a vCPU's accesses in the thread that runs it.  We search all vCPUs only if
 * the last one found for the thread does not fit any more.
 *
 * Context: process, no spinlock held; in an RCU read-side section, or in the run of a
 * vCPU, so that the VM stays.
 */
void mr_vm_note_writer(struct mr_vm *vm, struct kvm_vcpu *vcpu)
{
	const struct pid *pid = task_pid(current);
	u16 *writer = &vm->writers[hash_ptr(pid, MR_WRITERS_BITS)];

	if (!vcpu) {
		if (likely(mr_vm_is_run_by(mr_vm_vcpu_of(vm, READ_ONCE(*writer)), pid)))
			return;
		vcpu = mr_vm_vcpu_run_by(READ_ONCE(vm->kvm), pid);
	}
	if (vcpu && READ_ONCE(*writer) != vcpu->vcpu_idx + 1)
		WRITE_ONCE(*writer, vcpu->vcpu_idx + 1);
}

/**
 * mr_vm_writer() - which vCPU does this thread run?
 * @vm: bound
 *
 * Context: process, spinlocks held included; after mr_vm_note_writer().
 * Return: its index plus 1; 0: none, or an unknown one.
 */
u32 mr_vm_writer(const struct mr_vm *vm)
{
	const struct pid *pid = task_pid(current);
	u16 writer = READ_ONCE(vm->writers[hash_ptr(pid, MR_WRITERS_BITS)]);

	return mr_vm_is_run_by(mr_vm_vcpu_of(vm, writer), pid) ? writer : 0;
}

/* Is there a vCPU with this index?  Any context. */
bool mr_vm_has_vcpu(const struct mr_vm *vm, u32 index)
{
	return mr_vm_vcpu_at(vm->kvm, index);
}

/**
 * mr_vm_vcpu_runs() - does a vCPU run the guest's code?
 * @vm: bound
 * @index: of a vCPU that exists
 *
 * It does while in the guest, or halted until an interrupt comes.  It does not while its
 * thread is in the VMM, waits for a page or for a processor, or does not run it at all.
 *
 * Context: any.  The answer may be outdated at once.
 * Return: whether it does.
 */
bool mr_vm_vcpu_runs(const struct mr_vm *vm, u32 index)
{
	struct kvm_vcpu *vcpu = mr_vm_vcpu_at(vm->kvm, index);

	/* The last test: the timer's interrupt has just taken this CPU from it. */
	return READ_ONCE(vcpu->mode) == IN_GUEST_MODE ||
	       READ_ONCE(vcpu->stat.generic.blocking) ||
	       READ_ONCE(vcpu->arch.handling_intr_from_guest);
}
