// SPDX-License-Identifier: GPL-2.0
// Takes the deliberate faults of mutate.h out of the sources.

@@
@@
- mr_stretch();

@@
expression list A;
statement S;
@@
- if (mr_mutant(A)) S

@@
expression list A;
expression E;
statement S;
@@
- if (mr_mutant(A) && E) S

@@
expression list A, B;
expression E;
statement S;
@@
- if (mr_mutant(A) || (mr_mutant(B) && E)) S

@@
expression list A;
expression E;
statement S;
@@
- if (E && mr_mutant(A)) S

@@
expression list A;
statement S;
@@
- if (!mr_mutant(A)) S
+ S

@@
expression list A;
expression E;
statement S;
@@
- if (!mr_mutant(A) || E) S
+ S

@@
expression list A, B;
expression E;
@@
- E || mr_mutant(A) || mr_mutant(B)
+ E

@@
expression list A;
expression E;
@@
- E || mr_mutant(A)
+ E

@@
expression list A;
expression E;
@@
- mr_mutant(A) || E
+ E

@@
expression list A;
expression E;
@@
- E && !mr_mutant(A)
+ E

@@
expression list A;
expression E, F;
@@
- mr_mutant(A) ? E : F
+ F

@@
@@
- #include "mutate.h"

@@
@@
- #include "../mutate.h"
