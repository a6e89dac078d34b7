# SPDX-License-Identifier: GPL-2.0
#
# Makes of Documentation/rules.rst an array of C strings, one for each rule: its
# paragraphs as lines of plain text.

function flush() {
	if (rule)
		printf "\t[%d] = \"%s\",\n", rule, text
	rule = 0
	text = ""
}

# A heading ends the rule before it.
/^[^ 0-9=.]/ { flush() }
/^[0-9]+\. / { flush(); rule = $1 + 0; sub(/^[0-9]+\. +/, ""); paragraph = 1 }
!rule { next }
/^ *$/ { paragraph = 1; next }
{
	sub(/^ +/, "")
	gsub(/:[a-z]+:`/, "")
	gsub(/[`*]/, "")
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	text = text (text == "" ? "" : paragraph ? "\\n" : " ") $0
	paragraph = 0
}
END { flush() }
