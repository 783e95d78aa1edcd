#!/bin/sh
# Makes a hybrid ISO (disc or USB stick, BIOS or UEFI) in which GRUB boots the kernel by Multiboot2.
#
#     image.sh KERNEL ISO [COMMAND LINE]     without a command line: a menu of the usual ones
set -eu

kernel=$1 iso=$2
tree=$iso.tree
rm -rf "$tree"
mkdir -p "$tree/boot/grub"
cp "$kernel" "$tree/boot/exo.elf"

entry() { # TITLE COMMAND LINE
	printf 'menuentry "%s" {\n\tmultiboot2 /boot/exo.elf %s\n\tboot\n}\n' "$1" "$2"
}

{
	# UEFI hands no text screen over: without a video driver GRUB would complain.
	printf 'insmod all_video\n'
	printf 'serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n'
	if [ $# -gt 2 ]; then
		printf 'set timeout=0\n'
		entry "Exo-OS" "$3"
	else
		printf 'set timeout=3\n'
		entry "Exo-OS" "console=ttyS0"
		entry "Exo-OS, self-tests" "console=ttyS0 selftest"
	fi
} >"$tree/boot/grub/grub.cfg"

# Only what the menu needs of GRUB: the image is a third of the size and made in half the time. Without its modules of
# strange partition tables it would say that it misses them.
grub-mkrescue --locales= --themes= --fonts= --install-modules="normal multiboot2 serial boot all_video iso9660 fat \
		part_gpt part_msdos part_acorn part_amiga part_apple part_bsd part_dfly part_dvh part_plan part_sun part_sunpc" \
	-o "$iso" "$tree" >"$iso.log" 2>&1 || { cat "$iso.log"; exit 1; }
rm -rf "$tree"
