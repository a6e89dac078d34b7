// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints: each action gives exactly these lines, in this order.
 *
 * Each test has its own instance of tracefs, which shows only the lines of its own
 * virtual machine.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NAME		"0000:00:04.0"
#define VECTOR		0x51
#define TRACEFS		"/sys/kernel/tracing"
#define SIZE		(1 << 20)

/* The message in a line, in every test with one vCPU. */
#define MESSAGE		"address=0xfee00000 data=0x51"

FIXTURE(trace) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
	char dir[64], prefix[64], text[SIZE];
};

/* ---- tracefs ---- */

static void put(const char *dir, const char *file, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("%s", path);
	close(fd);
}

static void trace_open(FIXTURE_DATA(trace) *self)
{
	char filter[32];

	snprintf(self->dir, sizeof(self->dir), TRACEFS "/instances/msi_route-%d", getpid());
	snprintf(filter, sizeof(filter), "vm_pid == %d", getpid());
	snprintf(self->prefix, sizeof(self->prefix), "vm=%d-%d function=" NAME " ",
		 getpid(), self->vm.fd);
	if (mkdir(self->dir, 0700))
		die("%s", self->dir);
	/* The lines of all processors in their order. */
	put(self->dir, "trace_clock", "counter");
	put(self->dir, "buffer_size_kb", "8192");
	put(self->dir, "events/msi_route/filter", filter);
	put(self->dir, "events/msi_route/enable", "1");
}

static void trace_clear(FIXTURE_DATA(trace) *self)
{
	put(self->dir, "trace", "\n");
}

/* The lines so far, each from the event's name on, without the function. */
static const char *trace_text(FIXTURE_DATA(trace) *self)
{
	char line[512], path[128], *event, *rest;
	size_t used = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/trace", self->dir);
	file = fopen(path, "r");
	if (!file)
		die("%s", path);
	self->text[0] = '\0';
	while (fgets(line, sizeof(line), file)) {
		event = strstr(line, ": msi_route_");
		if (line[0] == '#' || !event)
			continue;
		event += strlen(": msi_route_");
		rest = strstr(event, ": ");
		if (!rest)
			die("%s", line);
		*rest = '\0';
		rest += 2;
		if (!strncmp(rest, self->prefix, strlen(self->prefix)))
			rest += strlen(self->prefix);
		else if (!strcmp(event, "reset"))
			rest = "\n";
		used += snprintf(self->text + used, SIZE - used, "%s %s", event, rest);
		if (used >= SIZE)
			die("too many lines");
	}
	fclose(file);
	return self->text;
}

static unsigned int lines_of(FIXTURE_DATA(trace) *self, const char *event)
{
	const char *line = trace_text(self);
	unsigned int nr = 0;

	for (; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		nr += !strncmp(line, event, strlen(event)) && line[strlen(event)] == ' ';
	return nr;
}

/* Exactly these lines since the last call. */
#define EXPECT_TRACE(...) \
	do { \
		EXPECT_STREQ(lines(__VA_ARGS__, NULL), trace_text(self)); \
		trace_clear(self); \
	} while (0)

static const char *lines(const char *first, ...)
{
	static char text[4096];
	const char *line;
	va_list list;

	text[0] = '\0';
	va_start(list, first);
	for (line = first; line; line = va_arg(list, const char *)) {
		strcat(text, line);
		strcat(text, "\n");
	}
	va_end(list);
	return text;
}

/* ---- the function ---- */

FIXTURE_SETUP(trace)
{
	struct msi_route_create shape = both_shape(4, 1);

	strcpy(shape.name, NAME);
	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	vm_create(&self->vm, 0, 1);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, shape);
	ASSERT_EQ(0, set_hold(&self->fn, query().hold_max_ns));
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	trace_open(self);
}

FIXTURE_TEARDOWN(trace)
{
	put(self->dir, "events/msi_route/enable", "0");
	rmdir(self->dir);
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

/* Two events of vector 0, which wait for @reason. */
#define EXPECT_WAITS(kind, reason) \
	do { \
		EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, kind, 0)); \
		EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, kind, 0)); \
		EXPECT_TRACE("pend vector=" #kind ":0 reason=" reason " count=1", \
			     "coalesce vector=" #kind ":0 reason=" reason " count=1"); \
	} while (0)
#define msix		MSIX
#define msi		MSI
#define REPLAY(kind)	"send vector=" #kind ":0 " MESSAGE " replayed=1"

/* ---- writes ---- */

TEST_F(trace, update_tells_message_and_mask)
{
	table_write(&self->fn, ENTRY(1) + ENTRY_ADDRESS, MSI_TO(3));
	table_write(&self->fn, ENTRY(1) + ENTRY_DATA, 0x61);
	entry_mask(&self->fn, 1, false);
	EXPECT_TRACE("update vector=msix:1 address=0xfee03000 data=0x0 reason=masked",
		     "update vector=msix:1 address=0xfee03000 data=0x61 reason=masked",
		     "update vector=msix:1 address=0xfee03000 data=0x61 reason=none");
	/* Neither a read nor an equal value changes anything. */
	table_read(&self->fn, ENTRY(1) + ENTRY_DATA);
	table_write(&self->fn, ENTRY(1) + ENTRY_DATA, 0x61);
	EXPECT_STREQ("", trace_text(self));
}

TEST_F(trace, gate_tells_what_shuts_it)
{
	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	msix_control(&self->fn, MSIX_FUNCTION_MASK);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_TRACE("gate kind=msix open=0 reason=function_mask",
		     "gate kind=msix open=0 reason=disabled",
		     "gate kind=msix open=1 reason=none");
	/* Of the gates that block MSI, Enable is looked at first. */
	set_bus_master(&self->fn, 0);
	set_bus_master(&self->fn, 1);
	EXPECT_TRACE("gate kind=msix open=0 reason=bus_master",
		     "gate kind=msix open=1 reason=none");
	set_run(&self->fn, 0);
	set_run(&self->fn, 1);
	EXPECT_TRACE("gate kind=msix open=0 reason=stopped",
		     "gate kind=msix open=1 reason=none");
}

/* ---- sent ---- */

TEST_F(trace, send)
{
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRACE("send vector=msix:0 " MESSAGE " replayed=0");
}

TEST_F(trace, several_in_one_eventfd)
{
	int fd = new_eventfd();

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	signal_eventfd(fd, 5);
	EXPECT_TRACE("coalesce vector=msix:0 reason=eventfd count=4",
		     "send vector=msix:0 " MESSAGE " replayed=0");
}

TEST_F(trace, broadcast_is_deferred)
{
	entry_set(&self->fn, 0, MSI_TO(0xff), VECTOR, 0);
	trace_clear(self);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRACE("defer vector=msix:0 address=0xfeeff000 data=0x51",
		     "send vector=msix:0 address=0xfeeff000 data=0x51 replayed=0");
}

/* Too many for KVM to ask each of them in atomic context. */
#define NR_MANY		20

/* Moves the fixture's function to another virtual machine. */
static void move_to(FIXTURE_DATA(trace) *self, unsigned int vm_flags)
{
	struct msi_route_create shape = self->fn.shape;

	function_close(&self->fn);
	vm_destroy(&self->vm);
	vm_create(&self->vm, vm_flags, NR_MANY);
	function_open(&self->fn, &self->vm, shape);
	msix_control(&self->fn, MSIX_ENABLE);
	snprintf(self->prefix, sizeof(self->prefix), "vm=%d-%d function=" NAME " ",
		 getpid(), self->vm.fd);
}

/* Deferred like a broadcast if it has over 16 targets; returns how many. */
static unsigned int trace_one(FIXTURE_DATA(trace) *self, __u32 address)
{
	unsigned int i, reached = 0;

	entry_set(&self->fn, 0, address, VECTOR, 0);
	for (i = 0; i < NR_MANY; i++)
		vcpu_clear_irr(&self->vm.vcpu[i]);
	trace_clear(self);
	if (trigger(&self->fn, MSIX, 0) != MSI_ROUTE_SENT)
		die("not sent");
	for (i = 0; i < NR_MANY; i++)
		reached += vcpu_take_irr(&self->vm.vcpu[i], VECTOR);
	return reached;
}

/* FFh in xAPIC mode, whether or not the VMM switched the quirk off. */
TEST_F(trace, ffh_is_deferred)
{
	move_to(self, VM_NO_QUIRK);
	EXPECT_EQ(NR_MANY, trace_one(self, MSI_TO(0xff)));
	EXPECT_TRACE("defer vector=msix:0 address=0xfeeff000 data=0x51",
		     "send vector=msix:0 address=0xfeeff000 data=0x51 replayed=0");
	EXPECT_EQ(1, trace_one(self, MSI_TO(7)));
	EXPECT_TRACE("send vector=msix:0 address=0xfee07000 data=0x51 replayed=0");
}

/* Before Linux 6.3 only the first vCPU gets it; since then all of them do. */
TEST_F(trace, shared_id_is_deferred)
{
	unsigned int i, reached;

	move_to(self, 0);
	for (i = 0; i < NR_MANY; i++)
		vcpu_apic_write(&self->vm.vcpu[i], APIC_ID, 0x42 << 24);
	reached = trace_one(self, MSI_TO(0x42));
	REMARK("KVM reaches %u of %u", reached, NR_MANY);
	if (reached > 1)
		EXPECT_TRACE("defer vector=msix:0 address=0xfee42000 data=0x51",
			     "send vector=msix:0 address=0xfee42000 data=0x51 replayed=0");
	else
		EXPECT_TRACE("send vector=msix:0 address=0xfee42000 data=0x51 replayed=0");
}

/* ---- pending, for each reason ---- */

TEST_F(trace, masked)
{
	entry_mask(&self->fn, 0, true);
	EXPECT_TRACE("update vector=msix:0 " MESSAGE " reason=masked");
	EXPECT_WAITS(msix, "masked");
	entry_mask(&self->fn, 0, false);
	EXPECT_TRACE("update vector=msix:0 " MESSAGE " reason=none", REPLAY(msix));
}

TEST_F(trace, function_mask)
{
	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	trace_clear(self);
	EXPECT_WAITS(msix, "function_mask");
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_TRACE("gate kind=msix open=1 reason=none", REPLAY(msix));
}

TEST_F(trace, disabled)
{
	msix_control(&self->fn, 0);
	trace_clear(self);
	EXPECT_WAITS(msix, "disabled");
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_TRACE("gate kind=msix open=1 reason=none", REPLAY(msix));
}

TEST_F(trace, bus_master)
{
	set_bus_master(&self->fn, 0);
	trace_clear(self);
	EXPECT_WAITS(msix, "bus_master");
	set_bus_master(&self->fn, 1);
	EXPECT_TRACE("gate kind=msix open=1 reason=none", REPLAY(msix));
}

TEST_F(trace, stopped)
{
	set_run(&self->fn, 0);
	trace_clear(self);
	EXPECT_WAITS(msix, "stopped");
	set_run(&self->fn, 1);
	EXPECT_TRACE("gate kind=msix open=1 reason=none", REPLAY(msix));
}

TEST_F(trace, msix_enabled)
{
	msi_set(&self->fn, MSI_TO(0), VECTOR);
	msi_control(&self->fn, MSI_ENABLE);
	trace_clear(self);
	EXPECT_WAITS(msi, "msix_enabled");
	msix_control(&self->fn, 0);
	EXPECT_TRACE("gate kind=msix open=0 reason=disabled",
		     "gate kind=msi open=1 reason=none", REPLAY(msi));
}

TEST_F(trace, untranslated)
{
	entry_set(&self->fn, 0, 0xfee00010, 0, 0);
	trace_clear(self);
	EXPECT_WAITS(msix, "untranslated");
}

/* ---- the update hold ---- */

/* A slow host may reach the bound of one second before the next call. */
TEST_F(trace, held_and_closed)
{
	__u64 expired;

	do {
		entry_set(&self->fn, 0, MSI_TO(1), VECTOR, 0);
		vcpu_clear_irr(self->vcpu);
		expired = totals(&self->fn, MSIX).holds_expired;
		trace_clear(self);
		table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, MSI_TO(0));
		trigger(&self->fn, MSIX, 0);
		table_write(&self->fn, ENTRY(0) + ENTRY_DATA, VECTOR);
	} while (totals(&self->fn, MSIX).holds_expired != expired);
	EXPECT_TRACE("hold vector=msix:0 change=opened",
		     "update vector=msix:0 " MESSAGE " reason=held",
		     "pend vector=msix:0 reason=held count=1",
		     "hold vector=msix:0 change=closed",
		     "update vector=msix:0 " MESSAGE " reason=none", REPLAY(msix));
}

TEST_F(trace, hold_expires)
{
	ASSERT_EQ(0, set_hold(&self->fn, 1));
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, MSI_TO(1));
	while (!totals(&self->fn, MSIX).holds_expired ||
	       !lines_of(self, "hold") || !strstr(self->text, "reason=none"))
		sched_yield();
	EXPECT_TRACE("hold vector=msix:0 change=opened",
		     "update vector=msix:0 address=0xfee01000 data=0x51 reason=held",
		     "hold vector=msix:0 change=expired",
		     "hold vector=msix:0 change=closed",
		     "update vector=msix:0 address=0xfee01000 data=0x51 reason=none");
}

/* ---- dropped ---- */

TEST_F(trace, dropped)
{
	static const struct {
		__u32 address, data;
		const char *line;
	} cases[] = {
		{ 0x12345678, VECTOR,
		  "drop vector=msix:0 address=0x12345678 data=0x51 reason=address\n" },
		{ MSI_TO(0), 0x351,
		  "drop vector=msix:0 address=0xfee00000 data=0x351 reason=mode\n" },
		{ MSI_TO(0), 0xf,
		  "drop vector=msix:0 address=0xfee00000 data=0xf reason=vector\n" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		entry_set(&self->fn, 0, cases[i].address, cases[i].data, 0);
		trace_clear(self);
		EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSIX, 0));
		EXPECT_STREQ(cases[i].line, trace_text(self));
	}
}

TEST_F(trace, unreached)
{
	entry_set(&self->fn, 0, MSI_TO(0x77), VECTOR, 0);
	trace_clear(self);
	EXPECT_EQ(MSI_ROUTE_UNREACHED, trigger(&self->fn, MSIX, 0));
	EXPECT_TRACE("drop vector=msix:0 address=0xfee77000 data=0x51 reason=unreached");
}

/* ---- no longer pending, and nothing sent ---- */

TEST_F(trace, cleared)
{
	entry_mask(&self->fn, 0, true);
	trigger(&self->fn, MSIX, 0);
	trace_clear(self);
	EXPECT_EQ(1, clear_pending(&self->fn, MSIX, 0));
	EXPECT_EQ(0, clear_pending(&self->fn, MSIX, 0));
	EXPECT_TRACE("clear vector=msix:0 reason=cleared count=1");
}

TEST_F(trace, reset)
{
	entry_mask(&self->fn, 0, true);
	trigger(&self->fn, MSIX, 0);
	trace_clear(self);
	EXPECT_EQ(0, reset(&self->fn));
	EXPECT_TRACE("reset ",
		     "gate kind=msix open=0 reason=disabled",
		     "clear vector=msix:0 reason=reset count=1",
		     "update vector=msix:0 address=0x0 data=0x0 reason=masked");
}

TEST_F(trace, given_back)
{
	entry_set(&self->fn, 3, MSI_TO(0), VECTOR, ENTRY_MASKED);
	trigger(&self->fn, MSIX, 3);
	trace_clear(self);
	EXPECT_EQ(3, resize(&self->fn, MSIX, 1, 3));
	EXPECT_TRACE("clear vector=msix:3 reason=given_back count=1",
		     "update vector=msix:3 address=0x0 data=0x0 reason=absent");
}

/* ---- as a whole ---- */

/* Their lines fit into the buffer, however long the other thread takes. */
#define MOST_EVENTS	20000

static bool stop;

static void *raise_without_pause(void *arg)
{
	FIXTURE_DATA(trace) *self = arg;
	unsigned int n;

	for (n = 0; n < MOST_EVENTS && !load(&stop); n++) {
		trigger(&self->fn, MSIX, 0);
		sched_yield();
	}
	return NULL;
}

/*
 * Each kind has as many lines as were counted, while the vector is moved, masked and
 * drained under a device that raises.
 */
TEST_F(trace, lines_are_as_many_as_were_counted)
{
	struct msi_route_counters before, after;
	pthread_t device;
	unsigned int i;

	before = totals(&self->fn, MSIX);
	ASSERT_EQ(0, pthread_create(&device, NULL, raise_without_pause, self));
	for (i = 0; i < 200; i++) {
		entry_mask(&self->fn, 0, true);
		sched_yield();
		entry_mask(&self->fn, 0, false);
		table_write(&self->fn, ENTRY(0) + ENTRY_DATA, VECTOR + i % 2);
		sched_yield();
	}
	store(&stop, true);
	pthread_join(device, NULL);
	after = totals(&self->fn, MSIX);
	REMARK("%llu messages, %llu replayed, %llu coalesced, %llu drained",
	       after.messages - before.messages, after.replayed - before.replayed,
	       after.coalesced - before.coalesced, after.drained - before.drained);
	EXPECT_EQ(after.messages - before.messages, lines_of(self, "send"));
	EXPECT_EQ(after.coalesced - before.coalesced, lines_of(self, "coalesce"));
	EXPECT_EQ(after.drained - before.drained, lines_of(self, "drain"));
	EXPECT_EQ(after.replayed - before.replayed + after.pending, lines_of(self, "pend"));
	EXPECT_EQ(0, lines_of(self, "drop"));
}

/* It has no name: its id is used. */
TEST_F(trace, without_a_name)
{
	struct msi_route_create shape = msix_shape(1);
	struct function fn;
	char line[128];

	shape.id = 0x20;
	function_open(&fn, &self->vm, shape);
	snprintf(line, sizeof(line),
		 "gate vm=%d-%d function=0x20 kind=msix open=1 reason=none\n",
		 getpid(), self->vm.fd);
	trace_clear(self);
	msix_control(&fn, MSIX_ENABLE);
	EXPECT_STREQ(line, trace_text(self));
	function_close(&fn);
}
