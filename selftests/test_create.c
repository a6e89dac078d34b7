// SPDX-License-Identifier: GPL-2.0
/* MSI_ROUTE_CREATE: each error, each limit of a shape, and what a refused one leaves. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>

#include "uapi.h"

static int create_on(int vm_fd, struct msi_route_create shape)
{
	int device = open_device();
	int ret;

	shape.vm_fd = vm_fd;
	ret = ioctl(device, MSI_ROUTE_CREATE, &shape);
	if (ret < 0)
		ret = -errno;
	else
		close(ret);
	close(device);
	return ret < 0 ? ret : 0;
}

TEST_F(uapi, create_efault)
{
	int device = open_device();

	EXPECT_EQ(-EFAULT, call(device, MSI_ROUTE_CREATE, NOWHERE));
}

TEST_F(uapi, create_sizes)
{
	struct {
		struct msi_route_create shape;
		__u64 tail;
	} big = { .shape = msix_shape(1) };
	int device = open_device();

	big.shape.vm_fd = self->vm.fd;
	big.shape.size = offsetof(struct msi_route_create, reserved);
	EXPECT_EQ(-EINVAL, call(device, MSI_ROUTE_CREATE, &big));
	/* The first version. */
	big.shape.size = offsetof(struct msi_route_create, msix_granted);
	EXPECT_LE(0, call(device, MSI_ROUTE_CREATE, &big));
	big.shape.size = sizeof(big);
	EXPECT_EQ(0, call(device, MSI_ROUTE_CREATE, &big));
	big.tail = 1ULL << 63;
	EXPECT_EQ(-E2BIG, call(device, MSI_ROUTE_CREATE, &big));
}

/* The returned struct is passed again, and its output fields are written again. */
TEST_F(uapi, create_as_it_came_back)
{
	struct function first, second, third;

	function_open(&first, &self->vm, both());
	ASSERT_LE(0, function_try_open(&second, &self->vm, first.shape));
	EXPECT_EQ(0, memcmp(&first.shape, &second.shape, sizeof(first.shape)));
	close(second.fd);
	/* Also where all output fields are 0. */
	second.shape = msi_shape(1, 0);
	second.shape.mmap_size = first.shape.mmap_size;
	second.shape.mmap_table = ~0U;
	second.shape.mmap_pba = 1;
	ASSERT_LE(0, function_try_open(&third, &self->vm, second.shape));
	EXPECT_EQ(0, third.shape.mmap_size | third.shape.mmap_table | third.shape.mmap_pba);
	close(third.fd);
	function_close(&first);
}

TEST_F(uapi, create_is_close_on_exec)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fn.fd, F_GETFD) & FD_CLOEXEC);
}

TEST_F(uapi, create_ebadf)
{
	EXPECT_EQ(-EBADF, create_on(-1, msix_shape(1)));
	EXPECT_EQ(-EBADF, create_on(10000, msix_shape(1)));
}

TEST_F(uapi, create_ebadfd)
{
	int pipes[2];

	EXPECT_EQ(-EBADFD, create_on(self->vm.kvm_fd, msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(self->vcpu->fd, msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(self->fn.fd, msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(new_eventfd(), msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(open_device(), msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(open("/dev/null", O_RDWR), msix_shape(1)));
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EBADFD, create_on(pipes[0], msix_shape(1)));
}

TEST_F(uapi, create_eperm)
{
	int status;

	if (!fork())
		_exit(create_on(self->vm.fd, msix_shape(1)) == -EPERM ? 0 : 1);
	wait(&status);
	EXPECT_EQ(0, status);
}

TEST_F(uapi, create_enxio)
{
	struct vm vm;

	vm_create(&vm, VM_NO_IRQCHIP, 0);
	EXPECT_EQ(-ENXIO, create_on(vm.fd, msix_shape(1)));
}

/* The VM needs no routes, and may have any. */
TEST_F(uapi, create_with_and_without_routes)
{
	static const unsigned int flags[] = { 0, VM_SPLIT_IRQCHIP };
	struct msi_route_create shape = msix_shape(1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct function fn;
		struct vm vm;

		vm_create(&vm, flags[i], 1);
		EXPECT_EQ(0, create_on(vm.fd, shape));
		vm_set_msi_routes(&vm, 1);
		ASSERT_LE(0, function_try_open(&fn, &vm, shape));
		vm_set_msi_routes(&vm, 0);
		ASSERT_EQ(0, set_bus_master(&fn, 1));
		entry_set(&fn, 0, MSI_TO(0), VECTOR, 0);
		msix_control(&fn, MSIX_ENABLE);
		EXPECT_EQ(MSI_ROUTE_SENT, trigger(&fn, MSIX, 0));
		EXPECT_TRUE(vcpu_irr(&vm.vcpu[0], VECTOR));
	}
}

TEST_F(uapi, create_eaddrnotavail)
{
	struct msi_route_create shape = msix_shape(1);

	shape.flags = MSI_ROUTE_CREATE_EXT_DEST_ID;
	EXPECT_EQ(-EADDRNOTAVAIL, create_on(self->vm.fd, shape));
}

TEST_F(uapi, create_emfile)
{
	struct rlimit limit;
	int device = open_device();
	struct msi_route_create shape = msix_shape(1);

	shape.vm_fd = self->vm.fd;
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = device + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, call(device, MSI_ROUTE_CREATE, &shape));
}

/* Applies @change to a valid shape, which must then be refused. */
#define EXPECT_REFUSED(change)						\
	do {								\
		struct msi_route_create c = both();			\
									\
		change;							\
		EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c))		\
			TH_LOG("%s", #change);				\
	} while (0)
#define EXPECT_ACCEPTED(change)						\
	do {								\
		struct msi_route_create c = both();			\
									\
		change;							\
		EXPECT_EQ(0, create_on(self->vm.fd, c))			\
			TH_LOG("%s", #change);				\
	} while (0)

TEST_F(uapi, create_einval_numbers)
{
	EXPECT_REFUSED((c.msix_vectors = 0, c.msi_vectors = 0, c.ims_vectors = 0, c.msix_cap = 0,
			c.msi_cap = 0, c.msi_flags = 0, c.msix_pba_offset = 0));
	EXPECT_REFUSED(c.msix_vectors = 2049);
	EXPECT_REFUSED(c.msi_vectors = 3);
	EXPECT_REFUSED(c.msi_vectors = 33);
	EXPECT_REFUSED(c.msi_vectors = 64);
	EXPECT_ACCEPTED(c.msix_vectors = 2048);
	EXPECT_ACCEPTED(c.msi_vectors = 32);
}

TEST_F(uapi, create_einval_offsets)
{
	EXPECT_REFUSED(c.msix_cap = 0);
	EXPECT_REFUSED(c.msix_cap = 0x3c);
	EXPECT_REFUSED(c.msix_cap = 0x42);
	EXPECT_REFUSED(c.msix_cap = 0xf8);
	EXPECT_ACCEPTED(c.msix_cap = 0xf4);
	EXPECT_REFUSED(c.msi_cap = 0);
	EXPECT_REFUSED(c.msi_cap = 0x3c);
	EXPECT_REFUSED(c.msi_cap = 0x61);
	EXPECT_REFUSED(c.msi_cap = 0xec);
	EXPECT_ACCEPTED(c.msi_cap = 0xe8);
	EXPECT_REFUSED(c.msix_table_offset = 4);
	EXPECT_REFUSED(c.msix_pba_offset = PBA_OFFSET + 4);
	EXPECT_REFUSED(c.msix_table_offset = 0xfffffff8);
	EXPECT_REFUSED(c.msix_table_bir = 6);
	EXPECT_REFUSED(c.msix_pba_bir = 6);
	EXPECT_ACCEPTED((c.msix_table_bir = 5, c.msix_pba_bir = 5));
}

TEST_F(uapi, create_einval_overlaps)
{
	EXPECT_REFUSED(c.msix_pba_offset = 0);
	EXPECT_REFUSED(c.msix_pba_offset = NR * 16 - 8);
	EXPECT_ACCEPTED(c.msix_pba_offset = NR * 16);
	EXPECT_REFUSED((c.msix_table_offset = 0x1000, c.msix_pba_offset = 0x1000));
	EXPECT_ACCEPTED((c.msix_table_offset = 0x1008, c.msix_pba_offset = 0x1000));
	/* In another BAR there is nothing to overlap. */
	EXPECT_ACCEPTED((c.msix_pba_offset = 0, c.msix_pba_bir = 1));
	EXPECT_REFUSED(c.msi_cap = MSIX_CAP);
	EXPECT_REFUSED(c.msi_cap = MSIX_CAP + 8);
	EXPECT_ACCEPTED(c.msi_cap = MSIX_CAP + 12);
	EXPECT_REFUSED((c.msix_cap = 0x74, c.msi_cap = 0x60));
	EXPECT_ACCEPTED((c.msix_cap = 0x78, c.msi_cap = 0x60));
}

TEST_F(uapi, create_einval_fields_of_no_capability)
{
	struct msi_route_create c = msi_shape(1, 0);

	c.msix_cap = 0x80;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c = msi_shape(1, 0);
	c.msix_table_offset = 8;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c = msi_shape(1, 0);
	c.msix_pba_bir = 1;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c = msix_shape(1);
	c.msi_cap = 0x80;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c = msix_shape(1);
	c.msi_flags = MSI_ROUTE_MSI_64BIT;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
}

/* A layout with Pending bits keeps its events, and refuses the flag. */
TEST_F(uapi, create_einval_drop_disabled)
{
	static const struct { __u32 layout; int ret; } layouts[] = {
		{ 0, 0 }, { MSI_ROUTE_MSI_64BIT, 0 }, { MSI_ROUTE_MSI_EXT_DATA, 0 },
		{ MSI_ROUTE_MSI_MASKING, -EINVAL },
		{ MSI_ROUTE_MSI_MASKING | MSI_ROUTE_MSI_64BIT, -EINVAL },
	};
	struct msi_route_create c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		c = msi_shape(1, layouts[i].layout);
		c.flags = MSI_ROUTE_CREATE_DROP_DISABLED;
		EXPECT_EQ(layouts[i].ret, create_on(self->vm.fd, c)) TH_LOG("layout %u", i);
	}
	c = msix_shape(1);
	c.flags = MSI_ROUTE_CREATE_DROP_DISABLED;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
}

TEST_F(uapi, create_einval_name)
{
	static const char *const names[] = { "a b", "a/b", "a\nb", "\x7f", "\xe4" };
	struct msi_route_create c = msix_shape(1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		strcpy(c.name, names[i]);
		EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c)) TH_LOG("%s", names[i]);
	}
	/* The name ends within its array, and only zeros follow. */
	memset(c.name, 'x', sizeof(c.name));
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c.name[sizeof(c.name) - 1] = '\0';
	EXPECT_EQ(0, create_on(self->vm.fd, c));
	c.name[1] = '\0';
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
}

/* A refused function leaves nothing: its VM can be freed. */
TEST_F(uapi, create_refused_leaves_nothing)
{
	int i;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(-EINVAL, create_on(self->vm.fd, msix_shape(2049)));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
}
