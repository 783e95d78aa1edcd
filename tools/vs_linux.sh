#!/bin/sh
# Measures what operations cost programs on Exo-OS and on Linux, and sets the two side by side.
#
#     vs_linux.sh [--check] [PATTERN]     measures whose names contain PATTERN; --check: fails when one misses its goal
#
# The ruler is that of bench.sh: guest instructions, counted by QEMU, one processor. The same archive with the same static program
# (bench/) as /init boots on both. Linux is Debian's newest 6.12 cloud kernel, at its best: without mitigations, audit,
# memory control groups, security modules and hardening that its users can do without. It is unpacked, never installed.
set -eu
cd "$(dirname "$0")/.."

check=
if [ "${1-}" = --check ]; then
	check=1
	shift
fi
pattern=${1-}
jobs=${JOBS:-$(nproc)}
mkdir -p build/linux

find_linux() {
	find build/linux/root/boot -name "vmlinuz-6.12*" 2>/dev/null | sort -V | tail -n 1
}

fetch_linux() {
	package=$(apt-cache search --names-only '^linux-image-6\.12\..*-cloud-amd64$' | sed 's/ .*//' | sort -V | tail -n 1)
	[ -n "$package" ] || { echo "exo: apt knows no linux-image-6.12.*-cloud-amd64; see tools/deps.sh about backports" >&2; exit 1; }
	echo "exo: fetching $package from Debian, to compare with; it is unpacked in build/linux"
	(cd build/linux && apt-get -q download "$package" >/dev/null && dpkg-deb -x "$package"_*.deb root)
}

[ -n "$(find_linux)" ] || fetch_linux
linux=$(find_linux)
make -s -j"$jobs" build/exo.elf build/user-bench build/user-tiny build/user-firmware
sh tools/initramfs.sh init build/bench.cpio build/user-bench build/user-tiny "$(command -v busybox)"

# ruler LOG MEMORY KERNEL WORDS: QEMU ends when the program switches the machine off.
ruler() {
	status=0
	timeout 900 qemu-system-x86_64 -M q35 -accel tcg,thread=single -icount shift=0,sleep=off -smp 1 -m "$2" \
		-cpu max,-x2apic,erms=off,fsrm=off -nographic -no-reboot -nic none -kernel "$3" -initrd build/bench.cpio -append "$4" \
		</dev/null >"$1" 2>&1 || status=$?
	grep -Eq 'bench_done|^firmware' "$1" || {
		tail -n 20 "$1" >&2
		echo "exo: the benchmark did not come to its end (status $status); all of it is in $1" >&2
		exit 1
	}
}

tuned='console=ttyS0 quiet mitigations=off audit=0 cgroup_disable=memory lsm=capability randomize_kstack_offset=off init_on_alloc=0'
linux_log=build/linux/bench-$(basename "$linux")${pattern:+-$pattern}.log
# Linux's figures change only with the program and the kernel.
if [ -n "$(find build/user-bench "$linux" -newer "$linux_log" 2>&1)" ] || ! grep -q bench_done "$linux_log"; then
	echo "measuring $(basename "$linux")"
	ruler "$linux_log" 2048 "$linux" "$tuned${pattern:+ -- $pattern}"
	ruler build/linux/boot.log 512 "$linux" "$tuned -- boot"
fi
echo "measuring Exo-OS"
ruler build/bench-user.log 2048 build/exo.elf "console=ttyS0 quiet${pattern:+ -- $pattern}"
ruler build/bench-boot.log 512 build/exo.elf "console=ttyS0 quiet -- boot"
ruler build/bench-firmware.log 512 build/user-firmware ""

echo
cat bench/goals build/bench-firmware.log build/linux/boot.log build/bench-boot.log "$linux_log" build/bench-user.log | tr -d '\r' |
	awk -v linux="$(basename "$linux")" -v check="$check" -f tools/vs_linux.awk
