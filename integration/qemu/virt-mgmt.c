// SPDX-License-Identifier: GPL-2.0
/*
 * virt-mgmt DEVICE CONTROLLER ACTION RESOURCE NUMBER: the admin command Virtualization
 * Management of NVMe, which gives queues and interrupts to the virtual functions of a
 * controller, and sets these online.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define VIRT_MGMT	0x1c

int main(int argc, char **argv)
{
	struct nvme_admin_cmd command = { .opcode = VIRT_MGMT };
	unsigned long number[4];
	int fd, i, status;

	if (argc != 6)
		errx(2, "usage: virt-mgmt DEVICE CONTROLLER ACTION RESOURCE NUMBER");
	for (i = 0; i < 4; i++)
		number[i] = strtoul(argv[i + 2], NULL, 0);
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", argv[1]);
	command.cdw10 = number[0] << 16 | number[2] << 8 | number[1];
	command.cdw11 = number[3];
	status = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &command);
	if (status < 0)
		err(1, "%s", argv[1]);
	if (status)
		errx(1, "%s: controller %lu: status 0x%x", argv[1], number[0], status);
	return 0;
}
