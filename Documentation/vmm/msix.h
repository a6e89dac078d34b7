/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MSI-X of one function, as the rest of a VMM sees it.  before.c does it in user space,
 * by KVM_SET_GSI_ROUTING and KVM_IRQFD; after.c does it by the helper, and bare.c by
 * msi_route's ioctls.
 */
#ifndef MSIX_H
#define MSIX_H

#include <stdint.h>

#define MSIX_VECTORS	4

struct msix;

/* @eventfd: one for each vector, which the device signals. */
struct msix *msix_create(int vm, const int *eventfd);
void msix_destroy(struct msix *x);

/* The guest's accesses: Message Control, a dword of the table, the PBA. */
void msix_write_control(struct msix *x, uint16_t value);
void msix_write_table(struct msix *x, uint32_t offset, uint32_t value);
uint64_t msix_read_pba(struct msix *x);

/* The Command register's bit changed. */
void msix_bus_master(struct msix *x, int enable);

/* The device has an event. */
void msix_raise(struct msix *x, uint32_t vector);

#endif
