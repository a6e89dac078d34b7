/* SPDX-License-Identifier: GPL-2.0 */
/* Prints JSON: values one after the other, commas as they are needed. */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <stdbool.h>

#include "../msi_route.h"

/* @name is NULL for an element of an array, and for the outermost value. */
void json_begin(const char *name, char bracket);
void json_end(char bracket);
void json_string(const char *name, const char *value);
void json_number(const char *name, unsigned long long value);
void json_bool(const char *name, bool value);
/* Members of an object that is one. */
void json_vector(const struct msi_route_vector *v);
/* The text's end. */
void json_finish(void);

#endif /* TOOLS_JSON_H */
