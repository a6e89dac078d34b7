// SPDX-License-Identifier: GPL-2.0
/*
 * The scenarios: threads that do at the same time what others may do at the same time in the
 * kernel.  Each says which deliberate faults of mutate.h it must refuse; the file faults has
 * more of them, of the sources.
 */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "eventfds.h"
#include "known.h"
#include "world.h"
#include "../../route/eventfd.h"

#define LOW	PCI_MSIX_ENTRY_LOWER_ADDR
#define DATA	PCI_MSIX_ENTRY_DATA
#define VECTOR	PCI_MSIX_ENTRY_VECTOR_CTRL

#define ENABLED	PCI_MSIX_FLAGS_ENABLE
#define MASKED	(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL)

static void raise_one(void)
{
	world_raise();
}

static void senders(u32 nr)
{
	static const char * const names[] = { "sender", "sender 2", "sender 3" };
	u32 i;

	for (i = 0; i < nr; i++)
		explorer_thread(names[i], raise_one, false);
}

/* ---- the vector's mask ---- */

static void mask(void)
{
	world_write(VECTOR, 4, 1, 0);
}

static void make_mask(void)
{
	world_make(1, A);
	senders(2);
	explorer_thread("guest", mask, false);
}

/* Whatever was pending before is in the IRR when the write returns [26]. */
static void unmask(void)
{
	world_write(VECTOR, 4, 0, A);
	CLAIM(world_sent_by_all() >= 1, "a write that unmasks has sent what was pending [26]");
}

static void make_unmask(void)
{
	world_make(1, A);
	mask();
	world_raise();
	senders(2);
	explorer_thread("guest", unmask, false);
}

/* ---- the message ---- */

/* As most guests do it, but the last two writes are one. */
static void move(void)
{
	world_write(VECTOR, 4, 1, 0);
	world_write(LOW, 8, world_address(B), 0);
	world_write(DATA, 8, world_data(B), B);
}

static void raise_two(void)
{
	world_raise();
	world_raise();
}

static void make_move(void)
{
	world_make(1, A);
	explorer_thread("sender", raise_two, false);
	explorer_thread("guest", move, false);
}

static void set_entry(void)
{
	const struct msi_route_entry e = {
		.address_lo = world_address(B), .data = world_data(B),
	};

	WRITE_ONCE(world_allowed, world_allowed | B);
	mr_msix_set_entry(world_vector(), &e);
	WRITE_ONCE(world_allowed, B);
}

/* The guest masks, and the VMM does the rest at once. */
static void mask_and_set(void)
{
	mask();
	set_entry();
}

static void make_move_two(void)
{
	world_make(1, A);
	senders(2);
	explorer_thread("guest", mask_and_set, false);
}

static void make_whole(void)
{
	world_make(1, A);
	senders(2);
	explorer_thread("vmm", set_entry, false);
}

/* ---- the update hold ---- */

static void expire_once(void)
{
	WRITE_ONCE(world_expired, true);
	kernel_expire(&world_cap->hold_timer);
}

static void expire(void)
{
	expire_once();
	kernel_expire(&world_cap->hold_timer);
}

static void change_unmasked(void)
{
	WRITE_ONCE(world_holds, true);
	world_write(LOW, 4, world_address(B), 0);
	world_write(DATA, 4, world_data(B), B);
	WRITE_ONCE(world_holds, false);
}

static void make_hold(void)
{
	world_make(1, A);
	senders(1);
	explorer_thread("guest", change_unmasked, false);
	explorer_thread("timer", expire, true);
}

/* The data is not written any more. */
static void open_hold(void)
{
	WRITE_ONCE(world_holds, true);
	world_write(LOW, 4, world_address(B), MIXED);
}

static void make_hold_two(void)
{
	world_make(1, A);
	senders(2);
	explorer_thread("guest", open_hold, false);
	explorer_thread("timer", expire_once, true);
}

/* Another vCPU writes Message Control, which ends the hold. */
static void end_hold(void)
{
	WRITE_ONCE(world_expired, true);
	world_set_control(ENABLED);
}

static void make_hold_control(void)
{
	world_make(1, A);
	senders(1);
	explorer_thread("guest", open_hold, false);
	explorer_thread("guest 2", end_hold, false);
	explorer_thread("timer", expire_once, true);
}

static void make_hold_open(void)
{
	world_make(1, A);
	senders(1);
	explorer_thread("guest", open_hold, false);
	explorer_thread("timer", expire, true);
}

static void pause(void)
{
	mr_state_set_run(&world_fn, false);
	WRITE_ONCE(world_allowed, 0);
	WRITE_ONCE(world_allowed, MIXED);
	mr_state_set_run(&world_fn, true);
}

static void make_pause(void)
{
	world_make(1, A);
	open_hold();
	senders(1);
	explorer_thread("vmm", pause, false);
	explorer_thread("timer", expire, true);
}

/* ---- the gate ---- */

static void function_mask(void)
{
	world_control(MASKED, 0);
	world_control(ENABLED, A);
}

static void make_gate(void)
{
	world_make(1, A);
	senders(2);
	explorer_thread("guest", function_mask, false);
}

/* Enable is cleared and set, and Bus Master Enable, by two vCPUs. */
static void disable(void)
{
	mr_function_set_bus_master(&world_fn, false);
	WRITE_ONCE(world_allowed, 0);
}

static void make_stop(void)
{
	world_make(1, A);
	senders(2);
	explorer_thread("guest", disable, false);
}

/* ---- two writers ---- */

static void function_mask_too(void)
{
	world_set_control(MASKED);
	WRITE_ONCE(world_allowed_too, 0);
}

static void make_two(void)
{
	world_make(1, A);
	senders(1);
	explorer_thread("vmm", set_entry, false);
	explorer_thread("guest", function_mask_too, false);
}

/* ---- vectors that go ---- */

static void trigger(void)
{
	struct msi_route_trigger t = { .vector = MR_BLOCK };

	if (!mr_function_trigger(&world_fn, &t))
		world_raised[explorer_self()]++;
}

static void shrink(void)
{
	mutex_lock(&world_fn.rq.config);
	mr_vectors_shrink(world_cap, MR_BLOCK);
	mutex_unlock(&world_fn.rq.config);
	WRITE_ONCE(world_allowed, 0);
}

static void release(void)
{
	kernel_work(&world_cap->release_work);
}

/* The only vector of a block, whose memory is freed. */
static void make_remove(void)
{
	world_make(MR_BLOCK + 1, A);
	explorer_thread("sender", trigger, false);
	explorer_thread("sender 2", trigger, false);
	explorer_thread("vmm", shrink, false);
	explorer_thread("work", release, true);
}

/* ---- pending events that are cleared, resets ---- */

static void enable(void)
{
	world_control(ENABLED, A);
}

static void clear(void)
{
	mr_vector_clear(world_vector());
}

static void make_clear(void)
{
	world_make(1, A);
	world_control(MASKED, 0);
	world_raise();
	senders(1);
	explorer_thread("guest", enable, false);
	explorer_thread("vmm", clear, false);
}

static void reset(void)
{
	WRITE_ONCE(world_allowed, A);
	mr_function_reset(&world_fn, false);
	WRITE_ONCE(world_allowed, 0);
}

static void make_reset(void)
{
	world_make(1, A);
	senders(2);
	explorer_thread("vmm", reset, false);
}

/* ---- broadcasts ---- */

static bool raised;

/* As an interrupt does: what it cannot send is left to others. */
static void raise_broadcast(void)
{
	world_raised[explorer_self()]++;
	mr_vector_raise(world_vector(), 1, false);
	WRITE_ONCE(raised, true);
}

static void work(void)
{
	u32 i;

	for (i = 0; i < 3; i++)
		kernel_work(&world_cap->bcast_work);
}

static void read_register(void)
{
	bool was = READ_ONCE(raised);

	mr_function_sync(&world_fn);
	CLAIM(!was || world_sent_by_all(),
	      "a guest's read finds each broadcast of before in the IRR [26]");
}

static void make_broadcast(void)
{
	world_make(1, ALL_A);
	explorer_thread("sender", raise_broadcast, false);
	explorer_thread("sender 2", raise_broadcast, false);
	explorer_thread("guest", read_register, false);
	explorer_thread("work", work, true);
}

/* Unlike a guest's write, it does not complete what was deferred. */
static void mask_entry(void)
{
	const struct msi_route_entry e = { .control = 1 };

	mr_msix_set_entry(world_vector(), &e);
	WRITE_ONCE(world_allowed, 0);
}

static void make_broadcast_mask(void)
{
	world_make(1, ALL_A);
	explorer_thread("sender", raise_broadcast, false);
	explorer_thread("sender 2", raise_broadcast, false);
	explorer_thread("vmm", mask_entry, false);
	explorer_thread("work", work, true);
}

/* ---- eventfds ---- */

static void signal_one(void)
{
	world_raised[explorer_self()]++;
	eventfd_signal(&world_eventfd);
}

static void attach(void)
{
	CLAIM(!mr_eventfd_set(world_cap, 0, 0, 0), "an eventfd can be attached");
}

static void detach(void)
{
	CLAIM(!mr_eventfd_set(world_cap, 0, -1, 0), "an eventfd can be detached");
	WRITE_ONCE(world_allowed, 0);
}

static void signallers(void)
{
	explorer_thread("signaller", signal_one, false);
	explorer_thread("signaller 2", signal_one, false);
}

static void make_attach(void)
{
	world_make(1, A);
	signallers();
	explorer_thread("vmm", attach, false);
}

static void make_detach(void)
{
	world_make(1, A);
	attach();
	signallers();
	explorer_thread("vmm", detach, false);
}

/* To the other vector, whose message is the same. */
static void give_to_other(void)
{
	const s32 fds[] = { -1, 0 };

	CLAIM(!mr_eventfd_set_many(world_cap, 0, fds, 2, 0), "an eventfd can move");
}

static void make_give(void)
{
	world_make(2, A);
	CLAIM(!mr_eventfd_set(world_cap, 0, 0, 0), "an eventfd can be attached");
	signallers();
	explorer_thread("vmm", give_to_other, false);
}

/* ---- all of them ---- */

struct scenario {
	const char *name;
	void (*make)(void);
	unsigned long orders;		/* if it is known: then it is not about the module */
	struct {
		const char *name;
		enum mr_mutation mutation;
	} mutants[8];
};

#define MUTANT(name)	{ #name, name }

static const struct scenario scenarios[] = {
	{ "known-writes", known_writes, 90 },
	{ "known-apart", known_apart, 1 },
	{ "known-locks", known_locks, 24 },
	{ "known-lost", known_lost, 4 },
	{ "known-sums", known_sums, 8 },
	{ "known-wait", known_wait, 1 },
	{ "wrong-vain", known_vain, 1 },
	{ "wrong-deadlock", known_deadlock, 1 },
	{ "wrong-freed", known_freed, 1 },
	{ "mask", make_mask, 0, {
		MUTANT(MR_MUT_NO_DRAIN), MUTANT(MR_MUT_MASK_LATE), MUTANT(MR_MUT_NO_PENDING) } },
	{ "unmask", make_unmask, 0, { MUTANT(MR_MUT_NO_RECHECK), MUTANT(MR_MUT_NO_REPLAY) } },
	{ "move", make_move, 0, { MUTANT(MR_MUT_NO_DRAIN), MUTANT(MR_MUT_NO_RECHECK) } },
	{ "move-two", make_move_two, 0, {
		MUTANT(MR_MUT_NO_DRAIN), MUTANT(MR_MUT_NO_RECHECK), MUTANT(MR_MUT_NO_REPLAY) } },
	{ "whole", make_whole, 0, { MUTANT(MR_MUT_NO_DRAIN), MUTANT(MR_MUT_HALF_UPDATE) } },
	{ "hold", make_hold, 0, { MUTANT(MR_MUT_NO_HOLD), MUTANT(MR_MUT_NO_DRAIN) } },
	{ "stop", make_stop, 0, { MUTANT(MR_MUT_MASK_LATE) } },
	{ "clear", make_clear, 0, { MUTANT(MR_MUT_NO_RECHECK) } },
	{ "reset", make_reset, 0, { MUTANT(MR_MUT_MASK_LATE) } },
	{ "broadcast", make_broadcast, 0, { } },
	{ "broadcast-mask", make_broadcast_mask, 0, { MUTANT(MR_MUT_NO_DRAIN) } },
	{ "two", make_two, 0, { MUTANT(MR_MUT_NO_DRAIN), MUTANT(MR_MUT_MASK_LATE) } },
	{ "remove", make_remove, 0, { MUTANT(MR_MUT_STAYS_ON), MUTANT(MR_MUT_GONE_UNCOUNTED) } },
	{ "hold-two", make_hold_two, 0, { MUTANT(MR_MUT_NO_HOLD), MUTANT(MR_MUT_NO_DRAIN) } },
	{ "hold-open", make_hold_open, 0, { MUTANT(MR_MUT_NO_HOLD) } },
	{ "pause", make_pause, 0, { } },
	{ "hold-control", make_hold_control, 0, { MUTANT(MR_MUT_NO_HOLD) } },
	{ "attach", make_attach, 0, { MUTANT(MR_MUT_LOST_MOVE) } },
	{ "detach", make_detach, 0, { MUTANT(MR_MUT_STAYS_QUEUED) } },
	{ "give", make_give, 0, { MUTANT(MR_MUT_LOST_MOVE) } },
	{ "gate", make_gate, 0, { MUTANT(MR_MUT_MASK_LATE), MUTANT(MR_MUT_NO_RECHECK) } },
};

#define NR(array)	(sizeof(array) / sizeof((array)[0]))

/* A scenario a line, with the mutants that it refuses. */
static int list(void)
{
	size_t i, k;

	for (i = 0; i < NR(scenarios); i++) {
		printf("%s", scenarios[i].name);
		for (k = 0; scenarios[i].mutants[k].name; k++)
			printf(" %s", scenarios[i].mutants[k].name);
		printf("\n");
	}
	return 0;
}

static void nothing(void)
{
}

static int run(const struct scenario *s, const char *mutant)
{
	size_t k;

	for (k = 0; mutant && s->mutants[k].name; k++)
		if (!strcmp(s->mutants[k].name, mutant))
			world_mutant = s->mutants[k].mutation;
	if (mutant && !world_mutant)
		return 2;
	s->make();
	if (!explorer_run(s->name, s->orders ? nothing : world_end))
		return 1;
	return s->orders && explorer_orders() != s->orders;
}

/*
 * Without arguments: the list.  Otherwise a scenario, and perhaps a mutant.  Returns 1 if a
 * claim is wrong.
 */
int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2)
		return list();
	for (i = 0; i < NR(scenarios); i++)
		if (!strcmp(scenarios[i].name, argv[1]))
			return run(&scenarios[i], argc > 2 ? argv[2] : NULL);
	return 2;
}
