// SPDX-License-Identifier: GPL-2.0
/* A device: its life, its thread, its events. */
#include <err.h>
#include <poll.h>
#include <string.h>
#include <linux/virtio_config.h>
#include "vmm.h"

static int make_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		err(1, "eventfd");
	return fd;
}

void device_init(struct device *d, const struct device_kind *kind, const struct memory *memory,
		 struct mrv_vm *host, unsigned int slot)
{
	unsigned int i;
	int ret;

	d->kind = kind;
	d->memory = memory;
	d->vhost = -1;
	d->wake = make_eventfd();
	for (i = 0; i < MAX_QUEUES; i++)
		d->queue[i].kick = make_eventfd();
	pthread_mutex_init(&d->lock, NULL);
	virtio_reset(d);
	config_init(d, slot);
	ret = mrv_create(&d->function, host, d->config, slot << 3, kind->name, 0);
	if (ret)
		errx(1, "%s: %s", kind->name, strerror(-ret));
}

void device_fini(struct device *d)
{
	unsigned int i;

	mrv_destroy(&d->function);
	pthread_mutex_destroy(&d->lock);
	for (i = 0; i < MAX_QUEUES; i++)
		close(d->queue[i].kick);
	close(d->wake);
	if (d->vhost >= 0)
		close(d->vhost);
	if (d->backend >= 0)
		close(d->backend);
}

/* An event of a vector.  The guest chose the vector: there may be none. */
void device_raise(struct device *d, uint16_t vector)
{
	int outcome;

	if (vector >= d->kind->nr_vectors)
		return;
	d->raised[vector]++;
	if (mutant(NO_INTERRUPT) && d->raised[vector] % 8 == 7)
		return;
	outcome = mrv_trigger(&d->function, MSI_ROUTE_MSIX, vector);
	if (outcome >= 0 && outcome <= MSI_ROUTE_UNREACHED)
		d->outcome[vector][outcome]++;
}

/* The guest's driver did what no driver may do: the device waits for its reset. */
void device_broken(struct device *d, const char *why)
{
	if (d->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	/* Told at the end: a guest could flood what is told at once. */
	d->wrong = why;
	d->nr_wrong++;
	if (d->started && d->kind->stop)
		d->kind->stop(d);
	d->started = false;
	d->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	device_raise(d, d->config_vector);
}

/* ---- the thread ---- */

static void add(struct pollfd *p, int fd)
{
	p->fd = fd;
	p->events = POLLIN;
	p->revents = 0;
}

static void clear(struct pollfd *p)
{
	eventfd_t count;

	if (p->revents & POLLIN)
		eventfd_read(p->fd, &count);
}

/* Waits until there is something to do, and does it. */
void device_step(struct device *d, int timeout)
{
	struct pollfd p[3 + MAX_QUEUES];
	unsigned int i;

	pthread_mutex_lock(&d->lock);
	add(&p[0], d->wake);
	/* Without msi_route there may be eventfds to relay. */
	add(&p[1], mrv_poll_fd(&d->function));
	add(&p[2], d->started && d->kind->wants_input && d->kind->wants_input(d) ? d->backend : -1);
	for (i = 0; i < MAX_QUEUES; i++)
		add(&p[3 + i], d->kind->offloaded ? -1 : d->queue[i].kick);
	pthread_mutex_unlock(&d->lock);

	if (poll(p, ARRAY_SIZE(p), timeout) <= 0)
		return;
	clear(&p[0]);
	for (i = 0; i < MAX_QUEUES; i++)
		clear(&p[3 + i]);
	if (p[1].revents)
		mrv_poll(&d->function);
	pthread_mutex_lock(&d->lock);
	if (d->started && d->kind->serve)
		d->kind->serve(d);
	pthread_mutex_unlock(&d->lock);
}

static void *device_thread(void *arg)
{
	struct device *d = arg;

	while (!__atomic_load_n(&d->ending, __ATOMIC_SEQ_CST))
		device_step(d, -1);
	return NULL;
}

void device_run(struct device *d)
{
	int error = pthread_create(&d->thread, NULL, device_thread, d);

	if (error)
		errx(1, "a thread: %s", strerror(error));
}

void device_end(struct device *d)
{
	__atomic_store_n(&d->ending, true, __ATOMIC_SEQ_CST);
	eventfd_write(d->wake, 1);
	pthread_join(d->thread, NULL);
	pthread_mutex_lock(&d->lock);
	virtio_reset(d);
	pthread_mutex_unlock(&d->lock);
}
