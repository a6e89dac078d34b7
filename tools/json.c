// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>

#include "explain.h"
#include "json.h"
#include "message.h"

static bool comma;

static void quote(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		/* Names of tasks are anything. */
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (isascii(c) && isprint(c))
			putchar(c);
		else
			printf("\\u%04x", c);
	}
	putchar('"');
}

static void begin(const char *name)
{
	if (comma)
		putchar(',');
	if (name) {
		quote(name);
		putchar(':');
	}
	comma = true;
}

void json_begin(const char *name, char bracket)
{
	begin(name);
	putchar(bracket);
	comma = false;
}

void json_end(char bracket)
{
	putchar(bracket);
	comma = true;
}

void json_string(const char *name, const char *value)
{
	begin(name);
	quote(value);
}

void json_number(const char *name, unsigned long long value)
{
	begin(name);
	printf("%llu", value);
}

void json_bool(const char *name, bool value)
{
	begin(name);
	printf("%s", value ? "true" : "false");
}

void json_vector(const struct msi_route_vector *v)
{
	struct message m = message_of(v->sent_address, v->sent_data);
	char target[TARGET_SIZE];

	json_number("vector", v->vector);
	json_number("address", v->address);
	json_number("data", v->data);
	json_number("sent_address", v->sent_address);
	json_number("sent_data", v->sent_data);
	json_string("target", message_target(&m, target));
	json_string("mode", m.mode);
	json_bool("masked", v->state & MSI_ROUTE_STATE_MASKED);
	json_bool("pending", v->state & MSI_ROUTE_STATE_PENDING);
	json_bool("held", v->state & MSI_ROUTE_STATE_HELD);
	json_bool("eventfd", v->state & MSI_ROUTE_STATE_EVENTFD);
	json_string("reason", reason_name(v->reason));
	json_string("last", reason_name(v->last));
	json_number("events", v->events);
	json_number("messages", v->messages);
	json_number("coalesced", v->coalesced);
}

void json_finish(void)
{
	putchar('\n');
	comma = false;
}
