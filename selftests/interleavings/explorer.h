/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stateless model checker: it runs the threads of a scenario in every order that makes a
 * difference.
 *
 * Threads are coroutines.  One runs at a time, and another one goes on only where it is about
 * to access memory that others access as well.  The compiler makes each access known
 * (-fsanitize=thread), so none is forgotten.  Two runs in which the same accesses of the same
 * memory come in the same order are the same; of these the explorer makes one (dynamic
 * partial-order reduction with source sets and sleep sets).
 *
 * Every access is in effect at once for all threads: what a processor or a compiler may
 * reorder is the business of selftests/litmus.
 */
#ifndef EXPLORER_H
#define EXPLORER_H

#include <stdbool.h>
#include <stddef.h>

#define EXPLORER_THREADS	6

/* ---- of the whole run ---- */

/* Before threads run: a thread, by its name.  A daemon need not come to its end. */
void explorer_thread(const char *name, void (*run)(void), bool daemon);
/*
 * Explores.  Memory of the module and of the scenario is before each run as it is now.
 * @at_end is called after each run.  Returns whether no claim failed.
 */
bool explorer_run(const char *scenario, void (*at_end)(void));
/* The number of runs in which no thread waited in a loop. */
unsigned long explorer_orders(void);
/* Memory that is restored, too.  Never returns NULL. */
void *explorer_alloc(size_t size);
/* Whoever accesses it from now on is wrong. */
void explorer_free(void *p);

/* ---- by threads ---- */

/* Number of the thread that runs, in the order in which they were made. */
unsigned int explorer_self(void);
/* The caller accesses this next.  Without threads it does nothing, as all of these. */
void explorer_access(const void *p, size_t size, bool write, const void *where);
/* It adds to this, and does not learn the sum. */
void explorer_add(const void *p, size_t size, const void *where);
/* Waits until *held is 0, and sets it. */
void explorer_lock(int *held, const void *where);
bool explorer_trylock(int *held, const void *where);
void explorer_unlock(int *held, const void *where);
/* Waits until @ready says so of @p, which is what other threads write. */
void explorer_wait(const void *p, size_t size, bool (*ready)(const void *p), const void *where);
/*
 * The end of an unsuccessful round of a loop that changes nothing.  A run in which such a round
 * succeeds later is the same as one in which the thread comes to the loop later.  So the thread
 * stops here, until all others have ended.  Then it has to succeed.
 */
void explorer_spin(const void *where);
/* A claim is wrong: prints how it came to that, and ends. */
void explorer_fail(const char *text);

#define CLAIM(condition, text)	((condition) ? (void)0 : explorer_fail(text))

#endif /* EXPLORER_H */
