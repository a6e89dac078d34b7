// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that boots a stock kernel with a disk and a network interface, and tells at its end
 * what became of each of their events.
 */
#include <err.h>
#include <getopt.h>
#include <string.h>
#include "vmm.h"

#define MAX_VCPUS	8

#ifdef MUTATIONS
enum mutation mutation;
#endif

struct options {
	const char *kernel;
	const char *initrd;
	const char *append;
	const char *disk;
	const char *tap;
	bool vhost;
	bool split;
	uint32_t backend;
	unsigned long vcpus;
	unsigned long memory;
	unsigned long mutation;
};

static void usage(int status)
{
	puts("usage: vmm --kernel FILE --disk FILE [OPTION...]\n"
	     "  --initrd FILE\n"
	     "  --append WORDS     more for the kernel's command line\n"
	     "  --tap NAME         the network is this interface; without it, a peer in the VMM\n"
	     "                     sends each frame back\n"
	     "  --vhost            vhost-net serves the interface, if the host has it\n"
	     "  --backend kernel   only msi_route; user: only the helper's fallback; without it,\n"
	     "                     msi_route if the host has it\n"
	     "  --split            only the local APICs are KVM's\n"
	     "  --vcpus N          2\n"
	     "  --memory MB        256\n"
	     "The status is 0 if the guest reset the machine and each event is accounted for.");
	exit(status);
}

static uint32_t backend(const char *name)
{
	if (!strcmp(name, "kernel"))
		return MRV_VM_KERNEL;
	if (!strcmp(name, "user"))
		return MRV_VM_USER;
	usage(1);
	return 0;
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "append", required_argument, NULL, 'a' },
		{ "disk", required_argument, NULL, 'd' },
		{ "tap", required_argument, NULL, 't' },
		{ "vhost", no_argument, NULL, 'v' },
		{ "backend", required_argument, NULL, 'b' },
		{ "split", no_argument, NULL, 's' },
		{ "vcpus", required_argument, NULL, 'c' },
		{ "memory", required_argument, NULL, 'm' },
#ifdef MUTATIONS
		{ "mutation", required_argument, NULL, 'x' },
#endif
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char **texts[256] = {
		['k'] = &o->kernel, ['i'] = &o->initrd, ['a'] = &o->append, ['d'] = &o->disk,
		['t'] = &o->tap,
	};
	unsigned long *numbers[256] = {
		['c'] = &o->vcpus, ['m'] = &o->memory, ['x'] = &o->mutation,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (texts[option & 0xff])
			*texts[option & 0xff] = optarg;
		else if (numbers[option & 0xff])
			*numbers[option & 0xff] = strtoul(optarg, NULL, 10);
		else if (option == 'b')
			o->backend = backend(optarg);
		else if (option == 'v')
			o->vhost = true;
		else if (option == 's')
			o->split = true;
		else
			usage(option != 'h');
	}
	if (!o->kernel || !o->disk || optind != argc || !o->vcpus || o->vcpus > MAX_VCPUS ||
	    o->memory < 64 || o->memory > 3072)
		usage(1);
}

/* There is no ACPI; the kernel is told to reset the machine by port 0xCF9. */
static void load(struct machine *m, const struct options *o)
{
	char command[1024];

	snprintf(command, sizeof(command), "console=ttyS0 reboot=p panic=-1 %s", o->append);
	boot_load(m, o->kernel, o->initrd, command);
}

static void create_devices(struct machine *m, const struct options *o)
{
	int ret = mrv_vm_init(&m->host, m->vm, -1, o->backend);

	if (ret)
		errx(1, "msi_route: %s", strerror(-ret));
	blk_init(&m->device[0], &m->memory, &m->host, 1, o->disk);
	net_init(&m->device[1], &m->memory, &m->host, 2, o->tap, o->vhost);
	m->nr_devices = 2;
	printf("vmm: %s, %s irqchip, %s\n",
	       m->device[0].function.fd >= 0 ? "msi_route" : "without msi_route",
	       m->split ? "split" : "full",
	       m->device[1].kind->offloaded ? "vhost-net" : o->tap ? "TAP" : "echo");
}

static bool destroy_devices(struct machine *m)
{
	bool complete = true;
	unsigned int i;

	for (i = 0; i < m->nr_devices; i++) {
		device_end(&m->device[i]);
		complete = report(&m->device[i]) && complete;
		device_fini(&m->device[i]);
	}
	net_fini(&m->device[1]);
	mrv_vm_fini(&m->host);
	return complete;
}

int main(int argc, char **argv)
{
	struct options o = { .append = "", .vcpus = 2, .memory = 256 };
	static struct machine m;
	unsigned int i;
	bool complete;

	parse(argc, argv, &o);
#ifdef MUTATIONS
	mutation = o.mutation;
#endif
	machine_create(&m, o.memory << 20, o.vcpus, o.split);
	create_devices(&m, &o);
	load(&m, &o);
	fflush(stdout);
	for (i = 0; i < m.nr_devices; i++)
		device_run(&m.device[i]);
	machine_run(&m);
	complete = destroy_devices(&m);
	machine_destroy(&m);
	return m.status ? m.status : !complete;
}
