# SPDX-License-Identifier: GPL-2.0
#
# The counters of msi_route.h with what its kernel-doc says of them, for C:
# COUNTER(name, "help"),

/^ \* struct msi_route_counters - /	{ doc = 1; next }
doc && /^ \*\//				{ doc = 0; name = "" }
doc && /^ \* @[a-z_]+: out: / {
	name = substr($2, 2, length($2) - 2)
	sub(/^ \* @[a-z_]+: out: /, "")
	help[name] = $0
	next
}
doc && name != "" && /^ \*\t/ {
	sub(/^ \*\t/, "")
	help[name] = help[name] " " $0
	next
}
doc					{ name = "" }

/^struct msi_route_counters \{/		{ fields = 1; next }
fields && /^\}/				{ exit }
fields && /^\t__u64 / {
	name = substr($2, 1, length($2) - 1)
	text = help[name]
	# The marks of kernel-doc, and the number of the rule.
	gsub(/[@&%]/, "", text)
	gsub(/ \[[0-9]+\]| \([^)]*\)/, "", text)
	if (name ~ /^dropped_/)
		text = "events dropped because " text
	printf "COUNTER(%s, \"%s\"),\n", name, text
}
