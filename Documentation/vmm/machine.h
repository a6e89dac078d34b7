/* SPDX-License-Identifier: GPL-2.0 */
/* What the VMM and its guest both know about the machine. */
#ifndef MACHINE_H
#define MACHINE_H

#define MEMORY_SIZE	0x100000
#define IMAGE_ADDRESS	0x10000		/* as in guest.lds */
#define STACK_ADDRESS	0x80000

/* Ports: configuration space, and the VMM itself. */
#define PORT_CONFIG_INDEX	0xcf8
#define PORT_CONFIG_DATA	0xcfc
#define PORT_PRINT		0xe9
#define PORT_SAVE		0xf0
#define PORT_END		0xf4

/* The function, 00:01.0: an MSI-X capability, and everything in BAR 0. */
#define FUNCTION_ID	0x00011234
#define VECTORS		4
#define MSIX_CAP	0x40
#define BAR_SIZE	0x2000
#define BAR_TABLE	0x0
#define BAR_PBA		0x800
#define BAR_BELL	0x1000		/* write n: an event of vector n */

#endif
