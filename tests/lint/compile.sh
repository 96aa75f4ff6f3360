# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
#
# The checks that compile: both modules with all warnings, and sparse. Sourced
# by run, after build.sh.

# Lines of a log that say nothing of our sources.
NOT_OURS='the compiler differs from the one used to build the kernel|^  [A-Z]+ '

# A compiler warns only of what it compiles. So a build goes on from the last
# one only if that was clean; .clean says so.
lint_build() {
	local dir=$LINT/build-$1 kernel=$2 status said
	shift 2
	[ -e "$dir/.clean" ] || rm -rf "$dir"
	rm -f "$dir/.clean"
	link_sources "$dir"
	make -k -C "$kernel/build" M="$dir" -j"$(nproc)" W=1 "$@" modules \
		>"$dir.log" 2>&1
	status=$?
	said=$(grep -vE "$NOT_OURS" "$dir.log" |
		grep -E -A3 'warning|WARNING|error|Error|undefined' |
		sed "s|$dir/||g")
	[ -z "$said" ] || printf '%s\n' "$said"
	[ -z "$said" ] && [ $status = 0 ] && touch "$dir/.clean"
}

kernel_of() {
	case $1 in
	6.1) printf '%s\n' "$KERNEL_6_1" ;;
	6.12) printf '%s\n' "$KERNEL_6_12" ;;
	esac
}

# lint_compile gcc|clang KERNEL. What clang makes is not for objtool, which
# expects the mitigations that the kernel was configured with. The headers of
# 6.12, configured for gcc, use address spaces that clang warns of.
lint_compile() {
	local how=(CC=gcc-12)
	[ "$1" = gcc ] || how=(CC="$REPO/tests/lint/clang-cc"
		OBJECT_FILES_NON_STANDARD=y)
	lint_build "$1-$2" "$(kernel_of "$2")" "${how[@]}"
}

# The driver without its debug messages, and with those of the data path.
lint_options() {
	lint_build gcc-6.1 "$KERNEL_6_1" CC=gcc-12 IPOIB_DEBUG=n &&
		lint_build gcc-6.1 "$KERNEL_6_1" CC=gcc-12 IPOIB_DEBUG_DATA=y
}

# C=2 checks what is compiled already, too.
lint_sparse() {
	lint_build gcc-6.1 "$KERNEL_6_1" CC=gcc-12 C=2 CHECK=sparse \
		CF=-D__CHECK_ENDIAN__
}
