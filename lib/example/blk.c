// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio disk on a file.  It has two queues and one vector for both, because Linux lets
 * nobody move the interrupt of a queue that has a vector of its own.
 */
#define _GNU_SOURCE
#include <err.h>
#include <string.h>
#include <sys/stat.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include "vmm.h"

#define SECTOR		512U
#define BIT(n)		(1ULL << (n))

struct request {
	struct virtio_blk_outhdr header;
	struct iovec *iov;	/* the data */
	unsigned int nr;
	size_t len;
};

/* Everything, or it has failed. */
static bool transfer(struct device *d, struct request *r, bool write)
{
	off_t at = r->header.sector * SECTOR;
	ssize_t done;

	while (r->len) {
		done = write ? pwritev(d->backend, r->iov, r->nr, at) :
			       preadv(d->backend, r->iov, r->nr, at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		r->len -= done;
		r->nr = iov_cut(r->iov, r->nr, done, r->len);
	}
	return true;
}

static bool on_disk(const struct device *d, const struct request *r)
{
	uint64_t sectors = d->capacity / SECTOR;

	if (mutant(NO_CAPACITY))
		return true;
	return !(r->len % SECTOR) && r->header.sector <= sectors &&
	       r->len / SECTOR <= sectors - r->header.sector;
}

/* Returns the status. @written: bytes of data that the guest gets. */
static uint8_t execute(struct device *d, struct request *r, bool data_in, uint32_t *written)
{
	char id[VIRTIO_BLK_ID_BYTES] = "msi_route example";
	size_t len = r->len;

	switch (r->header.type) {
	case VIRTIO_BLK_T_IN:
		if ((!data_in && len) || !on_disk(d, r) || !transfer(d, r, false))
			return VIRTIO_BLK_S_IOERR;
		*written = len;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_OUT:
		if ((data_in && len) || !on_disk(d, r) || !transfer(d, r, true))
			return VIRTIO_BLK_S_IOERR;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_FLUSH:
		return fdatasync(d->backend) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		if (data_in)
			*written = iov_write(r->iov, r->nr, 0, id, sizeof(id));
		return VIRTIO_BLK_S_OK;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* The last byte that the device may write is the status; returns false if there is none. */
static bool request(struct device *d, struct chain *c, uint32_t *written)
{
	struct iovec *in = c->iov + c->nr_out;
	size_t out_size = iov_size(c->iov, c->nr_out), in_size = iov_size(in, c->nr_in);
	struct iovec data[QUEUE_SIZE];
	struct request r = { .iov = data };
	bool data_in = in_size > 1;
	uint8_t status;

	if (!in_size ||
	    iov_read(c->iov, c->nr_out, 0, &r.header, sizeof(r.header)) != sizeof(r.header))
		return false;
	memcpy(data, data_in ? in : c->iov, (data_in ? c->nr_in : c->nr_out) * sizeof(*data));
	r.len = data_in ? in_size - 1 : out_size - sizeof(r.header);
	r.nr = data_in ? iov_cut(data, c->nr_in, 0, r.len) :
			 iov_cut(data, c->nr_out, sizeof(r.header), r.len);
	*written = 0;
	status = execute(d, &r, data_in, written);
	iov_write(in, c->nr_in, in_size - 1, &status, sizeof(status));
	*written += sizeof(status);
	return true;
}

static void serve_queue(struct device *d, struct queue *q)
{
	uint32_t written;
	struct chain c;
	bool any = false;

	while (queue_pop(d, q, &c)) {
		if (!request(d, &c, &written)) {
			device_broken(d, "a request without a header or a status");
			return;
		}
		queue_push(d, q, c.head, written);
		any = true;
	}
	if (any)
		queue_interrupt(d, q);
}

static void serve(struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->kind->nr_queues; i++)
		serve_queue(d, &d->queue[i]);
}

static const struct device_kind blk = {
	.name = "blk",
	.id = 2,
	.class = 0x01,
	.nr_queues = 2,
	.nr_vectors = 2,
	.features = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_BLK_F_SEG_MAX) |
		    BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_MQ),
	.config_size = offsetof(struct virtio_blk_config, max_discard_sectors),
	.serve = serve,
};

void blk_init(struct device *d, const struct memory *memory, struct mrv_vm *host,
	      unsigned int slot, const char *file)
{
	struct virtio_blk_config config = {
		.seg_max = 126, .num_queues = blk.nr_queues,
	};
	struct stat st;

	d->backend = open(file, O_RDWR | O_CLOEXEC);
	if (d->backend < 0 || fstat(d->backend, &st))
		err(1, "%s", file);
	d->capacity = st.st_size / SECTOR * SECTOR;
	config.capacity = d->capacity / SECTOR;
	memcpy(d->device_config, &config, blk.config_size);
	device_init(d, &blk, memory, host, slot);
}
