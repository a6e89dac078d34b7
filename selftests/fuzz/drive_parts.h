/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the module's driver share: the function under test, and its operations. */
#ifndef FUZZ_DRIVE_PARTS_H
#define FUZZ_DRIVE_PARTS_H

#include "../guest/function.h"
#include "drive.h"
#include "machines.h"

#define MSIX	MSI_ROUTE_MSIX
#define MSI	MSI_ROUTE_MSI
#define IMS	MSI_ROUTE_IMS

#define NOWHERE		((void *)8)	/* an address that is not readable */
#define MAX_ENTRIES	4096

/* The function under test. */
extern struct driven {
	struct function fn;
	struct model model;
	const __u8 *image;
	int eventfd[MAX_EVENTFDS];
	int notify_fd, foreign_fd;
	unsigned int window;
	__u64 armed;		/* the latest time at which the bounds of holds began */
	bool flush;
	__u32 config_at;	/* where an operation wrote */
	bool config_written;
} now;

/* ---- drive.c ---- */

int call(unsigned long request, void *arg);
/* The descriptor for a small number of the model. */
int descriptor(int eventfd);
void open_image(void);
void close_image(void);
void add_statistics(void);
bool do_run(__u32 run);

/* ---- drive_compare.c ---- */

bool same_errors(const struct errors *e, int ret);
bool same_config(unsigned int offset);
bool same_totals(void);
bool get_counters(__u32 kind, __u32 vector, struct msi_route_counters *c);
__u64 drain_eventfd(int fd);
bool same(bool full);
bool do_counters(const __u64 *arg);

/* ---- drive_events.c ---- */

/* A work item signals it: a signal that must come may take a while. */
__u64 wait_notified(void);
bool do_trigger(const __u64 *arg, unsigned long request);
bool do_signal(const __u64 *arg);
bool do_attach(const __u64 *arg);
bool do_attach_many(const __u64 *arg);
bool do_notify(const __u64 *arg);
bool do_changes(const __u64 *arg);

/* ---- drive_registers.c ---- */

bool do_access(const __u64 *arg, bool write);
bool do_entries(const __u64 *arg);
bool do_translate(const __u64 *arg);
bool do_resize(const __u64 *arg);
bool do_ims(const __u64 *arg);

/* ---- drive_state.c ---- */

bool save_state(struct msi_route_state *s, __u32 flags);
bool do_restore(const __u64 *arg);
/* Moves it to a fresh function, which is the one under test from then on. */
bool do_migrate(const __u64 *arg);
bool do_rebind(const __u64 *arg);

/* ---- drive_malformed.c ---- */

bool do_mangle(const __u64 *arg);
bool do_create(const __u64 *arg);

#endif /* FUZZ_DRIVE_PARTS_H */
