// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
// msi_route from C++: its header as it is.
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <linux/msi_route.h>

#define REQUEST(name) std::printf("request %s %u\n", #name, (unsigned int)name)
#define VALUE(name) std::printf("value %s %lld\n", #name, (long long)name)
#define STRUCT(s) std::printf("struct %s %zu\n", #s, sizeof(struct s))
#define FIELD(s, f) \
	std::printf("field %s %s %zu %zu\n", #s, #f, offsetof(struct s, f), sizeof(s::f))

static void layout()
{
#include "layout.inc"
}

int main(int argc, char **argv)
{
	struct msi_route_query q = {};

	if (argc < 2) {
		layout();
		return 0;
	}
	q.size = sizeof(q);
	if (ioctl(open(argv[1], O_RDWR | O_CLOEXEC), MSI_ROUTE_QUERY, &q)) {
		std::perror(argv[1]);
		return 1;
	}
	std::printf("version %u, features %llx\n", q.version, (unsigned long long)q.features);
	return 0;
}
