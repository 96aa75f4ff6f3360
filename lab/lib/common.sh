# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the caller
#
# What every host-side script of the lab shares: where things are, how a
# failure is told, how the cache is written. Sourced, never run.

# The lab itself failed, whatever the command would have said.
LAB_FAILED=125

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
OUT=$REPO/out
CACHE=${IPOIB_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ipoib-lab}

# Who speaks: other commands that prepare themselves as the lab does set it.
LAB_SPEAKER=${LAB_SPEAKER:-lab}

# One clear line on stderr, and out.
die() {
	printf '%s: %s\n' "$LAB_SPEAKER" "$*" >&2
	exit "$LAB_FAILED"
}

# Progress, on stderr: standard output belongs to the command.
note() {
	[ -n "${LAB_QUIET:-}" ] || printf '%s: %s\n' "$LAB_SPEAKER" "$*" >&2
}

# A short hash of the contents of files and of words: word:TEXT or a path.
content_hash() {
	local item
	for item in "$@"; do
		case $item in
		word:*) printf '%s\n' "${item#word:}" ;;
		*) cat "$item" || die "cannot read $item" ;;
		esac
	done | sha256sum | cut -c1-16
}

# Hold the cache's lock for the rest of this shell: two runs must not build
# the same thing at once.
lock_cache() {
	mkdir -p "$CACHE" || die "cannot create the cache $CACHE"
	exec {LAB_LOCK}>"$CACHE/lock"
	if ! flock -n "$LAB_LOCK"; then
		note "waiting for another run that is preparing the cache"
		flock "$LAB_LOCK" || die "cannot lock $CACHE/lock"
	fi
	# Whoever was building these was killed.
	find "$CACHE" -mindepth 1 -maxdepth 1 -name '.*.??????' \
		-exec rm -rf {} +
}

unlock_cache() {
	exec {LAB_LOCK}>&-
}

# cached NAME BUILDER [ARG...]: the directory $CACHE/NAME, made by
# BUILDER DIR [ARG...] if it is not there. Half-built directories never get
# the final name.
cached() {
	local name=$1 builder=$2
	shift 2
	CACHED=$CACHE/$name
	[ -d "$CACHED" ] && { touch "$CACHED"; return; }
	local tmp
	tmp=$(mktemp -d "$CACHE/.$name.XXXXXX") || die "cannot write to $CACHE"
	# shellcheck disable=SC2064 # the path of now, not of then
	trap "rm -rf '$tmp'" EXIT
	"$builder" "$tmp" "$@" || die "cannot make $name"
	chmod 755 "$tmp"
	mv "$tmp" "$CACHED" || die "cannot move $tmp to $CACHED"
	trap - EXIT
}

# End the process groups of all jobs of the shell, which has set -m, and wait for
# them: no emulator stays behind.
kill_jobs() {
	local group
	for group in $(jobs -p); do
		kill -INT -- "-$group" 2>/dev/null
	done
	wait
}
