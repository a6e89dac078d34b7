# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the tests of the package share; sourced, never run.

# shellcheck source=selftests/lab/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lab/lib.sh"

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

# in_root DIRECTORY COMMAND... : as the packages' scripts expect it, so with /proc,
# but as one that may not load modules: they would be the machine's.
in_root()
{
	local dir=$1
	shift

	# Not the first process: a chroot is recognized by that having another root.
	# shellcheck disable=SC2016 # expanded there
	"${as_root[@]}" unshare --mount --pid --fork --kill-child -- sh -c '
		mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" || exit
		chroot "$0" setpriv --bounding-set -sys_module -- env -i \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root "$@"
		exit $?' "$dir" "$@" < /dev/null
}

# own_kernels : which kernels, as uname -r says, the package is built for here. Those of
# the machine's own Debian release, where apt is to find their headers.
own_kernels()
{
	local version dir

	for version in "$(default_kernel)" "$(beside_kernel)"; do
		dir=$("$lab/kernel" --dir "$version") || return
		[ "$(cat "$dir/debian")" != "$(own_release)" ] || cat "$dir/release"
	done
}

# What package builds: the version of dkms.conf, and two later ones.
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$top/dkms.conf")
# shellcheck disable=SC2034 # read by the scripts that source this
versions=("$version" "$version.1" "$version.2")

# deb_of VERSION
deb_of()
{
	echo "msi-route-dkms_${1}_all.deb"
}
