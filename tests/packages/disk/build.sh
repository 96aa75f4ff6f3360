# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the caller
#
# The disk of a guest that installs our packages: Debian 12 with systemd, both
# kernels, their headers and DKMS, as a file in the cache. Sourced after
# common.sh, host.sh and root.sh of the lab.

DISK_FILES=$REPO/tests/packages/disk

# get_disk: sets DISK, a directory with disk.img and, for each kernel, its
# release in 6.1 and 6.12, and vmlinuz-RELEASE and initrd.img-RELEASE.
get_disk() {
	local hash
	hash=$(content_hash "$DISK_FILES"/{packages,lab-shell.service} word:1)
	cached "disk-$hash" build_disk
	DISK=$CACHED
}

# The drivers that the initramfs needs, and no others.
disk_initramfs_hook() {
	# shellcheck disable=SC2016 # the hook's variable, not ours
	printf '%s\n' 'mkdir -p "$1/etc/initramfs-tools/conf.d"' \
		'echo MODULES=list >"$1/etc/initramfs-tools/conf.d/lab"' \
		'printf "%s\n" virtio_pci virtio_blk ext4 >"$1/etc/initramfs-tools/modules"'
}

build_disk() {
	local dir=$1 log=$CACHE/disk.log packages sources
	host_needs mmdebstrap:mmdebstrap mke2fs:e2fsprogs
	packages=$(list "$DISK_FILES/packages" | paste -sd,)
	mapfile -t sources < <(debian_sources)
	note "making a disk with Debian for packages, some minutes (log: $log)"
	mkdir "$dir/root"
	# shellcheck disable=SC2016 # a hook's variable
	mmdebstrap --variant=minbase --include="$packages" \
		--aptopt='Acquire::Retries "3"' --dpkgopt='force-confold' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--essential-hook="$(disk_initramfs_hook)" \
		--customize-hook="copy-in '$DISK_FILES/lab-shell.service' /etc/systemd/system" \
		--customize-hook='systemctl --root="$1" enable lab-shell.service systemd-networkd.service' \
		--customize-hook='echo "/dev/vda / ext4 defaults 0 1" >"$1/etc/fstab"' \
		--customize-hook='echo lab >"$1/etc/hostname"' \
		--customize-hook='chroot "$1" passwd -d root' \
		bookworm "$dir/root" "${sources[@]}" >"$log" 2>&1 ||
		die "mmdebstrap failed: $(grep -m1 -E '^E:' "$log"), see $log"
	take_kernels "$dir"
	mke2fs -q -t ext4 -d "$dir/root" "$dir/disk.img" 6G >>"$log" 2>&1 ||
		die "mke2fs failed, see $log"
	rm -rf "$dir/root"
}

# What QEMU boots is taken out of the root.
take_kernels() {
	local dir=$1 image release
	for image in "$dir"/root/boot/vmlinuz-*; do
		release=${image##*/vmlinuz-}
		cp "$image" "$dir/root/boot/initrd.img-$release" "$dir/" ||
			die "no initramfs for $release"
		case $release in
		6.1.*) echo "$release" >"$dir/6.1" ;;
		6.12.*) echo "$release" >"$dir/6.12" ;;
		esac
	done
	if ! [ -s "$dir/6.1" ] || ! [ -s "$dir/6.12" ]; then
		die "not both kernels in /boot"
	fi
}
