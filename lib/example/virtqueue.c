// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueues.  The guest may write anything into them at any time, from another vCPU
 * too.  So each field is read once, and what was checked is what is used.
 */
#include <string.h>
#include <linux/virtio_ring.h>
#include "vmm.h"

/* One read of the guest's memory, which stays as it was read. */
#define READ_GUEST(x)	(*(const volatile __typeof__(x) *)&(x))

static struct vring_avail *available(const struct device *d, const struct queue *q)
{
	return memory_at(d->memory, q->driver, sizeof(struct vring_avail) + q->size * 2ULL);
}

static struct vring_used *used(const struct device *d, const struct queue *q)
{
	return memory_at(d->memory, q->device, sizeof(struct vring_used) +
			 q->size * sizeof(struct vring_used_elem));
}

static struct vring_desc *descriptors(const struct device *d, const struct queue *q)
{
	return memory_at(d->memory, q->desc, q->size * sizeof(struct vring_desc));
}

/* Are the rings where virtio allows them to be? */
bool queue_valid(const struct device *d, const struct queue *q)
{
	return !(q->desc % 16) && !(q->driver % 2) && !(q->device % 4) &&
	       descriptors(d, q) && available(d, q) && used(d, q);
}

/* Elements that the device has not taken; more than there is room for: the ring is broken. */
static uint16_t waiting(struct device *d, struct queue *q)
{
	uint16_t index, nr;

	if (!d->started || !q->enabled)
		return 0;
	index = __atomic_load_n(&available(d, q)->idx, __ATOMIC_ACQUIRE);
	nr = index - q->next;
	if (nr <= q->size)
		return nr;
	device_broken(d, "the available index has jumped");
	return 0;
}

bool queue_has(struct device *d, struct queue *q)
{
	return waiting(d, q) != 0;
}

/* Puts a descriptor behind those that the chain has.  Returns what is wrong, or NULL. */
static const char *add(struct device *d, struct chain *c, const struct vring_desc *desc)
{
	bool in = desc->flags & VRING_DESC_F_WRITE;
	unsigned int nr = c->nr_out + c->nr_in;
	void *place = memory_at(d->memory, desc->addr, desc->len);

	if (!place)
		return "a descriptor is not in memory";
	if (desc->flags & VRING_DESC_F_INDIRECT)
		return "an indirect descriptor, which was not negotiated";
	if (!in && c->nr_in)
		return "a descriptor to be read after one to be written";
	c->iov[nr].iov_base = place;
	c->iov[nr].iov_len = desc->len;
	if (in)
		c->nr_in++;
	else
		c->nr_out++;
	return NULL;
}

/* Returns what is wrong with the chain, or NULL. */
static const char *collect(struct device *d, struct queue *q, struct chain *c)
{
	struct vring_desc *table = descriptors(d, q), desc;
	const char *wrong;
	uint16_t next = c->head;

	do {
		if (next >= q->size)
			return "a descriptor that does not exist";
		/* A loop is longer than the queue. */
		if (c->nr_out + c->nr_in == q->size && !mutant(NO_LENGTH_OF_CHAIN))
			return "a chain without an end";
		desc.addr = READ_GUEST(table[next].addr);
		desc.len = READ_GUEST(table[next].len);
		desc.flags = READ_GUEST(table[next].flags);
		desc.next = READ_GUEST(table[next].next);
		wrong = add(d, c, &desc);
		if (wrong)
			return wrong;
		next = desc.next;
	} while (desc.flags & VRING_DESC_F_NEXT);
	/* The used ring has no more bits. */
	if (iov_size(c->iov, c->nr_out + c->nr_in) > UINT32_MAX)
		return "a chain of more than 4 GiB";
	return NULL;
}

/* Takes the next chain.  Returns false if there is none. */
bool queue_pop(struct device *d, struct queue *q, struct chain *c)
{
	const char *wrong;

	if (!waiting(d, q))
		return false;
	c->head = READ_GUEST(available(d, q)->ring[q->next % q->size]);
	c->nr_out = 0;
	c->nr_in = 0;
	wrong = collect(d, q, c);
	if (wrong) {
		device_broken(d, wrong);
		return false;
	}
	q->next++;
	return true;
}

/* The last chain was not used: it is the next one again. */
void queue_unpop(struct queue *q)
{
	q->next--;
}

/* The device has used a chain, and has written @len bytes to it. */
void queue_push(struct device *d, struct queue *q, uint16_t head, uint32_t len)
{
	struct vring_used *ring = used(d, q);
	struct vring_used_elem *element = &ring->ring[q->used % q->size];

	element->id = head;
	element->len = len;
	q->used++;
	if (!mutant(NO_USED_INDEX))
		__atomic_store_n(&ring->idx, q->used, __ATOMIC_RELEASE);
}

/* Raises the queue's event, unless the guest does not want it. */
void queue_interrupt(struct device *d, struct queue *q)
{
	/* The guest switches interrupts on, then looks at the index again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(READ_GUEST(available(d, q)->flags) & VRING_AVAIL_F_NO_INTERRUPT))
		device_raise(d, q->vector);
}
