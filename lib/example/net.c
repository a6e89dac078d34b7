// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio network interface.  At its other end is a TAP interface of the host, which vhost-net
 * may serve; or a peer in here that sends each frame back to its sender, for hosts on which the
 * VMM may not make interfaces.
 */
#define _GNU_SOURCE
#include <err.h>
#include <string.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include "vmm.h"

#define RX	0
#define TX	1
#define BIT(n)	(1ULL << (n))

/* virtio 1 has always the longer header. */
#define HEADER		sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define FRAME_MAX	(HEADER + ETH_HLEN + ETH_DATA_LEN)
#define FRAMES		64

/* Frames on their way back; those for which there is no room are lost, as on a network. */
struct echo {
	unsigned int first;
	unsigned int nr;
	struct {
		uint32_t len;
		uint8_t bytes[FRAME_MAX];
	} frame[FRAMES];
};

/* ---- the peer ---- */

static void echo_send(struct echo *e, const struct iovec *iov, unsigned int nr)
{
	uint8_t *bytes = e->frame[(e->first + e->nr) % FRAMES].bytes, sender[ETH_ALEN];
	size_t len = iov_size(iov, nr);

	if (e->nr == FRAMES || len < HEADER + ETH_HLEN || len > FRAME_MAX)
		return;
	iov_read(iov, nr, 0, bytes, len);
	memset(bytes, 0, HEADER);
	memcpy(sender, bytes + HEADER + ETH_ALEN, ETH_ALEN);
	memcpy(bytes + HEADER + ETH_ALEN, bytes + HEADER, ETH_ALEN);
	memcpy(bytes + HEADER, sender, ETH_ALEN);
	e->frame[(e->first + e->nr) % FRAMES].len = len;
	e->nr++;
}

/* A frame that the buffer has no room for is cut. */
static ssize_t echo_receive(struct echo *e, const struct iovec *iov, unsigned int nr)
{
	ssize_t len;

	if (!e->nr)
		return -1;
	len = iov_write(iov, nr, 0, e->frame[e->first].bytes, e->frame[e->first].len);
	e->first = (e->first + 1) % FRAMES;
	e->nr--;
	return len;
}

/* ---- queues ---- */

/* TAP refuses a header that makes no sense, and the frame is lost. */
static void send_frame(struct device *d, const struct iovec *iov, unsigned int nr)
{
	ssize_t ret = 0;

	if (d->echo)
		echo_send(d->echo, iov, nr);
	else
		ret = writev(d->backend, iov, nr);
	(void)ret;
}

static ssize_t receive_frame(struct device *d, const struct iovec *iov, unsigned int nr)
{
	return d->echo ? echo_receive(d->echo, iov, nr) : readv(d->backend, iov, nr);
}

static void transmit(struct device *d, struct queue *q)
{
	struct chain c;
	bool any = false;

	while (queue_pop(d, q, &c)) {
		send_frame(d, c.iov, c.nr_out);
		queue_push(d, q, c.head, 0);
		any = true;
	}
	if (any)
		queue_interrupt(d, q);
}

static void receive(struct device *d, struct queue *q)
{
	const uint16_t buffers = 1;
	struct chain c;
	bool any = false;
	ssize_t len;

	while (queue_pop(d, q, &c)) {
		len = receive_frame(d, c.iov + c.nr_out, c.nr_in);
		if (len < 0) {
			queue_unpop(q);
			break;
		}
		iov_write(c.iov + c.nr_out, c.nr_in,
			  offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers),
			  &buffers, sizeof(buffers));
		queue_push(d, q, c.head, len);
		any = true;
	}
	if (any)
		queue_interrupt(d, q);
}

static void serve(struct device *d)
{
	transmit(d, &d->queue[TX]);
	/* A broken queue stops the device. */
	if (d->started)
		receive(d, &d->queue[RX]);
}

/* A frame that comes while the guest has no buffer stays in TAP. */
static bool wants_input(struct device *d)
{
	return queue_has(d, &d->queue[RX]);
}

static void stop(struct device *d)
{
	if (d->echo)
		d->echo->nr = 0;
}

#define FEATURES	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MAC))

#define KIND \
	.name = "net", .id = 1, .class = 0x02, .nr_queues = 2, .nr_vectors = 3, \
	.features = FEATURES, \
	.config_size = offsetof(struct virtio_net_config, max_virtqueue_pairs)

static const struct device_kind net = {
	KIND, .serve = serve, .stop = stop, .wants_input = wants_input,
};

static const struct device_kind net_vhost = {
	KIND, .offloaded = true, .start = vhost_start, .stop = vhost_stop,
};

/* ---- the other end ---- */

static int tap_open(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), size = HEADER;

	if (fd < 0)
		err(1, "/dev/net/tun");
	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETVNETHDRSZ, &size) ||
	    ioctl(fd, TUNSETOFFLOAD, 0UL))
		err(1, "TAP interface %s", name);
	return fd;
}

void net_init(struct device *d, const struct memory *memory, struct mrv_vm *host,
	      unsigned int slot, const char *tap, bool vhost)
{
	static const uint8_t mac[ETH_ALEN] = { 0x52, 0x54, 0x00, 0x6d, 0x73, 0x69 };
	const struct device_kind *kind = &net;
	int kernel = -1;

	d->backend = tap ? tap_open(tap) : -1;
	if (!tap)
		d->echo = calloc(1, sizeof(*d->echo));
	if (!tap && !d->echo)
		err(1, "the network's peer");
	if (tap && vhost)
		kernel = vhost_open();
	if (kernel >= 0)
		kind = &net_vhost;
	memcpy(d->device_config, mac, sizeof(mac));
	device_init(d, kind, memory, host, slot);
	d->vhost = kernel;
}

void net_fini(struct device *d)
{
	free(d->echo);
	d->echo = NULL;
}
