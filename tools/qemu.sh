#!/bin/sh
# What every way of starting QEMU has in common.
#
#     qemu.sh accel     prints kvm where it works on this machine, otherwise tcg
set -eu

# /dev/kvm may exist and still not run anything, so a firmware of one instruction that matters is tried: it tells
# isa-debug-exit, and QEMU ends with the status that stands for success.
kvm_works() {
	[ -w /dev/kvm ] || return 1
	rom=$(mktemp)
	trap 'rm -f "$rom"' EXIT
	truncate -s 65536 "$rom"
	# mov $0x10, %al; out %al, $0xf4; hlt, where the processor starts
	printf '\260\020\346\364\364' | dd of="$rom" bs=1 seek=65520 conv=notrunc status=none
	status=0
	timeout 5 qemu-system-x86_64 -accel kvm -M q35 -cpu max -m 16 -nodefaults -display none -no-reboot \
		-bios "$rom" -device isa-debug-exit,iobase=0xf4,iosize=4 >/dev/null 2>&1 || status=$?
	[ "$status" = 33 ]
}

# A KVM inside another virtual machine may run that and still fail at what an operating system does, such as restoring vector
# registers: so a shell is booted once,
# and what came of it is remembered.
kvm_runs_programs() {
	kernel=build/exo.elf
	[ -f $kernel ] && command -v busybox >/dev/null || return 1
	answer=build/kvm-answer
	if [ ! -f $answer ]; then
		mkdir -p build/kvm
		# shellcheck disable=SC2016 # for the shell in there
		echo 'i=0; while [ $i -lt 20 ]; do busybox true | busybox cat; i=$((i+1)); done; echo KVM-RUNS-PROGRAMS' >build/kvm/script
		sh tools/initramfs.sh script build/kvm/try.cpio build/kvm/script >/dev/null
		timeout 8 qemu-system-x86_64 -accel kvm -M q35 -cpu max -smp 2 -m 256 -nographic -no-reboot -nic none -kernel $kernel \
			-initrd build/kvm/try.cpio -append console=ttyS0 </dev/null >build/kvm/log 2>&1 || :
		if grep -aq '^KVM-RUNS-PROGRAMS' build/kvm/log; then echo yes; else echo no; fi >$answer
	fi
	[ "$(cat $answer)" = yes ]
}

case $1 in
accel) if kvm_works && kvm_runs_programs; then echo kvm; else echo tcg; fi ;;
esac
