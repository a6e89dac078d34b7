// SPDX-License-Identifier: GPL-2.0
/*
 * The MP table (MultiProcessor Specification 1.4): by it the guest finds the processors.  There
 * is no I/O APIC in it, because no device of this machine has a pin.
 */
#include <string.h>
#include "vmm.h"

#define LOCAL_APIC	0xfee00000

struct mp_pointer {
	char signature[4];
	uint32_t table;
	uint8_t paragraphs;
	uint8_t version;
	uint8_t checksum;
	uint8_t features[5];
};

struct mp_header {
	char signature[4];
	uint16_t length;
	uint8_t version;
	uint8_t checksum;
	char oem[8];
	char product[12];
	uint32_t oem_table;
	uint16_t oem_size;
	uint16_t entries;
	uint32_t local_apic;
	uint32_t reserved;
};

struct mp_processor {
	uint8_t type;
	uint8_t apic_id;
	uint8_t apic_version;
	uint8_t flags;
	uint32_t signature;
	uint32_t features;
	uint32_t reserved[2];
};

struct mp_bus {
	uint8_t type;
	uint8_t id;
	char name[6];
};

enum { MP_PROCESSOR, MP_BUS };
enum { MP_ENABLED = 1, MP_BOOT = 2 };

/* What makes the sum of all bytes zero */
static uint8_t checksum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	while (len--)
		sum += *bytes++;
	return -sum;
}

void mptable_write(const struct memory *memory, unsigned int nr_vcpus)
{
	struct mp_pointer *pointer = memory_at(memory, MP_TABLE, 0x1000);
	struct mp_header *header = (struct mp_header *)(pointer + 1);
	struct mp_processor *processor = (struct mp_processor *)(header + 1);
	struct mp_bus *bus;
	unsigned int i;

	for (i = 0; i < nr_vcpus; i++, processor++) {
		processor->type = MP_PROCESSOR;
		processor->apic_id = i;
		processor->apic_version = 0x14;
		processor->flags = MP_ENABLED | (i ? 0 : MP_BOOT);
	}
	bus = (struct mp_bus *)processor;
	bus->type = MP_BUS;
	memcpy(bus->name, "PCI   ", sizeof(bus->name));

	memcpy(header->signature, "PCMP", sizeof(header->signature));
	header->length = (uint8_t *)(bus + 1) - (uint8_t *)header;
	header->version = 4;
	memcpy(header->oem, "MSIROUTE", sizeof(header->oem));
	memcpy(header->product, "EXAMPLE     ", sizeof(header->product));
	header->entries = nr_vcpus + 1;
	header->local_apic = LOCAL_APIC;
	header->checksum = checksum(header, header->length);

	memcpy(pointer->signature, "_MP_", sizeof(pointer->signature));
	pointer->table = MP_TABLE + sizeof(*pointer);
	pointer->paragraphs = 1;
	pointer->version = 4;
	pointer->checksum = checksum(pointer, sizeof(*pointer));
}
