/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of msi_route share.  An interrupt travels
 *
 *   trigger.c -> route.c -> vlapic.c
 *
 * and a guest's write travels
 *
 *   device.c or trap.c -> function.c -> msix.c or msi.c -> message.c -> route.c.
 *
 * Locks, outermost first:
 *
 *   fn->config        mutex; eventfds, place on the MMIO bus, what the VMM is
 *                     told of, stop and restore, the number of vectors: VMM,
 *                     and a guest that asks for vectors
 *   kvm->slots_lock   KVM's mutex; the MMIO bus
 *   cap->blocks_lock  mutex; which blocks of vectors there are, and counting
 *   cap->many_lock    mutex; broadcasts, one at a time
 *   eventfd's wqh.lock
 *   a vector's lock   raw, interrupts off; the writers of one vector
 *   fn->lock          raw, interrupts off; the registers of the capabilities
 *   cap->hold_lock    raw, interrupts off; the list of open update holds
 *
 * Nobody waits for a sender with a raw one of them held or with interrupts off.
 *
 * fn->config and slots_lock may be held for as long as a caller likes: KVM holds
 * slots_lock over a copy to its caller, whose page a server of the caller's never
 * brings.  So whoever waits for one of them can be killed, but for the last close
 * of the function, and no work item does: one function's would keep back those of
 * others.  No user memory is touched with fn->config held.
 */
#ifndef MR_H
#define MR_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rbtree_types.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "msi_route.h"

struct dentry;
struct eventfd_ctx;
struct kvm;
struct kvm_kernel_irq_routing_entry;
struct module;
struct vm_area_struct;
struct mr_block;
struct mr_cap;
struct mr_function;
struct mr_trap;
struct mr_trigger;

/*
 * Whatever a caller or his guest makes grow is charged to his memory cgroup.  At
 * its limit the allocation fails, and he is told so: the OOM killer, which would
 * kill a VMM for a guest's wish, is not called.
 */
#define MR_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#define MR_HOLD_DEFAULT_NS	(100 * NSEC_PER_USEC)
#define MR_HOLD_MAX_NS		NSEC_PER_SEC

/* ---- messages: message.c ---- */

/* What a message write transaction carries: raw in registers, or effective. */
struct mr_message {
	u32 address_lo;
	u32 address_hi;
	u32 data;
};

/*
 * What becomes of an event, decided when the message is written.  Up to
 * MR_UNTRANSLATED the event is kept in the Pending bit.
 */
enum mr_action {
	MR_MASKED,		/* the entry's own mask [9] [20] */
	MR_HELD,		/* the message is being changed */
	MR_UNTRANSLATED,	/* remappable, no translation [33] */
	MR_SEND,		/* to one target */
	MR_SEND_LOGICAL,	/* to few, or, if KVM has to search, to many */
	MR_SEND_MANY,		/* broadcast: too long for interrupts off */
	MR_DROP_ADDRESS,	/* [32] */
	MR_DROP_MODE,		/* [34] */
	MR_DROP_VECTOR,		/* [34] */
	MR_DROP_ABSENT,		/* the vector was given back just now */
	MR_NR_ACTIONS
};

#define MR_NR_DROPS	(MR_NR_ACTIONS - MR_DROP_ADDRESS)

enum msi_route_reason mr_action_reason(enum mr_action action);

static inline bool mr_silent(enum mr_action action)
{
	return action == MR_MASKED || action == MR_DROP_ABSENT;
}

struct mr_snapshot {
	struct mr_message msg;
	enum mr_action action;
};

/* What a VMM with an interrupt remapping unit made of a message. */
struct mr_translation {
	bool valid;
	struct mr_message raw;
	struct mr_message msg;
};

void mr_snapshot_compose(const struct mr_function *fn,
			 const struct mr_message *raw, bool masked,
			 const struct mr_translation *t,
			 struct mr_snapshot *snap);

/* ---- delivery: vlapic.c ---- */

typedef int (*mr_set_fn)(struct kvm_kernel_irq_routing_entry *e,
			 struct kvm *kvm, int irq_source_id, int level,
			 bool line_status);

struct mr_vm {
	struct kvm *kvm;
	struct module *vendor;	/* kvm_amd or kvm_intel, NULL if @kvm pins it */
	pid_t pid;		/* with @fd, KVM's own name of the VM in debugfs */
	int fd;
	mr_set_fn set;		/* KVM's way from an MSI into the vLAPIC */
};

int mr_vm_bind(struct mr_vm *vm, int fd);
void mr_vm_release(struct mr_vm *vm);
bool mr_vm_x2apic_format(const struct mr_vm *vm);
bool mr_vm_broadcast(const struct mr_vm *vm, const struct mr_message *msg);
bool mr_vm_logical_to_few(const struct mr_vm *vm);
int mr_vm_deliver(const struct mr_vm *vm, const struct mr_message *msg);

/* ---- the heart: route.c ---- */

struct mr_slot {
	atomic_t in_flight;	/* senders that may deliver from @snap */
	struct mr_snapshot snap;
};

/**
 * struct mr_vector - one vector of a capability, as a sender sees it
 * @live: the published one of @slot; the other is idle
 * @slot: each snapshot is immutable while it is published or in flight
 * @block: where to find the rest
 * @messages: sent
 *
 * All that a sender touches which sends at once: one cache line, and no other
 * vector's.
 */
struct mr_vector {
	struct mr_slot *live;
	struct mr_slot slot[2];
	struct mr_block *block;
	atomic64_t messages;
};

/**
 * struct mr_vector_slow - what a vector's writers need, and events that wait
 * @lock: writers, and senders that do not send at once
 * @seq: number of snapshots published; tells a drain that it has ended
 * @index: of the vector
 * @changed: marks that the VMM has not taken yet; under @lock
 * @reason: why the last event that was not sent at once was not; under @lock, but
 *	for MSI_ROUTE_REASON_UNREACHED
 * @used: the VMM was told of its first use; under @lock
 * @held: an update hold is open; under @lock
 * @latched: what is pending could not be sent when it arrived; under @lock
 * @absent: not one of the capability's vectors now; under @lock
 * @hold_until: when the hold ends at the latest
 * @hold_node: in cap->holds while a hold is open; under cap->hold_lock
 * @surplus: events raised, less messages sent
 * @coalesced: events that another one stands for
 */
struct mr_vector_slow {
	raw_spinlock_t lock;
	u32 seq;
	u32 index;
	u8 changed;
	u8 reason;		/* enum msi_route_reason */
	u8 used : 1;
	u8 held : 1;
	u8 latched : 1;
	u8 absent : 1;
	ktime_t hold_until;
	struct list_head hold_node;
	atomic64_t surplus;
	atomic64_t coalesced;
};

/* Vectors that are made, and freed, in one. */
#define MR_BLOCK	64

/**
 * struct mr_block - vectors that follow each other
 * @cap: the capability
 * @first: index of the first one
 * @nr: number of vectors: MR_BLOCK, unless the capability has fewer
 * @vectors: @nr of them
 * @slow: the other part of each
 * @translations: of each vector, under its lock; NULL without a remapping unit
 * @entries: of each vector of a message store, under its lock; else NULL
 * @next: to be freed
 */
struct mr_block {
	struct mr_cap *cap;
	u32 first;
	u32 nr;
	struct mr_vector *vectors;
	struct mr_vector_slow *slow;
	struct mr_translation *translations;
	struct msi_route_entry *entries;
	struct mr_block *next;
};

/* Events and decisions that are rare: counted for the capability. */
struct mr_counters {
	atomic64_t cleared;
	atomic64_t unreached;
	atomic64_t dropped[MR_NR_DROPS];	/* from MR_DROP_ADDRESS on */
	atomic64_t replayed;
	atomic64_t held;
	atomic64_t updates;
	atomic64_t drained;
	atomic64_t holds;
	atomic64_t holds_expired;
	atomic64_t bad_accesses;
	atomic64_t both_enabled;
	atomic64_t remappable;
};

/* What happened to vectors. */
struct mr_vector_count {
	u64 events;
	u64 messages;
	u64 coalesced;
	u32 pending;
};

/**
 * struct mr_cap - the MSI or the MSI-X capability of a function, or its message
 *	store
 * @fn: the function
 * @kind: enum msi_route_kind
 * @max: most vectors; 0: the function has no such capability
 * @nr: number of vectors; changed under fn->config
 * @limit: what requests for more are granted at most; under fn->config
 * @position: of its first vector in fn->changes.marked
 * @open: enabled, not masked as a whole, bus master: senders may send
 * @reason: why it is not @open, or was not the last time; under fn->lock
 * @blocks: the vectors, and NULL where there are none; made under fn->config,
 *	freed after an RCU grace period
 * @keep: number of @blocks that @release_work leaves alone: who has fn->config
 *	relies on them; under @blocks_lock
 * @blocks_lock: taking from @blocks, and counting; for a short time only
 * @release_work: frees blocks that are not needed any more
 * @dying: blocks that wait for the grace period; under @blocks_lock
 * @gone: what had happened to vectors that were freed; under @blocks_lock
 * @triggers: the first eventfd attached to each vector; under fn->config
 * @pending: a bit for each vector; for MSI-X this is the PBA
 * @deferred: a bit for each vector whose broadcast is to be sent
 * @nr_deferred: at least the number of bits in @deferred, and of broadcasts
 *	under way
 * @many_lock: held over a broadcast
 * @many_next: the vector from which on @many_work looks; under @many_lock
 * @many_work: sends what was deferred
 * @hold_bound: of update holds, 0: no holds; under @hold_lock
 * @hold_lock: @holds, hold_until in them, and the start of @hold_timer
 * @holds: vectors whose hold is open, the oldest first
 * @hold_timer: ends them
 * @count: what happened
 */
struct mr_cap {
	struct mr_function *fn;
	u32 kind;
	u32 max;
	u32 nr;
	u32 limit;
	u32 position;
	bool open;
	u8 reason;		/* enum msi_route_reason */
	struct mr_block __rcu **blocks;
	u32 keep;
	struct mutex blocks_lock;	/* taking from @blocks, @dying, @gone */
	struct work_struct release_work;
	struct mr_block *dying;
	struct mr_vector_count gone;
	struct xarray triggers;
	unsigned long *pending;
	unsigned long *deferred;
	atomic_t nr_deferred;
	struct mutex many_lock;		/* a broadcast */
	u32 many_next;
	struct work_struct many_work;
	ktime_t hold_bound;
	raw_spinlock_t hold_lock;
	struct list_head holds;
	struct hrtimer hold_timer;
	struct mr_counters count;
};

/*
 * The first bit that is set from @from on, or @size.  Unlike find_next_bit() for
 * bits that others set and clear meanwhile: each word is read once.
 */
static inline u32 mr_next_bit(const unsigned long *bits, u32 size, u32 from)
{
	unsigned long word;
	u32 at = from;

	while (at < size) {
		word = READ_ONCE(bits[at / BITS_PER_LONG]) >> at % BITS_PER_LONG;
		if (word)
			return min_t(u32, at + __ffs(word), size);
		at = round_down(at, BITS_PER_LONG) + BITS_PER_LONG;
	}
	return size;
}

#define mr_for_each_bit(bit, bits, size)				\
	for ((bit) = mr_next_bit(bits, size, 0); (bit) < (size);	\
	     (bit) = mr_next_bit(bits, size, (bit) + 1))

static inline struct mr_cap *mr_vector_cap(const struct mr_vector *v)
{
	return v->block->cap;
}

/* Has it these vectors now?  They stay while fn->config is held. */
static inline bool mr_cap_has(const struct mr_cap *cap, u32 first, u32 nr)
{
	u32 has = READ_ONCE(cap->nr);

	return nr <= has && first <= has - nr;
}

static inline u32 mr_vector_index(const struct mr_vector *v)
{
	return v->block->first + (v - v->block->vectors);
}

static inline struct mr_vector_slow *mr_slow(const struct mr_vector *v)
{
	return &v->block->slow[v - v->block->vectors];
}

/* What a write of registers does to the update hold of a vector. */
enum mr_hold {
	MR_HOLD_KEEP,
	MR_HOLD_OPEN,		/* the address changes */
	MR_HOLD_CLOSE,		/* the message is complete */
};

/* What becomes of an update hold. */
enum mr_hold_change {
	MR_HOLD_OPENED,
	MR_HOLD_CLOSED,
	MR_HOLD_EXPIRED,	/* and is closed next */
};

/* One update of a vector: begin, change its registers, commit, end. */
struct mr_update {
	struct mr_vector *v;
	struct mr_vector_slow *s;
	struct mr_slot *old;
	u32 seq;
	u32 changes;		/* for the VMM, besides those of the mask */
	bool quiet;		/* nothing for the VMM */
	unsigned long flags;
};

u32 mr_hold_default(void);
int mr_cap_init(struct mr_cap *cap, struct mr_function *fn, u32 kind, u32 nr,
		u32 max, unsigned long *pending);
void mr_cap_destroy(struct mr_cap *cap);
void mr_vector_init(struct mr_vector *v, bool absent);
void mr_vector_add(struct mr_vector *v);
void mr_vector_remove(struct mr_vector *v);
void mr_cap_opened(struct mr_cap *cap);
void mr_cap_closed(struct mr_cap *cap);
void mr_cap_sync(struct mr_cap *cap);
void mr_cap_close_holds(struct mr_cap *cap);
void mr_cap_set_hold(struct mr_cap *cap, ktime_t bound);
void mr_cap_freeze_holds(struct mr_cap *cap);
void mr_cap_thaw_holds(struct mr_cap *cap);

void mr_update_begin(struct mr_update *u, struct mr_vector *v);
void mr_update_commit(struct mr_update *u, enum mr_hold hold);
void mr_update_end(struct mr_update *u);

bool mr_vector_message(struct mr_vector *v, struct mr_message *raw);
void mr_vector_count(const struct mr_vector *v, struct mr_vector_count *count);
u32 mr_vector_raise(struct mr_vector *v, u64 count, bool sync);
bool mr_vector_clear(struct mr_vector *v);
void mr_vector_reset(struct mr_vector *v);
void mr_vector_renew(struct mr_vector *v);
int mr_vector_translate(struct mr_vector *v, const struct mr_translation *t);
bool mr_vector_held(struct mr_vector *v);
void mr_vector_restore(struct mr_vector *v, const struct msi_route_entry *e,
		       bool pending, bool held);

/* ---- the vectors of a capability: vectors.c ---- */

int mr_vectors_init(struct mr_cap *cap, u32 nr, u32 max);
void mr_vectors_destroy(struct mr_cap *cap);
struct mr_vector *mr_vector_at(const struct mr_cap *cap, u32 index);
struct mr_vector *mr_vector_find(const struct mr_cap *cap, u32 index);
void mr_cap_for_each(struct mr_cap *cap, void (*each)(struct mr_vector *v));
int mr_vectors_count(struct mr_cap *cap, struct mr_vector_count *count);
u32 mr_vectors_reserve(struct mr_cap *cap, u32 nr);
void mr_vectors_grow(struct mr_cap *cap, u32 nr);
void mr_vectors_shrink(struct mr_cap *cap, u32 nr);
void mr_vectors_trim(struct mr_cap *cap);
int mr_vectors_module_init(void);
void mr_vectors_module_exit(void);

/* ---- registers: msix.c, msi.c, ims.c, grant.c ---- */

/*
 * The image: what the guest sees of table and PBA, and the only copy of it.
 * User space maps it read-only.
 */
struct mr_msix {
	u16 control;		/* under fn->lock; Table Size is derived */
	u8 offset;		/* of the capability in configuration space */
	u32 table_reg;		/* Table Offset/BIR */
	u32 pba_reg;		/* PBA Offset/BIR */
	void *image;
	u32 image_size;
	u32 image_table;	/* offsets in @image */
	u32 image_pba;
};

/* The registers are under fn->lock. */
struct mr_msi {
	u8 offset;
	u8 layout;		/* enum msi_route_msi_flag */
	u16 control;
	u32 address_lo;
	u32 address_hi;
	u32 data;
	u32 mask;
	unsigned long pending;
};

/*
 * An access of configuration space, as the bus has it: one aligned dword with
 * byte enables [11].
 */
struct mr_config_access {
	u32 reg;		/* of the dword, from the capability's beginning */
	u32 lanes;		/* FFh in each byte that is accessed */
	u32 value;
};

int mr_msix_init(struct mr_function *fn, struct msi_route_create *c);
void mr_msix_destroy(struct mr_function *fn);
u32 mr_msix_space_size(const struct mr_function *fn, u32 space);
bool mr_msix_enabled(const struct mr_function *fn);
enum msi_route_reason mr_msix_shut(const struct mr_function *fn);
bool mr_msix_message(struct mr_vector *v, struct mr_message *raw);
u32 mr_msix_config_read(struct mr_function *fn, u32 reg, u32 *owned);
void mr_msix_config_write(struct mr_function *fn,
			  const struct mr_config_access *a);
void mr_msix_read(struct mr_function *fn, const struct msi_route_access *a,
		  u64 *value);
void mr_msix_write(struct mr_function *fn, const struct msi_route_access *a);
void mr_msix_set_entry(struct mr_vector *v, const struct msi_route_entry *e);
void mr_msix_store_entry(struct mr_vector *v, const struct msi_route_entry *e);
void mr_msix_get_entry(const struct mr_msix *x, u32 index,
		       struct msi_route_entry *e);
u16 mr_msix_writable_control(void);
int mr_msix_mmap(struct mr_function *fn, struct vm_area_struct *vma);

int mr_msi_init(struct mr_function *fn, struct msi_route_create *c);
void mr_msi_destroy(struct mr_function *fn);
bool mr_msi_enabled(const struct mr_function *fn);
enum msi_route_reason mr_msi_shut(const struct mr_function *fn);
u32 mr_msi_size(u8 layout);
bool mr_msi_message(struct mr_vector *v, struct mr_message *raw);
u32 mr_msi_config_read(struct mr_function *fn, u32 reg, u32 *owned);
void mr_msi_config_write(struct mr_function *fn,
			 const struct mr_config_access *a);
void mr_msi_reset(struct mr_function *fn);
int mr_msi_check_registers(const struct mr_function *fn,
			   const struct msi_route_state *s);
void mr_msi_get_registers(const struct mr_function *fn,
			  struct msi_route_state *s);
void mr_msi_set_registers(struct mr_function *fn,
			  const struct msi_route_state *s);

int mr_ims_init(struct mr_function *fn, const struct msi_route_create *c);
void mr_ims_destroy(struct mr_function *fn);
enum msi_route_reason mr_ims_shut(const struct mr_function *fn);
bool mr_ims_message(const struct mr_vector *v, struct mr_message *raw);
void mr_ims_store_entry(struct mr_vector *v, const struct msi_route_entry *e);
void mr_ims_get_entry(const struct mr_vector *v, struct msi_route_entry *e);
int mr_ims_set(struct mr_function *fn, const struct msi_route_ims_op *ops,
	       u32 nr);

/* The capability by which a driver asks for vectors; changed under fn->config. */
struct mr_grant {
	u8 offset;		/* in configuration space; 0: there is none */
	u32 request;
	u32 status;		/* enum msi_route_grant_status */
};

u32 mr_grant_config_read(const struct mr_function *fn, u32 reg, u32 *owned);
void mr_grant_config_write(struct mr_function *fn,
			   const struct mr_config_access *a);
void mr_grant_reset(struct mr_function *fn);
int mr_grant_resize(struct mr_cap *cap, struct msi_route_resize *r);

/* ---- what the VMM is told of: changes.c ---- */

/**
 * struct mr_changes - what the guest changed
 * @wanted: enum msi_route_change that the VMM asked for; not 0: @marked exists
 * @cursor: where to go on taking; under fn->config
 * @forgotten: how often all marks were forgotten; changed under fn->config
 * @told: the VMM knows that there are marks
 * @marked: vectors with changes, and the capabilities as such
 * @ctx: the eventfd, or NULL; changed under fn->config, while @work does not run
 * @work: signals it
 */
struct mr_changes {
	u32 wanted;
	u32 cursor;
	u32 forgotten;
	atomic_t told;
	unsigned long *marked;
	struct eventfd_ctx *ctx;
	struct work_struct work;
};

void mr_changes_init(struct mr_function *fn);
void mr_changes_destroy(struct mr_function *fn);
int mr_changes_choose(struct mr_function *fn, u32 changes,
		      struct eventfd_ctx **ctx);
int mr_changes_set(struct mr_function *fn, u32 changes, int fd);
u32 mr_changes_collect(struct mr_function *fn,
		       struct msi_route_vector_change *r, u32 room);
bool mr_changes_left(struct mr_function *fn);
void mr_changes_give_back(struct mr_function *fn, u32 forgotten,
			  const struct msi_route_vector_change *r);
int mr_changes_take(struct mr_function *fn, struct msi_route_get_changes *g);
void mr_changes_forget(struct mr_function *fn);
void mr_change_vector(struct mr_vector *v, u32 changes);
void mr_change_used(struct mr_vector *v, bool masked);
void mr_change_forget(struct mr_vector *v);
void mr_change_opened(struct mr_cap *cap);
void mr_change_control(struct mr_cap *cap);

/* ---- a function: function.c ---- */

struct mr_function {
	u32 id;
	u32 flags;		/* enum msi_route_create_flag */
	bool bus_master;	/* under @lock */
	bool both_enabled;	/* under @lock */
	bool stopped;		/* under @lock, and @config */
	raw_spinlock_t lock;
	struct mutex config;	/* eventfds, @trap, @changes, @stopped, restore */
	struct mr_vm vm;
	struct mr_cap msix_cap;
	struct mr_cap msi_cap;
	struct mr_cap ims_cap;
	struct mr_msix msix;
	struct mr_msi msi;
	struct mr_grant grant;
	unsigned long *ims_pending;
	struct mr_trap *trap;	/* on the MMIO bus, or NULL; under @config */
	struct mr_changes changes;
	char name[MSI_ROUTE_NAME_SIZE];	/* for people */
	u32 number;		/* for observers, as are the next ones */
	struct rb_node owned;
	refcount_t observers;
	struct completion unobserved;
	struct dentry *debugfs;
};

/*
 * What the VMM asked to be told of a capability, which the function may not have.
 * If anything, the bitmap is there.  A message store it changes itself.
 */
static inline u32 mr_changes_wanted(const struct mr_cap *cap)
{
	if (!cap->max || cap->kind == MSI_ROUTE_IMS)
		return 0;
	/* Pairs with mr_changes_choose(). */
	return smp_load_acquire(&cap->fn->changes.wanted);
}

/* Why may the function as a whole not send?  Under fn->lock. */
static inline enum msi_route_reason
mr_function_silent(const struct mr_function *fn)
{
	if (!fn->bus_master)
		return MSI_ROUTE_REASON_BUS_MASTER;
	return fn->stopped ? MSI_ROUTE_REASON_STOPPED : MSI_ROUTE_REASON_NONE;
}

/* Never waits for what a caller can hold: many_work and the VMM's eventfds. */
extern struct workqueue_struct *mr_wq;
/* Waits for grace periods: release_work. */
extern struct workqueue_struct *mr_release_wq;

int mr_function_module_init(void);
void mr_function_module_exit(void);
struct mr_function *mr_function_create(struct msi_route_create *c);
void mr_function_destroy(struct mr_function *fn);
void mr_function_shut(struct mr_function *fn);
void mr_function_gate(struct mr_function *fn);
void mr_function_sync(struct mr_function *fn);
int mr_function_access(struct mr_function *fn, struct msi_route_access *a,
		       bool write);
u32 mr_function_state(const struct mr_cap *cap);
struct mr_cap *mr_function_cap(struct mr_function *fn, u32 kind, u32 first,
			       u32 nr);
int mr_function_trigger(struct mr_function *fn, struct msi_route_trigger *t);
int mr_function_clear(struct mr_function *fn, struct msi_route_trigger *t);
int mr_function_set_entries(struct mr_cap *cap, u32 first,
			    const struct msi_route_entry *entries, u32 nr);
void mr_function_set_bus_master(struct mr_function *fn, bool enable);
void mr_function_set_hold(struct mr_function *fn, u32 bound_ns);
int mr_function_reset(struct mr_function *fn);
void mr_function_renew(struct mr_function *fn);
int mr_function_check_registers(const struct mr_function *fn,
				const struct msi_route_state *s);
void mr_function_get_registers(struct mr_function *fn,
			       struct msi_route_state *s);
void mr_function_set_registers(struct mr_function *fn,
			       const struct msi_route_state *s);
int mr_function_counters(struct mr_function *fn, struct msi_route_counters *c);

/* ---- eventfds: trigger.c ---- */

int mr_trigger_set(struct mr_cap *cap, u32 index, int fd, u32 flags);
int mr_trigger_set_many(struct mr_cap *cap, u32 first, const s32 *fds, u32 nr,
			u32 flags);
void mr_trigger_remove(struct mr_cap *cap, u32 index);
void mr_trigger_detach_all(struct mr_cap *cap);
void mr_trigger_remove_all(struct mr_cap *cap);

/* ---- in-kernel MMIO: trap.c ---- */

int mr_trap_map(struct mr_function *fn, const struct msi_route_map *m);
int mr_trap_get(struct mr_function *fn, struct msi_route_get_map *m);
void mr_trap_remove(struct mr_function *fn);

/* ---- what others than the owner see: observe.c, debugfs.c ---- */

int mr_observe_add(struct mr_function *fn);
void mr_observe_remove(struct mr_function *fn);
void mr_observe_function(struct mr_function *fn, struct msi_route_function *f);
void mr_observe_vector(struct mr_vector *v, struct msi_route_vector *d);
int mr_observe_functions(struct msi_route_get_functions *g);
int mr_observe_vectors(struct mr_function *fn, struct msi_route_get_vectors *g);
int mr_observe_counters(struct mr_function *fn, struct msi_route_counters *c);

void mr_debugfs_add(struct mr_function *fn);
void mr_debugfs_remove(struct mr_function *fn);
void mr_debugfs_module_init(void);
void mr_debugfs_module_exit(void);

/* ---- stop, save, restore: state.c ---- */

/*
 * What the pointers of a struct msi_route_state point to, of one capability.  MSI
 * has no @entries; with @nr 0 all are NULL.
 */
struct mr_state_arrays {
	u32 nr;
	struct msi_route_entry *entries;
	unsigned long *pba;
	unsigned long *held;
};

int mr_state_set_run(struct mr_function *fn, bool run);
void mr_state_get(struct mr_function *fn, struct msi_route_state *s,
		  struct mr_state_arrays *msix, struct mr_state_arrays *ims);
int mr_state_put(struct mr_function *fn, const struct msi_route_state *s,
		 const struct mr_state_arrays *msix,
		 const struct mr_state_arrays *ims);
int mr_state_save(struct mr_function *fn, struct msi_route_state *s);
int mr_state_restore(struct mr_function *fn, const struct msi_route_state *s);

#endif /* MR_H */
