# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
#
# Debian packages on the host: what is missing is installed, and what cannot
# be installed is named. Sourced after common.sh.

LAB_APT_UPDATED=

apt_quiet() {
	local log
	log=$(mktemp)
	if ! DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$log" 2>&1; then
		grep -E '^(E|W|Err)' "$log" | tail -n 3 >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

# apt_update [WHAT-FOR]
apt_update() {
	local what=${1:-packages}
	[ -n "$LAB_APT_UPDATED" ] && return
	command -v apt-get >/dev/null ||
		die "cannot install $what: no apt-get, this is for Debian 12 only"
	[ "$(id -u)" = 0 ] || die "cannot install $what: not root"
	note "reading the package lists"
	apt_quiet update ||
		die "cannot install $what: apt-get update failed, is there a network?"
	LAB_APT_UPDATED=1
}

# host_needs WHAT:PACKAGE...: WHAT is a command, or the path of a file.
host_needs() {
	local pair what package missing=()
	for pair in "$@"; do
		what=${pair%%:*} package=${pair#*:}
		case $what in
		/*) [ -e "$what" ] ;;
		*) command -v "$what" >/dev/null ;;
		esac || missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && return
	apt_update "${missing[*]}"
	note "installing ${missing[*]}"
	apt_quiet install -y --no-install-recommends "${missing[@]}" ||
		die "cannot install ${missing[*]}"
}

# download_package DIR PACKAGE: fetch PACKAGE and unpack it below DIR.
download_package() {
	local dir=$1 package=$2 tmp
	tmp=$(mktemp -d)
	chmod 777 "$tmp"
	(cd "$tmp" && apt_quiet download "$package") ||
		die "cannot download the package $package"
	dpkg -x "$tmp"/*.deb "$dir" || die "cannot unpack the package $package"
	rm -rf "$tmp"
}

# The real package behind a metapackage such as linux-image-amd64.
real_package() {
	local meta=$1 prefix=$2 name
	name=$(apt-cache depends --important "$meta" 2>/dev/null |
		sed -n "s/^ *Depends: \(${prefix}[^ ]*\)$/\1/p" | head -n 1)
	[ -n "$name" ] || die "no package behind $meta: is it in the package lists?"
	printf '%s\n' "$name"
}
