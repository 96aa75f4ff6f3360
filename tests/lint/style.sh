# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
#
# The checks that read sources: each a function that prints what is wrong and
# fails if that is anything. Sourced by run, after files.sh.

# complaints COMMAND...: fails if the command says anything, or fails.
complaints() {
	local said status
	said=$("$@" 2>&1)
	status=$?
	[ -z "$said" ] || printf '%s\n' "$said"
	[ -z "$said" ] && [ $status = 0 ]
}

# get_checkpatch: sets CHECKPATCH. The header packages do not have it, so it
# is taken out of the kernel's source.
get_checkpatch() {
	cached checkpatch-6.1-1 fetch_checkpatch
	CHECKPATCH=$CACHED/scripts/checkpatch.pl
}

fetch_checkpatch() {
	local dir=$1 source=/usr/src/linux-source-6.1.tar.xz
	if [ ! -e $source ]; then
		apt_update
		note "fetching the kernel's source for its checkpatch, about 130 MB"
		download_package "$dir" linux-source-6.1
		source=$dir$source
	fi
	tar -C "$dir" -xf "$source" --strip-components=1 --wildcards \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
		'*/scripts/const_structs.checkpatch' ||
		die "no checkpatch in $source"
	rm -rf "${dir:?}/usr"
}

# Does checkpatch.conf excuse this line of checkpatch? FILE:LINE: KIND:TYPE: ...
is_excused() {
	local type=${1#*: *:} file=${1%%:*} word pattern
	while read -r word pattern; do
		# shellcheck disable=SC2053 # a pattern it is
		[ "$word" = "${type%%:*}" ] && [[ $file == $pattern ]] && return
	done <tests/lint/checkpatch.conf
	return 1
}

lint_checkpatch() {
	complaints checkpatch_all
}

checkpatch_all() {
	local line
	module_sources | xargs -d '\n' -P "$(nproc)" -n 12 perl "$CHECKPATCH" \
		--no-tree --strict --max-line-length=80 --terse --show-types \
		--no-summary -f -- |
		while read -r line; do
			is_excused "$line" || printf '%s\n' "$line"
		done
}

# That of 6.12, for it can ask for what functions return.
lint_kernel_doc() {
	complaints kernel_doc_all
}

kernel_doc_all() {
	module_sources | xargs -d '\n' perl \
		"$KERNEL_6_12/build/scripts/kernel-doc" -none -Wall -Werror
}

lint_bash_n() {
	local file failed=0
	while read -r file; do
		bash -n "$file" || failed=1
	done < <(shell_scripts)
	return $failed
}

lint_shellcheck() {
	shell_scripts | xargs -d '\n' shellcheck -x
}

lint_pyflakes() {
	python_sources | xargs -d '\n' pyflakes3
}

# An operator may stand on either side of a line's end, l may be a line, and
# a command that reruns a test may be long.
lint_pycodestyle() {
	python_sources | xargs -d '\n' pycodestyle --max-line-length=100 \
		--ignore=W503,W504,E741
}

# ND is neighbour discovery, parm is what modinfo calls a parameter.
lint_codespell() {
	our_files | grep -vE '^LICENSES/|/corpus/' |
		xargs -d '\n' codespell --ignore-words-list=nd,parm
}

lint_man() {
	complaints man_all
}

# What man says of the pages when it formats them as for a screen.
man_all() {
	our_files 'docs/man/*' | while read -r file; do
		MANROFFSEQ='' MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings \
			-E UTF-8 -l -Tutf8 -Z "$file" 2>&1 >/dev/null |
			sed "s|^|$file: |"
	done
}
