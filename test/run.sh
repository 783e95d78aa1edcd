#!/bin/sh
# All tests of Exo-OS, from the cheapest to the dearest.
#
#     run.sh [--long] [PATTERN]
#
# PATTERN selects by name: unit tests, fuzz_NAME, lint_NAME, boot_NAME of test/boot/matrix, user_PROGRAM of
# test/user, and the kernel's own self-tests.
# Every stage ends with "N passed, N failed"; the last line is their sum.
set -u
cd "$(dirname "$0")/.." || exit

long=
if [ "${1-}" = --long ]; then
	long=--long
	shift
fi
pattern=${1-}
jobs=${JOBS:-$(nproc)}
passed=0
failed=0

# stage TITLE COMMAND...: shows its output and adds up its last line. One without a count is itself one test.
stage() {
	title=$1
	echo "== $title"
	log=build/test/stage.log
	shift
	{ "$@" 2>&1; echo "status $?"; } | tee "$log" | grep -v '^status [0-9]*$'
	status=$(sed -n '$s/^status //p' "$log")
	total=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
	if [ -z "$total" ]; then
		if [ "$status" = 0 ]; then
			total="1 0"
			echo "ok $title"
		else
			total="0 1"
			echo "FAIL $title"
		fi
	elif [ "$status" != 0 ] && [ "${total#* }" = 0 ]; then
		total="${total% *} 1"
	fi
	passed=$((passed + ${total% *}))
	failed=$((failed + ${total#* }))
}

# Whether PATTERN lets a test of this name run.
wanted() {
	case $1 in
	*"$pattern"*) return 0 ;;
	esac
	return 1
}

make_() {
	make -s -j"$jobs" "$@"
}

build_kernels() {
	make_ all && make_ CONFIG=debug kernel && make_ CC=clang kernel && make_ CC=clang CONFIG=debug kernel
}

boot_matrix() {
	sh test/boot/run.sh $long "${pattern#boot_}"
}

# The self-tests that PATTERN names, on one machine with all checks on.
boot_pattern() {
	row="selftest-$pattern|kernel|debug|-M q35 -smp 2 -m 256M|selftest=*$pattern*|passed"
	MAY_BE_EMPTY=1 LONG=$long sh test/boot/one.sh "$row"
	awk '{ print $1 " passed, " $2 " failed" }' "build/test/selftest-$pattern.count"
}

need() {
	sh tools/deps.sh "$@" || exit
}

mkdir -p build/test
need build run debug host image uefi lint qemu10 shell user

lints=
for check in modules includes ranks scripts layout syscalls docs; do
	! wanted "lint_$check" || lints="$lints $check"
done
# The two analyses of the whole tree take minutes and run no code: `./exo lint`, or a long run, or by name.
for check in cppcheck tidy; do
	[ -z "$long" ] && [ "$pattern" != "lint_$check" ] || lints="$lints $check"
done
fuzzers=
for fuzzer in $(make -s fuzz-names); do
	! wanted "fuzz_$fuzzer" || fuzzers="$fuzzers $fuzzer"
done

[ -n "$pattern" ] || stage "scripts" sh test/tools/run.sh
stage "unit tests, gcc" make_ host-test ONLY="$pattern"
[ -z "$long" ] || stage "unit tests, clang" make_ CC=clang host-test ONLY="$pattern"
[ -z "$fuzzers" ] || stage "fuzzing" make_ fuzz-test FUZZ_ONLY="$fuzzers" FUZZ_SECONDS="${FUZZ_SECONDS:-${long:+6}5}"
[ -z "$lints" ] || stage "lint" make_ CC=clang lint CHECKS="$lints"
stage "kernels: gcc and clang, release and debug" build_kernels
! wanted gdb || stage "debugger" sh test/boot/gdb.sh
stage "boots" boot_matrix
! wanted boot_monitor || stage "the monitor" sh test/boot/monitor.sh
! wanted boot_shell || stage "the shell" sh test/boot/shell.sh
! wanted boot_programs || stage "programs of this machine" sh test/boot/programs.sh
case $pattern in
'' | user*) stage "user programs" sh test/user/run.sh $long "${pattern#user}" ;;
esac
case $pattern in
'' | boot_* | user* | lint_* | fuzz_*) ;;
*) stage "self-tests" boot_pattern ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
