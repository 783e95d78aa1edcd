#!/bin/sh
# Boots one machine, given as a row of test/boot/matrix without blanks, and judges how it ends.
set -uf # no patterns: a row may hold a star

old_ifs=$IFS
IFS='|'
# shellcheck disable=SC2086
set -- $1
IFS=$old_ifs
name=$1 how=$2 build=$3 machine=$4 words=$5 ends=$6

log=build/test/$name.log
limit=${BOOT_SECONDS:-600}
[ -z "${LONG-}" ] || words="$words selftest_scale=10" limit=$((limit * 4))
words="console=ttyS0 $words"
[ "$ends" = off ] || words="$words exit_port=0xf4"

case $build in
clang) kernel=build/release-clang/exo.elf ;;
*) kernel=build/$build-gcc/exo.elf ;;
esac

# two_nodes: QEMU's arguments for @two-nodes, for the processors and the memory that the row states.
two_nodes() {
	cpus=$(echo "$machine" | sed -n 's/.*-smp \([0-9]*\).*/\1/p')
	half=$(($(echo "$machine" | sed -n 's/.*-m \([0-9]*\)M.*/\1/p') / 2))M
	for node in 0 1; do
		first=$((node * cpus / 2))
		echo "-object memory-backend-ram,id=memory$node,size=$half"
		echo "-numa node,nodeid=$node,memdev=memory$node,cpus=$first-$((first + cpus / 2 - 1))"
	done
	echo "-numa dist,src=0,dst=1,val=20"
}

# How QEMU finds the kernel, as arguments.
# shellcheck disable=SC2086 # $machine is a list of words
load() {
	case $machine in
	*@two-nodes) machine="${machine%@two-nodes} $(two_nodes | tr '\n' ' ')" ;;
	esac
	case $machine in
	*@steady) machine="${machine%@steady} -accel tcg,thread=single -icount shift=3,sleep=off" ;;
	*) machine="$machine -accel tcg" ;;
	esac
	case $machine in
	*-cpu*) ;;
	*) machine="$machine -cpu max" ;;
	esac
	set -- $machine
	case $how in
	kernel*)
		case $how in
		*+cpio*) set -- "$@" -initrd "build/test/initrd.${how#*+}" ;;
		esac
		set -- "$@" -kernel "$kernel" -append "$words"
		;;
	bios | uefi)
		sh tools/image.sh "$kernel" "build/test/$name.iso" "$words" || return
		set -- "$@" -cdrom "build/test/$name.iso" -boot d
		if [ "$how" = uefi ]; then # its variables are written to: each machine has its own
			cp /usr/share/OVMF/OVMF_VARS_4M.fd "build/test/$name.vars"
			set -- "$@" -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
				-drive "if=pflash,format=raw,file=build/test/$name.vars"
		fi
		;;
	esac
	[ "$ends" = off ] || set -- "$@" -device isa-debug-exit,iobase=0xf4,iosize=4
	timeout -k 5 "$limit" qemu-system-x86_64 -nographic -no-reboot "$@" </dev/null
}

start=$(date +%s)
load >"$log" 2>&1
status=$?
seconds=$(($(date +%s) - start))

# fail WHY: the log's own complaints, then its end.
fail() {
	echo "FAIL boot_$name: $1 ($seconds s, $log)"
	grep -aE '^(FAIL|\*\*\* panic)' "$log" | sed 's/^/    /'
	tail -n "${TAIL:-15}" "$log" | sed 's/^/    | /'
	echo "$passed $((failed > 0 ? failed : 1))" >"build/test/$name.count"
	exit 0
}

# What the kernel says of its self-tests. It prints carriage returns, and a firmware may leave escapes before the line.
summary=$(tr -d '\r' <"$log" | sed -n 's/.*selftest: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped.*/\1 \2 \3/p' | tail -n 1)
passed=0 failed=0 skipped=0
# shellcheck disable=SC2086
[ -z "$summary" ] || { set -- $summary; passed=$1 failed=$2 skipped=$3; }

case $status in
124 | 137) fail "not done after $limit s" ;;
esac
case $ends in
passed | off)
	expected=33
	[ "$ends" = passed ] || expected=0
	[ "$failed" = 0 ] || fail "$failed self-tests failed"
	[ -n "$summary" ] || fail "no result, status $status"
	[ $status = $expected ] || fail "status $status instead of $expected"
	if [ "$passed" = 0 ]; then
		[ "$ends" = off ] || [ -n "${MAY_BE_EMPTY-}" ] || fail "no self-test ran"
		passed=1 # the boot itself
	fi
	echo "ok boot_$name: $passed self-tests, $skipped skipped, $seconds s"
	;;
panicked)
	[ $status = 35 ] || fail "status $status instead of 35"
	grep -aq 'panic' "$log" || fail "no word of a panic"
	grep -aiq 'rip.*[0-9a-f]\{16\}' "$log" || fail "no registers"
	grep -aq '^  #[0-9]\{1,\} .*[a-z_]\{3,\}+0x[0-9a-f]' "$log" || fail "no backtrace with names"
	grep -aq '^last lines of the log' "$log" || fail "nothing of the log"
	grep -aq '^\*\*\* end of panic' "$log" || fail "the report does not end"
	passed=1
	echo "ok boot_$name: panicked as told, $seconds s"
	;;
esac
echo "$passed $failed" >"build/test/$name.count"
