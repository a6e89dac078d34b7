# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What every script of the lab shares; sourced, never run.

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034 # read by the scripts that source this
top=$(cd "$lab/../.." && pwd -P)
# shellcheck disable=SC2034
cache=${XDG_CACHE_HOME:-$HOME/.cache}/msi_route

# Statuses of the lab itself; README.md lists them all.
LAB_ERROR=125

say()
{
	printf 'lab: %s\n' "$*" >&2
}

die()
{
	say "$*"
	exit "$LAB_ERROR"
}

need()
{
	local program

	for program; do
		command -v "$program" >/dev/null ||
			die "$program is missing; selftests/lab/setup installs it"
	done
}

# key TEXT... : a name for what these words and standard input determine.
key()
{
	{ printf '%s\n' "$@"; cat; } | sha256sum | cut -c1-20
}

# fill PATH COMMAND... : make PATH once, by COMMAND... TEMPORARY, which leaves
# the finished file or directory at TEMPORARY. The rename makes an interrupted
# fill invisible; the lock makes a second user wait instead of working twice.
fill()
{
	local path=$1
	shift

	[ -e "$path" ] && return
	mkdir -p "$(dirname "$path")"
	# Not in a condition: that would switch off errexit inside.
	(
		flock 9
		[ -e "$path" ] && exit
		rm -rf "$path".part.*
		"$@" "$path.part.$$" 9>&-
		mv -T "$path.part.$$" "$path"
	) 9>"$path.lock"
}

# ---- Debian's releases ----

# table WORD [NAME] : the columns of the lines of "releases" that begin so
table()
{
	awk -v word="$1" -v name="${2:-}" '
		$1 == word && (name == "" || $2 == name) {
			sub(/^[a-z]+[ \t]+/, "")
			print
		}' "$lab/releases"
}

own_release()
{
	(. /etc/os-release && echo "${VERSION_CODENAME:-}")
}

# own_column NUMBER : of the machine's own release
own_column()
{
	local row

	read -ra row < <(table release "$(own_release)") || {
		say "this machine is none of the Debian releases in $lab/releases: add it there"
		return "$LAB_ERROR"
	}
	echo "${row[$1]}"
}

# The kernel where none is asked for, and the one that short tests run on besides
default_kernel()
{
	own_column 2
}

beside_kernel()
{
	own_column 3
}

# package_release NAME : where such a package is taken from
package_release()
{
	table package "$1" | awk '{ print $2 }'
}

# releases_for VERSION : those that may have this kernel, in the order to look in: the
# machine's own, whose compiler builds for that kernel; the one whose default it is;
# the others from the oldest on.
releases_for()
{
	{
		own_release
		table release | awk -v version="$1" '$3 == version { print $1 }'
		table release | awk '{ print $1 }'
	} | awk '!seen[$0]++'
}

# die_without WHAT RELEASE... : none of them has it. Lists that could not be read are
# another cause than a package that is not there, and the user's to know.
die_without()
{
	local what=$1 release unread=no
	shift

	for release; do
		[ -s "$cache/apt/$release/unread" ] || continue
		unread=yes
		say "Debian $release: its package lists could not be read:"
		sed 's/^/lab:   /' "$cache/apt/$release/unread" >&2
	done
	[ $unread = no ] || die "no $what in the lists that could be read; mend the above and try again"
	die "no $what in Debian ${*// /, }"
}

# tools_of RELEASE DIR... : sets tools to what comes before a command that is to
# run with the tools of that Debian release, and to read and write DIRs.
tools_of()
{
	local release=$1 dir
	shift

	tools=()
	[ "$release" != "$(own_release)" ] || return 0
	tools=("$lab/root")
	for dir; do
		tools+=(--share "$dir")
	done
	tools+=("$release")
}

# has_module KERNEL-DIRECTORY NAME : as a module or built in.
has_module()
{
	grep -qE "/$2\.ko(\.[a-z]+)?(:|\$)" "$1"/modules/modules.{dep,builtin}
}

# quote WORD... : the words as a POSIX shell reads them back.
quote()
{
	local word

	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}
