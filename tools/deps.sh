#!/bin/sh
# Installs from Debian what a command of ./exo needs and this machine lacks.
#
#     deps.sh GROUP...      groups: build run debug host image uefi lint qemu10 shell user
#     deps.sh --entry       only prints the apt entry for backports that it would add
#
# Nothing is touched when nothing is missing. QEMU 10 comes from the backports of a Debian that has an older one; their
# apt entry is the machine's own Debian entry with another suite, so that they come from the mirror already trusted here.
set -eu

APT_DIR=${APT_DIR:-/etc/apt}

# What each group needs: "PROOF PACKAGE REASON". The proof is a command, or a file when it has a slash.
needs() {
	case $1 in
	build) cat <<-'END' ;;
		gcc gcc compiles the kernel
		ld binutils links it
		make make runs the build
	END
	run) cat <<-'END' ;;
		qemu-system-x86_64 qemu-system-x86 the machine it runs on
		/usr/include/stdio.h libc6-dev what connects its serial line is an ordinary program
	END
	shell) cat <<-'END' ;;
		busybox busybox-static the shell and commands of the initial ram disk
		cpio cpio packs it
	END
	user) cat <<-'END' ;;
		musl-gcc musl-tools links programs for Exo-OS without libraries
	END
	debug) cat <<-'END' ;;
		gdb gdb looks into the running kernel
	END
	host) cat <<-'END' ;;
		clang clang the second compiler, and the fuzzer
		/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a libclang-rt-dev the fuzzer's run time
		cpio cpio packs initial ram disks
	END
	image) cat <<-'END' ;;
		grub-mkrescue grub-common makes the bootable ISO
		/usr/lib/grub/i386-pc/boot.img grub-pc-bin boots it by BIOS
		/usr/lib/grub/x86_64-efi/normal.mod grub-efi-amd64-bin boots it by UEFI
		xorriso xorriso writes the ISO
		mformat mtools writes its EFI partition
	END
	uefi) cat <<-'END' ;;
		/usr/share/OVMF/OVMF_CODE_4M.fd ovmf UEFI firmware for QEMU
	END
	lint) cat <<-'END' ;;
		shellcheck shellcheck checks the scripts
		clang-format clang-format checks the layout of the sources
		cppcheck cppcheck looks for bugs without running
		clang-tidy clang-tidy looks for more of them
	END
	esac
}

# Unquoted on purpose: a proof may be a pattern.
# shellcheck disable=SC2086
present() {
	case $1 in
	*/*) for file in $1; do [ -e "$file" ] && return 0; done; return 1 ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

qemu_major() {
	command -v qemu-system-x86_64 >/dev/null || { echo 0; return; }
	qemu-system-x86_64 --version | sed -n 's/.* version \([0-9]*\).*/\1/p'
}

# The Debian release this machine runs, for instance bookworm.
codename() {
	sed -n 's/^VERSION_CODENAME=//p' "${OS_RELEASE:-/etc/os-release}"
}

# The machine's own entry for suite $1, with suite $2 instead: "sources" or "list" on the first line (the format), then
# the entry. Knows one-line entries and deb822 stanzas.
entry_for_suite() {
	for file in "$APT_DIR"/sources.list.d/*.sources; do
		[ ! -e "$file" ] || { cat "$file"; echo; }
	done | awk -v old="$1" -v new="$2" '
		BEGIN { RS = ""; FS = "\n" }
		{
			entry = suite = off = ""
			for (i = 1; i <= NF; i++) {
				if ($i ~ /^#/)
					continue
				if ($i !~ /^[ \t]/) {
					field = tolower($i)
					sub(/:.*/, "", field)
				}
				line = $i
				sub(/^[^:]*:[ \t]*/, "", line)
				if (field == "suites" && (" " line " ") ~ (" " old " "))
					suite = 1
				if (field == "enabled" && tolower(line) ~ /^(no|false|0)/ || field == "types" && line !~ /deb( |$)/)
					off = 1
				if (field !~ /^(types|suites|components|enabled)$/)
					entry = entry $i "\n"
			}
			if (suite && !off && entry !~ /uris:[ \t]*cdrom/) {
				print "sources\nTypes: deb\n" entry "Suites: " new "\nComponents: main"
				exit
			}
		}' | grep . && return
	cat "$APT_DIR/sources.list" "$APT_DIR"/sources.list.d/*.list 2>/dev/null | awk -v old="$1" -v new="$2" '
		$1 == "deb" && $0 !~ /cdrom:/ {
			for (at = 2; $at ~ /^\[/ || inside; at++)
				inside = $at !~ /\]$/
			if ($(at + 1) != old)
				next
			line = "deb"
			for (i = 2; i <= at; i++)
				line = line " " $i
			print "list\n" line " " new " main"
			exit
		}' | grep .
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "exo: this needs root or sudo: $*" >&2
		exit 1
	fi
}

# Makes sure that apt knows the backports of release $1.
add_backports() {
	suite=$1-backports
	[ -z "$(entry_for_suite "$suite" "$suite" || true)" ] || return 0
	entry=$(entry_for_suite "$1" "$suite") || {
		echo "exo: apt has no Debian entry for $1 from which to derive one for $suite" >&2
		exit 1
	}
	file=$APT_DIR/sources.list.d/exo-backports.$(echo "$entry" | head -n 1)
	echo "exo: adding $file, the machine's own Debian entry with suite $suite"
	echo "$entry" | tail -n +2 | as_root tee "$file" >/dev/null
}

install_packages() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
}

if [ "${1-}" = --entry ]; then
	entry_for_suite "$(codename)" "$(codename)-backports" | tail -n +2
	exit
fi

packages=
new_qemu=
missing=$(for group; do needs "$group"; done | while read -r proof package reason; do
	present "$proof" || echo "  $package: $reason"
done)
packages=$(echo "$missing" | sed -n 's/^  \([^:]*\):.*/\1/p' | sort -u)
case " $* " in
*" qemu10 "*)
	if [ "$(qemu_major)" -lt 10 ]; then
		new_qemu=1
		missing="$missing
  qemu-system-x86: version 10 or later, which some tests need"
	fi
	;;
esac
case $packages in
*qemu-system-x86*) new_qemu=1 ;;
esac
[ -n "$packages$new_qemu" ] || exit 0

echo "exo: missing on this machine, and why it is wanted:"
echo "$missing" | grep .
command -v apt-get >/dev/null || { echo "exo: this is no Debian; install them by hand" >&2; exit 1; }
echo "exo: installing them from Debian"
[ -z "$new_qemu" ] || [ "$(codename)" != bookworm ] || add_backports bookworm
as_root apt-get -q update
others=$(echo "$packages" | grep -v '^qemu-system-x86$' || true)
# shellcheck disable=SC2086 # a list of words
[ -z "$others" ] || install_packages $others
[ -n "$new_qemu" ] || exit 0
if [ "$(codename)" = bookworm ]; then
	# Only these from backports: with -t, their libraries came from there too and kept gdb from being installed.
	install_packages qemu-system-x86/bookworm-backports qemu-system-common/bookworm-backports \
		qemu-system-data/bookworm-backports seabios/bookworm-backports
else
	install_packages qemu-system-x86
fi
