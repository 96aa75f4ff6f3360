#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# version.sh [DIR]: print the version of the sources in DIR: 1.2 at the tag
# v1.2, 1.2+5.gabcdef after it, 0+116.gabcdef as long as there is no tag, .dirty
# with changes. It grows from commit to commit, and Debian takes it as it is.

git() { command git -c 'safe.directory=*' -C "${dir:?}" "$@" 2>/dev/null; }

dir=${1:-.}
version=$(git describe --tags --match 'v[0-9]*' --abbrev=12)
if [ -n "$version" ]; then
	version=$(printf '%s\n' "${version#v}" |
		sed -E 's/-([0-9]+)-(g[0-9a-f]+)$/+\1.\2/; s/-/~/g')
elif version=$(git rev-parse --short=12 HEAD); then
	version=0+$(git rev-list --count HEAD).g$version
else
	echo unknown
	exit
fi
git diff --quiet HEAD || version=$version.dirty
printf '%s\n' "$version"
