// SPDX-License-Identifier: GPL-2.0
/*
 * For LD_PRELOAD: QEMU is away for $DELAY_US microseconds between the stop of its
 * vCPUs and that of each function of msi_route that has MSI, and between the start of
 * each of these and that of the vCPUs, as on a host that has much else to do.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../msi_route.h"

static unsigned int delay(void)
{
	const char *us = getenv("DELAY_US");

	return us ? strtoul(us, NULL, 10) : 0;
}

/* By descriptor: the other functions' vectors need no hold, as their guests mask them. */
static bool has_msi[1024];

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int fd, unsigned long request, void *arg);
	const struct msi_route_create *create;
	const struct msi_route_set_run *run;
	va_list list;
	void *arg;
	int ret;

	if (!next)
		next = (int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl");
	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	if (request == MSI_ROUTE_CREATE) {
		create = arg;
		ret = next(fd, request, arg);
		if (ret >= 0 && ret < (int)sizeof(has_msi))
			has_msi[ret] = create->msi_vectors;
		return ret;
	}
	if (request != MSI_ROUTE_SET_RUN || fd < 0 || fd >= (int)sizeof(has_msi) || !has_msi[fd])
		return next(fd, request, arg);

	run = arg;
	if (!run->run)
		usleep(delay());
	ret = next(fd, request, arg);
	if (run->run)
		usleep(delay());
	return ret;
}
