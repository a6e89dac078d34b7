// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of the tests' guest from one network interface to another and back, one at a
 * time, each of another length and content. A bridge or switch is between the two, not
 * the kernel.
 *
 *	frames NAME A B COUNT	that many each way
 *	frames NAME A B FLAG	for as long as the file is there
 *
 * It says each frame that does not come or is not what was sent, and how many were.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* For experiments (IEEE 802) */
#define TYPE		0x88b5
#define MOST		ETH_FRAME_LEN
#define LEAST		(ETH_ZLEN + 4)
/* An emulated host is slow now and then; no frame that comes takes as long. */
#define PATIENCE_MS	60000

struct side {
	int fd;
	unsigned char mac[ETH_ALEN];
};

static const char *name;

static void open_side(struct side *s, const char *interface)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(TYPE),
		.sll_ifindex = if_nametoindex(interface),
	};
	struct ifreq request = { 0 };

	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, sizeof(at)))
		err(1, "%s", interface);
	strncpy(request.ifr_name, interface, sizeof(request.ifr_name) - 1);
	if (ioctl(s->fd, SIOCGIFHWADDR, &request))
		err(1, "%s", interface);
	memcpy(s->mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
}

static size_t fill(unsigned char *frame, const struct side *from, const struct side *to,
		   unsigned int number)
{
	size_t length = LEAST + number * 61 % (MOST - LEAST + 1), i;
	unsigned int x = number * 2654435761u | 1;

	memcpy(frame, to->mac, ETH_ALEN);
	memcpy(frame + ETH_ALEN, from->mac, ETH_ALEN);
	frame[12] = TYPE >> 8;
	frame[13] = TYPE & 0xff;
	for (i = ETH_HLEN; i < length; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		frame[i] = x;
	}
	return length;
}

/* The interfaces go away while frames are under way: that is no fault of theirs. */
static int is_gone(void)
{
	return errno == ENODEV || errno == ENXIO || errno == ENETDOWN;
}

/* 1: it came, 0: it did not, -1: there is no way any more */
static int pass(const struct side *from, const struct side *to, unsigned int number)
{
	static unsigned char sent[MOST], came[MOST + 1];
	struct pollfd wait = { .fd = to->fd, .events = POLLIN };
	struct sockaddr_ll source;
	socklen_t size = sizeof(source);
	size_t length = fill(sent, from, to, number);
	ssize_t got;

	if (send(from->fd, sent, length, 0) != (ssize_t)length)
		return is_gone() ? -1 : 0;
	do {
		if (poll(&wait, 1, PATIENCE_MS) <= 0) {
			printf("guest: %s: frame %u did not come\n", name, number);
			return 0;
		}
		got = recvfrom(to->fd, came, sizeof(came), 0, (struct sockaddr *)&source, &size);
		if (got < 0)
			return is_gone() ? -1 : 0;
		/* What this interface sends arrives here, too. */
	} while (source.sll_pkttype == PACKET_OUTGOING);
	if ((size_t)got != length || memcmp(came, sent, length)) {
		printf("guest: %s: frame %u is not what was sent\n", name, number);
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	unsigned int number, right = 0, count;
	struct side a, b;
	const char *flag;
	int result = 1;

	if (argc != 5)
		errx(2, "usage: frames NAME A B COUNT|FLAG");
	name = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_side(&a, argv[2]);
	open_side(&b, argv[3]);
	flag = argv[4][0] == '/' ? argv[4] : NULL;
	count = flag ? 0 : strtoul(argv[4], NULL, 0) * 2;
	for (number = 0; result == 1 && (flag ? !access(flag, F_OK) : number < count); number++) {
		result = number & 1 ? pass(&b, &a, number) : pass(&a, &b, number);
		right += result == 1;
	}
	printf("guest: %s: %u frames right\n", name, right);
	return !result;
}
