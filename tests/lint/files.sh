# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
#
# Which files a check looks at. All paths are relative to the repository, which
# is the working directory. Sourced.

# our_files [PATTERN...]: those of the repository that exist, new ones too.
our_files() {
	local file
	git -c safe.directory='*' ls-files -co --exclude-standard -- "$@" |
		while read -r file; do
			[ ! -f "$file" ] || printf '%s\n' "$file"
		done
}

# The C of both modules.
module_sources() {
	our_files '*.c' '*.h' | grep -E '^(compat|ipoib|sib)/'
}

# with_shebang PATTERN [SUFFIX]: files whose first line names an interpreter
# that matches PATTERN, and those whose name ends in SUFFIX.
with_shebang() {
	# shellcheck disable=SC2016 # those are awk's variables
	our_files | xargs -d '\n' awk -v want="^#!.*/$1" -v suffix="$2" '
		FNR == 1 && ($0 ~ want || substr(FILENAME,
			length(FILENAME) - length(suffix) + 1) == suffix) {
			print FILENAME
		}
		{ nextfile }'
}

shell_scripts() {
	with_shebang '(ba|busybox )?sh' .sh
}

python_sources() {
	with_shebang 'python3' .py
}
