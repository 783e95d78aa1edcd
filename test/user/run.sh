#!/bin/sh
# Runs the user programs of this folder on this machine's Linux, where all must pass, and then the same files on Exo-OS.
#
#     run.sh [--long] [PATTERN]     PATTERN: only programs whose names contain it
#
# One boot runs all programs; the machines are below: kind, processors, memory if not 512M. Logs: build/test/user/MACHINE.log. Last line: "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit

long=
if [ "${1-}" = --long ]; then
	long=1
	shift
fi
pattern=${1-}
pattern=${pattern#_}
build=build/test/user
kernel=${KERNEL:-build/exo.elf}
limit=${BOOT_SECONDS:-900}

make -s user-tests build/exo.elf || exit
programs=
for source in test/user/*.c; do
	name=$(basename "$source" .c)
	case $name in
	runner) ;;
	*"$pattern"*) programs="$programs $name" ;;
	esac
done
[ -n "$programs" ] || { echo "0 passed, 0 failed"; exit 0; }

passed=0 failed=0
# count LOG BEFORE: adds up what the last line of LOG that begins with BEFORE says; without one it counts as one failure.
count() {
	total=$(tr -d '\r' <"$1" | sed -n 's/^\('"$2"'\)\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\2 \3 \4/p' | tail -n 1)
	# shellcheck disable=SC2086
	set -- $total
	here_passed=${1:-0} here_failed=${2:-1} here_skipped=${3:-0}
	passed=$((passed + here_passed))
	failed=$((failed + here_failed))
}

# complaints LOG: what went wrong, with the lines before that say why.
complaints() {
	tr -d '\r' <"$1" | grep -aE '^FAIL|^    line|^\*\*\* panic|^skip' | sed 's/^/    /'
}

for name in $programs; do
	log=$build/$name.log
	STRESS_SECONDS=2 timeout 300 "$build/$name" >"$log" 2>&1
	count "$log" ""
	if [ "$here_failed" = 0 ]; then
		echo "ok user_$name on this machine's Linux: $here_passed cases, $here_skipped skipped"
	else
		echo "FAIL user_$name on this machine's Linux: $here_failed failed"
		complaints "$log"
	fi
done



# shellcheck disable=SC2046,SC2059,SC2086 # a list of names
sh tools/initramfs.sh tests $build/tests.cpio $build/runner $(printf "$build/%s " $programs)

# boot NAME MACHINE...: one machine; its log says how it went.
boot() {
	log=$build/$1.log
	shift
	timeout -k 5 "$limit" qemu-system-x86_64 -accel tcg -cpu max -nographic -no-reboot -nic none "$@" -kernel "$kernel" \
		-initrd $build/tests.cpio -append "console=ttyS0 exit_port=0xf4 ${WORDS-}" \
		-device isa-debug-exit,iobase=0xf4,iosize=4 </dev/null >"$log" 2>&1
	echo "status $?" >>"$log"
}

judge() {
	log=$build/$1.log
	count "$log" "user: "
	if [ -z "$total" ]; then
		echo "FAIL user_on_$1: no result ($(tail -n 1 "$log")), $log"
		complaints "$log"
		tail -n 12 "$log" | sed 's/^/    | /'
	elif [ "$here_failed" = 0 ]; then
		echo "ok user_on_$1: $here_passed cases, $here_skipped skipped"
	else
		echo "FAIL user_on_$1: $here_failed of $((here_passed + here_failed)) cases, $log"
		complaints "$log"
	fi
}

machines=${MACHINES:-"q35-1 q35-2 q35-4 microvm-1 microvm-2 microvm-4 q35-2-96M"}
[ -z "$long" ] || machines="$machines q35-8"
running=
for name in $machines; do
	cpus=${name#*-}
	memory=512M
	case $cpus in
	*-*) memory=${cpus#*-} cpus=${cpus%-*} ;;
	esac
	boot "$name" -M "${name%%-*}" -smp "$cpus" -m "$memory" &
	if [ -n "$running" ]; then
		wait # two at a time
		judge "$running"
		judge "$name"
		running=
	else
		running=$name
	fi
done
wait
[ -z "$running" ] || judge "$running"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
