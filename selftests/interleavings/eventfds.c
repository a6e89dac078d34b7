// SPDX-License-Identifier: GPL-2.0
#include "eventfds.h"

struct eventfd_ctx world_eventfd = {
	.wqh.head = { &world_eventfd.wqh.head, &world_eventfd.wqh.head },
};
struct file world_file;

static void *world_tree[WORLD_TREE];

void eventfd_signal(struct eventfd_ctx *ctx)
{
	wait_queue_entry_t *first;

	raw_spin_lock(&ctx->wqh.lock);
	ctx->count++;
	first = list_first_entry_or_null(&ctx->wqh.head, wait_queue_entry_t, entry);
	if (first)
		first->func(first, 0, 0, (void *)EPOLLIN);
	raw_spin_unlock(&ctx->wqh.lock);
}

void eventfd_ctx_do_read(struct eventfd_ctx *ctx, u64 *count)
{
	*count = ctx->count;
	ctx->count = 0;
}

int eventfd_ctx_remove_wait_queue(struct eventfd_ctx *ctx, wait_queue_entry_t *wait, u64 *count)
{
	raw_spin_lock(&ctx->wqh.lock);
	eventfd_ctx_do_read(ctx, count);
	list_del_init(&wait->entry);
	raw_spin_unlock(&ctx->wqh.lock);
	return 0;
}

void remove_wait_queue(wait_queue_head_t *wqh, wait_queue_entry_t *wait)
{
	raw_spin_lock(&wqh->lock);
	list_del_init(&wait->entry);
	raw_spin_unlock(&wqh->lock);
}

int add_wait_queue_priority_exclusive(wait_queue_head_t *wqh, wait_queue_entry_t *wait)
{
	raw_spin_lock(&wqh->lock);
	list_add(&wait->entry, &wqh->head);
	raw_spin_unlock(&wqh->lock);
	return 0;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	return world_tree[index];
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void *was = world_tree[index];

	world_tree[index] = entry;
	return was;
}

void fput(struct file *file)
{
}
