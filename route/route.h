/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vector's way from an event to the IRR, and what the files of route/ share.
 *
 * An interrupt travels
 *
 *   eventfd.c -> send.h -> vlapic.c, and by route.c if it is not sent at once,
 *
 * and a guest's write travels
 *
 *   msi_route.c or function/mmio.c -> function/access.c -> function/msix.c or msi.c
 *   -> hold.c -> route.c -> message.c.
 *
 * route/ knows nothing of PCI's registers.  It asks the capability for them through
 * its &struct mr_cap_ops.
 *
 * Locks, outermost first:
 *
 *   rq->config        mutex; eventfds, the place on the MMIO bus, what the VMM is
 *                     notified of, stop and restore, the number of vectors.  The VMM's
 *                     calls take it, and a guest's request for vectors
 *   kvm->slots_lock   KVM's mutex; the MMIO bus
 *   cap->blocks_lock  mutex; which blocks of vectors exist, and counting
 *   cap->bcast_lock   mutex; broadcasts, one at a time
 *   eventfd's wqh.lock
 *   a vector's lock   raw, interrupts off; the writers of one vector
 *   rq->lock          raw, interrupts off; the registers of the capabilities
 *   cap->hold_lock    raw, interrupts off; the list of open update holds
 *
 * Nobody waits for a sender with a raw lock held or with interrupts off.
 *
 * A caller can make others wait for rq->config and slots_lock as long as it likes: KVM
 * holds slots_lock while it copies to its caller, and the page for that may never come.
 * A vCPU that waits for such a page is in kvm->srcu, and the calls that change the bus
 * wait for it.  Therefore:
 *
 * - a task that waits for one of these locks can be killed;
 * - the close of a function waits for the VM's vCPUs only in a task with the VM's mm;
 * - no work item waits for any of them: it would hold up the work of others;
 * - no code touches user memory with rq->config held.
 */
#ifndef MR_ROUTE_H
#define MR_ROUTE_H

#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "changes.h"
#include "counters.h"
#include "message.h"
#include "vlapic.h"

struct mr_block;
struct mr_cap;
struct mr_config_access;

/*
 * The caller's memory cgroup is charged for what the caller or its guest makes grow.
 * At the limit the allocation fails and the caller gets an error.  It does not call the
 * OOM killer, which would kill a VMM for a guest's request.
 */
#define MR_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#define MR_HOLD_DEFAULT_NS	(100 * NSEC_PER_USEC)
#define MR_HOLD_MAX_NS		NSEC_PER_SEC

/* ---- vectors ---- */

struct mr_slot {
	atomic_t in_flight;	/* senders that may deliver from @snap */
	struct mr_snapshot snap;
};

/**
 * struct mr_vector - one vector of a capability, as a sender sees it
 * @live: the published one of @slot; the other one is idle
 * @slot: each snapshot is immutable while it is published or in flight
 * @block: where to find the rest
 * @messages: messages sent
 *
 * A sender that sends at once touches nothing else: one cache line, which no other
 * vector shares.
 */
struct mr_vector {
	struct mr_slot *live;
	struct mr_slot slot[2];
	struct mr_block *block;
	atomic64_t messages;
};

/**
 * struct mr_vector_cold - what writers and waiting events need of a vector
 * @lock: taken by writers, and by senders that do not send at once
 * @seq: number of snapshots published; shows a drain that it may end
 * @index: of the vector
 * @changed: marks that the VMM has not taken yet; under @lock
 * @reason: reason of the last event that was not sent at once; under @lock, except for
 *	MSI_ROUTE_REASON_UNREACHED
 * @used: the VMM was notified of the first use; under @lock
 * @held: an update hold is open; under @lock
 * @replay: the pending event could not be sent when it arrived; under @lock
 * @absent: the capability does not have this vector now; under @lock
 * @by_any: hold: the vCPU that opened it is unknown, so all must run; under @lock
 * @looks: hold: at how many more looks its vCPU must run; under @lock
 * @writer: hold: number of the vCPU that must run next, from 1; 0: none; under @lock
 * @hold_until: when the timer looks at the hold next
 * @hold_node: in cap->holds while a hold is open; under cap->hold_lock
 * @unsent: events raised minus messages sent
 * @coalesced: events that were merged into another one
 */
struct mr_vector_cold {
	raw_spinlock_t lock;
	u32 seq;
	u16 index;
	u16 writer;
	u8 changed;
	u8 reason;		/* enum msi_route_reason */
	u8 used : 1;
	u8 held : 1;
	u8 replay : 1;
	u8 absent : 1;
	u8 by_any : 1;
	u8 looks;
	ktime_t hold_until;
	struct list_head hold_node;
	atomic64_t unsent;
	atomic64_t coalesced;
};

/* Number of vectors that are made and freed together. */
#define MR_BLOCK	64

/**
 * struct mr_block - consecutive vectors
 * @cap: the capability
 * @first: index of the first one
 * @nr: number of vectors: MR_BLOCK, unless the capability has fewer
 * @vectors: @nr of them
 * @cold: the other part of each
 * @translations: of each vector, under its lock; NULL without a remapping unit
 * @entries: of each vector, under its lock; NULL except in a message store
 * @next: next block to be freed
 */
struct mr_block {
	struct mr_cap *cap;
	u32 first;
	u32 nr;
	struct mr_vector *vectors;
	struct mr_vector_cold *cold;
	struct mr_translation *translations;
	struct msi_route_entry *entries;
	struct mr_block *next;
};

/* ---- capabilities ---- */

/**
 * struct mr_cap_ops - what is special about the registers of a kind of capability
 * @message: gives the message that the registers now hold for a vector; returns whether
 *	the vector's own mask is set.  Any context, the vector's lock held
 * @store: gives a vector's entry a value; NULL if vectors have no entries.  The vector's
 *	lock held
 * @load: gives the value of entry @index, which may have no vector; NULL if vectors have
 *	no entries.  Any context, under RCU or rq->config as mr_vector_at().  The vector's
 *	lock may be held if the VMM can be notified of the kind's changes, and is not held
 *	otherwise
 * @reset: resets the capability's own registers; NULL if it has none.  rq->lock held
 * @blocked: returns why the registers now forbid the whole capability to send.  rq->lock
 *	held
 * @state: returns MSI_ROUTE_STATE_ENABLED and MSI_ROUTE_STATE_FUNCTION_MASK as the
 *	registers now are.  rq->lock held
 * @config_read: returns the dword at @reg of the capability.  @owned gets a mask of the
 *	module's bits; all others are 0.  NULL, as is @config_write, if the capability is
 *	not in configuration space.  Any context
 * @config_write: does a guest's write.  Process context, no lock held
 * @entries_in_block: the vectors' entries are in their &struct mr_block
 * @fixed: the number of vectors cannot change
 */
struct mr_cap_ops {
	bool (*message)(struct mr_vector *v, struct mr_message *raw);
	void (*store)(struct mr_vector *v, const struct msi_route_entry *e);
	void (*load)(struct mr_cap *cap, u32 index, struct msi_route_entry *e);
	void (*reset)(struct mr_cap *cap);
	enum msi_route_reason (*blocked)(const struct mr_cap *cap);
	u32 (*state)(const struct mr_cap *cap);
	u32 (*config_read)(struct mr_cap *cap, u32 reg, u32 *owned);
	void (*config_write)(struct mr_cap *cap, const struct mr_config_access *a);
	bool entries_in_block;
	bool fixed;
};

/**
 * struct mr_cap - the MSI or the MSI-X capability of a function, or its message
 *	store
 * @rq: the function, as the source of messages
 * @kind: enum msi_route_kind
 * @max: largest number of vectors; 0: the function has no such capability
 * @nr: number of vectors; changed under rq->config
 * @limit: a request for vectors is granted no more than this; under rq->config
 * @position: of its first vector in rq->changes.marked
 * @changes: bits of enum msi_route_change that the VMM can ask for; 0: the VMM makes all
 *	changes itself
 * @config_at: offset of the capability in configuration space
 * @config_size: its size there in bytes; 0: it is not there
 * @ops: what is special about its registers
 * @open: enabled, not masked as a whole, and bus master: senders may send
 * @reason: why it is not @open, or was not the last time; under rq->lock
 * @blocks: the vectors; NULL where there are none; made under rq->config, freed after
 *	an RCU grace period
 * @keep: number of @blocks that @release_work leaves alone: the holder of
 *	rq->config relies on them; under @blocks_lock
 * @blocks_lock: held to take from @blocks and to count, for a short time only
 * @release_work: frees blocks that are not needed any more
 * @dying: blocks that wait for the grace period; under @blocks_lock
 * @gone: counts of vectors that were freed; under @blocks_lock
 * @eventfds: the first eventfd attached to each vector; under rq->config
 * @pending: a bit for each vector; for MSI-X this is the PBA
 * @deferred: a bit for each vector: its broadcast is still to be sent
 * @nr_deferred: number of bits set in @deferred plus broadcasts under way, or more
 * @bcast_lock: held during a broadcast
 * @bcast_next: the vector from which @bcast_work starts to look; under @bcast_lock
 * @bcast_work: sends what was deferred
 * @hold_bound: bound of update holds; 0: no holds; under @hold_lock
 * @hold_lock: for @holds, hold_until in them, and the start of @hold_timer
 * @holds: vectors with an open hold, in the order of the looks at them
 * @hold_timer: looks at the holds, and ends them
 * @hold_pause: least wait of the timer, because no vCPU of the holds ran when it looked;
 *	under @hold_lock
 * @hold_paused: since when every run of the timer has found a vCPU that did not run;
 *	0: the last run found none; under @hold_lock
 * @count: what happened
 */
struct mr_cap {
	struct mr_requester *rq;
	u32 kind;
	u32 max;
	u32 nr;
	u32 limit;
	u32 position;
	u8 changes;
	u8 config_at;
	u8 config_size;
	bool open;
	u8 reason;		/* enum msi_route_reason */
	const struct mr_cap_ops *ops;
	struct mr_block __rcu **blocks;
	u32 keep;
	struct mutex blocks_lock;	/* taking from @blocks, @dying, @gone */
	struct work_struct release_work;
	struct mr_block *dying;
	struct mr_vector_count gone;
	struct xarray eventfds;
	unsigned long *pending;
	unsigned long *deferred;
	atomic_t nr_deferred;
	struct mutex bcast_lock;	/* a broadcast */
	u32 bcast_next;
	struct work_struct bcast_work;
	ktime_t hold_bound;
	raw_spinlock_t hold_lock;
	struct list_head holds;
	struct hrtimer hold_timer;
	u64 hold_pause;
	ktime_t hold_paused;
	struct mr_counters count;
};

/**
 * struct mr_requester - a PCI function as the source of messages
 * @vm: the virtual machine; for its fields see mr_vm_exchange()
 * @id: the requester ID, or whatever the VMM gave
 * @flags: bits of enum msi_route_create_flag
 * @bus_master: Bus Master Enable; under @lock
 * @stopped: nothing is sent, and no hold expires; changed under @lock and @config
 * @remap_all: every message needs a translation; changed under @config
 * @lock: for the registers of the capabilities
 * @config: for eventfds, place on the bus, @changes, @stopped, number of vectors
 * @changes: what the guest changed
 * @name: for people
 * @caps: by enum msi_route_kind
 *
 * This is all that route/ knows of a function.  It is the function's first member.
 */
struct mr_requester {
	struct mr_vm vm;
	u32 id;
	u32 flags;
	bool bus_master;
	bool stopped;
	bool remap_all;
	raw_spinlock_t lock;
	struct mutex config;	/* see "Locks" above */
	struct mr_changes changes;
	char name[MSI_ROUTE_NAME_SIZE];
	struct mr_cap caps[MSI_ROUTE_NR_KINDS];
};

/* From @cap on, the next one that the function has, or NULL. */
static inline struct mr_cap *mr_next_cap(struct mr_requester *rq, struct mr_cap *cap)
{
	for (; cap < rq->caps + MSI_ROUTE_NR_KINDS; cap++)
		if (cap->max)
			return cap;
	return NULL;
}

/* The capabilities that the function has. */
#define mr_for_each_cap(cap, rq)					\
	for ((cap) = mr_next_cap(rq, (rq)->caps); (cap);		\
	     (cap) = mr_next_cap(rq, (cap) + 1))

/*
 * Returns the first set bit from @from on, or @size.  Unlike find_next_bit() it reads
 * each word once, because others set and clear bits meanwhile.
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

/* Does the capability have these vectors now?  They stay while rq->config is held. */
static inline bool mr_cap_has(const struct mr_cap *cap, u32 first, u32 nr)
{
	u32 has = READ_ONCE(cap->nr);

	return nr <= has && first <= has - nr;
}

static inline u32 mr_vector_index(const struct mr_vector *v)
{
	return v->block->first + (v - v->block->vectors);
}

static inline struct mr_vector_cold *mr_cold(const struct mr_vector *v)
{
	return &v->block->cold[v - v->block->vectors];
}

/* Gives the message in the registers; returns whether the vector's own mask is set. */
static inline bool mr_vector_message(struct mr_vector *v, struct mr_message *raw)
{
	return mr_vector_cap(v)->ops->message(v, raw);
}

/* Changes of a capability that the VMM wants to know of.  If not 0, the bitmap exists. */
static inline u32 mr_changes_wanted(const struct mr_cap *cap)
{
	if (!cap->changes)
		return 0;
	/* Pairs with mr_changes_configure(). */
	return smp_load_acquire(&cap->rq->changes.wanted);
}

/* ---- updates: route.c, hold.c ---- */

/* What a write of registers does to the update hold of a vector. */
enum mr_hold {
	MR_HOLD_KEEP,
	MR_HOLD_OPEN,		/* the address changes */
	MR_HOLD_CLOSE,		/* the message is complete */
};

/* What happens to an update hold. */
enum mr_hold_change {
	MR_HOLD_OPENED,
	MR_HOLD_CLOSED,
	MR_HOLD_EXPIRED,	/* it is closed next */
};

/**
 * struct mr_update - one update of a vector: begin, change its registers, commit, end
 * @v: the vector
 * @s: its cold part
 * @old: the slot that was published before
 * @seq: number of the snapshot that the update published
 * @changes: bits of enum msi_route_change for the VMM, besides those of the mask
 * @no_notify: nothing is marked for the VMM
 * @flags: saved interrupt flags
 */
struct mr_update {
	struct mr_vector *v;
	struct mr_vector_cold *s;
	struct mr_slot *old;
	u32 seq;
	u32 changes;
	bool no_notify;
	unsigned long flags;
};

/*
 * The one place that sets up an update: nothing of an earlier one is left in it.  Each
 * field by itself, because an initializer would clear the others as well, at a cost.
 */
static inline void mr_update_init(struct mr_update *u, struct mr_vector *v)
{
	u->v = v;
	u->s = mr_cold(v);
	u->old = NULL;
	u->changes = 0;
	u->no_notify = false;
}

void mr_update_begin(struct mr_update *u, struct mr_vector *v);
bool mr_update_possible(struct mr_vector *v);
void mr_update_commit(struct mr_update *u);
void mr_update_end(struct mr_update *u);

u32 mr_hold_default(void);
void mr_hold_init(struct mr_cap *cap);
void mr_hold_destroy(struct mr_cap *cap);
void mr_hold_commit(struct mr_update *u, enum mr_hold hold);
void mr_hold_close(struct mr_vector *v);
void mr_hold_restore(struct mr_vector *v);
void mr_hold_by_any(struct mr_vector_cold *s);
bool mr_vector_held(struct mr_vector *v);
void mr_cap_close_holds(struct mr_cap *cap);
void mr_cap_set_hold(struct mr_cap *cap, ktime_t bound);
void mr_cap_freeze_holds(struct mr_cap *cap);
void mr_cap_thaw_holds(struct mr_cap *cap);

/* ---- events, the gate, broadcasts: route.c ---- */

int mr_route_init(struct mr_cap *cap);
void mr_route_destroy(struct mr_cap *cap);
u32 mr_vector_raise(struct mr_vector *v, u64 count, bool sync);
u32 mr_raise_unsent(struct mr_vector *v, u64 count, bool sync, int outcome);
int mr_not_delivered(struct mr_vector *v, const struct mr_message *msg, int reached);
void mr_keep_reason(struct mr_vector *v, enum msi_route_reason reason);
void mr_cap_opened(struct mr_cap *cap);
void mr_cap_closed(struct mr_cap *cap);
void mr_cap_sync(struct mr_cap *cap);

/* ---- what else is done to a vector: vector.c ---- */

void mr_vector_init(struct mr_vector *v, bool absent);
void mr_vector_add(struct mr_vector *v);
void mr_vector_remove(struct mr_vector *v);
bool mr_vector_clear(struct mr_vector *v);
void mr_vector_reset(struct mr_vector *v);
void mr_vector_renew(struct mr_vector *v);
void mr_vector_recompose(struct mr_vector *v);
void mr_vector_rebind(struct mr_vector *v);
int mr_vector_translate(struct mr_vector *v, const struct mr_translation *t);
void mr_vector_restore(struct mr_vector *v, const struct msi_route_entry *e,
		       bool pending, bool held);

/* ---- memory and work: block.c ---- */

/* For broadcasts and the VMM's eventfds: never waits for what a caller can hold. */
extern struct workqueue_struct *mr_wq;
/* For release_work, and what takes long to free: waits for RCU grace periods. */
extern struct workqueue_struct *mr_release_wq;

int mr_route_module_init(void);
void mr_route_module_exit(void);
struct mr_block *mr_block_alloc(u32 nr, bool remapping, bool entries);
void mr_block_free(struct mr_block *b);
struct mr_vector *mr_vector_at(const struct mr_cap *cap, u32 index);
struct mr_vector *mr_vector_find(const struct mr_cap *cap, u32 index);
void mr_cap_for_each(struct mr_cap *cap, void (*each)(struct mr_vector *v));
void mr_vector_count(const struct mr_vector *v, struct mr_vector_count *count);
void mr_block_count(const struct mr_block *b, struct mr_vector_count *count);
int mr_vectors_count(struct mr_cap *cap, struct mr_vector_count *count);

static inline u32 mr_nr_blocks(u32 nr)
{
	return DIV_ROUND_UP(nr, MR_BLOCK);
}

/* Returns NULL if the function is not behind an interrupt remapping unit. */
static inline struct mr_translation *mr_translation_of(const struct mr_vector *v)
{
	struct mr_translation *t = v->block->translations;

	return t ? &t[v - v->block->vectors] : NULL;
}

#endif /* MR_ROUTE_H */
