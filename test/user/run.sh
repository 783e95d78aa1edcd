#!/bin/sh
# Runs the user programs of this folder on this machine's Linux, where all must pass, and the same files on Exo-OS.
#
#     run.sh [--long] [PATTERN]     PATTERN: only programs whose names contain it
#
# One boot runs all programs; the machines are below: kind, processors, memory if not 256M. Linux and the
# machines take turns, as many at a time as this machine has processors. Logs: build/test/user/MACHINE.log. Last line: "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit

build=build/test/user
tally=$build/tally # of each place where the programs ran: "PASSED FAILED"
kernel=${KERNEL:-build/exo.elf}
limit=${BOOT_SECONDS:-900}

# count LOG BEFORE: what the last line of LOG that begins with BEFORE says; without one it counts as one failure.
count() {
	total=$(tr -d '\r' <"$1" | sed -n 's/^\('"$2"'\)\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\2 \3 \4/p' | tail -n 1)
	# shellcheck disable=SC2086
	set -- $total
	passed=${1:-0} failed=${2:-1} skipped=${3:-0}
	echo "$passed $failed" >>$tally
}

# complaints LOG: what went wrong, with the lines before that say why.
complaints() {
	tr -d '\r' <"$1" | grep -aE '^FAIL|^    line|^\*\*\* panic|^skip' | sed 's/^/    /'
}

run_on_linux() {
	for name in $PROGRAMS; do
		log=$build/$name.log
		STRESS_SECONDS=2 timeout 300 "$build/$name" >"$log" 2>&1
		count "$log" ""
		if [ "$failed" = 0 ]; then
			echo "ok user_$name on this machine's Linux: $passed cases, $skipped skipped"
		else
			echo "FAIL user_$name on this machine's Linux: $failed failed"
			complaints "$log"
		fi
	done
}

# boot LOG MACHINE...: its log says how it went.
boot() {
	log=$1
	shift
	timeout -k 5 "$limit" qemu-system-x86_64 -accel tcg -cpu max -nographic -no-reboot -nic none "$@" -kernel "$kernel" \
		-initrd $build/tests.cpio -append "console=ttyS0 exit_port=0xf4 ${WORDS-}" \
		-device isa-debug-exit,iobase=0xf4,iosize=4 </dev/null >"$log" 2>&1
	echo "status $?" >>"$log"
}

# judge NAME LOG
judge() {
	count "$2" "user: "
	if [ -z "$total" ]; then
		echo "FAIL user_on_$1: no result ($(tail -n 1 "$2")), $2"
		complaints "$2"
		tail -n 12 "$2" | sed 's/^/    | /'
	elif [ "$failed" = 0 ]; then
		echo "ok user_on_$1: $passed cases, $skipped skipped"
	else
		echo "FAIL user_on_$1: $failed of $((passed + failed)) cases, $2"
		complaints "$2"
	fi
}

run_on_machine() {
	cpus=${1#*-} memory=256M
	case $cpus in
	*-*) memory=${cpus#*-} cpus=${cpus%-*} ;;
	esac
	boot "$build/$1.log" -M "${1%%-*}" -smp "$cpus" -m "$memory"
	verdict=$(judge "$1" "$build/$1.log") # in one piece: others speak, too
	echo "$verdict"
}

case ${1-} in
--one) # how this script calls itself, for each of them
	if [ "$2" = linux ]; then run_on_linux; else run_on_machine "$2"; fi
	exit
	;;
esac

machines=${MACHINES:-"microvm-4 q35-1 q35-2 q35-4 microvm-1 microvm-2 q35-2-96M"}
if [ "${1-}" = --long ]; then
	machines="$machines q35-8"
	shift
fi
pattern=${1-}
pattern=${pattern#_}

make -s user-tests build/exo.elf || exit
PROGRAMS=
for source in test/user/*.c; do
	name=$(basename "$source" .c)
	case $name in
	runner) ;;
	*"$pattern"*) PROGRAMS="$PROGRAMS $name" ;;
	esac
done
[ -n "$PROGRAMS" ] || { echo "0 passed, 0 failed"; exit 0; }
export PROGRAMS

# shellcheck disable=SC2046,SC2059,SC2086 # a list of names
sh tools/initramfs.sh tests $build/tests.cpio $build/runner $(printf "$build/%s " $PROGRAMS)

: >$tally
# shellcheck disable=SC2086
printf '%s\n' linux $machines | xargs -P "${JOBS:-$(nproc)}" -n 1 sh test/user/run.sh --one
# shellcheck disable=SC2086
expected=$(printf '%s\n' $PROGRAMS $machines | wc -l)
# Who left no tally has failed.
awk -v expected="$expected" '{ passed += $1; failed += $2 } END { failed += expected - NR; printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' $tally
