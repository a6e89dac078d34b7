// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "explorer.h"

#define MAX_STEPS	8192
#define STACK_SIZE	(64 << 10)
#define HEAP_SIZE	(32 << 10)
/* Memory is looked at in units of as many bytes. */
#define GRANULE		4
#define MAX_RACES	(64 * EXPLORER_THREADS)

#define NONE		(-1)

static unsigned int bit(unsigned int n)
{
	return 1U << n;
}

/* ---- memory ---- */

/*
 * What the module and the scenario can write is in one section: run puts it there.  It has
 * the heap as well.
 */
#define IN_WORLD	__attribute__((section("world"), aligned(64)))
extern char __start_world[], __stop_world[];

static char heap[HEAP_SIZE] IN_WORLD;
static size_t heap_used IN_WORLD;
static bool heap_freed[HEAP_SIZE / GRANULE] IN_WORLD;

static char *saved;
static size_t world_size;

void *explorer_alloc(size_t size)
{
	size_t at = heap_used;

	/* Its size comes before it, for explorer_free(). */
	heap_used += 64 + ((size + 63) & ~63UL);
	if (heap_used > HEAP_SIZE) {
		fprintf(stderr, "the heap is too small\n");
		exit(2);
	}
	*(size_t *)&heap[at] = size;
	memset(&heap[at + 64], 0, size);
	return &heap[at + 64];
}

void explorer_free(void *p)
{
	size_t at = (char *)p - heap, size, i;

	if (!p)
		return;
	size = *(size_t *)&heap[at - 64];
	explorer_access(p, size, true, __builtin_return_address(0));
	for (i = 0; i < size; i += GRANULE)
		heap_freed[(at + i) / GRANULE] = true;
}

static bool is_freed(const void *p)
{
	size_t at = (const char *)p - heap;

	return at < HEAP_SIZE && heap_freed[at / GRANULE];
}

static void save_world(void)
{
	world_size = __stop_world - __start_world;
	free(saved);
	saved = malloc(world_size);
	memcpy(saved, __start_world, world_size);
}

static void restore_world(void)
{
	memcpy(__start_world, saved, world_size);
}

/* ---- threads, and what they do next ---- */

/* The order of two ADDs makes no difference, because neither learns the sum. */
enum kind { BEGIN, ACCESS, ADD, LOCK, TRY, UNLOCK, WAIT, SPIN, END };

struct op {
	enum kind kind;
	bool write;
	unsigned int first, nr;		/* granules */
	bool (*ready)(const void *p);
	const void *at;
	const void *where;
};

static struct thread {
	const char *name;
	void (*run)(void);
	bool daemon;
	ucontext_t context;
	struct op next;
	/* Of each thread the number of steps that it has heard of. */
	unsigned int heard[EXPLORER_THREADS];
} threads[EXPLORER_THREADS];
static char stacks[EXPLORER_THREADS][STACK_SIZE] __attribute__((aligned(64)));
static unsigned int nr_threads;
static ucontext_t main_context;
static int self = NONE;

/* Step i, and the state before it.  @enabled, @backtrack and @sleep are masks of threads. */
struct step {
	unsigned int thread, nr;	/* it is the nr'th of the thread, from 1 */
	struct op op;
	unsigned int heard[EXPLORER_THREADS];
	unsigned int ready;		/* mask of waits that could end */
	unsigned int enabled;
	unsigned int backtrack;		/* with which a run has gone on here, or has to */
	unsigned int sleep;		/* with which it need not: that was done before */
};

static struct step steps[MAX_STEPS];
static int nr_steps, nr_fixed;		/* of this run; the latter as in the run before */
static unsigned int next_sleep;

/*
 * The last step that wrote a granule, and that took it, if it is a lock; and of each thread
 * the last one since then that read it, and that added to it.
 */
struct granule {
	unsigned int run;
	int write, acquire, read[EXPLORER_THREADS], add[EXPLORER_THREADS];
};

static struct granule *granules;
static unsigned int this_run;

/*
 * Of all runs: who accesses a granule, who writes it, and whether threads share it.  If a run
 * finds one more that they share, or one more thing to wait for, all begins again.
 */
static struct user {
	unsigned char by, written;
	bool shared;
} *users;
static bool found_shared;

static enum { NO_THREADS, EXPLORING, FINISHING } mode;
static unsigned long nr_writes;		/* while FINISHING */
static const char *failure;
static jmp_buf failed;

static struct {
	unsigned long runs, waited, redundant, steps;
} count;

/* All that threads wait for. */
static struct {
	bool (*ready)(const void *p);
	const void *at;
} waits[32];
static unsigned int nr_waits;

static unsigned int wait_of(const struct op *op)
{
	unsigned int i;

	for (i = 0; i < nr_waits; i++)
		if (waits[i].ready == op->ready && waits[i].at == op->at)
			return i;
	if (nr_waits == sizeof(waits) / sizeof(waits[0])) {
		fprintf(stderr, "too much to wait for\n");
		exit(2);
	}
	waits[nr_waits].ready = op->ready;
	waits[nr_waits].at = op->at;
	found_shared = true;
	return nr_waits++;
}

static unsigned int all_ready(void)
{
	unsigned int i, mask = 0;

	for (i = 0; i < nr_waits; i++)
		if (waits[i].ready(waits[i].at))
			mask |= bit(i);
	return mask;
}

static bool is_enabled(unsigned int thread)
{
	const struct op *next = &threads[thread].next;

	switch (next->kind) {
	case LOCK:
		return !*(const int *)next->at;
	case WAIT:
		return next->ready(next->at);
	case SPIN:
	case END:
		return false;
	default:
		return true;
	}
}

static unsigned int all_enabled(void)
{
	unsigned int i, mask = 0;

	for (i = 0; i < nr_threads; i++)
		if (is_enabled(i))
			mask |= bit(i);
	return mask;
}

/* Goes on with a thread, or with NONE of them. */
static void go_on(int thread)
{
	int was = self;

	if (was == thread)
		return;
	self = thread;
	swapcontext(was == NONE ? &main_context : &threads[was].context,
		    thread == NONE ? &main_context : &threads[thread].context);
}

unsigned int explorer_self(void)
{
	return self == NONE ? 0 : self;
}

/* ---- which orders make a difference ---- */

static struct granule *granule(unsigned int i)
{
	struct granule *g = &granules[i];

	if (g->run != this_run) {
		g->run = this_run;
		g->write = g->acquire = NONE;
		memset(g->read, 0xff, sizeof(g->read));
		memset(g->add, 0xff, sizeof(g->add));
	}
	return g;
}

static bool conflict(const struct op *a, const struct op *b)
{
	if (a->kind == ADD && b->kind == ADD)
		return false;
	return (a->write || b->write) && a->first < b->first + b->nr && b->first < a->first + a->nr;
}

static bool knows(const unsigned int *heard, int step)
{
	return heard[steps[step].thread] >= steps[step].nr;
}

static void hear(unsigned int *heard, int step)
{
	unsigned int i;

	if (step == NONE)
		return;
	for (i = 0; i < nr_threads; i++)
		if (heard[i] < steps[step].heard[i])
			heard[i] = steps[step].heard[i];
}

/*
 * Step @late could come before step @early.  Some run has to begin as this one did before
 * @early, and to go on with what @late needs.  @initials are the threads with which it can go
 * on first.  If one of them is tried, or need not be, it is such a run.
 */
static void reverse(int early, int late)
{
	unsigned int initials = 0, seen = 0, i;
	struct step *at = &steps[early];
	int first[EXPLORER_THREADS], j;

	for (j = early + 1; j <= late; j++) {
		const struct step *s = &steps[j];
		bool is = true;

		if (seen & bit(s->thread) || (j != late && knows(s->heard, early)))
			continue;
		for (i = 0; i < nr_threads; i++)
			if (seen & bit(i) && knows(s->heard, first[i]))
				is = false;
		first[s->thread] = j;
		seen |= bit(s->thread);
		if (is)
			initials |= bit(s->thread);
	}
	if (initials & (at->backtrack | at->sleep))
		return;
	initials &= at->enabled;
	if (!initials)
		at->backtrack |= at->enabled;
	else if (initials & bit(steps[late].thread))
		at->backtrack |= bit(steps[late].thread);
	else
		at->backtrack |= initials & -initials;
}

/* Could step @late have come before step @early?  A wait only if that is not what ended it. */
static bool could_come_before(int early, int late)
{
	const struct op *op = &steps[late].op;

	return op->kind != WAIT || steps[early].ready & bit(wait_of(op));
}

/*
 * Step @s accesses granule @g.  Finds an earlier step that conflicts: n = 0, 1, ... counts the
 * places where one may be.  A lock could have been taken before it was taken, not before it
 * was released.
 */
static int conflicting(const struct step *s, const struct granule *g, unsigned int n)
{
	if (n < nr_threads)
		return s->op.write ? g->read[n] : NONE;
	if (n < 2 * nr_threads)
		return s->op.kind == ADD ? NONE : g->add[n - nr_threads];
	return s->op.kind == LOCK ? g->acquire : g->write;
}

/* Finds the steps that conflict with step @late, and which its thread had not heard of. */
static int find_races(int late, const unsigned int *heard, int *races)
{
	const struct step *s = &steps[late];
	unsigned int i, n;
	int nr = 0, k;

	for (i = s->op.first; i < s->op.first + s->op.nr; i++) {
		const struct granule *g = granule(i);

		for (n = 0; n <= 2 * nr_threads; n++) {
			int found = conflicting(s, g, n);

			if (found == NONE || steps[found].thread == s->thread ||
			    knows(heard, found))
				continue;
			for (k = 0; k < nr && races[k] != found; k++)
				;
			if (k == nr && nr < MAX_RACES)
				races[nr++] = found;
		}
	}
	return nr;
}

static void reverse_races(int late, const int *races, int nr)
{
	int i, j;

	for (i = 0; i < nr; i++) {
		/* If another one of them comes between, that one is reversed first. */
		for (j = 0; j < nr; j++)
			if (j != i && knows(steps[races[j]].heard, races[i]))
				break;
		if (j == nr && could_come_before(races[i], late))
			reverse(races[i], late);
	}
}

static void note_access(int step)
{
	struct step *s = &steps[step];
	unsigned int i;

	for (i = s->op.first; i < s->op.first + s->op.nr; i++) {
		struct granule *g = granule(i);

		if (!s->op.write || s->op.kind == ADD) {
			(s->op.write ? g->add : g->read)[s->thread] = step;
			continue;
		}
		g->write = step;
		memset(g->read, 0xff, sizeof(g->read));
		memset(g->add, 0xff, sizeof(g->add));
		if (s->op.kind == LOCK || (s->op.kind == TRY && !*(const int *)s->op.at))
			g->acquire = step;
	}
}

/* The thread's next step is step @step.  @is_new: no earlier run began like this one. */
static void take_step(int step, unsigned int thread, bool is_new)
{
	struct thread *t = &threads[thread];
	struct step *s = &steps[step];
	int races[MAX_RACES], nr = 0;
	unsigned int i, k;

	s->thread = thread;
	s->nr = ++t->heard[thread];
	s->op = t->next;
	s->ready = all_ready();
	if (is_new)
		nr = find_races(step, t->heard, races);
	for (i = s->op.first; i < s->op.first + s->op.nr; i++) {
		hear(t->heard, granule(i)->write);
		for (k = 0; k < 2 * nr_threads; k++)
			hear(t->heard, conflicting(s, granule(i), k));
	}
	memcpy(s->heard, t->heard, sizeof(s->heard));
	reverse_races(step, races, nr);
	note_access(step);

	next_sleep = 0;
	for (i = 0; i < nr_threads; i++)
		if (s->sleep & bit(i) && i != thread && !conflict(&threads[i].next, &s->op))
			next_sleep |= bit(i);
}

/* ---- one run ---- */

/* Chooses a thread for the next step: as long as possible the one that runs. */
static int choose(struct step *s)
{
	unsigned int can = s->enabled & ~s->sleep;

	if (!can)
		return NONE;
	if (self != NONE && can & bit(self))
		return self;
	return __builtin_ctz(can);
}

/* Goes on with any thread, or ends the run. */
static void schedule(void)
{
	struct step *s = &steps[nr_steps];
	int thread;

	if (nr_steps == MAX_STEPS) {
		failure = "a run ends";
		go_on(NONE);
	}
	if (nr_steps < nr_fixed) {
		thread = s->thread;
	} else {
		s->enabled = all_enabled();
		s->sleep = next_sleep;
		thread = choose(s);
		s->backtrack = thread == NONE ? 0 : bit(thread);
	}
	if (thread == NONE) {
		go_on(NONE);
		return;
	}
	take_step(nr_steps, thread, nr_steps >= nr_fixed - 1);
	nr_steps++;
	go_on(thread);
}

static void begin_thread(void)
{
	threads[self].run();
	threads[self].next = (struct op) { .kind = END };
	if (mode == EXPLORING)
		schedule();
	go_on(NONE);
}

static void begin_run(void)
{
	unsigned int i;

	restore_world();
	this_run++;
	nr_steps = 0;
	next_sleep = 0;
	for (i = 0; i < nr_threads; i++) {
		struct thread *t = &threads[i];

		t->next = (struct op) { .kind = BEGIN };
		memset(t->heard, 0, sizeof(t->heard));
		getcontext(&t->context);
		t->context.uc_stack.ss_sp = stacks[i];
		t->context.uc_stack.ss_size = STACK_SIZE;
		t->context.uc_link = NULL;
		makecontext(&t->context, begin_thread, 0);
	}
}

/*
 * Those that wait in loops go on.  If nobody writes anything any more, they wait for ever.
 */
static void finish_run(void)
{
	unsigned int i;
	bool moves;

	mode = FINISHING;
	do {
		moves = false;
		for (i = 0; i < nr_threads && !failure; i++) {
			unsigned long was = nr_writes;
			enum kind kind = threads[i].next.kind;

			if (kind != SPIN && !is_enabled(i))
				continue;
			go_on(i);
			moves |= nr_writes != was || threads[i].next.kind == END;
		}
	} while (moves && !failure);
}

static void check_end(void (*at_end)(void))
{
	unsigned int i;

	mode = NO_THREADS;
	for (i = 0; i < nr_threads && !failure; i++)
		if (!threads[i].daemon && threads[i].next.kind != END)
			failure = "nobody waits for ever";
	if (!failure && !setjmp(failed))
		at_end();
}

static void run_once(void (*at_end)(void))
{
	unsigned int i;
	bool waits = false;

	begin_run();
	mode = EXPLORING;
	schedule();
	count.steps += nr_steps;
	if (failure || found_shared)
		return;
	if (all_enabled()) {
		count.redundant++;
		return;
	}
	for (i = 0; i < nr_threads; i++)
		waits |= threads[i].next.kind == SPIN;
	if (waits) {
		count.waited++;
		finish_run();
	} else {
		count.runs++;
	}
	if (!failure)
		check_end(at_end);
}

/* ---- all runs ---- */

/* The newest state from which not all was tried.  Returns false if there is none. */
static bool next_run(void)
{
	while (nr_steps) {
		struct step *s = &steps[nr_steps - 1];
		unsigned int left;

		s->sleep |= bit(s->thread);
		left = s->backtrack & ~s->sleep;
		if (left) {
			s->thread = __builtin_ctz(left);
			nr_fixed = nr_steps;
			return true;
		}
		nr_steps--;
	}
	return false;
}

/* The program's own addresses, as places in the sources. */
static void print_steps(void)
{
	static char command[64 + 20 * MAX_STEPS];
	char line[256];
	size_t at;
	FILE *in;
	int i;

	at = sprintf(command, "addr2line -pfs -e /proc/%d/exe", getpid());
	for (i = 0; i < nr_steps; i++)
		at += sprintf(command + at, " %p", steps[i].op.where);
	fflush(stdout);
	in = popen(command, "r");
	for (i = 0; in && i < nr_steps && fgets(line, sizeof(line), in); i++)
		if (steps[i].op.where)
			printf("# %-12s %s", threads[steps[i].thread].name, line);
	if (in)
		pclose(in);
}

bool explorer_run(const char *scenario, void (*at_end)(void))
{
	unsigned int nr = (__stop_world - __start_world) / GRANULE;

	granules = calloc(nr, sizeof(*granules));
	users = calloc(nr, sizeof(*users));
	save_world();
	do {
		found_shared = false;
		memset(&count, 0, sizeof(count));
		nr_fixed = 0;
		do
			run_once(at_end);
		while (!failure && !found_shared && next_run());
	} while (!failure && found_shared);
	mode = NO_THREADS;
	if (failure) {
		printf("%s: refused: %s\n", scenario, failure);
		print_steps();
		return false;
	}
	printf("%s: %lu orders, and %lu with a wait; %lu cut short, %lu steps\n", scenario,
	       count.runs, count.waited, count.redundant, count.steps);
	return true;
}

unsigned long explorer_orders(void)
{
	return count.runs;
}

void explorer_thread(const char *name, void (*run)(void), bool daemon)
{
	if (nr_threads == EXPLORER_THREADS) {
		fprintf(stderr, "too many threads\n");
		exit(2);
	}
	threads[nr_threads++] = (struct thread) { .name = name, .run = run, .daemon = daemon };
}

/* ---- by threads ---- */

void explorer_fail(const char *text)
{
	failure = text;
	if (self != NONE)
		go_on(NONE);
	if (mode == NO_THREADS && saved)
		longjmp(failed, 1);
	fprintf(stderr, "before the threads begin: %s\n", text);
	exit(2);
}

/* Does anybody else access it?  If this is new, all begins again. */
static bool is_shared(const struct op *op)
{
	bool shared = false;
	unsigned int i;

	for (i = op->first; i < op->first + op->nr; i++) {
		struct user *u = &users[i];

		u->by |= bit(self);
		if (op->write)
			u->written |= bit(self);
		if (!u->shared && u->written && u->by & (u->by - 1)) {
			u->shared = true;
			found_shared = true;
		}
		shared |= u->shared;
	}
	return shared;
}

/* Announces the thread's next step; returns when it is to be taken. */
static void announce(struct op op, size_t size)
{
	size_t at = (const char *)op.at - __start_world;
	bool shared;

	if (mode == NO_THREADS || self == NONE || at >= world_size)
		return;
	op.first = at / GRANULE;
	op.nr = (at + size - 1) / GRANULE - op.first + 1;
	if (is_freed(op.at))
		explorer_fail("what is freed is not used any more");
	if (mode == FINISHING) {
		nr_writes += (op.kind == ACCESS || op.kind == ADD) && op.write;
		threads[self].next = op;
		while (!is_enabled(self))
			go_on(NONE);
		return;
	}
	shared = is_shared(&op);
	if (op.kind == WAIT)
		wait_of(&op);
	else if (!shared)
		return;
	if (found_shared)
		go_on(NONE);
	threads[self].next = op;
	schedule();
	if (is_freed(op.at))
		explorer_fail("what is freed is not used any more");
}

void explorer_access(const void *p, size_t size, bool write, const void *where)
{
	announce((struct op) { .kind = ACCESS, .write = write, .at = p, .where = where }, size);
}

void explorer_add(const void *p, size_t size, const void *where)
{
	announce((struct op) { .kind = ADD, .write = true, .at = p, .where = where }, size);
}

void explorer_lock(int *held, const void *where)
{
	announce((struct op) { .kind = LOCK, .write = true, .at = held, .where = where },
		 sizeof(*held));
	if (*held)
		explorer_fail("a lock is free when it is taken");
	*held = 1;
}

bool explorer_trylock(int *held, const void *where)
{
	announce((struct op) { .kind = TRY, .write = true, .at = held, .where = where },
		 sizeof(*held));
	if (*held)
		return false;
	*held = 1;
	return true;
}

void explorer_unlock(int *held, const void *where)
{
	announce((struct op) { .kind = UNLOCK, .write = true, .at = held, .where = where },
		 sizeof(*held));
	if (!*held)
		explorer_fail("a lock is held when it is released");
	*held = 0;
}

void explorer_wait(const void *p, size_t size, bool (*ready)(const void *p), const void *where)
{
	announce((struct op) { .kind = WAIT, .write = true, .ready = ready, .at = p,
			       .where = where }, size);
}

void explorer_spin(const void *where)
{
	if (self == NONE) {
		fprintf(stderr, "a loop without threads\n");
		exit(2);
	}
	threads[self].next = (struct op) { .kind = SPIN, .where = where };
	if (mode == EXPLORING)
		schedule();
	else
		go_on(NONE);
}

/* ---- by the compiler: before each access ---- */

#define ACCESSES(name, size)								\
	void __tsan_read##name(void *p)							\
	{										\
		explorer_access(p, size, false, __builtin_return_address(0));		\
	}										\
	void __tsan_write##name(void *p)						\
	{										\
		explorer_access(p, size, true, __builtin_return_address(0));		\
	}

ACCESSES(1, 1)
ACCESSES(2, 2)
ACCESSES(4, 4)
ACCESSES(8, 8)
ACCESSES(16, 16)

void __tsan_read_range(void *p, size_t size)
{
	explorer_access(p, size, false, __builtin_return_address(0));
}

void __tsan_write_range(void *p, size_t size)
{
	explorer_access(p, size, true, __builtin_return_address(0));
}

void __tsan_init(void)
{
}
