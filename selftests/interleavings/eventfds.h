/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Eventfds, as far as route/eventfd.c uses them: a count under the lock of a queue of waiters.
 * A signal adds 1 and calls the first waiter with the lock held.  There is one, and every
 * descriptor stands for it.  The tree of a capability's eventfds is an array.
 */
#ifndef EVENTFDS_H
#define EVENTFDS_H

#include "../proofs/kernel.h"

typedef raw_spinlock_t spinlock_t;
typedef unsigned int __poll_t;

#define ENOENT			2
#define EEXIST			17
#define ENOTUNIQ		76
#define EPOLLIN			0x01
#define EPOLLHUP		0x10
#define key_to_poll(key)	((__poll_t)(unsigned long)(key))
#define spin_lock_irqsave	raw_spin_lock_irqsave
#define spin_unlock_irqrestore	raw_spin_unlock_irqrestore

struct wait_queue_entry;
struct poll_table;

typedef int (*wait_queue_func_t)(struct wait_queue_entry *wait, unsigned int mode, int sync,
				 void *key);

typedef struct wait_queue_entry {
	wait_queue_func_t func;
	struct list_head entry;
} wait_queue_entry_t;

typedef struct {
	spinlock_t lock;
	struct list_head head;
} wait_queue_head_t;

typedef struct poll_table {
	void (*queue)(struct file *file, wait_queue_head_t *wqh, struct poll_table *pt);
} poll_table;

struct eventfd_ctx {
	wait_queue_head_t wqh;
	u64 count;
};

extern struct eventfd_ctx world_eventfd;
extern struct file world_file;

#define init_poll_funcptr(pt, f)		((void)((pt)->queue = (f)))
#define init_waitqueue_func_entry(w, f)		((void)((w)->func = (f)))
#define vfs_poll(file, pt)			((pt)->queue(file, &world_eventfd.wqh, pt))
#define eventfd_fget(fd)			((void)(fd), &world_file)
#define eventfd_ctx_fileget(file)		((void)(file), &world_eventfd)
#define eventfd_ctx_put(ctx)			((void)(ctx))

/* Not used by what is explored. */
#define eventfd_ctx_fdget(fd)			((void)(fd), &world_eventfd)
#define bitmap_zalloc(nr, gfp)			kcalloc(BITS_TO_LONGS(nr), sizeof(long), gfp)
#define bitmap_free(bits)			kfree(bits)
#define clear_user(to, size)			((void)(to), (size))

void eventfd_signal(struct eventfd_ctx *ctx);
void eventfd_ctx_do_read(struct eventfd_ctx *ctx, u64 *count);
int eventfd_ctx_remove_wait_queue(struct eventfd_ctx *ctx, wait_queue_entry_t *wait, u64 *count);
void remove_wait_queue(wait_queue_head_t *wqh, wait_queue_entry_t *wait);
int add_wait_queue_priority_exclusive(wait_queue_head_t *wqh, wait_queue_entry_t *wait);

#define WORLD_TREE	2

void *xa_load(struct xarray *xa, unsigned long index);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);

#define xa_erase(xa, index)		xa_store(xa, index, NULL, 0)
#define xa_reserve(xa, index, gfp)	((void)(xa), 0)
#define xa_release(xa, index)		((void)(xa))
#define xa_destroy(xa)			((void)(xa))
#define xa_for_each(xa, index, entry) \
	for ((index) = 0; (index) < WORLD_TREE; (index)++) \
		if (((entry) = xa_load(xa, index)))

#endif /* EVENTFDS_H */
