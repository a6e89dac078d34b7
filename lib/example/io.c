// SPDX-License-Identifier: GPL-2.0
/*
 * Verified I/O of the tests' guest, while its interrupts move; and what the host does before,
 * meanwhile and afterwards.
 *
 *	io run ROUNDS DISK INTERFACE IRQ...	in the guest, until all rounds are done
 *	io hostile RESOURCE			in the guest: any access of a BAR
 *	io fill FILE				in the host: what the guest must find
 *	io verify ROUNDS FILE			in the host: what the guest must have left
 *	io echo INTERFACE			in the host: sends the guest's frames back
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include "random.h"

#define BLOCK		4096
#define PER_ROUND	8
#define READ_ONLY	32		/* blocks at the disk's beginning */
#define PLACES		64		/* rounds write to these in turn */
#define FRAME		1024
#define TYPE		0x88b5		/* for experiments on a network */
/* An interrupt that was lost shows, and a host of emulated processors is no failure. */
#define ANSWER_MS	60000
#define PAUSE_US	2000
#define BAR_SIZE	0x8000
#define SAY_EVERY	20		/* rounds: that the guest goes on */

/* What nothing else has: of a number and a round */
static void fill(void *bytes, size_t size, uint32_t number, uint32_t round)
{
	uint32_t *words = bytes, x = (number * 2654435761u) ^ (round + 1);
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		words[i] = x;
	}
}

static bool same(const void *bytes, size_t size, uint32_t number, uint32_t round)
{
	static __thread uint8_t should[BLOCK];

	fill(should, size, number, round);
	return !memcmp(bytes, should, size);
}

static void say(const char *name, uint32_t round)
{
	if (round % SAY_EVERY == 0)
		printf("guest: %s: round %u\n", name, round);
}

/* ---- the disk ---- */

static uint8_t block[BLOCK] __attribute__((aligned(BLOCK)));

static void check(int fd, uint32_t number, uint32_t round)
{
	if (pread(fd, block, BLOCK, (off_t)number * BLOCK) != BLOCK)
		err(1, "block %u", number);
	if (!same(block, BLOCK, number, round))
		errx(1, "block %u is not that of round %u", number, round);
}

static uint32_t place(uint32_t round)
{
	return READ_ONLY + round % PLACES * PER_ROUND;
}

static void disk(const char *name, uint32_t rounds)
{
	int fd = open(name, O_RDWR | O_DIRECT | O_CLOEXEC);
	uint32_t round, i;

	if (fd < 0)
		err(1, "%s", name);
	for (round = 1; round <= rounds; round++) {
		check(fd, round % READ_ONLY, 0);
		for (i = place(round); i < place(round) + PER_ROUND; i++) {
			fill(block, BLOCK, i, round);
			if (pwrite(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
				err(1, "block %u", i);
		}
		for (i = place(round); i < place(round) + PER_ROUND; i++)
			check(fd, i, round);
		say(name, round);
	}
	if (fsync(fd))
		err(1, "fsync");
	close(fd);
}

static int prepare(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint32_t i;

	if (fd < 0)
		err(1, "%s", name);
	for (i = 0; i < READ_ONLY + PLACES * PER_ROUND; i++) {
		fill(block, BLOCK, i, 0);
		if (pwrite(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
			err(1, "%s", name);
	}
	return close(fd);
}

static int verify(const char *name, uint32_t rounds)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	uint32_t i, round, first = rounds > PLACES ? rounds - PLACES + 1 : 1;

	if (fd < 0)
		err(1, "%s", name);
	for (i = 0; i < READ_ONLY; i++)
		check(fd, i, 0);
	for (round = first; round <= rounds; round++)
		for (i = place(round); i < place(round) + PER_ROUND; i++)
			check(fd, i, round);
	return close(fd);
}

/* ---- the network ---- */

struct frame {
	struct ethhdr header;
	uint16_t unused;
	uint8_t data[FRAME];
};

static int packets(const char *interface, uint8_t *address)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(TYPE),
		.sll_ifindex = if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(TYPE));
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, interface, IFNAMSIZ - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    ioctl(fd, SIOCGIFHWADDR, &ifr))
		err(1, "%s", interface);
	memcpy(address, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	return fd;
}

/* Waits for a frame that the other end has sent. */
static bool receive(int fd, struct frame *f, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct sockaddr_ll from;
	socklen_t size;

	for (;;) {
		if (poll(&p, 1, timeout) <= 0)
			return false;
		size = sizeof(from);
		if (recvfrom(fd, f, sizeof(*f), 0, (struct sockaddr *)&from, &size) ==
		    sizeof(*f) && from.sll_pkttype != PACKET_OUTGOING)
			return true;
	}
}

static void network(const char *interface, uint32_t rounds)
{
	struct frame f, answer;
	uint32_t round;
	int fd;

	memset(&f, 0, sizeof(f));
	fd = packets(interface, f.header.h_source);
	memset(f.header.h_dest, 0xff, ETH_ALEN);
	f.header.h_proto = htons(TYPE);
	for (round = 1; round <= rounds; round++) {
		fill(f.data, FRAME, 0, round);
		if (send(fd, &f, sizeof(f), 0) != sizeof(f))
			err(1, "a frame");
		if (!receive(fd, &answer, ANSWER_MS))
			errx(1, "no answer in round %u", round);
		if (!same(answer.data, FRAME, 0, round))
			errx(1, "another answer in round %u", round);
		say(interface, round);
	}
	close(fd);
}

static int echo(const char *interface)
{
	uint8_t address[ETH_ALEN];
	int fd = packets(interface, address);
	struct frame f;

	puts("ready");
	fflush(stdout);
	while (receive(fd, &f, -1)) {
		memcpy(f.header.h_dest, f.header.h_source, ETH_ALEN);
		memcpy(f.header.h_source, address, ETH_ALEN);
		if (send(fd, &f, sizeof(f), 0) != sizeof(f))
			err(1, "%s", interface);
	}
	return 1;
}

/* ---- all of it ---- */

static pid_t start(void (*work)(const char *, uint32_t), const char *what, uint32_t rounds)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		work(what, rounds);
		printf("guest: %s: %u rounds\n", what, rounds);
		exit(0);
	}
	return pid;
}

static void move(char **irqs, int cpu)
{
	char path[64];
	int i, fd;

	for (i = 0; irqs[i]; i++) {
		snprintf(path, sizeof(path), "/proc/irq/%s/smp_affinity", irqs[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, cpu ? "2" : "1", 1) < 0)
			err(1, "%s", path);
		close(fd);
	}
}

static int run(uint32_t rounds, const char *disk_name, const char *interface, char **irqs)
{
	unsigned int left = 2, moves = 0;
	int status, bad = 0;

	start(disk, disk_name, rounds);
	start(network, interface, rounds);
	while (left) {
		move(irqs, ++moves & 1);
		usleep(PAUSE_US);
		while (left && waitpid(-1, &status, WNOHANG) > 0) {
			left--;
			bad |= status;
		}
	}
	printf("guest: %u moves\n", moves);
	return bad != 0;
}

/* ---- a guest that means harm ---- */

static void touch(volatile uint8_t *bar, uint32_t at, unsigned int size, uint64_t value)
{
	switch (size) {
	case 1:
		bar[at] = value;
		value = bar[at];
		break;
	case 2:
		*(volatile uint16_t *)(bar + at) = value;
		value = *(volatile uint16_t *)(bar + at);
		break;
	case 4:
		*(volatile uint32_t *)(bar + at) = value;
		value = *(volatile uint32_t *)(bar + at);
		break;
	default:
		*(volatile uint64_t *)(bar + at) = value;
		value = *(volatile uint64_t *)(bar + at);
	}
}

/* Each size at the edges of each page, and at each byte of the first registers, then any. */
static int hostile(const char *resource)
{
	int fd = open(resource, O_RDWR | O_SYNC | O_CLOEXEC);
	volatile uint8_t *bar;
	uint32_t page, at, i;
	unsigned int size;

	if (fd < 0)
		err(1, "%s", resource);
	bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		err(1, "%s", resource);
	for (size = 1; size <= 8; size *= 2) {
		for (page = 0; page < BAR_SIZE; page += 0x1000) {
			for (at = 0; at < 0x48; at++)
				touch(bar, page + at, size, next_random());
			/* Across the edge of a page, too */
			for (at = 0x1000 - 9; at < 0x1000; at++)
				if (page + at + size <= BAR_SIZE)
					touch(bar, page + at, size, next_random());
		}
	}
	for (i = 0; i < 5000; i++) {
		size = 1U << next_random() % 4;
		touch(bar, next_random() % (BAR_SIZE - 8), size, next_random());
		touch(bar, next_random() % 0x38, size, next_random());
	}
	printf("guest: %s: survived\n", resource);
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc >= 6 && !strcmp(argv[1], "run"))
		return run(strtoul(argv[2], NULL, 10), argv[3], argv[4], argv + 5);
	if (argc == 3 && !strcmp(argv[1], "hostile"))
		return hostile(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "fill"))
		return prepare(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "verify"))
		return verify(argv[3], strtoul(argv[2], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "echo"))
		return echo(argv[2]);
	errx(2, "see the beginning of io.c");
}
