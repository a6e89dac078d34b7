// SPDX-License-Identifier: GPL-2.0
/*
 * I/O of the tests' guest, and interrupts that move, for as long as a file is
 * there. In a guest of an emulated host a process for each block would take most of
 * the time.
 *
 *	io disk NAME DEVICE FLAG	says each wrong block, and now and then that it goes on
 *	io move FLAG LIST IRQ...	these from CPU 0 to CPU 1 and back, and those in LIST
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK		4096
/* What never changes, at the beginning; what is written, from there on */
#define SAME		24
#define WRITTEN		8
#define FIRST		512
#define PLACES		64
/* Each character that is said leaves the guest. */
#define SAY_EVERY	2
/* An interrupt is moved when it next comes: to ask more often is of no use. */
#define PAUSE_US	2000

static char same[SAME][BLOCK], block[BLOCK] __attribute__((aligned(BLOCK)));

/* A block of its own number and of that of the round */
static void fill(unsigned int *words, unsigned int number, unsigned int round)
{
	unsigned int i, x = number * 2654435761u ^ round;

	for (i = 0; i < BLOCK / sizeof(*words); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		words[i] = x;
	}
}

static void get(int fd, unsigned int number)
{
	if (pread(fd, block, BLOCK, (off_t)number * BLOCK) != BLOCK)
		err(1, "read of block %u", number);
}

static void disk(const char *name, const char *device, const char *flag)
{
	static char should[BLOCK];
	int fd = open(device, O_RDWR | O_DIRECT | O_CLOEXEC);
	unsigned int i, number, round;

	if (fd < 0)
		err(1, "%s", device);
	for (i = 0; i < SAME; i++) {
		get(fd, i);
		memcpy(same[i], block, BLOCK);
	}
	for (round = 1; !access(flag, F_OK); round++) {
		for (i = 0; i < SAME; i++) {
			get(fd, i);
			if (memcmp(block, same[i], BLOCK))
				printf("guest: %s: wrong data\n", name);
		}
		for (i = 0; i < WRITTEN; i++) {
			number = FIRST + round % PLACES * WRITTEN + i;
			fill((unsigned int *)block, number, round);
			if (pwrite(fd, block, BLOCK, (off_t)number * BLOCK) != BLOCK)
				err(1, "write of block %u", number);
		}
		for (i = 0; i < WRITTEN; i++) {
			number = FIRST + round % PLACES * WRITTEN + i;
			get(fd, number);
			fill((unsigned int *)should, number, round);
			if (memcmp(block, should, BLOCK))
				printf("guest: %s: not what was written\n", name);
		}
		if (round % SAY_EVERY == 0)
			printf("guest: %s %u\n", name, round);
	}
	close(fd);
}

static void move_one(const char *irq, int cpu)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/irq/%s/smp_affinity", irq);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;		/* unplugged */
	if (write(fd, cpu ? "2" : "1", 1) < 0)
		warn("%s", path);
	close(fd);
}

static void move(const char *flag, const char *list, char **irqs)
{
	char irq[16];
	FILE *more;
	int cpu, i;

	for (cpu = 0; !access(flag, F_OK); cpu ^= 1) {
		for (i = 0; irqs[i]; i++)
			move_one(irqs[i], cpu);
		more = fopen(list, "re");
		while (more && fscanf(more, "%15s", irq) == 1)
			move_one(irq, cpu);
		if (more)
			fclose(more);
		usleep(PAUSE_US);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 5 && !strcmp(argv[1], "disk"))
		disk(argv[2], argv[3], argv[4]);
	else if (argc >= 4 && !strcmp(argv[1], "move"))
		move(argv[2], argv[3], argv + 4);
	else
		errx(2, "usage: io disk NAME DEVICE FLAG | io move FLAG LIST IRQ...");
	return 0;
}
