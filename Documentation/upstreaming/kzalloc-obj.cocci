// SPDX-License-Identifier: GPL-2.0
// Newer kernels allocate an object by its type.

@@
expression P, G;
@@
- kzalloc(sizeof(*P), G)
+ kzalloc_obj(*P, G)
