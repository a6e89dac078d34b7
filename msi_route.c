// SPDX-License-Identifier: GPL-2.0
/*
 * The module, /dev/msi_route, and the ioctls.
 */
#include <linux/anon_inodes.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "function/function.h"
#include "route/eventfd.h"
#include "mutate.h"

union mr_ioctl_arg {
	u32 size;
	struct msi_route_query query;
	struct msi_route_create create;
	struct msi_route_access access;
	struct msi_route_trigger trigger;
	struct msi_route_eventfd eventfd;
	struct msi_route_bus_master bus_master;
	struct msi_route_reset reset;
	struct msi_route_set_hold set_hold;
	struct msi_route_map map;
	struct msi_route_get_map get_map;
	struct msi_route_eventfds eventfds;
	struct msi_route_entries entries;
	struct msi_route_set_notify set_notify;
	struct msi_route_get_changes get_changes;
	struct msi_route_set_run set_run;
	struct msi_route_state state;
	struct msi_route_translation translation;
	struct msi_route_resize resize;
	struct msi_route_ims ims;
	struct msi_route_renew renew;
	struct msi_route_remapping remapping;
	struct msi_route_rebind rebind;
	struct msi_route_counters counters;
	struct msi_route_get_functions get_functions;
	struct msi_route_get_vectors get_vectors;
};

/* ---- on either descriptor ---- */

static int mr_ioctl_query(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	struct msi_route_query *q = &arg->query;

	q->version = MSI_ROUTE_VERSION;
	q->features = MSI_ROUTE_FEATURE_HOLD | MSI_ROUTE_FEATURE_EXT_DEST_ID |
		      MSI_ROUTE_FEATURE_MMAP | MSI_ROUTE_FEATURE_MAP |
		      MSI_ROUTE_FEATURE_BATCH | MSI_ROUTE_FEATURE_CHANGES |
		      MSI_ROUTE_FEATURE_STATE | MSI_ROUTE_FEATURE_TRANSLATION |
		      MSI_ROUTE_FEATURE_GRANT | MSI_ROUTE_FEATURE_IMS |
		      MSI_ROUTE_FEATURE_RENEW | MSI_ROUTE_FEATURE_OBSERVE;
	q->msix_max_vectors = MSI_ROUTE_MSIX_MAX_VECTORS;
	q->msi_max_vectors = MSI_ROUTE_MSI_MAX_VECTORS;
	q->hold_default_ns = mr_hold_default();
	q->hold_max_ns = MR_HOLD_MAX_NS;
	q->ims_max_vectors = MSI_ROUTE_IMS_MAX_VECTORS;
	q->reserved = 0;
	return 0;
}

static int mr_ioctl_get_vectors(struct mr_function *fn,
				union mr_ioctl_arg *arg)
{
	return mr_observe_vectors(fn, &arg->get_vectors);
}

static int mr_ioctl_get_counters(struct mr_function *fn,
				 union mr_ioctl_arg *arg)
{
	return mr_observe_counters(fn, &arg->counters);
}

/* ---- on /dev/msi_route ---- */

static int mr_ioctl_get_functions(struct mr_function *fn,
				  union mr_ioctl_arg *arg)
{
	return mr_observe_functions(&arg->get_functions);
}

/* ---- on a function's descriptor ---- */

/* Copies an array from user space.  Free it by kvfree(). */
static void *mr_get_array(u64 user, u32 nr, size_t size)
{
	void *array = kvmalloc_array(nr, size, MR_GFP);

	if (!array)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(array, u64_to_user_ptr(user), array_size(nr, size))) {
		kvfree(array);
		return ERR_PTR(-EFAULT);
	}
	return array;
}

static int mr_ioctl_read(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	return mr_function_access(fn, &arg->access, false);
}

static int mr_ioctl_write(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	return mr_function_access(fn, &arg->access, true);
}

static int mr_ioctl_trigger(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	return mr_function_trigger(fn, &arg->trigger);
}

static int mr_ioctl_clear_pending(struct mr_function *fn,
				  union mr_ioctl_arg *arg)
{
	return mr_function_clear(fn, &arg->trigger);
}

static int mr_check_eventfd_flags(u32 flags)
{
	const u32 known = MSI_ROUTE_EVENTFD_REPLACE | MSI_ROUTE_EVENTFD_ADD |
			  MSI_ROUTE_EVENTFD_REMOVE;

	if (flags & ~known)
		return -EOPNOTSUPP;
	return hweight32(flags) > 1 ? -EINVAL : 0;
}

static int mr_ioctl_set_eventfd(struct mr_function *fn,
				union mr_ioctl_arg *arg)
{
	struct msi_route_eventfd *e = &arg->eventfd;
	struct mr_cap *cap;
	int ret = mr_check_eventfd_flags(e->flags);

	if (e->reserved)
		return -EOPNOTSUPP;
	if (ret)
		return ret;
	if (e->fd < -1)
		return -EBADF;
	cap = mr_function_cap(fn, e->kind, e->vector, 1);
	if (IS_ERR(cap))
		return PTR_ERR(cap);
	return mr_eventfd_set(cap, e->vector, e->fd, e->flags);
}

static int mr_ioctl_set_eventfds(struct mr_function *fn,
				 union mr_ioctl_arg *arg)
{
	struct msi_route_eventfds *e = &arg->eventfds;
	struct mr_cap *cap;
	int ret = mr_check_eventfd_flags(e->flags);
	s32 *fds;

	if (e->reserved)
		return -EOPNOTSUPP;
	if (ret)
		return ret;
	cap = mr_function_cap(fn, e->kind, e->first, e->nr);
	if (IS_ERR(cap))
		return PTR_ERR(cap);
	fds = mr_get_array(e->fds, e->nr, sizeof(*fds));
	if (IS_ERR(fds))
		return PTR_ERR(fds);
	ret = mr_eventfd_set_many(cap, e->first, fds, e->nr, e->flags);
	kvfree(fds);
	return ret;
}

static int mr_ioctl_set_entries(struct mr_function *fn,
				union mr_ioctl_arg *arg)
{
	struct msi_route_entries *e = &arg->entries;
	struct msi_route_entry *entries;
	struct mr_cap *cap;
	int ret;

	if (e->reserved)
		return -EOPNOTSUPP;
	cap = mr_function_cap(fn, MSI_ROUTE_MSIX, e->first, e->nr);
	if (IS_ERR(cap))
		return PTR_ERR(cap);
	entries = mr_get_array(e->entries, e->nr, sizeof(*entries));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	ret = mr_function_set_entries(cap, e->first, entries, e->nr);
	kvfree(entries);
	return ret;
}

static int mr_ioctl_set_notify(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	struct msi_route_set_notify *n = &arg->set_notify;

	if (n->changes & ~MR_CHANGES_ALL || n->reserved)
		return -EOPNOTSUPP;
	if (!n->changes && n->fd != -1)
		return -EINVAL;
	return mr_changes_set(&fn->rq, n->changes, n->fd);
}

static int mr_ioctl_get_changes(struct mr_function *fn,
				union mr_ioctl_arg *arg)
{
	return mr_changes_take(&fn->rq, &arg->get_changes);
}

static int mr_ioctl_set_bus_master(struct mr_function *fn,
				   union mr_ioctl_arg *arg)
{
	if (arg->bus_master.enable > 1)
		return -EINVAL;
	mr_function_set_bus_master(fn, arg->bus_master.enable);
	return 0;
}

static int mr_ioctl_reset(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	if (arg->reset.flags & ~MSI_ROUTE_RESET_KEEP_BUS_MASTER)
		return -EOPNOTSUPP;
	return mr_function_reset(fn, arg->reset.flags & MSI_ROUTE_RESET_KEEP_BUS_MASTER);
}

static int mr_ioctl_set_hold(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	if (arg->set_hold.bound_ns > MR_HOLD_MAX_NS)
		return -EINVAL;
	mr_function_set_hold(fn, arg->set_hold.bound_ns);
	return 0;
}

static int mr_ioctl_map(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	return mr_mmio_map(fn, &arg->map);
}

static int mr_ioctl_get_map(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	return mr_mmio_get(fn, &arg->get_map);
}

static int mr_ioctl_set_run(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	if (arg->set_run.run > 1)
		return -EINVAL;
	return mr_state_set_run(fn, arg->set_run.run);
}

static int mr_ioctl_save(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	return mr_state_save(fn, &arg->state);
}

static int mr_ioctl_restore(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	return mr_state_restore(fn, &arg->state);
}

static struct mr_message mr_make_message(u64 address, u32 data)
{
	return (struct mr_message) {
		.address_lo = lower_32_bits(address),
		.address_hi = upper_32_bits(address),
		.data = data,
	};
}

static int mr_ioctl_set_translation(struct mr_function *fn,
				    union mr_ioctl_arg *arg)
{
	const struct msi_route_translation *a = &arg->translation;
	struct mr_translation t = {
		.valid = !(a->flags & MSI_ROUTE_TRANSLATION_NONE),
		.raw = mr_make_message(a->raw_address, a->raw_data),
		.msg = mr_make_message(a->address, a->data),
	};
	struct mr_cap *cap;
	struct mr_vector *v;
	int ret = -ECHRNG;

	if (a->flags & ~MSI_ROUTE_TRANSLATION_NONE)
		return -EOPNOTSUPP;
	cap = mr_function_cap(fn, a->kind, a->vector, 1);
	if (IS_ERR(cap))
		return PTR_ERR(cap);
	if (!(fn->rq.flags & MSI_ROUTE_CREATE_REMAPPING) ||
	    (!t.valid && (a->address || a->data)))
		return -EINVAL;
	rcu_read_lock();
	v = mr_vector_find(cap, a->vector);
	if (v)
		ret = mr_vector_translate(v, &t);
	rcu_read_unlock();
	/* The translation may have released a broadcast [26]. */
	mr_cap_sync(cap);
	return ret;
}

static int mr_ioctl_resize(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	struct mr_cap *cap = mr_function_cap(fn, arg->resize.kind, 0, 1);

	if (IS_ERR(cap))
		return PTR_ERR(cap);
	return mr_grant_resize(cap, &arg->resize);
}

static int mr_ioctl_set_ims(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	const struct msi_route_ims *i = &arg->ims;
	struct msi_route_ims_op *ops;
	int ret;

	if (!mr_ims_cap(fn)->max)
		return -ENODEV;
	if (!i->nr || i->nr > MSI_ROUTE_IMS_MAX_OPS)
		return -EINVAL;
	ops = mr_get_array(i->ops, i->nr, sizeof(*ops));
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	ret = mr_ims_set(fn, ops, i->nr);
	kvfree(ops);
	return ret;
}

static int mr_ioctl_renew(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	if (arg->renew.reserved)
		return -EOPNOTSUPP;
	mr_function_renew(fn);
	return 0;
}

static int mr_ioctl_set_remapping(struct mr_function *fn,
				  union mr_ioctl_arg *arg)
{
	const u32 flags = arg->remapping.flags;

	if (flags & ~MSI_ROUTE_REMAPPING_ALL)
		return -EOPNOTSUPP;
	if (!(fn->rq.flags & MSI_ROUTE_CREATE_REMAPPING))
		return -EINVAL;
	return mr_function_set_remapping(fn, flags & MSI_ROUTE_REMAPPING_ALL);
}

static int mr_ioctl_rebind(struct mr_function *fn, union mr_ioctl_arg *arg)
{
	if (arg->rebind.flags || arg->rebind.reserved)
		return -EOPNOTSUPP;
	return mr_function_rebind(fn, arg->rebind.vm_fd);
}

/* ---- the table of ioctls ---- */

/**
 * struct mr_ioctl - how to call an ioctl
 * @handler: does the work
 * @size: size of the struct that this kernel knows
 * @min_size: size of the struct's first version
 * @out: the struct is copied back to the caller
 */
struct mr_ioctl {
	int (*handler)(struct mr_function *fn, union mr_ioctl_arg *arg);
	u16 size;
	u16 min_size;
	bool out;
};

/* @_last is the last field of the struct's first version. */
#define MR_IOCTL(_cmd, _handler, _struct, _last, _out)			\
	[_IOC_NR(_cmd)] = {						\
		.handler = _handler,					\
		.size = sizeof(_struct) +				\
			BUILD_BUG_ON_ZERO(offsetof(_struct, size)) +	\
			BUILD_BUG_ON_ZERO(sizeof(_struct) % 8),		\
		.min_size = offsetofend(_struct, _last),		\
		.out = _out,						\
	}

static const struct mr_ioctl mr_ioctls[] = {
	MR_IOCTL(MSI_ROUTE_QUERY, mr_ioctl_query,
		 struct msi_route_query, hold_max_ns, true),
	MR_IOCTL(MSI_ROUTE_GET_FUNCTIONS, mr_ioctl_get_functions,
		 struct msi_route_get_functions, functions, true),
	MR_IOCTL(MSI_ROUTE_GET_VECTORS, mr_ioctl_get_vectors,
		 struct msi_route_get_vectors, vectors, true),
	MR_IOCTL(MSI_ROUTE_READ, mr_ioctl_read,
		 struct msi_route_access, value, true),
	MR_IOCTL(MSI_ROUTE_WRITE, mr_ioctl_write,
		 struct msi_route_access, value, false),
	MR_IOCTL(MSI_ROUTE_TRIGGER, mr_ioctl_trigger,
		 struct msi_route_trigger, outcome, true),
	MR_IOCTL(MSI_ROUTE_CLEAR_PENDING, mr_ioctl_clear_pending,
		 struct msi_route_trigger, outcome, true),
	MR_IOCTL(MSI_ROUTE_SET_EVENTFD, mr_ioctl_set_eventfd,
		 struct msi_route_eventfd, reserved, false),
	MR_IOCTL(MSI_ROUTE_SET_BUS_MASTER, mr_ioctl_set_bus_master,
		 struct msi_route_bus_master, enable, false),
	MR_IOCTL(MSI_ROUTE_RESET, mr_ioctl_reset,
		 struct msi_route_reset, flags, false),
	MR_IOCTL(MSI_ROUTE_SET_HOLD, mr_ioctl_set_hold,
		 struct msi_route_set_hold, bound_ns, false),
	MR_IOCTL(MSI_ROUTE_GET_COUNTERS, mr_ioctl_get_counters,
		 struct msi_route_counters, remappable, true),
	MR_IOCTL(MSI_ROUTE_MAP, mr_ioctl_map,
		 struct msi_route_map, pba, false),
	MR_IOCTL(MSI_ROUTE_SET_EVENTFDS, mr_ioctl_set_eventfds,
		 struct msi_route_eventfds, fds, false),
	MR_IOCTL(MSI_ROUTE_SET_ENTRIES, mr_ioctl_set_entries,
		 struct msi_route_entries, entries, false),
	MR_IOCTL(MSI_ROUTE_SET_NOTIFY, mr_ioctl_set_notify,
		 struct msi_route_set_notify, reserved, false),
	MR_IOCTL(MSI_ROUTE_GET_CHANGES, mr_ioctl_get_changes,
		 struct msi_route_get_changes, changes, true),
	MR_IOCTL(MSI_ROUTE_SET_RUN, mr_ioctl_set_run,
		 struct msi_route_set_run, run, false),
	MR_IOCTL(MSI_ROUTE_SAVE, mr_ioctl_save,
		 struct msi_route_state, held, true),
	MR_IOCTL(MSI_ROUTE_RESTORE, mr_ioctl_restore,
		 struct msi_route_state, held, false),
	MR_IOCTL(MSI_ROUTE_SET_TRANSLATION, mr_ioctl_set_translation,
		 struct msi_route_translation, address, false),
	MR_IOCTL(MSI_ROUTE_RESIZE, mr_ioctl_resize,
		 struct msi_route_resize, reserved, true),
	MR_IOCTL(MSI_ROUTE_SET_IMS, mr_ioctl_set_ims,
		 struct msi_route_ims, ops, false),
	MR_IOCTL(MSI_ROUTE_RENEW, mr_ioctl_renew,
		 struct msi_route_renew, reserved, false),
	MR_IOCTL(MSI_ROUTE_SET_REMAPPING, mr_ioctl_set_remapping,
		 struct msi_route_remapping, flags, false),
	MR_IOCTL(MSI_ROUTE_GET_MAP, mr_ioctl_get_map,
		 struct msi_route_get_map, pba, true),
	MR_IOCTL(MSI_ROUTE_REBIND, mr_ioctl_rebind,
		 struct msi_route_rebind, reserved, false),
};

/* Reads the caller's struct into @arg; the rest of @arg is zero. */
static int mr_get_arg(union mr_ioctl_arg *arg, void __user *user,
		      u32 min_size, u32 size)
{
	u32 user_size;
	int ret;

	if (get_user(user_size, (u32 __user *)user))
		return -EFAULT;
	if (user_size < min_size)
		return -EINVAL;
	/* copy_struct_from_user() reads all of it in one go. */
	if (user_size > PAGE_SIZE && !mr_mutant(MR_MUT_ANY_SIZE))
		return -E2BIG;
	ret = copy_struct_from_user(arg, size, user, user_size);
	/* The caller may have changed the struct between the two reads. */
	arg->size = min(user_size, size);
	return ret;
}

static int mr_put_arg(const union mr_ioctl_arg *arg, void __user *user)
{
	/* The caller's size stays as it is. */
	return copy_to_user(user + sizeof(arg->size),
			    (const void *)arg + sizeof(arg->size),
			    arg->size - sizeof(arg->size)) ? -EFAULT : 0;
}

static long mr_do_ioctl(struct mr_function *fn, unsigned int cmd,
			void __user *user)
{
	const u32 nr = array_index_nospec(_IOC_NR(cmd), ARRAY_SIZE(mr_ioctls));
	const struct mr_ioctl *ioctl = &mr_ioctls[nr];
	union mr_ioctl_arg arg;
	int ret;

	ret = mr_get_arg(&arg, user, ioctl->min_size, ioctl->size);
	if (!ret)
		ret = ioctl->handler(fn, &arg);
	if (!ret && ioctl->out)
		ret = mr_put_arg(&arg, user);
	return ret;
}

static long mr_function_ioctl(struct file *file, unsigned int cmd,
			      unsigned long uarg)
{
	u32 nr = _IOC_NR(cmd);

	if (cmd != _IO(MSI_ROUTE_TYPE, nr) || nr >= ARRAY_SIZE(mr_ioctls))
		return -ENOTTY;
	nr = array_index_nospec(nr, ARRAY_SIZE(mr_ioctls));
	if (!mr_ioctls[nr].handler || cmd == MSI_ROUTE_GET_FUNCTIONS)
		return -ENOTTY;
	return mr_do_ioctl(file->private_data, cmd, (void __user *)uarg);
}

/* ---- a function's descriptor as a file ---- */

/* The file of every mapping of an image.  It refers to no function. */
static struct file *mr_image_file;

/*
 * The pages live by their own references.  A mapping of the descriptor's file would keep
 * the function alive, and with it its places on the bus, its eventfds and its VM.
 */
static int mr_function_mmap(struct file *file, struct vm_area_struct *vma)
{
	int ret = mr_msix_mmap(file->private_data, vma);

	if (!ret && !mr_mutant(MR_MUT_IMAGE_KEEPS))
		vma_set_file(vma, mr_image_file);
	return ret;
}

static int mr_function_release(struct inode *inode, struct file *file)
{
	mr_function_destroy(file->private_data);
	return 0;
}

static const struct file_operations mr_function_fops = {
	.owner = THIS_MODULE,
	.release = mr_function_release,
	.unlocked_ioctl = mr_function_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = mr_function_mmap,
	.llseek = noop_llseek,
};

/* ---- /dev/msi_route ---- */

static long mr_create(void __user *user)
{
	union mr_ioctl_arg arg;
	struct mr_function *fn;
	struct file *file;
	int fd, ret;

	ret = mr_get_arg(&arg, user, offsetofend(struct msi_route_create, reserved),
			 sizeof(arg.create));
	if (ret)
		return ret;
	fn = mr_function_create(&arg.create);
	if (IS_ERR(fn))
		return PTR_ERR(fn);
	file = anon_inode_getfile("[msi_route]", &mr_function_fops, fn, O_RDWR);
	if (IS_ERR(file)) {
		mr_function_destroy(fn);
		return PTR_ERR(file);
	}
	/* The descriptor comes last: once installed, it cannot be taken back. */
	fd = get_unused_fd_flags(O_CLOEXEC);
	ret = fd < 0 ? fd : mr_put_arg(&arg, user);
	if (ret) {
		if (fd >= 0)
			put_unused_fd(fd);
		fput(file);
		return ret;
	}
	fd_install(fd, file);
	return fd;
}

static long mr_device_ioctl(struct file *file, unsigned int cmd,
			    unsigned long uarg)
{
	switch (cmd) {
	case MSI_ROUTE_QUERY:
	case MSI_ROUTE_GET_FUNCTIONS:
	case MSI_ROUTE_GET_VECTORS:
	case MSI_ROUTE_GET_COUNTERS:
		return mr_do_ioctl(NULL, cmd, (void __user *)uarg);
	case MSI_ROUTE_CREATE:
		return mr_create((void __user *)uarg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations mr_device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = mr_device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice mr_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "msi_route",
	.fops = &mr_device_fops,
	.mode = 0660,
};

static int __init mr_init(void)
{
	int ret = mr_route_module_init();

	if (ret)
		return ret;
	mr_image_file = anon_inode_getfile("[msi_route]", &generic_ro_fops, NULL,
					   O_RDONLY);
	if (IS_ERR(mr_image_file)) {
		ret = PTR_ERR(mr_image_file);
		goto exit_route;
	}
#ifndef CONFIG_MSI_ROUTE_KVM
	mr_vm_module_init();
#endif
	mr_debugfs_module_init();
	ret = misc_register(&mr_device);
	if (!ret)
		return 0;
	mr_debugfs_module_exit();
	fput(mr_image_file);
exit_route:
	mr_route_module_exit();
	return ret;
}
module_init(mr_init);

static void __exit mr_exit(void)
{
	misc_deregister(&mr_device);
	mr_debugfs_module_exit();
	/* Mappings of images may keep the file.  It needs no code of the module. */
	fput(mr_image_file);
	mr_route_module_exit();
}
module_exit(mr_exit);

MODULE_DESCRIPTION("MSI and MSI-X emulation for KVM hosts");
MODULE_LICENSE("GPL");
#ifdef MR_VERSION
MODULE_VERSION(MR_VERSION);
#endif
