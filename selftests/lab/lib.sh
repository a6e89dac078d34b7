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
EMULATOR_ABORTED=118

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

# retried NAME COMMAND... : runs it, up to three times where the lab's emulator aborts, which one
# of several threads does now and then: there is no result then.
retried()
{
	local name=$1 try status
	shift

	for try in 1 2 3; do
		status=0
		"$@" || status=$?
		[ "$status" = "$EMULATOR_ABORTED" ] || break
		echo "# $name, try $try: the emulator aborted"
	done
	return "$status"
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

# default_qemu : the version of QEMU whose series is the default on this machine
default_qemu()
{
	table qemu | awk -v own="$(own_release)" '
		{ for (i = 3; i <= NF; i++) if ($i == own) { print $1; exit } }'
}

newest_qemu()
{
	table qemu | awk '{ newest = $1 } END { print newest }'
}

# releases_for VERSION : those that may have this kernel, in the order to look in: the
# machine's own, whose compiler builds for that kernel; the one whose default it is;
# the others from the oldest on, and at last what is never released.
releases_for()
{
	{
		own_release
		table release | awk -v version="$1" '$3 == version { print $1 }'
		table release | awk '{ print $1 }'
		printf '%s\n' sid experimental
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

# unpack_program DIR PACKAGE [OTHER...] : the packages of the release that PACKAGE is taken
# from, with what it needs there of C's library; nothing is installed.
unpack_program()
{
	local to=$1 release package
	shift

	release=$(package_release "$1")
	"$lab/apt" --release "$release" update --max-age 24 || true
	[ -n "$("$lab/apt" --release "$release" version "$1")" ] || die_without "$1" "$release"
	mkdir -p "$to.debs"
	(cd "$to.debs" && "$lab/apt" --release "$release" download "$@")
	for package in "$to.debs"/*.deb; do
		dpkg-deb -x "$package" "$to"
	done
	rm -r "$to.debs"
}

# minimal_debian RELEASE ROOT PACKAGE,... OPTION... : made by mmdebstrap, with OPTIONs of it. The
# way to the mirror, and how old its lists may be, is the machine's. By "as_root" where that is set.
minimal_debian()
{
	local release=$1 root=$2 include=$3
	shift 3

	"$lab/apt" --release "$release" sources > "$root.sources"
	! grep -q '^URIs: https' "$root.sources" || include+=,ca-certificates
	apt-config dump Acquire::http Acquire::https Acquire::Check-Valid-Until \
		Acquire::Check-Date > "$root.apt"
	"${as_root[@]}" mmdebstrap --quiet --include="$include" --aptopt="$root.apt" "$@" \
		"$release" "$root" "$root.sources" >&2
	rm "$root.sources" "$root.apt"
}

# tools_of "RELEASE [PACKAGE...]" DIR... : sets tools to what comes before a command that
# is to run with the tools of that Debian release, and PACKAGEs of it, and to read and
# write DIRs.
tools_of()
{
	local words word dir
	read -ra words <<< "$1"
	shift

	tools=()
	[ "${words[*]}" != "$(own_release)" ] || return 0
	tools=("$lab/root")
	for dir; do
		tools+=(--share "$dir")
	done
	for word in "${words[@]:1}"; do
		tools+=(--package "$word")
	done
	tools+=("${words[0]}")
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
