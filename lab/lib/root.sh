# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the caller
#
# What the guest boots into: a root file system from Debian packages, an
# initramfs that mounts it, and the directory of kernel modules. Sourced after
# common.sh, host.sh and kernel.sh.

# A list file without its comments and empty lines.
list() {
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1"
}

# get_root: sets ROOT_IMAGE, a squashfs of lab/guest/packages.
get_root() {
	local packages=$REPO/lab/guest/packages
	cached "root-$(content_hash "$packages" word:3)" build_root
	ROOT_IMAGE=$CACHED/root.sqfs
}

# The machine's own package sources for this release of Debian: where the
# network allows only a mirror, they name it.
debian_sources() {
	grep -lsE '(^|[^#].*)\bbookworm\b' /etc/apt/sources.list \
		/etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources |
		while read -r file; do
			grep -qE '\bmain\b' "$file" && printf '%s\n' "$file"
		done
}

build_root() {
	local dir=$1 log=$CACHE/root.log packages sources
	host_needs mmdebstrap:mmdebstrap mksquashfs:squashfs-tools
	packages=$(list "$REPO/lab/guest/packages" | paste -sd,)
	mapfile -t sources < <(debian_sources)
	note "making the guest's root, about two minutes (log: $log)"
	mkdir "$dir/root"
	mmdebstrap --variant=minbase --include="$packages" \
		--aptopt='Acquire::Retries "3"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		bookworm "$dir/root" "${sources[@]}" >"$log" 2>&1 ||
		die "mmdebstrap failed: $(grep -m1 -E '^E:' "$log"), see $log"
	mkdir -p "$dir/root/repo" "$dir/root/lab"
	python_cache "$dir/root" >>"$log" 2>&1
	mksquashfs "$dir/root" "$dir/root.sqfs" -noI -noD -noF -noX \
		-no-progress -quiet >>"$log" 2>&1 || die "mksquashfs failed, see $log"
	rm -rf "$dir/root"
}

# Byte code made once here is not made again in every boot.
python_cache() {
	chroot "$1" python3 -m compileall -q /usr/lib/python3 || true
}

# get_initramfs: sets INITRAMFS for KERNEL_DIR.
get_initramfs() {
	local guest=$REPO/lab/guest hash
	hash=$(content_hash "$guest/init" "$guest/boot-modules" \
		"$KERNEL_DIR/version" word:3 "word:$(basename "$KERNEL_DIR")")
	cached "initramfs-$KERNEL_RELEASE-$hash" build_initramfs
	INITRAMFS=$CACHED/initramfs
}

build_initramfs() {
	local dir=$1 tree=$1/tree module file name
	host_needs /bin/busybox:busybox-static xz:xz-utils modprobe:kmod
	mkdir -p "$tree/bin" "$tree/modules"
	cp /bin/busybox "$tree/bin/busybox"
	cp "$REPO/lab/guest/init" "$tree/init"
	list "$REPO/lab/guest/boot-modules" | while read -r module; do
		module_files "$module"
	done | awk '!seen[$0]++' | while read -r file; do
		name=$(basename "$file" .xz)
		case $file in
		*.xz) xz -dc "$file" >"$tree/modules/$name" ;;
		*) cp "$file" "$tree/modules/$name" ;;
		esac
		printf '%s\n' "${name%.ko}" >>"$tree/modules/order"
	done
	touch "$tree/modules/order"
	(cd "$tree" && find . | busybox cpio -o -H newc) >"$dir/initramfs" \
		2>/dev/null || die "cannot make the initramfs"
	rm -rf "$tree"
}

# module_files NAME: the files of a module of KERNEL_DIR and of what it
# depends on, in the order to load them; nothing if it is built in or absent.
module_files() {
	modprobe -d "$KERNEL_DIR" -S "$KERNEL_RELEASE" --ignore-install \
		--show-depends "$1" 2>/dev/null |
		sed -n 's/^insmod \([^ ]*\).*/\1/p'
}

# get_stock_modules: sets STOCK_MODULES, a modules tree of the kernel with
# just what lab/guest/modules names and what that depends on.
get_stock_modules() {
	local hash
	hash=$(content_hash "$REPO/lab/guest/modules" "$KERNEL_DIR/version" \
		"word:$(basename "$KERNEL_DIR")" word:2)
	cached "modules-$KERNEL_RELEASE-$hash" pick_modules
	STOCK_MODULES=$CACHED
}

pick_modules() {
	local dir=$1 module file
	list "$REPO/lab/guest/modules" | while read -r module; do
		module_files "$module"
	done | sort -u | while read -r file; do
		install -D "$file" "$dir/${file#*/lib/modules/}"
	done
	cp "$KERNEL_DIR/lib/modules/$KERNEL_RELEASE"/modules.{builtin,builtin.modinfo,order} \
		"$dir/$KERNEL_RELEASE/" || die "no module lists in the kernel package"
}
