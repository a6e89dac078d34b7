/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Events, reset, save and restore, and what a jail must let through.  A part of
 * msi_route_vmm.h.
 */
#ifndef _MSI_ROUTE_VMM_EVENTS_H
#define _MSI_ROUTE_VMM_EVENTS_H

/* ---- events ---- */

/* The errors of calls that name a vector, and that the fallback makes itself. */
static inline int mrv_check_vector(const struct mrv_function *fn, __u32 kind, __u32 vector)
{
	if (kind >= MRV_NR_KINDS)
		return -EINVAL;
	if (!mrv_vectors(fn, kind))
		return -ENODEV;
	return vector < mrv_vectors(fn, kind) ? 0 : -ECHRNG;
}

/**
 * mrv_trigger() - raise an event of a vector
 * @fn: the function
 * @kind: %MSI_ROUTE_MSIX or %MSI_ROUTE_MSI
 * @vector: the vector, from 0.  A guest may have chosen it: -ECHRNG is then its mistake
 *
 * Any thread may call it at any time.
 *
 * Return: what became of the event, a value of enum msi_route_outcome; or -errno as
 * MSI_ROUTE_TRIGGER.
 */
static inline int mrv_trigger(struct mrv_function *fn, __u32 kind, __u32 vector)
{
	int ret = mrv_check_vector(fn, kind, vector);

	if (ret)
		return ret;
	if (fn->fd >= 0)
		return mrv_kernel_trigger(fn, MSI_ROUTE_TRIGGER, kind, vector);
	pthread_mutex_lock(&fn->lock);
	mrv_user_collect(fn, kind, vector);
	ret = mrv_user_raise(fn, kind, vector);
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

/**
 * mrv_clear_pending() - take an event back, because its cause is gone [21]
 * @fn: the function
 * @kind: %MSI_ROUTE_MSIX or %MSI_ROUTE_MSI
 * @vector: the vector, from 0
 *
 * Return: 1 if it was pending, else 0; or -errno as mrv_trigger().
 */
static inline int mrv_clear_pending(struct mrv_function *fn, __u32 kind, __u32 vector)
{
	int ret = mrv_check_vector(fn, kind, vector);

	if (ret)
		return ret;
	if (fn->fd >= 0)
		return mrv_kernel_trigger(fn, MSI_ROUTE_CLEAR_PENDING, kind, vector);
	pthread_mutex_lock(&fn->lock);
	ret = mrv_user_pending(fn, kind, vector);
	fn->user->vector[kind][vector].pending = false;
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

static inline int mrv_set_eventfd(struct mrv_function *fn, __u32 kind, __u32 vector, int fd,
				  __u32 flags)
{
	int ret = mrv_check_vector(fn, kind, vector);

	if (ret)
		return ret;
	if (fn->fd >= 0)
		return mrv_kernel_set_eventfd(fn, kind, vector, fd, flags);
	pthread_mutex_lock(&fn->lock);
	ret = mrv_user_set_eventfd(fn, kind, vector, fd, flags);
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

/**
 * mrv_attach() - attach an eventfd to a vector
 * @fn: the function
 * @kind: %MSI_ROUTE_MSIX or %MSI_ROUTE_MSI
 * @vector: the vector, from 0
 * @fd: the eventfd; it stays open, and nobody else reads it, until it is detached
 *
 * Each signal is an event of the vector, and so is a count that the eventfd holds.  A vector
 * may have any number of eventfds, and an eventfd belongs to one vector.  With the fallback
 * the VMM also watches mrv_poll_fd().
 *
 * Return: 0, or -errno as MSI_ROUTE_SET_EVENTFD with %MSI_ROUTE_EVENTFD_ADD.
 */
static inline int mrv_attach(struct mrv_function *fn, __u32 kind, __u32 vector, int fd)
{
	return mrv_set_eventfd(fn, kind, vector, fd, MSI_ROUTE_EVENTFD_ADD);
}

/**
 * mrv_replace() - attach an eventfd instead of those that a vector has
 * @fn: the function
 * @kind: %MSI_ROUTE_MSIX or %MSI_ROUTE_MSI
 * @vector: the vector, from 0
 * @fd: the eventfd, as for mrv_attach()
 *
 * Return: 0, or -errno as MSI_ROUTE_SET_EVENTFD with %MSI_ROUTE_EVENTFD_REPLACE.
 */
static inline int mrv_replace(struct mrv_function *fn, __u32 kind, __u32 vector, int fd)
{
	return mrv_set_eventfd(fn, kind, vector, fd, MSI_ROUTE_EVENTFD_REPLACE);
}

/**
 * mrv_detach() - detach an eventfd from a vector
 * @fn: the function
 * @kind: %MSI_ROUTE_MSIX or %MSI_ROUTE_MSI
 * @vector: the vector, from 0
 * @fd: the eventfd; -1: all
 *
 * A count that is left in it is raised.
 *
 * Return: 0, or -errno: -ENOENT if it is not attached; others as mrv_attach().
 */
static inline int mrv_detach(struct mrv_function *fn, __u32 kind, __u32 vector, int fd)
{
	return mrv_set_eventfd(fn, kind, vector, fd, fd < 0 ? 0 : MSI_ROUTE_EVENTFD_REMOVE);
}

/**
 * mrv_eventfd() - get a vector's own eventfd
 * @fn: the function
 * @kind: %MSI_ROUTE_MSIX or %MSI_ROUTE_MSI
 * @vector: the vector, from 0
 *
 * The first call makes the eventfd and attaches it, so only vectors that need one have one.
 * For vhost, VFIO, or a device in another thread or process.  mrv_destroy() closes it.
 *
 * Return: the eventfd, or -errno as mrv_attach() or eventfd().
 */
static inline int mrv_eventfd(struct mrv_function *fn, __u32 kind, __u32 vector)
{
	int fd, ret = mrv_check_vector(fn, kind, vector);

	if (ret)
		return ret;
	pthread_mutex_lock(&fn->lock);
	fd = fn->eventfd[kind][vector];
	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		ret = -errno;
	else if (fn->fd >= 0)
		ret = mrv_kernel_set_eventfd(fn, kind, vector, fd, MSI_ROUTE_EVENTFD_ADD);
	else
		ret = mrv_user_set_eventfd(fn, kind, vector, fd, MSI_ROUTE_EVENTFD_ADD);
	if (!ret)
		fn->eventfd[kind][vector] = fd;
	else if (fd >= 0 && fd != fn->eventfd[kind][vector])
		close(fd);
	pthread_mutex_unlock(&fn->lock);
	/* It was attached before. */
	return ret && ret != -EEXIST ? ret : fd;
}

/**
 * mrv_poll_fd() - the descriptor that the VMM's loop must watch
 * @fn: the function
 *
 * The fallback has one.  It becomes readable when eventfds were signalled that KVM does not
 * take, because its table of routes is full or because somebody else has them.
 *
 * Return: a descriptor to watch for reading, then call mrv_poll(); -1: there is nothing to
 * watch.
 */
static inline int mrv_poll_fd(const struct mrv_function *fn)
{
	return fn->fd >= 0 ? -1 : fn->user->epoll;
}

/**
 * mrv_poll() - raise what was signalled
 * @fn: the function
 *
 * It is harmless to call it without need.
 */
static inline void mrv_poll(struct mrv_function *fn)
{
	if (fn->fd >= 0)
		return;
	pthread_mutex_lock(&fn->lock);
	mrv_user_poll(fn);
	pthread_mutex_unlock(&fn->lock);
}

/* ---- reset ---- */

static inline int mrv_reset_with(struct mrv_function *fn, bool keep_command)
{
	int ret = 0;

	pthread_mutex_lock(&fn->lock);
	if (fn->fd >= 0)
		ret = mrv_kernel_reset(fn, keep_command ? MSI_ROUTE_RESET_KEEP_BUS_MASTER : 0);
	else
		mrv_user_reset(fn, keep_command);
	if (!keep_command)
		__atomic_store_n(&fn->no_intx, false, __ATOMIC_SEQ_CST);
	mrv_look_at_enable(fn);
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

/**
 * mrv_reset() - reset the function, by a conventional reset or a Function Level Reset
 * @fn: the function
 *
 * All registers are as in [29], Command is zero, and what was pending is gone.  Eventfds stay
 * attached, and BARs stay where mrv_placed() has put them.
 *
 * Return: 0 or -errno.
 */
static inline int mrv_reset(struct mrv_function *fn)
{
	return mrv_reset_with(fn, false);
}

/**
 * mrv_reset_msi() - reset the registers of MSI and MSI-X alone
 * @fn: the function
 *
 * For a reset that a device defines for itself and that leaves Command as it is.
 *
 * Return: 0 or -errno.
 */
static inline int mrv_reset_msi(struct mrv_function *fn)
{
	return mrv_reset_with(fn, true);
}

/* ---- stop, save, restore ---- */

static inline int mrv_set_run(struct mrv_function *fn, bool run)
{
	if (fn->fd >= 0)
		return mrv_kernel_set_run(fn, run);
	pthread_mutex_lock(&fn->lock);
	mrv_user_set_run(fn, run);
	pthread_mutex_unlock(&fn->lock);
	return 0;
}

/**
 * mrv_stop() - send nothing any more
 * @fn: the function
 *
 * When it returns, what was sent is in the local APICs, and later events are pending.
 *
 * Return: 0 or -errno.
 */
static inline int mrv_stop(struct mrv_function *fn)
{
	return mrv_set_run(fn, false);
}

/**
 * mrv_run() - the end of mrv_stop(): what is pending and may be sent is sent
 * @fn: the function
 *
 * Return: 0 or -errno.
 */
static inline int mrv_run(struct mrv_function *fn)
{
	return mrv_set_run(fn, true);
}

/**
 * mrv_state_size() - bytes of the function's state
 * @fn: the function
 *
 * Return: the size, which depends only on how the function was created.
 */
static inline size_t mrv_state_size(const struct mrv_function *fn)
{
	return mrv_state_bytes(fn);
}

static inline int mrv_save_with(struct mrv_function *fn, void *state, size_t size, bool detach)
{
	struct mrv_state h;
	int ret;

	if (mrv_shape_changes(&fn->shape))
		return -EOPNOTSUPP;
	if (size < mrv_state_bytes(fn))
		return -EINVAL;
	memset(&h, 0, sizeof(h));
	h.magic = MRV_STATE_MAGIC;
	h.version = MRV_STATE_VERSION;
	h.size = mrv_state_bytes(fn);
	h.msix_vectors = fn->shape.msix_vectors;
	h.msi_vectors = fn->shape.msi_vectors;
	h.msi_flags = fn->shape.msi_flags;
	pthread_mutex_lock(&fn->lock);
	if (fn->fd >= 0)
		ret = mrv_kernel_save(fn, state, &h, detach);
	else
		ret = mrv_user_save(fn, state, &h, detach);
	if (!ret && fn->no_intx)
		h.command |= MRV_COMMAND_NO_INTX;
	pthread_mutex_unlock(&fn->lock);
	if (!ret)
		memcpy(state, &h, sizeof(h));
	return ret;
}

/**
 * mrv_save() - save the state of a stopped function
 * @fn: the function
 * @state: filled in, at any address
 * @size: room there, at least mrv_state_size()
 *
 * The state is one piece of bytes without pointers, and names its version.  Either backend
 * restores it.  It has the registers and the Pending bits, but no places and no eventfds.
 *
 * Return: 0, or -errno: -EBUSY if the function runs, -EINVAL if @size is too small,
 * -EOPNOTSUPP if the function's vectors come and go, or it has a message store: save
 * it by MSI_ROUTE_SAVE.
 */
static inline int mrv_save(struct mrv_function *fn, void *state, size_t size)
{
	return mrv_save_with(fn, state, size, false);
}

/**
 * mrv_restore() - restore the state of a stopped function
 * @fn: the function, created in the shape of the saved one
 * @state: the state, from wherever: it is checked as a whole
 * @size: bytes there
 *
 * Attach eventfds, and call mrv_placed(), afterwards; then mrv_run().
 *
 * Return: 0, or -errno: -EBUSY if the function runs; -EINVAL if these are no registers of
 * such a function; -EOPNOTSUPP if the state is of another version; -ENOMEM.  After an error
 * nothing has changed.
 */
static inline int mrv_restore(struct mrv_function *fn, const void *state, size_t size)
{
	void *bytes = (void *)(unsigned long)state;
	struct mrv_state h;
	int ret = mrv_state_check(fn, bytes, size, &h);

	if (ret)
		return ret;
	pthread_mutex_lock(&fn->lock);
	if (fn->fd >= 0)
		ret = mrv_kernel_restore(fn, bytes, &h);
	else
		ret = mrv_user_restore(fn, bytes, &h);
	if (!ret) {
		__atomic_store_n(&fn->no_intx, (h.command & MRV_COMMAND_NO_INTX) != 0,
				 __ATOMIC_SEQ_CST);
		mrv_look_at_enable(fn);
	}
	pthread_mutex_unlock(&fn->lock);
	return ret;
}

/**
 * mrv_hand_over() - the old process's end of a live update
 * @fn: the function, which may run
 * @state: filled in, as by mrv_save()
 * @size: room there
 *
 * Stops the function, detaches all eventfds and saves.  Devices may signal meanwhile: each
 * signal is in the state or stays in the eventfd.  Pass both on, and call mrv_destroy().
 *
 * Return: 0 or -errno as mrv_save().
 */
static inline int mrv_hand_over(struct mrv_function *fn, void *state, size_t size)
{
	int ret = mrv_shape_changes(&fn->shape) ? -EOPNOTSUPP : 0;

	if (!ret)
		ret = size < mrv_state_bytes(fn) ? -EINVAL : mrv_stop(fn);
	return ret ? ret : mrv_save_with(fn, state, size, true);
}

/**
 * mrv_take_over() - the new process's end of a live update
 * @fn: the function, as mrv_create() made it in the new process
 * @state: what mrv_hand_over() saved
 * @size: bytes there
 *
 * Stops the function and restores.  Then attach the eventfds that the old process passed on,
 * call mrv_placed(), and last mrv_run().
 *
 * Return: 0 or -errno as mrv_restore().
 */
static inline int mrv_take_over(struct mrv_function *fn, const void *state, size_t size)
{
	int ret = mrv_stop(fn);

	return ret ? ret : mrv_restore(fn, state, size);
}

/* ---- jails ---- */

/*
 * What a seccomp filter must let through: MRV_KERNEL_IOCTLS or MRV_USER_IOCTLS by ioctl(), or
 * both if one binary runs on either host, and MRV_SYSCALLS by name.  Each calls X for each
 * of its elements, so that a program can make its own table of them.
 */
#define MRV_KERNEL_IOCTLS(X) \
	X(MSI_ROUTE_QUERY) X(MSI_ROUTE_CREATE) X(MSI_ROUTE_READ) X(MSI_ROUTE_WRITE) \
	X(MSI_ROUTE_TRIGGER) X(MSI_ROUTE_CLEAR_PENDING) X(MSI_ROUTE_SET_EVENTFD) \
	X(MSI_ROUTE_SET_BUS_MASTER) X(MSI_ROUTE_RESET) X(MSI_ROUTE_MAP) X(MSI_ROUTE_SET_RUN) \
	X(MSI_ROUTE_SAVE) X(MSI_ROUTE_RESTORE) \
	X(KVM_CHECK_EXTENSION) X(KVM_GET_IRQCHIP) X(KVM_SET_GSI_ROUTING)

#define MRV_USER_IOCTLS(X) \
	X(KVM_CHECK_EXTENSION) X(KVM_GET_IRQCHIP) X(KVM_SET_GSI_ROUTING) X(KVM_IRQFD) \
	X(KVM_SIGNAL_MSI)

/* C's library needs the last ones for memory and locks; open() is openat. */
#define MRV_SYSCALLS(X) \
	X(ioctl) X(openat) X(close) X(read) X(poll) X(eventfd2) X(epoll_create1) X(epoll_ctl) \
	X(futex) X(brk) X(mmap) X(munmap) X(mremap) X(mprotect) X(madvise) X(sched_getaffinity)

#endif /* _MSI_ROUTE_VMM_EVENTS_H */
