// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM whose memory cgroup is at its limit: each call that takes memory fails with
 * ENOMEM, a guest's request for vectors is refused, nothing changes, and the OOM killer
 * does not come.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define IMS		MSI_ROUTE_IMS
#define NR_IMS		65536
#define NR_MSIX		2048
#define NR_FDS		4096
#define MIB		(1UL << 20)

/* ---- a memory cgroup ---- */

static char root[] = P_tmpdir "/msi_route-cgroup-XXXXXX";
static char group[128];

static bool put(const char *file, const char *text)
{
	char path[256];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

/* The value of @key, or the number that is the whole file. */
static unsigned long get(const char *file, const char *key)
{
	unsigned long value = 0;
	char path[256], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	f = fopen(path, "r");
	if (!f)
		die("%s", path);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			value = strtoul(line + strlen(key), NULL, 10);
	fclose(f);
	return value;
}

static bool group_make(void)
{
	if (!mkdtemp(root) || mount("none", root, "cgroup2", 0, NULL))
		return false;
	strcpy(group, root);
	if (!put("cgroup.subtree_control", "+memory")) {
		/* group_free() has nothing to wait for. */
		group[0] = '\0';
		return false;
	}
	snprintf(group, sizeof(group), "%s/msi_route-%d", root, getpid());
	return !mkdir(group, 0755);
}

static void group_free(void)
{
	/* A process of the group may not have ended completely yet. */
	while (group[0] && rmdir(group) && errno == EBUSY)
		sched_yield();
	umount2(root, MNT_DETACH);
	rmdir(root);
}

/* From now on this process causes no page faults. */
static void limit_to(unsigned long more)
{
	char text[32];

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
	snprintf(text, sizeof(text), "%lu", get("memory.current", "") + more);
	if (!put("memory.max", text))
		die("memory.max");
}

/* ---- the process in the group ---- */

static struct vm vm;
static struct function fn, filler;
static int device;

static struct msi_route_create store_shape(unsigned int vectors)
{
	return (struct msi_route_create) {
		.size = sizeof(struct msi_route_create), .ims_vectors = vectors,
		.ims_max = NR_IMS,
	};
}

static int create(struct function *f, struct msi_route_create shape)
{
	shape.vm_fd = vm.fd;
	f->vm = &vm;
	f->shape = shape;
	f->fd = ioctl(device, MSI_ROUTE_CREATE, &f->shape);
	return f->fd < 0 ? -errno : 0;
}

#define MUST(number, condition)				\
	do {						\
		if (!(condition))			\
			_exit(number);			\
	} while (0)

/*
 * Until there is no memory for 64 more vectors, which take two and a half pages.  Other
 * CPUs may give back their share of the limit a moment later: then it fills once more.
 */
static void fill(void)
{
	static __u32 nr = 1;
	int got;

	for (;;) {
		got = resize(&filler, IMS, nr + 64, nr + 64);
		if (got < 0)
			break;
		nr += 64;
	}
	if (got != -ENOMEM)
		_exit(2);
}

/* Fills again, if there was still room. */
#define FAILS(number, call, undo)			\
	do {						\
		int ret_;				\
							\
		fill();					\
		while ((ret_ = (call)) >= 0) {		\
			undo;				\
			fill();				\
		}					\
		MUST(number, ret_ == -ENOMEM);		\
	} while (0)

/* Each takes what it needs before the limit is set, and exits with 0 at the end. */
static void limited_create(void)
{
	struct function f;
	unsigned int i;
	int ret;

	/* Small functions, for which the kernel itself takes the greater part. */
	limit_to(4 * MIB);
	for (i = 0; i < 20000; i++) {
		ret = create(&f, msi_shape(1, 0));
		if (ret)
			break;
	}
	MUST(3, ret == -ENOMEM);
	MUST(4, i > 50);
	FAILS(5, create(&f, msi_shape(1, 0)), close(f.fd));
	FAILS(6, create(&f, msix_shape(NR_MSIX)), close(f.fd));
	FAILS(7, create(&f, store_shape(NR_IMS)), close(f.fd));
}

static void limited_resize(void)
{
	int got;

	MUST(3, !create(&fn, store_shape(1)));
	limit_to(3 * MIB);
	/* As far as it goes, and then no further. */
	got = resize(&fn, IMS, 1, NR_IMS);
	MUST(4, got > 64 && got < NR_IMS);
	MUST(5, resize(&fn, IMS, NR_IMS, NR_IMS) == -ENOMEM);
	MUST(6, resize(&fn, IMS, 0, 0) == got);
	MUST(7, trigger(&fn, IMS, got - 1) == MSI_ROUTE_PENDING);
	MUST(8, resize(&fn, IMS, 1, 1) == 1);
}

#define GRANT_CAP	0x80

static __u32 grant(__u32 reg)
{
	__u64 value = 0;

	MUST(20, !function_access(&fn, MSI_ROUTE_READ, MSI_ROUTE_CONFIG, GRANT_CAP + reg, 4,
				  &value));
	return value;
}

/* Returns 0, or -ENOMEM if the status says so. */
static int ask(__u32 min, __u32 nr)
{
	__u64 value = min << 16 | nr;
	__u32 status;

	MUST(21, !function_access(&fn, MSI_ROUTE_WRITE, MSI_ROUTE_CONFIG, GRANT_CAP + 0xc, 4,
				  &value));
	status = grant(0x10);
	MUST(22, status == MSI_ROUTE_GRANT_ALL || status == MSI_ROUTE_GRANT_MEMORY);
	return status == MSI_ROUTE_GRANT_ALL ? 0 : -ENOMEM;
}

static void limited_grant(void)
{
	struct msi_route_create shape = msix_shape(NR_MSIX);

	shape.grant_cap = GRANT_CAP;
	shape.msix_granted = 1;
	MUST(3, !create(&fn, shape));
	limit_to(2 * MIB);
	FAILS(4, ask(NR_MSIX, NR_MSIX), MUST(9, !ask(1, 1)));
	MUST(5, grant(0x8) >> 16 == 1);
	MUST(6, trigger(&fn, MSIX, 0) == MSI_ROUTE_PENDING);
	/* The filler's memory is free again after a grace period. */
	MUST(7, resize(&filler, IMS, 1, 1) == 1);
	while (ask(NR_MSIX, NR_MSIX))
		sched_yield();
	MUST(8, grant(0x8) >> 16 == NR_MSIX);
}

static __s32 fds[NR_IMS];

static void limited_eventfds(void)
{
	static int made[NR_FDS];
	unsigned int i;
	__u64 count;

	MUST(3, !create(&fn, store_shape(NR_IMS)));
	for (i = 0; i < NR_FDS; i++)
		made[i] = new_eventfd();
	for (i = 0; i < NR_IMS; i++)
		fds[i] = MSI_ROUTE_EVENTFD_KEEP;
	/* Each has a node of its own in the tree. */
	for (i = 0; i < NR_FDS; i++)
		fds[i * (NR_IMS / NR_FDS)] = made[i];
	limit_to(MIB);
	MUST(4, set_eventfds(&fn, IMS, 0, NR_IMS, fds, 0) == -ENOMEM);
	fill();
	MUST(5, set_eventfds(&fn, IMS, 0, NR_IMS, fds, 0) == -ENOMEM);
	/* None is attached: signals stay in the eventfds. */
	for (i = 0; i < NR_FDS; i += 512) {
		signal_eventfd(made[i], 1);
		MUST(6, read(made[i], &count, sizeof(count)) == sizeof(count));
	}
}

static struct msi_route_ims_op ops[MSI_ROUTE_IMS_MAX_OPS];

static void limited_set_ims(void)
{
	MUST(3, !create(&fn, store_shape(1)));
	limit_to(MIB);
	fill();
	MUST(4, set_ims(&fn, ops, MSI_ROUTE_IMS_MAX_OPS) == -ENOMEM);
}

static struct msi_route_entry entries[NR_IMS];
static __u64 bits[NR_IMS / 64];

static int call_state(unsigned long request)
{
	struct msi_route_state state = {
		.size = sizeof(state), .ims_max = NR_IMS, .ims_granted = NR_IMS,
		.ims_entries = (unsigned long)entries, .ims_pending = (unsigned long)bits,
	};

	return ioctl(fn.fd, request, &state) ? -errno : 0;
}

static void limited_state(void)
{
	MUST(3, !create(&fn, store_shape(1)) && !set_run(&fn, 0));
	limit_to(2 * MIB);
	/* There is memory for the copy, but not for so many vectors. */
	MUST(4, call_state(MSI_ROUTE_RESTORE) == -ENOMEM);
	MUST(5, resize(&fn, IMS, 0, 0) == 1);
	fill();
	MUST(6, call_state(MSI_ROUTE_RESTORE) == -ENOMEM);
}

static void limited_map(void)
{
	enum { N = 400 };
	static struct function f[N];
	unsigned int i;

	for (i = 0; i < N; i++) {
		__u64 at = TABLE_GPA(0) + i * 0x2000UL;

		MUST(3, !create(&f[i], msix_shape(1)));
		MUST(3, !map(&f[i], MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA, at, at + 0x1000));
	}
	MUST(4, !create(&fn, msix_shape(1)));
	limit_to(MIB);
	FAILS(5, map(&fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(0) + N * 0x2000UL, 0),
	      MUST(7, !map(&fn, 0, 0, 0)));
	/* Calls that give memory back work. */
	MUST(6, !map(&f[0], 0, 0, 0));
	close(f[1].fd);
}

/* ---- what is charged ---- */

/* The nodes of the tree are charged, too: one for each eventfd. */
static void count_nodes(void)
{
	enum { N = 1024, BYTES = 300 };
	static int made[N];
	unsigned long before;
	unsigned int i;

	MUST(3, !create(&fn, store_shape(NR_IMS)));
	for (i = 0; i < N; i++)
		made[i] = new_eventfd();
	before = get("memory.stat", "slab ");
	for (i = 0; i < N; i++)
		MUST(4, !set_eventfd(&fn, IMS, i * (NR_IMS / N), made[i], 0));
	MUST(5, get("memory.stat", "slab ") >= before + N * BYTES);
}

FIXTURE(limit) {
	struct users users;
	unsigned int areas;
	bool made;
};

FIXTURE_VARIANT(limit) {
	void (*body)(void);
};

FIXTURE_VARIANT_ADD(limit, create) { .body = limited_create };
FIXTURE_VARIANT_ADD(limit, resize) { .body = limited_resize };
FIXTURE_VARIANT_ADD(limit, grant) { .body = limited_grant };
FIXTURE_VARIANT_ADD(limit, eventfds) { .body = limited_eventfds };
FIXTURE_VARIANT_ADD(limit, set_ims) { .body = limited_set_ims };
FIXTURE_VARIANT_ADD(limit, state) { .body = limited_state };
FIXTURE_VARIANT_ADD(limit, map) { .body = limited_map };

FIXTURE_SETUP(limit)
{
	self->users = all_users();
	self->areas = module_areas();
	self->made = group_make();
}

FIXTURE_TEARDOWN(limit)
{
	group_free();
	wait_for_users(&self->users);
	EXPECT_EQ(self->areas, module_areas());
}

/* In the group, and without charging the harness's own memory to it. */
static int run_in_group(void (*body)(void))
{
	const struct rlimit many = { .rlim_cur = 65536, .rlim_max = 65536 };
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!put("cgroup.procs", "0") || setrlimit(RLIMIT_NOFILE, &many))
			_exit(1);
		device = open_device();
		vm_create(&vm, 0, 1);
		MUST(2, !create(&filler, store_shape(1)));
		body();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return status;
}

TEST_F(limit, enomem_and_no_oom_killer)
{
	int status;

	if (!self->made)
		SKIP(return, "no memory controller in cgroup2");
	status = run_in_group(variant->body);
	EXPECT_TRUE(WIFEXITED(status)) TH_LOG("signal %d", WTERMSIG(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_LT(0, get("memory.events", "max "));
	EXPECT_EQ(0, get("memory.events", "oom "));
	EXPECT_EQ(0, get("memory.events", "oom_kill "));
}

FIXTURE(charge) {
	bool made;
};

FIXTURE_SETUP(charge)
{
	self->made = group_make();
}

FIXTURE_TEARDOWN(charge)
{
	group_free();
}

TEST_F(charge, nodes_of_a_tree)
{
	if (!self->made)
		SKIP(return, "no memory controller in cgroup2");
	EXPECT_EQ(0, run_in_group(count_nodes));
}
