// SPDX-License-Identifier: GPL-2.0
/* MSI_ROUTE_SET_EVENTFD: attached, replaced, several of one vector, and each error. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "uapi.h"

TEST_F(uapi, eventfd_ebadf_einval)
{
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, 10000, 0));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, self->vm.fd, 0));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, open("/dev/null", O_RDWR), 0));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
}

TEST_F(uapi, eventfd_eexist_and_replace)
{
	int first = new_eventfd(), second = new_eventfd();

	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, first, 0));
	EXPECT_EQ(-EEXIST, set_eventfd(&self->fn, MSIX, 0, second, 0));
	EXPECT_EQ(-EEXIST, set_eventfd(&self->fn, MSIX, 0, first, 0));
	signal_eventfd(second, 1);
	EXPECT_EQ(0, totals(&self->fn, MSIX).events);
	signal_eventfd(first, 1);
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);

	/* What the second holds is raised when it is attached. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, second, MSI_ROUTE_EVENTFD_REPLACE));
	EXPECT_EQ(2, totals(&self->fn, MSIX).events);
	signal_eventfd(first, 1);
	EXPECT_EQ(2, totals(&self->fn, MSIX).events);
	signal_eventfd(second, 1);
	EXPECT_EQ(3, totals(&self->fn, MSIX).events);

	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	signal_eventfd(second, 1);
	EXPECT_EQ(3, totals(&self->fn, MSIX).events);
	/* REPLACE of nothing attaches. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, second, MSI_ROUTE_EVENTFD_REPLACE));
	EXPECT_EQ(4, totals(&self->fn, MSIX).events);
}

/* Several of one vector: each signal of each is an event, until it is detached. */
TEST_F(uapi, eventfd_add_and_remove)
{
	enum { ADD = MSI_ROUTE_EVENTFD_ADD, REMOVE = MSI_ROUTE_EVENTFD_REMOVE };
	int i, fd[3], other = new_eventfd();

	for (i = 0; i < 3; i++) {
		fd[i] = new_eventfd();
		signal_eventfd(fd[i], 1);
		EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[i], ADD));
		EXPECT_EQ(i + 1, totals(&self->fn, MSIX).events);
	}
	EXPECT_EQ(-EEXIST, set_eventfd(&self->fn, MSIX, 0, fd[1], ADD));
	EXPECT_EQ(-EEXIST, set_eventfd(&self->fn, MSIX, 0, other, 0));
	EXPECT_EQ(-EBUSY, set_eventfd(&self->fn, MSIX, 1, fd[1], ADD));
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, -1, ADD));
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, 10000, ADD));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, self->vm.fd, ADD));
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, -1, REMOVE));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, self->vm.fd, REMOVE));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, other, REMOVE));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 1, fd[0], REMOVE));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, other, ADD | REMOVE));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, other,
				       ADD | MSI_ROUTE_EVENTFD_REPLACE));
	for (i = 0; i < 3; i++) {
		signal_eventfd(fd[i], 1);
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	}
	EXPECT_EQ(6, totals(&self->fn, MSIX).events);

	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[1], REMOVE));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, fd[1], REMOVE));
	for (i = 0; i < 3; i++)
		signal_eventfd(fd[i], 1);
	EXPECT_EQ(8, totals(&self->fn, MSIX).events);
	/* Another vector can have it now, with what it held. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 1, fd[1], 0));
	EXPECT_EQ(1, counters(&self->fn, MSIX, 1).events);

	/* One of them replaces all. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[2], MSI_ROUTE_EVENTFD_REPLACE));
	signal_eventfd(fd[0], 1);
	signal_eventfd(fd[2], 1);
	EXPECT_EQ(9, counters(&self->fn, MSIX, 0).events);
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[0], ADD));
	EXPECT_EQ(10, counters(&self->fn, MSIX, 0).events);
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, other, MSI_ROUTE_EVENTFD_REPLACE));
	signal_eventfd(fd[0], 1);
	signal_eventfd(fd[2], 1);
	EXPECT_EQ(10, counters(&self->fn, MSIX, 0).events);

	/* -1 detaches all. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[0], ADD));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	signal_eventfd(fd[0], 1);
	signal_eventfd(other, 1);
	EXPECT_EQ(11, counters(&self->fn, MSIX, 0).events);
}

/* Masked, they share one Pending bit, and all events are accounted for. */
TEST_F(uapi, eventfds_of_one_vector_pend)
{
	struct msi_route_counters c;
	int i, fd[4];

	for (i = 0; i < 4; i++) {
		fd[i] = new_eventfd();
		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[i], MSI_ROUTE_EVENTFD_ADD));
	}
	entry_mask(&self->fn, 0, true);
	for (i = 0; i < 4; i++)
		signal_eventfd(fd[i], 1);
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(4, c.events);
	EXPECT_EQ(3, c.coalesced);
	entry_mask(&self->fn, 0, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(1, c.messages);
	EXPECT_EQ(1, c.replayed);
	EXPECT_EQ(c.events, accounted(&c));
}

/* A replacement that fails keeps what was attached. */
TEST_F(uapi, eventfd_failed_replace)
{
	int fd = new_eventfd();

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, 10000, MSI_ROUTE_EVENTFD_REPLACE));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, self->vm.fd,
				       MSI_ROUTE_EVENTFD_REPLACE));
	signal_eventfd(fd, 1);
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

/* Another consumer has the eventfd: one of the two would get nothing. */
TEST_F(uapi, eventfd_ebusy)
{
	int fd = new_eventfd();
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = 24 };

	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQFD, &irqfd));
	EXPECT_EQ(-EBUSY, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	/* Our own vectors as well; the eventfd is free once it is detached. */
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQFD, &irqfd));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	EXPECT_EQ(-EBUSY, set_eventfd(&self->fn, MSIX, 1, fd, 0));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 1, fd, 0));
	signal_eventfd(fd, 1);
	EXPECT_EQ(1, counters(&self->fn, MSIX, 1).events);
}

/* A process that only watches takes nothing, and is no consumer. */
TEST_F(uapi, eventfd_that_is_watched)
{
	int fd = new_eventfd(), watch = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };

	ASSERT_EQ(0, epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	signal_eventfd(fd, 1);
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);
}
