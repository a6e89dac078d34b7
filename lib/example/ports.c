// SPDX-License-Identifier: GPL-2.0
/*
 * What a PC has besides its devices: configuration mechanism #1, a host bridge, a serial port
 * to write to, and a way to reset it.  The guest may use any port, at any length.
 */
#include <err.h>
#include <string.h>
#include <linux/pci_regs.h>
#include <linux/serial_reg.h>
#include "vmm.h"

#define PORT_SERIAL		0x3f8
#define PORT_CMOS_DATA		0x71
#define PORT_CONFIG_INDEX	0xcf8
#define PORT_RESET		0xcf9
#define PORT_CONFIG_DATA	0xcfc
#define RESET_CPU		0x04
#define CONFIG_ENABLE		0x80000000U

/* ---- configuration space ---- */

/* 00:00.0: Linux believes in configuration space if there is a host bridge. */
static void bridge_read(uint32_t offset, void *data, uint32_t len)
{
	static const uint8_t config[CONFIG_SIZE] = {
		[PCI_VENDOR_ID] = 0xf4, 0x1a, 0x00, 0x11,
		[PCI_CLASS_DEVICE + 1] = 0x06,
	};

	memcpy(data, config + offset, len);
}

/* Bus 0, function 0 of each device */
static void config_access(struct machine *m, bool write, uint32_t index, uint32_t offset,
			  void *data, uint32_t len)
{
	uint32_t slot = index >> 11 & 0x1f;

	if (!(index & CONFIG_ENABLE) || index & 0x7fff0700)
		return;
	if (!slot && !write)
		bridge_read(offset, data, len);
	if (!slot || slot > m->nr_devices)
		return;
	if (write)
		config_write(&m->device[slot - 1], offset, data, len);
	else
		config_read(&m->device[slot - 1], offset, data, len);
}

static void config_data(struct machine *m, bool write, uint32_t byte, void *data, uint32_t len)
{
	uint32_t index;

	/* Bytes beyond 0xCFF are at other ports, which do not exist. */
	if (len > 4 - byte)
		len = 4 - byte;
	pthread_mutex_lock(&m->lock);
	index = m->config_index;
	pthread_mutex_unlock(&m->lock);
	config_access(m, write, index, (index & 0xfc) | byte, data, len);
}

static void config_index(struct machine *m, bool write, void *data, uint32_t len)
{
	if (len != sizeof(m->config_index))
		return;
	pthread_mutex_lock(&m->lock);
	memcpy(write ? (void *)&m->config_index : data, write ? data : (void *)&m->config_index,
	       len);
	pthread_mutex_unlock(&m->lock);
}

/* ---- the serial port: it can always send, and never interrupts ---- */

static uint8_t serial_read(const struct machine *m, uint32_t reg)
{
	switch (reg) {
	case UART_RX:
		return 0;
	case UART_IIR:
		return UART_IIR_NO_INT;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE;
	case UART_MSR:
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	default:
		return m->serial[reg];
	}
}

static void serial(struct machine *m, bool write, uint32_t reg, uint8_t *data)
{
	bool divisor;

	pthread_mutex_lock(&m->lock);
	divisor = reg <= UART_DLM && m->serial[UART_LCR] & UART_LCR_DLAB;
	if (divisor && write)
		m->serial_divisor[reg] = *data;
	else if (divisor)
		*data = m->serial_divisor[reg];
	else if (!write)
		*data = serial_read(m, reg);
	else if (reg == UART_TX)
		putchar_unlocked(*data);
	else
		m->serial[reg] = *data;
	if (write && !divisor && reg == UART_TX && *data == '\n')
		fflush(stdout);
	pthread_mutex_unlock(&m->lock);
}

/* ---- any access ---- */

/* @data: 1, 2 or 4 bytes; a read that nobody answers gets ones */
void port_access(struct machine *m, bool write, uint16_t port, void *data, uint32_t len)
{
	uint8_t *byte = data;

	if (!write)
		memset(data, 0xff, len);
	switch (port) {
	case PORT_SERIAL ... PORT_SERIAL + 7:
		/* An access of several ports reaches the first one. */
		serial(m, write, port - PORT_SERIAL, byte);
		break;
	case PORT_CMOS_DATA:
		/* No update is in progress, for which a kernel would wait. */
		if (!write)
			*byte = 0;
		break;
	case PORT_CONFIG_INDEX:
		config_index(m, write, data, len);
		break;
	case PORT_RESET:
		if (write && *byte & RESET_CPU)
			machine_end(m, 0, "reset");
		break;
	case PORT_CONFIG_DATA ... PORT_CONFIG_DATA + 3:
		config_data(m, write, port - PORT_CONFIG_DATA, data, len);
		break;
	}
}

/* @data: 1 to 8 bytes, at any address that is not memory */
void mmio_access(struct machine *m, bool write, uint64_t address, void *data, uint32_t len)
{
	unsigned int i;
	uint64_t bar;

	if (!write)
		memset(data, 0xff, len);
	for (i = 0; i < m->nr_devices; i++) {
		bar = __atomic_load_n(&m->device[i].bar, __ATOMIC_SEQ_CST);
		if (!bar || address < bar || address - bar >= BAR_SIZE)
			continue;
		if (write)
			bar_write(&m->device[i], address - bar, data, len);
		else
			bar_read(&m->device[i], address - bar, data, len);
		return;
	}
}
