/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the interface's errors share: a function with both capabilities. */
#ifndef SELFTESTS_UAPI_H
#define SELFTESTS_UAPI_H

#include <sys/ioctl.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR		4
#define VECTOR		0x51
#define NOWHERE		((void *)8UL)

/* A function with both capabilities, and some values in its registers. */
FIXTURE(uapi) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

static struct msi_route_create both(void)
{
	struct msi_route_create c = both_shape(NR, 2);

	c.ims_vectors = 1;
	return c;
}

FIXTURE_SETUP(uapi)
{
	vm_create(&self->vm, 0, 1);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, both());
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
}

FIXTURE_TEARDOWN(uapi)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

/* 0 or -errno. */
static inline int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : 0;
}

#endif /* SELFTESTS_UAPI_H */
