// SPDX-License-Identifier: GPL-2.0
/*
 * Failures in calls that create, resize, place and show a function, and where no error can
 * be returned: fault.h tells how.
 */
#include "fault.h"

/* ---- a function ---- */

static int create(struct world *w, struct msi_route_create c)
{
	c.vm_fd = w->vm.fd;
	w->other = ioctl(w->device, MSI_ROUTE_CREATE, &c);
	return w->other < 0 ? -errno : 0;
}

static int create_all(struct world *w)
{
	struct msi_route_create c = shape();

	c.msix_granted = 0;
	return create(w, c);
}

/* A number of vectors that does not fill its blocks. */
static int create_few(struct world *w)
{
	struct msi_route_create c = both_shape(3, 1);

	c.ims_vectors = 2;
	return create(w, c);
}

static bool created(struct world *w)
{
	struct function fn = { .vm = &w->vm, .fd = w->other };
	struct msi_route_ims_op op = { .op = MSI_ROUTE_IMS_MASK };

	return !set_bus_master(&fn, 1) && !set_ims(&fn, &op, 1) &&
	       trigger(&fn, MSIX, 2) == MSI_ROUTE_PENDING;
}

/* ---- its vectors ---- */

static int resize_to(struct world *w, __u32 kind, __u32 nr)
{
	int granted = resize(&w->fn, kind, nr, nr);

	return granted < 0 ? granted : 0;
}

static int grow_msix(struct world *w)
{
	return resize_to(w, MSIX, NR);
}

static bool grown_msix(struct world *w)
{
	entry_set(&w->fn, NR - 1, MSI_TO(0), VECTOR, 0);
	return trigger(&w->fn, MSIX, NR - 1) == MSI_ROUTE_SENT;
}

static int grow_ims(struct world *w)
{
	return resize_to(w, IMS, MAX_IMS);
}

static bool grown_ims(struct world *w)
{
	return trigger(&w->fn, IMS, MAX_IMS - 1) == MSI_ROUTE_PENDING;
}

static int shrink(struct world *w)
{
	return resize_to(w, MSIX, 1);
}

static bool shrunk(struct world *w)
{
	return trigger(&w->fn, MSIX, 0) == MSI_ROUTE_SENT &&
	       trigger(&w->fn, MSIX, 1) == -ECHRNG;
}

/* Without memory the previous limit is restored. */
static int limit_and_grow(struct world *w)
{
	struct msi_route_resize arg = {
		.size = sizeof(arg), .flags = MSI_ROUTE_RESIZE_LIMIT, .kind = MSIX,
		.min = NR - 1, .nr = NR - 1, .limit = NR - 1,
	};

	return ioctl(w->fn.fd, MSI_ROUTE_RESIZE, &arg) ? -errno : 0;
}

static bool not_limited(struct world *w)
{
	return resize(&w->fn, MSIX, 1, NR) == NR && resize(&w->fn, MSIX, 1, FIRST) == FIRST;
}

static bool limited_and_grown(struct world *w)
{
	return resize(&w->fn, MSIX, 1, NR) == NR - 1;
}

/* ---- its place ---- */

#define OLD_PLACE	TABLE_GPA(6)
#define NEW_PLACE	TABLE_GPA(7)

/* Does a vCPU's access there reach the function? */
static bool occupied(struct world *w, __u64 place)
{
	struct msi_route_get_map m = get_map(&w->fn);

	return (m.reached & MSI_ROUTE_MAP_TABLE && m.table == place) ||
	       (m.reached & MSI_ROUTE_MAP_PBA && m.pba == place);
}

static int place(struct world *w)
{
	return map(&w->fn, MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA, NEW_PLACE,
		   NEW_PLACE + PBA_OFFSET);
}

static bool placed(struct world *w)
{
	return occupied(w, NEW_PLACE) && occupied(w, NEW_PLACE + PBA_OFFSET) &&
	       !occupied(w, OLD_PLACE);
}

static bool not_placed(struct world *w)
{
	return !occupied(w, NEW_PLACE) && !occupied(w, NEW_PLACE + PBA_OFFSET);
}

static void have_place(struct world *w)
{
	if (map(&w->fn, MSI_ROUTE_MAP_TABLE, OLD_PLACE, 0))
		die("MSI_ROUTE_MAP");
}

static bool at_old_place(struct world *w)
{
	return occupied(w, OLD_PLACE) && not_placed(w);
}

static int take_away(struct world *w)
{
	return map(&w->fn, 0, 0, 0);
}

static bool taken_away(struct world *w)
{
	return !occupied(w, OLD_PLACE);
}

static void have_place_and_stop(struct world *w)
{
	have_place(w);
	be_stopped(w);
}

/* To the VM that it already has; this removes it from its place. */
static int go_over(struct world *w)
{
	return rebind(&w->fn, &w->vm);
}

/* ---- what is seen of it ---- */

static int map_image(struct world *w)
{
	w->image = mmap(NULL, w->fn.shape.mmap_size, PROT_READ, MAP_SHARED, w->fn.fd, 0);
	return w->image == MAP_FAILED ? -errno : 0;
}

static bool image_mapped(struct world *w)
{
	const __u8 *table = (const __u8 *)w->image + w->fn.shape.mmap_table;
	const __u8 *pba = (const __u8 *)w->image + w->fn.shape.mmap_pba;

	return *(const __u32 *)(table + ENTRY_DATA) == VECTOR && *pba == 2;
}

static int describe_functions(struct world *w)
{
	struct msi_route_get_functions arg = {
		.size = sizeof(arg), .room = 2, .stride = sizeof(w->functions[0]),
		.functions = (unsigned long)w->functions,
	};

	return ioctl(w->device, MSI_ROUTE_GET_FUNCTIONS, &arg) ? -errno : 0;
}

/* The witness and this function; either may have the lower number. */
static bool functions_described(struct world *w)
{
	const struct msi_route_function *f = w->functions;
	int witness = f[0].caps[IMS].max == MAX_IMS;

	return f[witness].caps[MSIX].max == 1 && f[!witness].caps[IMS].max == MAX_IMS;
}

static int describe_vectors(struct world *w)
{
	struct msi_route_get_vectors arg = {
		.size = sizeof(arg), .kind = MSIX, .room = FIRST,
		.stride = sizeof(w->vectors[0]), .vectors = (unsigned long)w->vectors,
	};

	return ioctl(w->fn.fd, MSI_ROUTE_GET_VECTORS, &arg) ? -errno : 0;
}

static bool vectors_described(struct world *w)
{
	return w->vectors[1].events == 1 && w->vectors[FIRST - 1].vector == FIRST - 1;
}

/* ---- the calls ---- */

CALL(create, .call = create_all, .done = created);
CALL(create_few, .call = create_few, .done = created);
CALL(grow_msix, .call = grow_msix, .done = grown_msix, .returns = true);
CALL(grow_ims, .call = grow_ims, .done = grown_ims, .returns = true);
CALL(shrink, .call = shrink, .done = shrunk, .copies_only = true, .returns = true);
CALL(limit, .call = limit_and_grow, .done = limited_and_grown, .undone = not_limited,
     .returns = true);
CALL(map, .call = place, .done = placed, .undone = not_placed);
CALL(move, .call = place, .done = placed, .prepare = have_place, .undone = at_old_place);
CALL(unmap, .call = take_away, .done = taken_away, .prepare = have_place,
     .undone = at_old_place, .copies_only = true);
CALL(rebind, .call = go_over, .done = taken_away, .prepare = have_place_and_stop,
     .undone = at_old_place);
CALL(mmap, .call = map_image, .done = image_mapped);
CALL(functions, .call = describe_functions, .done = functions_described);
CALL(vectors, .call = describe_vectors, .done = vectors_described);

/* ---- what cannot return an error ---- */

FIXTURE(memory) {
	struct world *w;
};

FIXTURE_SETUP(memory)
{
	self->w = calloc(1, sizeof(*self->w));
	if (!self->w)
		die("calloc");
	world_make(self->w);
}

FIXTURE_TEARDOWN(memory)
{
	world_end(self->w);
	free(self->w);
}

static int ask(struct world *w, unsigned int min, unsigned int count)
{
	__u64 value = ASK(min, count);

	return function_access(&w->fn, MSI_ROUTE_WRITE, MSI_ROUTE_CONFIG, REQUEST, 4, &value);
}

/* A refused request leaves only itself and its status. */
static void forget_request(struct image *image)
{
	image->config[REQUEST / 4] = 0;
	image->config[STATUS / 4] = 0;
	image->saved.state.grant_request = 0;
	image->saved.state.grant_status = 0;
}

/* A guest's request for vectors is refused, and its status gives the reason. */
TEST_F(memory, a_guests_request)
{
	unsigned int n, calm, refused = 0;
	struct world *w = self->w;
	bool failed;

	NEED_FAILURES();
	for_each_failure(n, failed, calm) {
		unsigned int status;
		int ret;

		begin(w);
		look(w, &before);
		arm(n);
		ret = ask(w, NR, NR);
		failed = disarm();
		status = config_read(&w->fn, STATUS, 4);
		if (ret || status != MSI_ROUTE_GRANT_ALL) {
			ASSERT_TRUE(failed);
			ASSERT_EQ(ret ? MSI_ROUTE_GRANT_NONE : MSI_ROUTE_GRANT_MEMORY, status);
			ASSERT_EQ(ret ? -EFAULT : 0, ret);
			look(w, &after);
			forget_request(&after);
			ASSERT_FALSE(differ(&before, &after));
			ASSERT_EQ(0, ask(w, NR, NR));
			ASSERT_EQ(MSI_ROUTE_GRANT_ALL, config_read(&w->fn, STATUS, 4));
			refused += !ret;
		}
		ASSERT_EQ(NR, config_read(&w->fn, VECTORS, 4) >> 16);
		ASSERT_TRUE(grown_msix(w));
		end(w);
	}
	EXPECT_LT(0, refused);
}

/* A request that accepts less gets what there is memory for. */
TEST_F(memory, a_modest_guests_request)
{
	unsigned int n, calm, fewer = 0;
	struct world *w = self->w;
	bool failed;

	NEED_FAILURES();
	for_each_failure(n, failed, calm) {
		unsigned int granted, status;
		int ret;

		begin(w);
		arm(n);
		ret = ask(w, 1, NR);
		failed = disarm();
		status = config_read(&w->fn, STATUS, 4);
		granted = config_read(&w->fn, VECTORS, 4) >> 16;
		if (!ret && status == MSI_ROUTE_GRANT_FEWER) {
			fewer++;
			ASSERT_TRUE(failed);
			ASSERT_LE(FIRST, granted);
			ASSERT_GT(NR, granted);
			entry_set(&w->fn, granted - 1, MSI_TO(0), VECTOR, 0);
			ASSERT_EQ(MSI_ROUTE_SENT, trigger(&w->fn, MSIX, granted - 1));
			ASSERT_EQ(-ECHRNG, trigger(&w->fn, MSIX, granted));
		} else if (!ret) {
			ASSERT_EQ(MSI_ROUTE_GRANT_ALL, status);
			ASSERT_EQ(NR, granted);
		}
		ASSERT_EQ(0, ask(w, NR, NR));
		ASSERT_EQ(NR, config_read(&w->fn, VECTORS, 4) >> 16);
		end(w);
	}
	EXPECT_LT(0, fewer);
}

/* A function can always be closed, with all that it has. */
TEST_F(memory, close)
{
	long users = module_users("msi_route");
	struct world *w = self->w;
	unsigned int calm;
	bool failed;
	unsigned int n;

	NEED_FAILURES();
	for_each_failure(n, failed, calm) {
		int fd;

		begin(w);
		attach_old(w);
		have_place(w);
		be_told(w);
		ASSERT_EQ(users + 1, module_users("msi_route"));
		/* For end(). */
		fd = fcntl(w->device, F_DUPFD_CLOEXEC, 0);
		ASSERT_LE(0, fd);
		arm(n);
		close(w->fn.fd);
		failed = disarm();
		w->fn.fd = fd;
		/* Every device on KVM's bus uses the module. */
		ASSERT_EQ(users, module_users("msi_route"));
		ASSERT_TRUE(idle(w->old[0]));
		end(w);
	}
}
