/* SPDX-License-Identifier: GPL-2.0 */
/* The machines that programs run on, and their twins. */
#ifndef FUZZ_MACHINES_H
#define FUZZ_MACHINES_H

#include "../guest/vm.h"
#include "model.h"

/* Those of the program that runs. */
struct pair {
	struct vm *vm, *twin;
	bool sent;		/* a message, since the local APICs were last compared */
	bool other_mode;	/* one that the IRR does not show */
	bool broad;		/* one that may go to many vCPUs */
	unsigned int since_clear;
};

extern struct pair pair;

/* Notes what differs; returns false. */
bool differ(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Is the outcome of a call one of the right errors, or success where there is none?  @who
 * stands before what differs; "": nobody.
 */
bool same_outcome(const char *who, const struct errors *e, int ret);

void machines_init(void);
/* @kind of enum machine_kind */
struct vm *machine(unsigned int kind);
void machines_use(unsigned int kind);
/* For the model: sends to the twin. */
bool deliver(struct model *m, const struct message *message);
void clear_machines(void);
/* Have machine and twin got the same?  @full: look even if nothing was sent. */
bool same_messages(bool full);
/* The same without taking anything: a message by a work item may still come. */
bool settled(void);

#endif /* FUZZ_MACHINES_H */
