/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The fallback: vectors, their events and eventfds, in user space.  A part of
 * msi_route_vmm.h.
 *
 * All of it is under fn->lock, which is also what makes a message one instant's [28].
 * Events by mrv_trigger(), and those that a write releases, are sent by KVM_SIGNAL_MSI: they
 * are in the IRR when the call returns [26].
 *
 * An eventfd is in one of three states (enum mrv_way).  While its vector may not send, the
 * count stays in the eventfd, which is a Pending bit by itself: it is taken when somebody
 * reads the PBA, or before something changes.  So an event counts by what was true when it
 * came, and no thread has to wait for it.  While the vector may send, KVM has the eventfd as
 * an irqfd.  Before KVM gets it, its count is sent from here.  Whatever comes between the two
 * is sent by KVM.  When it is taken back, KVM waits for what is under way (that is an SRCU
 * grace period), so nothing comes after a mask [27].
 */
#ifndef _MSI_ROUTE_VMM_USER_H
#define _MSI_ROUTE_VMM_USER_H

/* The module's default, for a state that goes there. */
#define MRV_HOLD_BOUND_NS	100000

/* An EFD_SEMAPHORE gives 1 at each read, and may hold 2^64 - 2. */
#define MRV_MAX_READS		64

/* Intel SDM, "Message Address Register Format" and "Data Register Format". */
#define MRV_ADDRESS_BASE	0xfee
#define MRV_ADDRESS_LOGICAL	0x04U
#define MRV_ADDRESS_REDIRECT	0x08U
#define MRV_ADDRESS_REMAPPABLE	0x10U
#define MRV_ADDRESS_EXT_DEST	0xfe0U
#define MRV_DATA_MODE		0x700U
#define MRV_DATA_LOWEST		0x100U
#define MRV_ENTRY_MASKED	1U

/* Who has a vector's eventfds. */
enum mrv_way {
	MRV_KEPT,		/* nobody: counts stay in them */
	MRV_IRQFD,		/* KVM */
	MRV_RELAYED,		/* the VMM's loop: no route is left, or KVM refuses them */
};

struct mrv_vector {
	bool pending;
	enum mrv_way way;
	int route;			/* -1: none */
	__u32 nr_fds;
	int *fds;
};

struct mrv_user {
	int epoll;
	bool bus_master;
	bool run;
	__u32 hold_bound_ns;		/* only kept */
	__u16 msix_control;
	__u16 msi_control;
	__u32 msi_lo;
	__u32 msi_hi;
	__u32 msi_data;
	__u32 msi_mask;
	struct msi_route_entry *table;
	struct mrv_vector *vector[MRV_NR_KINDS];
};

/* ---- what the registers say ---- */

/* Vectors of MSI that are enabled, less one [5]. */
static inline __u32 mrv_user_msi_low(const struct mrv_function *fn)
{
	__u32 enabled = 1U << ((fn->user->msi_control & MRV_MSI_MME) >> 4);

	return (enabled < fn->shape.msi_vectors ? enabled : fn->shape.msi_vectors) - 1;
}

static inline __u32 mrv_user_msi_data(const struct mrv_function *fn)
{
	const struct mrv_user *u = fn->user;

	return u->msi_control & MRV_MSI_EXT_ENABLE ? u->msi_data : u->msi_data & 0xffff;
}

static inline bool mrv_user_masked(const struct mrv_function *fn, __u32 kind, __u32 i)
{
	if (kind == MSI_ROUTE_MSIX)
		return fn->user->table[i].control & MRV_ENTRY_MASKED;
	return fn->user->msi_mask >> (i & mrv_user_msi_low(fn)) & 1;
}

/* May the capability send at all?  If both are enabled, MSI-X wins [1]. */
static inline bool mrv_user_open(const struct mrv_function *fn, __u32 kind)
{
	const struct mrv_user *u = fn->user;

	if (!u->run || !u->bus_master)
		return false;
	if (kind == MSI_ROUTE_MSIX)
		return (u->msix_control & (MRV_MSIX_ENABLE | MRV_MSIX_MASK_ALL)) == MRV_MSIX_ENABLE;
	return u->msi_control & MRV_MSI_ENABLE && !(u->msix_control & MRV_MSIX_ENABLE);
}

static inline bool mrv_user_may_send(const struct mrv_function *fn, __u32 kind, __u32 i)
{
	return mrv_user_open(fn, kind) && !mrv_user_masked(fn, kind, i);
}

static inline void mrv_user_raw(const struct mrv_function *fn, __u32 kind, __u32 i,
				struct mrv_message *m)
{
	const struct mrv_user *u = fn->user;
	__u32 low;

	if (kind == MSI_ROUTE_MSIX) {
		m->address_lo = u->table[i].address_lo;
		m->address_hi = u->table[i].address_hi;
		m->data = u->table[i].data;
		return;
	}
	/* The vector's number replaces the low bits [6]. */
	low = mrv_user_msi_low(fn);
	m->address_lo = u->msi_lo;
	m->address_hi = u->msi_hi;
	m->data = (mrv_user_msi_data(fn) & ~low) | (i & low);
}

/* A physical broadcast goes to all vCPUs; KVM would print a line for some [34]. */
static inline void mrv_user_broadcast(struct mrv_message *m, bool ids_32bit)
{
	__u32 upper = ids_32bit ? m->address_hi >> 8 : 0;

	if ((m->address_lo >> 12 & 0xff) != 0xff || m->address_lo & MRV_ADDRESS_LOGICAL ||
	    (upper && upper != 0xffffff))
		return;
	m->address_lo &= ~MRV_ADDRESS_REDIRECT;
	if ((m->data & MRV_DATA_MODE) == MRV_DATA_LOWEST)
		m->data &= ~MRV_DATA_MODE;
}

/* The message as it is sent.  Returns false if it is no interrupt [32], or no legal one [34]. */
static inline bool mrv_user_message(const struct mrv_function *fn, __u32 kind, __u32 i,
				    struct mrv_message *m)
{
	bool ids_32bit = fn->vm->flags & MRV_VM_32BIT_IDS;
	__u32 mode;

	mrv_user_raw(fn, kind, i, m);
	if (fn->shape.flags & MSI_ROUTE_CREATE_EXT_DEST_ID && !m->address_hi &&
	    !(m->address_lo & MRV_ADDRESS_REMAPPABLE)) {
		m->address_hi = (m->address_lo & MRV_ADDRESS_EXT_DEST) << 3;
		m->address_lo &= ~MRV_ADDRESS_EXT_DEST;
	}
	mode = (m->data & MRV_DATA_MODE) >> 8;
	if (m->address_lo >> 20 != MRV_ADDRESS_BASE ||
	    (ids_32bit ? m->address_hi & 0xff : m->address_hi) ||
	    mode == 3 || mode == 6 || mode == 7 || (mode <= 1 && (m->data & 0xff) < 16))
		return false;
	mrv_user_broadcast(m, ids_32bit);
	return true;
}

/* ---- events ---- */

static inline int mrv_user_send(struct mrv_function *fn, __u32 kind, __u32 i)
{
	struct mrv_message m;
	struct kvm_msi msi;

	if (!mrv_user_message(fn, kind, i, &m))
		return MSI_ROUTE_DROPPED;
	memset(&msi, 0, sizeof(msi));
	msi.address_lo = m.address_lo;
	msi.address_hi = m.address_hi;
	msi.data = m.data;
	return ioctl(fn->vm->fd, KVM_SIGNAL_MSI, &msi) > 0 ? MSI_ROUTE_SENT : MSI_ROUTE_UNREACHED;
}

/* Returns the outcome. */
static inline int mrv_user_raise(struct mrv_function *fn, __u32 kind, __u32 i)
{
	struct mrv_vector *v = &fn->user->vector[kind][i];

	/* [2] */
	if (kind == MSI_ROUTE_MSI && fn->shape.flags & MSI_ROUTE_CREATE_DROP_DISABLED &&
	    !(fn->user->msi_control & MRV_MSI_ENABLE))
		return MSI_ROUTE_DROPPED;
	if (mrv_user_may_send(fn, kind, i))
		return mrv_user_send(fn, kind, i);
	if (v->pending)
		return MSI_ROUTE_COALESCED;
	v->pending = true;
	return MSI_ROUTE_PENDING;
}

/* Takes a count, without waiting. */
static inline bool mrv_eventfd_take(int fd)
{
	struct pollfd p;
	__u64 count;

	p.fd = fd;
	p.events = POLLIN;
	p.revents = 0;
	return poll(&p, 1, 0) == 1 && p.revents & POLLIN &&
	       read(fd, &count, sizeof(count)) == sizeof(count);
}

/* Raises what is in a vector's eventfds.  What is in one of them is one event. */
static inline void mrv_user_collect(struct mrv_function *fn, __u32 kind, __u32 i)
{
	struct mrv_vector *v = &fn->user->vector[kind][i];
	__u32 f, reads;

	if (v->way == MRV_IRQFD)
		return;
	for (f = 0; f < v->nr_fds; f++) {
		for (reads = 0; reads < MRV_MAX_READS && mrv_eventfd_take(v->fds[f]); reads++)
			mrv_user_raise(fn, kind, i);
	}
}

static inline void mrv_user_collect_all(struct mrv_function *fn)
{
	__u32 kind, i;

	for (kind = 0; kind < MRV_NR_KINDS; kind++)
		for (i = 0; i < mrv_vectors(fn, kind); i++)
			mrv_user_collect(fn, kind, i);
}

/* ---- who has the eventfds ---- */

static inline int mrv_irqfd(const struct mrv_function *fn, __u32 gsi, int fd, __u32 flags)
{
	struct kvm_irqfd irqfd;

	memset(&irqfd, 0, sizeof(irqfd));
	irqfd.fd = fd;
	irqfd.gsi = gsi;
	irqfd.flags = flags;
	return mrv_call(fn->vm->fd, KVM_IRQFD, &irqfd);
}

static inline int mrv_user_irqfd(struct mrv_function *fn, struct mrv_vector *v, int fd,
				 bool assign)
{
	return mrv_irqfd(fn, fn->vm->first_gsi + v->route, fd,
			 assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN);
}

/* Is it an eventfd?  KVM looks, and finds nothing to take back. */
static inline int mrv_user_is_eventfd(const struct mrv_function *fn, int fd)
{
	return mrv_irqfd(fn, ~0U, fd, KVM_IRQFD_FLAG_DEASSIGN);
}

/* Every attached eventfd is in the epoll set, so that to watch it cannot fail. */
static inline int mrv_user_watch(struct mrv_function *fn, int op, int fd, __u32 events)
{
	struct epoll_event event;

	memset(&event, 0, sizeof(event));
	event.events = events;
	return epoll_ctl(fn->user->epoll, op, fd, &event) ? -errno : 0;
}

static inline void mrv_user_keep(struct mrv_function *fn, struct mrv_vector *v)
{
	__u32 f;

	for (f = 0; f < v->nr_fds; f++) {
		if (v->way == MRV_IRQFD)
			mrv_user_irqfd(fn, v, v->fds[f], false);
		if (v->way == MRV_RELAYED)
			mrv_user_watch(fn, EPOLL_CTL_MOD, v->fds[f], 0);
	}
	v->way = MRV_KEPT;
}

static inline void mrv_user_relay(struct mrv_function *fn, struct mrv_vector *v)
{
	__u32 f;

	mrv_user_keep(fn, v);
	for (f = 0; f < v->nr_fds; f++)
		mrv_user_watch(fn, EPOLL_CTL_MOD, v->fds[f], EPOLLIN);
	v->way = MRV_RELAYED;
}

static inline void mrv_user_give(struct mrv_function *fn, struct mrv_vector *v)
{
	__u32 f;

	for (f = 0; f < v->nr_fds; f++) {
		if (!mrv_user_irqfd(fn, v, v->fds[f], true))
			continue;
		while (f--)
			mrv_user_irqfd(fn, v, v->fds[f], false);
		mrv_user_relay(fn, v);
		return;
	}
	v->way = MRV_IRQFD;
}

/* Returns true if KVM can raise the vector's events now, with this message. */
static inline bool mrv_user_direct(struct mrv_function *fn, __u32 kind, __u32 i,
				   struct mrv_message *m)
{
	const struct mrv_vector *v = &fn->user->vector[kind][i];

	return v->nr_fds && mrv_user_may_send(fn, kind, i) && mrv_user_message(fn, kind, i, m);
}

/*
 * Puts in force what the registers say of some vectors.  First nothing is sent that may not
 * be, then what was pending is.  KVM gets all new messages at once, and last the eventfds.
 */
static inline void mrv_user_update(struct mrv_function *fn, __u32 kind, __u32 first, __u32 nr)
{
	struct mrv_vm *vm = fn->vm;
	struct mrv_vector *v;
	struct mrv_message m;
	bool committed = true;
	__u32 i;

	for (i = first; i < first + nr; i++) {
		v = &fn->user->vector[kind][i];
		if (!mrv_user_direct(fn, kind, i, &m)) {
			mrv_user_keep(fn, v);
		} else if (v->route >= 0) {
			pthread_mutex_lock(&vm->lock);
			mrv_route_set(vm, v->route, &m);
			pthread_mutex_unlock(&vm->lock);
		}
	}
	pthread_mutex_lock(&vm->lock);
	if (vm->stale)
		committed = !mrv_routes_commit(vm, false);
	pthread_mutex_unlock(&vm->lock);
	for (i = first; i < first + nr; i++) {
		v = &fn->user->vector[kind][i];
		if (!mrv_user_may_send(fn, kind, i))
			continue;
		if (v->pending) {
			v->pending = false;
			mrv_user_send(fn, kind, i);
		}
		mrv_user_collect(fn, kind, i);
		if (!mrv_user_direct(fn, kind, i, &m))
			continue;
		if (v->route < 0 || !committed) {
			if (v->way != MRV_RELAYED)
				mrv_user_relay(fn, v);
		} else if (v->way == MRV_KEPT) {
			mrv_user_give(fn, v);
		}
	}
}

static inline void mrv_user_update_all(struct mrv_function *fn)
{
	__u32 kind;

	for (kind = 0; kind < MRV_NR_KINDS; kind++)
		mrv_user_update(fn, kind, 0, mrv_vectors(fn, kind));
}

/* Both kinds: the one capability's Enable matters to the other [1]. */
static inline void mrv_user_set_bus_master(struct mrv_function *fn, bool enable)
{
	mrv_user_collect_all(fn);
	fn->user->bus_master = enable;
	mrv_user_update_all(fn);
}

static inline void mrv_user_set_run(struct mrv_function *fn, bool run)
{
	mrv_user_collect_all(fn);
	fn->user->run = run;
	mrv_user_update_all(fn);
}

/* ---- eventfds ---- */

/* Where a vector has an eventfd in its list, or -1. */
static inline int mrv_user_find(const struct mrv_vector *v, int fd)
{
	__u32 f;

	for (f = 0; f < v->nr_fds; f++)
		if (v->fds[f] == fd)
			return f;
	return -1;
}

static inline bool mrv_user_elsewhere(const struct mrv_function *fn, const struct mrv_vector *v,
				      int fd)
{
	__u32 kind, i;

	for (kind = 0; kind < MRV_NR_KINDS; kind++)
		for (i = 0; i < mrv_vectors(fn, kind); i++)
			if (&fn->user->vector[kind][i] != v &&
			    mrv_user_find(&fn->user->vector[kind][i], fd) >= 0)
				return true;
	return false;
}

static inline int mrv_user_check_eventfd(struct mrv_function *fn, struct mrv_vector *v, int fd,
					 __u32 flags)
{
	int ret;

	if (fd < 0 && flags & (MSI_ROUTE_EVENTFD_ADD | MSI_ROUTE_EVENTFD_REMOVE))
		return -EBADF;
	if (fd < 0)
		return v->nr_fds ? 0 : -ENOENT;
	if (flags & MSI_ROUTE_EVENTFD_REMOVE && mrv_user_find(v, fd) >= 0)
		return 0;
	if ((!flags && v->nr_fds) ||
	    (flags & MSI_ROUTE_EVENTFD_ADD && mrv_user_find(v, fd) >= 0))
		return -EEXIST;
	ret = mrv_user_is_eventfd(fn, fd);
	if (ret)
		return ret;
	if (flags & MSI_ROUTE_EVENTFD_REMOVE)
		return -ENOENT;
	return mrv_user_elsewhere(fn, v, fd) ? -EBUSY : 0;
}

/* Takes the eventfds of a vector off its list, but for @stays; KVM has none of them. */
static inline void mrv_user_drop(struct mrv_function *fn, struct mrv_vector *v, int stays)
{
	__u32 f;

	for (f = 0; f < v->nr_fds; f++)
		if (v->fds[f] != stays)
			mrv_user_watch(fn, EPOLL_CTL_DEL, v->fds[f], 0);
	v->nr_fds = 0;
}

/* As MSI_ROUTE_SET_EVENTFD. */
static inline int mrv_user_set_eventfd(struct mrv_function *fn, __u32 kind, __u32 vector, int fd,
				       __u32 flags)
{
	struct mrv_vector *v = &fn->user->vector[kind][vector];
	bool remove = flags & MSI_ROUTE_EVENTFD_REMOVE;
	int *fds, at, ret;

	/* Room first, and a place in the epoll set, so that nothing can fail later. */
	fds = (int *)realloc(v->fds, (v->nr_fds + 1) * sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	v->fds = fds;
	mrv_user_collect(fn, kind, vector);
	ret = mrv_user_check_eventfd(fn, v, fd, flags);
	if (!ret && fd >= 0 && !remove && mrv_user_find(v, fd) < 0)
		ret = mrv_user_watch(fn, EPOLL_CTL_ADD, fd, 0);
	if (ret)
		return ret;
	mrv_user_keep(fn, v);
	mrv_user_collect(fn, kind, vector);
	if (remove) {
		at = mrv_user_find(v, fd);
		fds[at] = fds[--v->nr_fds];
		mrv_user_watch(fn, EPOLL_CTL_DEL, fd, 0);
	} else if (!(flags & MSI_ROUTE_EVENTFD_ADD)) {
		mrv_user_drop(fn, v, fd);
	}
	if (fd >= 0 && !remove)
		fds[v->nr_fds++] = fd;
	if (v->nr_fds && v->route < 0) {
		pthread_mutex_lock(&fn->vm->lock);
		v->route = mrv_route_take(fn->vm);
		pthread_mutex_unlock(&fn->vm->lock);
	}
	mrv_user_update(fn, kind, vector, 1);
	return 0;
}

/* For the last save: every count is in the state, or stays in the eventfd. */
static inline void mrv_user_detach_all(struct mrv_function *fn)
{
	__u32 kind, i;

	for (kind = 0; kind < MRV_NR_KINDS; kind++) {
		for (i = 0; i < mrv_vectors(fn, kind); i++) {
			mrv_user_keep(fn, &fn->user->vector[kind][i]);
			mrv_user_collect(fn, kind, i);
			mrv_user_drop(fn, &fn->user->vector[kind][i], -1);
		}
	}
}

/* The VMM's loop found the epoll descriptor readable. */
static inline void mrv_user_poll(struct mrv_function *fn)
{
	__u32 kind, i;

	for (kind = 0; kind < MRV_NR_KINDS; kind++)
		for (i = 0; i < mrv_vectors(fn, kind); i++)
			if (fn->user->vector[kind][i].way == MRV_RELAYED)
				mrv_user_collect(fn, kind, i);
}

#endif /* _MSI_ROUTE_VMM_USER_H */
