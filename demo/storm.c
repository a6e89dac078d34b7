// SPDX-License-Identifier: GPL-2.0
/*
 * The storm, in the guest: for each disk some threads that read, write and
 * compare, past the page cache, and one that moves the disk's interrupt
 * between CPU 0 and CPU 1. Its last lines are name.key=value.
 *
 *	storm [OPTION=VALUE...] NAME:DEVICE:IRQ:THREADS...
 *
 * A move is what the tracepoint irq_vectors:vector_config says, not a write of
 * the affinity: the kernel moves an interrupt when it next arrives, and not
 * again before one has arrived at the new place. The next move is asked for as
 * soon as this is so; asking earlier would only take the last one back.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"

#define MAX_DISKS	4
#define MAX_THREADS	16
#define MAX_CPUS	64
#define TICK_MS		100

/* More than this in flight, and the request's interrupt is taken for lost. */
static unsigned int patience_ms = 10000;
static unsigned int seconds = 60, pause_us = 500;
static unsigned long long target = 1500, seed = 1;
static const char *out = ".", *progress = "/dev/null";

struct disk;

struct worker {
	struct disk *disk;
	unsigned int index;
	pthread_t thread;
	/* Odd while a request is in flight. */
	atomic_ulong request;
	atomic_int finished;
	unsigned long reads, writes, wrong, errors;
	/* The main thread's view of the request in flight. */
	unsigned long seen;
	unsigned int age;
};

struct disk {
	char *name, *device;
	int irq, fd;
	unsigned int threads;
	uint64_t blocks;
	uint32_t *writes;
	int move_fd[MAX_CPUS];
	atomic_int stop;
	atomic_ulong seen_moves;
	pthread_t mover;
	unsigned long affinity_writes, moves, lost, oldest;
	double took;
	struct worker worker[MAX_THREADS];
};

static struct disk disks[MAX_DISKS];
static int ndisks, ncpus;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static unsigned long long tracepoint_id(const char *name)
{
	char path[128];
	unsigned long long id;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &id) != 1)
		err(2, "%s", path);
	fclose(f);
	return id;
}

static void count_moves(struct disk *d)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = tracepoint_id("irq_vectors/vector_config"),
	};
	char filter[32];

	snprintf(filter, sizeof(filter), "irq==%d", d->irq);
	for (int cpu = 0; cpu < ncpus; cpu++) {
		d->move_fd[cpu] = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);
		if (d->move_fd[cpu] < 0 ||
		    ioctl(d->move_fd[cpu], PERF_EVENT_IOC_SET_FILTER, filter))
			err(2, "counting irq_vectors:vector_config");
	}
}

static unsigned long moves(struct disk *d)
{
	unsigned long sum = 0;
	uint64_t count;

	for (int cpu = 0; cpu < ncpus; cpu++) {
		if (read(d->move_fd[cpu], &count, sizeof(count)) != sizeof(count))
			err(2, "reading a counter");
		sum += count;
	}
	return sum;
}

static int open_irq(struct disk *d, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/irq/%d/%s", d->irq, name);
	fd = open(path, flags);
	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

/* Requests of a disk that came to their end. */
static unsigned long ended(struct disk *d)
{
	unsigned long sum = 0;

	for (unsigned int i = 0; i < d->threads; i++)
		sum += atomic_load(&d->worker[i].request) / 2;
	return sum;
}

static void *mover(void *arg)
{
	struct disk *d = arg;
	int ask = open_irq(d, "smp_affinity", O_WRONLY);
	int see = open_irq(d, "effective_affinity", O_RDONLY);
	/* Two CPUs: the masks are one digit. */
	char mask = '2', is[32];
	unsigned long before;

	while (!atomic_load(&d->stop)) {
		if (write(ask, &mask, 1) != 1)
			err(2, "the affinity of interrupt %d", d->irq);
		d->affinity_writes++;
		do {
			usleep(pause_us);
			if (pread(see, is, sizeof(is), 0) < 2)
				err(2, "the affinity of interrupt %d", d->irq);
		} while (is[0] != mask && !atomic_load(&d->stop));
		atomic_fetch_add(&d->seen_moves, 1);
		before = ended(d);
		while (ended(d) == before && !atomic_load(&d->stop))
			usleep(pause_us);
		mask = mask == '1' ? '2' : '1';
	}
	close(ask);
	close(see);
	return NULL;
}

/* The lower half of a disk is only read, the upper half written as well. */
static void one_request(struct worker *w, struct block *b, uint64_t random)
{
	struct disk *d = w->disk;
	uint64_t half = d->blocks / 2, number;
	uint32_t generation;
	ssize_t done;
	int is_write = 0;

	if (random & 1) {
		number = (random >> 8) % half;
	} else {
		/* Blocks of this thread's own: no one else writes them. */
		number = half + (random >> 8) % (half / d->threads) * d->threads + w->index;
		is_write = random & 2;
	}
	generation = d->writes[number];
	if (is_write)
		pattern_fill(b, seed, number, ++generation);

	atomic_fetch_add(&w->request, 1);
	if (is_write)
		done = pwrite(d->fd, b, BLOCK, number * BLOCK);
	else
		done = pread(d->fd, b, BLOCK, number * BLOCK);
	atomic_fetch_add(&w->request, 1);

	if (done != BLOCK) {
		w->errors++;
	} else if (is_write) {
		d->writes[number] = generation;
		w->writes++;
	} else {
		w->reads++;
		w->wrong += !pattern_holds(b, seed, number, generation);
	}
}

static void *worker(void *arg)
{
	struct worker *w = arg;
	uint64_t random = mix(seed + w->index + w->disk->irq * 1000);
	struct block *b;

	if (posix_memalign((void **)&b, BLOCK, BLOCK))
		err(2, "memory");
	while (!atomic_load(&w->disk->stop)) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		one_request(w, b, random >> 16);
	}
	free(b);
	atomic_store(&w->finished, 1);
	return NULL;
}

/*
 * Ages in ticks of this thread, not of a clock: where the whole guest stood
 * still for a while, no request is late.
 */
static void watch(struct disk *d)
{
	for (unsigned int i = 0; i < d->threads; i++) {
		struct worker *w = &d->worker[i];
		unsigned long request = atomic_load(&w->request);

		if (!(request & 1) || request != w->seen) {
			w->seen = request;
			w->age = 0;
			continue;
		}
		w->age += TICK_MS;
		if (w->age > d->oldest)
			d->oldest = w->age;
		if (w->age == patience_ms) {
			d->lost++;
			printf("storm: %s: a request waits for %u s\n", d->name,
			       patience_ms / 1000);
		}
	}
}

static unsigned int unfinished(struct disk *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->threads; i++)
		n += !atomic_load(&d->worker[i].finished);
	return n;
}

/* Everything that was written, once more. */
static unsigned long reread(struct disk *d)
{
	const unsigned int run = 64;
	unsigned long wrong = 0;
	struct block *b;

	if (posix_memalign((void **)&b, BLOCK, run * BLOCK))
		err(2, "memory");
	for (uint64_t n = d->blocks / 2; n + run <= d->blocks; n += run) {
		if (pread(d->fd, b, run * BLOCK, n * BLOCK) != run * BLOCK) {
			wrong += run;
			continue;
		}
		for (unsigned int i = 0; i < run; i++)
			wrong += !pattern_holds(&b[i], seed, n + i, d->writes[n + i]);
	}
	free(b);
	return wrong;
}

static void write_ledger(struct disk *d)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/ledger.%s", out, d->name);
	f = fopen(path, "w");
	if (!f || fwrite(d->writes, sizeof(*d->writes), d->blocks, f) != d->blocks ||
	    fclose(f))
		err(2, "%s", path);
}

static void report(struct disk *d)
{
	unsigned long reads = 0, writes = 0, wrong = 0, errors = 0;
	unsigned int left = unfinished(d);

	for (unsigned int i = 0; i < d->threads; i++) {
		struct worker *w = &d->worker[i];

		reads += w->reads;
		writes += w->writes;
		wrong += w->wrong;
		errors += w->errors;
	}
	printf("%s.irq=%d\n%s.moves=%lu\n%s.affinity_writes=%lu\n", d->name, d->irq,
	       d->name, d->moves, d->name, d->affinity_writes);
	printf("%s.reads=%lu\n%s.writes=%lu\n%s.errors=%lu\n", d->name, reads,
	       d->name, writes, d->name, errors);
	printf("%s.late=%lu\n%s.oldest_ms=%lu\n%s.unfinished=%u\n", d->name, d->lost,
	       d->name, d->oldest, d->name, left);
	printf("%s.seconds=%.2f\n", d->name, d->took);
	fflush(stdout);
	/* A hung disk would hang this thread, too. */
	if (!left) {
		wrong += reread(d);
		write_ledger(d);
	}
	printf("%s.wrong=%lu\n", d->name, wrong);
}

static void open_disk(struct disk *d, char *spec)
{
	char *irq, *threads;

	d->name = strsep(&spec, ":");
	d->device = strsep(&spec, ":");
	irq = strsep(&spec, ":");
	threads = strsep(&spec, ":");
	if (!threads)
		errx(2, "a disk is NAME:DEVICE:IRQ:THREADS");
	d->irq = atoi(irq);
	d->threads = atoi(threads);
	if (!d->threads || d->threads > MAX_THREADS)
		errx(2, "1 to %d threads", MAX_THREADS);
	d->fd = open(d->device, O_RDWR | O_DIRECT);
	if (d->fd < 0)
		err(2, "%s", d->device);
	d->blocks = lseek(d->fd, 0, SEEK_END) / BLOCK;
	d->writes = calloc(d->blocks, sizeof(*d->writes));
	if (!d->writes || d->blocks < 1024)
		errx(2, "%s: too small", d->device);
	count_moves(d);
}

static void start(struct disk *d)
{
	for (unsigned int i = 0; i < d->threads; i++) {
		d->worker[i].disk = d;
		d->worker[i].index = i;
		if (pthread_create(&d->worker[i].thread, NULL, worker, &d->worker[i]))
			errx(2, "no thread");
	}
	if (pthread_create(&d->mover, NULL, mover, d))
		errx(2, "no thread");
}

static void option(const char *name, const char *value)
{
	if (!strcmp(name, "moves"))
		target = strtoull(value, NULL, 0);
	else if (!strcmp(name, "seconds"))
		seconds = atoi(value);
	else if (!strcmp(name, "pause"))
		pause_us = atoi(value);
	else if (!strcmp(name, "seed"))
		seed = strtoull(value, NULL, 0);
	else if (!strcmp(name, "progress"))
		progress = value;
	else if (!strcmp(name, "out"))
		out = value;
	else
		errx(2, "unknown option %s", name);
}

static void tell(double after)
{
	FILE *f = fopen(progress, "w");

	if (!f)
		err(2, "%s", progress);
	fprintf(f, "storm: %.0f s", after);
	for (int i = 0; i < ndisks; i++)
		fprintf(f, ", %s %lu", disks[i].name, atomic_load(&disks[i].seen_moves));
	fprintf(f, " moves\n");
	fclose(f);
}

static int all_finished(void)
{
	for (int i = 0; i < ndisks; i++)
		if (unfinished(&disks[i]))
			return 0;
	return 1;
}

/* One look at every disk; how many are still at it. */
static int tick(double begun)
{
	int busy = 0;

	usleep(TICK_MS * 1000);
	for (int i = 0; i < ndisks; i++) {
		struct disk *d = &disks[i];

		watch(d);
		if (atomic_load(&d->stop))
			continue;
		d->took = now() - begun;
		if (atomic_load(&d->seen_moves) >= target || d->took >= seconds)
			atomic_store(&d->stop, 1);
		else
			busy++;
	}
	return busy;
}

int main(int argc, char **argv)
{
	double begun, told, stopped;

	ncpus = sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (value) {
			*value = 0;
			option(argv[i], value + 1);
		} else if (ndisks < MAX_DISKS) {
			open_disk(&disks[ndisks++], argv[i]);
		}
	}
	if (!ndisks || ncpus > MAX_CPUS)
		errx(2, "usage: storm [OPTION=VALUE...] NAME:DEVICE:IRQ:THREADS...");

	begun = now();
	told = begun;
	for (int i = 0; i < ndisks; i++)
		start(&disks[i]);
	while (tick(begun)) {
		if (now() - told < 10)
			continue;
		told = now();
		tell(told - begun);
	}

	/* As long as a driver may take to find out that an interrupt is lost. */
	stopped = now();
	while (!all_finished() && now() - stopped < 40)
		tick(begun);
	/* A move may still come with what was in flight. */
	for (int i = 0; i < ndisks; i++) {
		if (!unfinished(&disks[i]))
			pthread_join(disks[i].mover, NULL);
		disks[i].moves = moves(&disks[i]);
		report(&disks[i]);
	}
	printf("storm.seconds=%.2f\nstorm.end=yes\n", stopped - begun);
	fflush(stdout);
	/* Threads in a request that never ends must not hold this one. */
	_exit(0);
}
