// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that keeps a function open: the example of README.md, then an event for
 * each line on standard input and what became of it on standard output.
 */
#define main example
#include "example.c"
#undef main

int main(void)
{
	struct msi_route_trigger event = { sizeof(event), MSI_ROUTE_MSIX, .vector = 0 };
	char line[80];

	if (example())
		return 1;
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int fn = 3;

		/* The example's descriptors are open, and one of them is the function. */
		while (fn < 16 && ioctl(fn, MSI_ROUTE_TRIGGER, &event))
			fn++;
		printf("%s\n", fn < 16 ? "event" : "no function");
		fflush(stdout);
	}
	return 0;
}
