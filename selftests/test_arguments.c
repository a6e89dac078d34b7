// SPDX-License-Identifier: GPL-2.0
/*
 * Senseless arguments: each request with random bytes, sizes and pointers, and with valid
 * arguments of which a part is random.  Each call succeeds or returns an error that
 * msi_route.h has for it.  A call that fails changes nothing, and no call leaves a line
 * in the kernel's log.
 *
 * TEST_HOSTILE=N in the environment makes it N times as long, with other numbers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"
#include "requests.h"

#define MSIX		MSI_ROUTE_MSIX
#define NR_MSIX		66
#define NR_MSI		4
#define NR_IMS		70
#define VECTOR		0x50
#define HANDLE		0xfee00010U

static __u32 rounds, seed;

static __u32 random_number(void)
{
	return next_random(&seed);
}

/* ---- what requests may return, and what they point to ---- */

union any {
	__u32 size;
	union argument argument;
	struct msi_route_create create;
	struct msi_route_eventfd eventfd;
	struct msi_route_state state;
	struct msi_route_translation translation;
	struct msi_route_remapping remapping;
	struct msi_route_rebind rebind;
	struct msi_route_get_functions functions;
	__u8 bytes[256];
};

struct subject {
	const char *name;
	unsigned long number;
	__u32 size;
	union any valid;
};

#define NR_ERRORS	9
#define NR_POINTERS	5

static const struct facts {
	unsigned long number;
	int errors[NR_ERRORS];		/* besides those of all requests */
	__u32 pointers[NR_POINTERS];	/* where the struct has them, or 0 */
} facts[] = {
	{ MSI_ROUTE_QUERY, {}, {} },
	{ MSI_ROUTE_CREATE, { EBADF, EBADFD, EPERM, ENXIO, EADDRNOTAVAIL, ENOMEM }, {} },
	{ MSI_ROUTE_READ, { EMSGSIZE, ERANGE, ENODEV }, {} },
	{ MSI_ROUTE_WRITE, { EMSGSIZE, ERANGE, ENODEV }, {} },
	{ MSI_ROUTE_TRIGGER, { ENODEV, ECHRNG }, {} },
	{ MSI_ROUTE_CLEAR_PENDING, { ENODEV, ECHRNG }, {} },
	{ MSI_ROUTE_SET_EVENTFD, { EBADF, EEXIST, ENOENT, EBUSY, ENOMEM, ENODEV, ECHRNG }, {} },
	{ MSI_ROUTE_SET_BUS_MASTER, {}, {} },
	{ MSI_ROUTE_RESET, {}, {} },
	{ MSI_ROUTE_SET_HOLD, {}, {} },
	{ MSI_ROUTE_GET_COUNTERS, { ENODEV, ECHRNG, ENOENT }, {} },
	{ MSI_ROUTE_GET_FUNCTIONS, { ENOMEM },
		{ offsetof(struct msi_route_get_functions, functions) } },
	{ MSI_ROUTE_GET_VECTORS, { ENODEV, ENOENT, ENOMEM },
		{ offsetof(struct msi_route_get_vectors, vectors) } },
	{ MSI_ROUTE_MAP, { ENODEV, EEXIST, ENOSPC, ENOMEM }, {} },
	{ MSI_ROUTE_SET_EVENTFDS,
		{ EBADF, EEXIST, ENOENT, EBUSY, ENOTUNIQ, ENOMEM, ENODEV, ECHRNG },
		{ offsetof(struct msi_route_eventfds, fds) } },
	{ MSI_ROUTE_SET_ENTRIES, { ENODEV, ECHRNG, ENOMEM },
		{ offsetof(struct msi_route_entries, entries) } },
	{ MSI_ROUTE_SET_NOTIFY, { EBADF, ENOMEM }, {} },
	{ MSI_ROUTE_GET_CHANGES, { ENOMEM }, { offsetof(struct msi_route_get_changes, changes) } },
	{ MSI_ROUTE_SET_RUN, {}, {} },
	{ MSI_ROUTE_SAVE, { EBUSY, ENOMEM },
		{ offsetof(struct msi_route_state, entries), offsetof(struct msi_route_state, pba),
		  offsetof(struct msi_route_state, held),
		  offsetof(struct msi_route_state, ims_entries),
		  offsetof(struct msi_route_state, ims_pending) } },
	{ MSI_ROUTE_RESTORE, { EBUSY, ENOMEM },
		{ offsetof(struct msi_route_state, entries), offsetof(struct msi_route_state, pba),
		  offsetof(struct msi_route_state, held),
		  offsetof(struct msi_route_state, ims_entries),
		  offsetof(struct msi_route_state, ims_pending) } },
	{ MSI_ROUTE_SET_TRANSLATION, { ESTALE, ENODEV, ECHRNG }, {} },
	{ MSI_ROUTE_RESIZE, { ENOSPC, ENOMEM, ENODEV }, {} },
	{ MSI_ROUTE_SET_IMS, { ENODEV, ECHRNG, ENOMEM }, { offsetof(struct msi_route_ims, ops) } },
	{ MSI_ROUTE_RENEW, {}, {} },
	{ MSI_ROUTE_SET_REMAPPING, {}, {} },
	{ MSI_ROUTE_GET_MAP, { ENODEV }, {} },
	{ MSI_ROUTE_REBIND, { EBADF, EBADFD, EPERM, ENXIO, EADDRNOTAVAIL, EBUSY, ENOMEM }, {} },
};

static const struct facts *facts_of(unsigned long number)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(facts); i++)
		if (facts[i].number == number)
			return &facts[i];
	return NULL;
}

static bool documented(unsigned long number, int error)
{
	static const int common[] = { 0, EFAULT, EINVAL, E2BIG, EOPNOTSUPP };
	const int *own = facts_of(number)->errors;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(common); i++)
		if (error == common[i])
			return true;
	for (i = 0; i < NR_ERRORS; i++)
		if (own[i] && error == own[i])
			return true;
	return false;
}

/* ---- the function, and its state ---- */

struct state {
	struct msi_route_state registers;
	struct msi_route_entry entries[NR_MSIX], ims_entries[NR_IMS];
	__u64 pba[2], held[2], ims_pending[2];
};

FIXTURE(arguments) {
	struct users users;
	struct vm vm;
	struct function fn;
	unsigned int areas;
	int log;
	__u8 *arena;			/* memory, and none behind it */
	struct state before;
};

/*
 * Its address is a multiple of twice its size.  So a pointer whose lower bytes are
 * spoiled is in it or in nothing: the module must not write to the test's own memory.
 */
#define ARENA_SIZE	(256 * 1024)
#define ARENA_ARGUMENT	0x20000
#define ARENA_STATE	0x30000

static struct state *arena_state(FIXTURE_DATA(arguments) *self)
{
	return (struct state *)(self->arena + ARENA_STATE);
}

static struct msi_route_create shape(int vm)
{
	struct msi_route_create c = both_shape(NR_MSIX, NR_MSI);

	c.vm_fd = vm;
	c.flags = MSI_ROUTE_CREATE_REMAPPING;
	c.grant_cap = 0x80;
	c.ims_vectors = 2;
	c.ims_max = NR_IMS;
	return c;
}

static struct msi_route_state state_at(struct state *s)
{
	return (struct msi_route_state) {
		.size = sizeof(struct msi_route_state),
		.msix_vectors = NR_MSIX, .msi_vectors = NR_MSI, .ims_max = NR_IMS,
		.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING,
		.entries = (unsigned long)s->entries, .pba = (unsigned long)s->pba,
		.held = (unsigned long)s->held, .ims_entries = (unsigned long)s->ims_entries,
		.ims_pending = (unsigned long)s->ims_pending,
	};
}

/* The state of the stopped function, without the pointers. */
static void get_state(FIXTURE_DATA(arguments) *self, struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->registers = state_at(s);
	if (ioctl(self->fn.fd, MSI_ROUTE_SAVE, &s->registers))
		die("MSI_ROUTE_SAVE");
	s->registers.entries = 0;
	s->registers.pba = 0;
	s->registers.held = 0;
	s->registers.ims_entries = 0;
	s->registers.ims_pending = 0;
}

FIXTURE_SETUP(arguments)
{
	struct vm vm;

	rounds = times(200);
	seed = rounds;
	/* KVM prints its once-only messages now. */
	vm_create(&vm, 0, 1);
	vm_destroy(&vm);
	self->users = all_users();
	self->areas = module_areas();
	self->log = kernel_log_open();
	vm_create(&self->vm, 0, 1);
	ASSERT_LE(0, function_try_open(&self->fn, &self->vm, shape(self->vm.fd)));
	ASSERT_EQ(0, set_run(&self->fn, 0));
	self->arena = mmap(NULL, 4 * ARENA_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->arena);
	self->arena += -(unsigned long)self->arena % (2 * ARENA_SIZE);
	ASSERT_EQ(0, mprotect(self->arena, ARENA_SIZE, PROT_READ | PROT_WRITE));
}

FIXTURE_TEARDOWN(arguments)
{
	close(self->fn.fd);
	/* Whatever was written and set, a new function is like any other. */
	function_open(&self->fn, &self->vm, msix_shape(NR_MSIX));
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_TRUE(vcpu_irr(&self->vm.vcpu[0], VECTOR));
	function_close(&self->fn);
	vm_destroy(&self->vm);
	wait_for_users(&self->users);
	EXPECT_EQ(self->areas, module_areas());
	EXPECT_EQ(0, kernel_log_lines(self->log));
}

/* ---- spoiling ---- */

static __u64 random_value(void)
{
	static const __u64 edges[] = {
		0, 1, 2, 3, 4, 8, 16, 255, 256, 4095, 4096, 65535, 65536, 0x7fffffff, 0x80000000,
		0xffffffff, 1ULL << 32, 1ULL << 63, -1ULL, -2ULL, MSI_TO(0),
	};

	switch (random_number() & 3) {
	case 0:
		return edges[random_number() % ARRAY_SIZE(edges)];
	case 1:
		return random_number() & 127;
	default:
		return (__u64)random_number() << 32 | random_number();
	}
}

static __u64 random_address(FIXTURE_DATA(arguments) *self)
{
	switch (random_number() & 15) {
	case 0:
		return 0;
	case 1:
		return 8;
	case 2:				/* the kernel's */
		return 0xffff888000001000UL;
	case 3:				/* mapped by nobody */
		return 0x8000000000000000UL;
	case 4:
		return -8UL;
	case 5:				/* goes beyond the end */
		return (unsigned long)self->arena + ARENA_SIZE - (random_number() & 63);
	case 6:
		return (unsigned long)self->arena + ARENA_SIZE;
	case 7:
	case 8:
		return (unsigned long)self->arena + (random_number() & 0xffff);
	default:
		return (unsigned long)self->arena + (random_number() & 0xf000);
	}
}

static void set_pointers(FIXTURE_DATA(arguments) *self, unsigned long number, union any *arg)
{
	const __u32 *pointers = facts_of(number)->pointers;
	__u64 address;
	unsigned int i;

	for (i = 0; i < NR_POINTERS && pointers[i]; i++) {
		/* Of so many pointers, one bad one is enough. */
		if (pointers[1] && random_number() & 7)
			continue;
		address = random_address(self);
		memcpy(&arg->bytes[pointers[i]], &address, sizeof(address));
	}
}

/* Spoils a naturally aligned part: a field, several fields, or half of one. */
static void spoil_part(union any *arg, __u32 size)
{
	__u32 length = 1U << random_number() % 4;
	__u32 at = random_number() % size & ~(length - 1);
	__u64 value = random_value();

	memcpy(&arg->bytes[at], &value, length);
}

static void spoil_all(union any *arg, __u32 size)
{
	__u32 i;

	for (i = 0; i < size; i++)
		arg->bytes[i] = random_number() >> 8;
	if (random_number() & 7)
		arg->size = size;
}

static void spoil_size(union any *arg)
{
	static const __u32 sizes[] = { 0, 3, 4, 256, 257, 4095, 4096, 4097, 1U << 31, ~0U };

	arg->size = random_number() & 1 ? sizes[random_number() % ARRAY_SIZE(sizes)] :
					  random_number() % 300;
}

/* A caller may make a message store as large as it can pay for; here it is limited. */
static void bound_memory(unsigned long number, union any *arg)
{
	if (number != MSI_ROUTE_CREATE)
		return;
	if (arg->create.ims_vectors <= MSI_ROUTE_IMS_MAX_VECTORS)
		arg->create.ims_vectors &= 1023;
}

/* Returns 0 or the error. */
static int call_spoiled(FIXTURE_DATA(arguments) *self, int fd, const struct subject *s)
{
	union any *arg = (union any *)(self->arena + ARENA_ARGUMENT), spoiled = s->valid;
	unsigned long address = (unsigned long)arg, end = (unsigned long)self->arena + ARENA_SIZE;
	int ret;

	switch (random_number() % 5) {
	case 0:
		spoil_all(&spoiled, s->size);
		break;
	case 1:
		spoil_size(&spoiled);
		break;
	case 2:
		spoil_part(&spoiled, s->size);
		/* fall through */
	default:
		spoil_part(&spoiled, s->size);
		break;
	}
	set_pointers(self, s->number, &spoiled);
	bound_memory(s->number, &spoiled);
	memset(arg, 0, 4 * sizeof(*arg));
	memcpy(arg, &spoiled, sizeof(*arg));
	if (!(random_number() & 15)) {
		address = random_address(self);
		/* As much as there is room for. */
		if (address > (unsigned long)arg && address < end)
			memcpy((void *)address, &spoiled, end - address);
	}
	ret = ioctl(fd, s->number, address);
	if (ret < 0)
		return errno;
	if (s->number == MSI_ROUTE_CREATE)
		close(ret);
	return 0;
}

/* The memory behind pointers: pages of one word, which may be valid, or of any words. */
static void fill_arena(FIXTURE_DATA(arguments) *self)
{
	static const __u32 fills[] = { 0, -1, MSI_ROUTE_EVENTFD_KEEP };
	__u32 i, *words = (__u32 *)self->arena;

	for (i = 0; i < ARENA_ARGUMENT / sizeof(*words); i++) {
		switch (i / 1024 % 5) {
		case 3:
			words[i] = random_number() & 127;
			break;
		case 4:
			words[i] = random_number();
			break;
		default:
			words[i] = fills[i / 1024 % 5];
			break;
		}
	}
}

static unsigned int try_spoiled(struct __test_metadata *_metadata,
				FIXTURE_DATA(arguments) *self, int fd,
				const struct subject *s)
{
	unsigned int round, done = 0;
	struct state after;
	int error;

	for (round = 0; round < rounds; round++) {
		if (!(round & 31))
			fill_arena(self);
		get_state(self, &self->before);
		*arena_state(self) = self->before;
		error = call_spoiled(self, fd, s);
		EXPECT_TRUE(documented(s->number, error))
			TH_LOG("%s: %s", s->name, strerror(error));
		done += !error;
		if (s->number == MSI_ROUTE_SET_RUN)
			set_run(&self->fn, 0);
		if (!error)
			continue;
		get_state(self, &after);
		EXPECT_EQ(0, memcmp(&self->before, &after, sizeof(after)))
			TH_LOG("%s failed (%s), and yet", s->name, strerror(error));
	}
	return done;
}

/* ---- tests ---- */

TEST_F(arguments, each_request)
{
	const struct request *r;

	for_each_request(r) {
		struct subject s = { .name = r->name, .number = r->number, .size = r->valid.size };
		unsigned int done;

		s.valid.argument = r->valid;
		done = try_spoiled(_metadata, self, self->fn.fd, &s);
		REMARK("%s: %u of %u succeeded", r->name, done, rounds);
	}
}

TEST_F(arguments, eventfd_state_translation_vm)
{
	struct subject subjects[] = {
		{ "SET_EVENTFD", MSI_ROUTE_SET_EVENTFD, sizeof(struct msi_route_eventfd),
		  { .eventfd = { .size = sizeof(struct msi_route_eventfd), .fd = new_eventfd(),
				 .flags = MSI_ROUTE_EVENTFD_REPLACE } } },
		{ "SAVE", MSI_ROUTE_SAVE, sizeof(struct msi_route_state), {} },
		{ "RESTORE", MSI_ROUTE_RESTORE, sizeof(struct msi_route_state), {} },
		{ "SET_TRANSLATION", MSI_ROUTE_SET_TRANSLATION,
		  sizeof(struct msi_route_translation),
		  { .translation = { .size = sizeof(struct msi_route_translation),
				     .raw_address = HANDLE } } },
		{ "SET_REMAPPING", MSI_ROUTE_SET_REMAPPING, sizeof(struct msi_route_remapping),
		  { .remapping = { .size = sizeof(struct msi_route_remapping) } } },
		{ "REBIND", MSI_ROUTE_REBIND, sizeof(struct msi_route_rebind),
		  { .rebind = { .size = sizeof(struct msi_route_rebind), .vm_fd = self->vm.fd } } },
	};
	unsigned int i, done;

	for (i = 0; i < ARRAY_SIZE(subjects); i++) {
		if (i == 1 || i == 2) {
			subjects[i].valid.state = state_at(arena_state(self));
			subjects[i].valid.state.ims_granted = 2;
		}
		/* The message that is to be translated, whatever was restored. */
		table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE);
		table_write(&self->fn, ENTRY(0) + ENTRY_UPPER, 0);
		table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 0);
		done = try_spoiled(_metadata, self, self->fn.fd, &subjects[i]);
		REMARK("%s: %u of %u succeeded", subjects[i].name, done, rounds);
	}
}

TEST_F(arguments, create)
{
	struct subject s = {
		"CREATE", MSI_ROUTE_CREATE, sizeof(struct msi_route_create),
		{ .create = shape(self->vm.fd) },
	};
	int device = open_device();
	unsigned int done = try_spoiled(_metadata, self, device, &s);

	REMARK("CREATE: %u of %u succeeded", done, rounds);
	close(device);
}

/* By observers that do not own the function. */
TEST_F(arguments, observers)
{
	struct subject subjects[] = {
		{ "GET_FUNCTIONS", MSI_ROUTE_GET_FUNCTIONS,
		  sizeof(struct msi_route_get_functions),
		  { .functions = { .size = sizeof(struct msi_route_get_functions), .room = 1,
				   .stride = sizeof(struct msi_route_function) } } },
		{ "GET_VECTORS", MSI_ROUTE_GET_VECTORS, sizeof(struct msi_route_get_vectors),
		  { .argument.vectors = { .size = sizeof(struct msi_route_get_vectors),
					  .room = 1,
					  .stride = sizeof(struct msi_route_vector) } } },
		{ "GET_COUNTERS", MSI_ROUTE_GET_COUNTERS, sizeof(struct msi_route_counters),
		  { .argument.counters = { .size = sizeof(struct msi_route_counters) } } },
	};
	struct msi_route_function f;
	struct msi_route_get_functions all = {
		.size = sizeof(all), .room = 1, .stride = sizeof(f),
		.functions = (unsigned long)&f,
	};
	int device = open_device();
	unsigned int i, done;

	/* The only function of this VM, and of all VMs. */
	ASSERT_EQ(0, ioctl(device, MSI_ROUTE_GET_FUNCTIONS, &all));
	ASSERT_EQ(1, all.nr);
	subjects[1].valid.argument.vectors.function = f.number;
	subjects[2].valid.argument.counters.function = f.number;
	for (i = 0; i < ARRAY_SIZE(subjects); i++) {
		done = try_spoiled(_metadata, self, device, &subjects[i]);
		REMARK("%s: %u of %u succeeded", subjects[i].name, done, rounds);
	}
	close(device);
}

static bool known(unsigned int number)
{
	return facts_of(_IO(MSI_ROUTE_TYPE, number));
}

/* All numbers without a request, and valid ones with a wrong direction or size. */
TEST_F(arguments, numbers)
{
	static const unsigned int types[] = { MSI_ROUTE_TYPE, MSI_ROUTE_TYPE - 1, 0xae, 0xff };
	int device = open_device();
	unsigned int i, number;

	memset(self->arena, 0, 4096);
	*(__u32 *)self->arena = 256;
	get_state(self, &self->before);
	for (i = 0; i < rounds * 20; i++) {
		number = _IOC(random_number() & 3, types[random_number() & 3],
			      random_number() & 0xff, random_number() & 0x3fff & -(i & 1));
		if (number == _IO(MSI_ROUTE_TYPE, _IOC_NR(number)) && known(_IOC_NR(number)))
			continue;
		EXPECT_EQ(-1, ioctl(self->fn.fd, number, self->arena)) TH_LOG("%#x", number);
		EXPECT_EQ(ENOTTY, errno) TH_LOG("%#x", number);
		EXPECT_EQ(-1, ioctl(device, number, self->arena)) TH_LOG("%#x", number);
		EXPECT_EQ(ENOTTY, errno) TH_LOG("%#x", number);
	}
	for (i = 0; i < 256; i++) {
		number = _IO(MSI_ROUTE_TYPE, i);
		if (known(i))
			continue;
		EXPECT_EQ(-1, ioctl(self->fn.fd, number, self->arena)) TH_LOG("%#x", number);
		EXPECT_EQ(ENOTTY, errno);
	}
	close(device);
}

/* ---- a struct that changes while it is read ---- */

static struct {
	union argument arg;
	__u8 tail[64];
} moving;
static bool over;

static void *change_size(void *arg)
{
	static const __u32 sizes[] = { 8, 24, sizeof(moving), ~0U };
	unsigned int i;

	(void)arg;
	for (i = 0; !load(&over); i++)
		store(&moving.arg.size, sizes[i % ARRAY_SIZE(sizes)]);
	return NULL;
}

TEST_F(arguments, size_that_changes)
{
	pthread_t thread;
	unsigned int i;
	int error;

	ASSERT_EQ(0, pthread_create(&thread, NULL, change_size, NULL));
	for (i = 0; i < rounds * 50; i++) {
		error = ioctl(self->fn.fd, MSI_ROUTE_GET_COUNTERS, &moving) ? errno : 0;
		EXPECT_TRUE(documented(MSI_ROUTE_GET_COUNTERS, error))
			TH_LOG("%s", strerror(error));
	}
	store(&over, true);
	pthread_join(thread, NULL);
	for (i = 0; i < sizeof(moving.tail); i++)
		EXPECT_EQ(0, moving.tail[i]);
}
