#!/bin/sh
# Tests of the scripts themselves. Prints ok or FAIL for each, and "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit

passed=0
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# check NAME EXPECTED ACTUAL
check() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
		passed=$((passed + 1))
	else
		printf 'FAIL %s: expected\n%s\nbut got\n%s\n' "$1" "$2" "$3"
		failed=$((failed + 1))
	fi
}

# entry: what deps.sh derives for bookworm's backports from the apt folder in $scratch/apt.
entry() {
	echo 'VERSION_CODENAME=bookworm' >"$scratch/os-release"
	APT_DIR=$scratch/apt OS_RELEASE=$scratch/os-release sh tools/deps.sh --entry
}

new_apt() {
	rm -rf "$scratch/apt"
	mkdir -p "$scratch/apt/sources.list.d"
}

new_apt
cat >"$scratch/apt/sources.list" <<'END'
# deb http://commented.out/debian bookworm main
deb cdrom:[Debian GNU/Linux 12] bookworm main
deb-src http://sources.only/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm main contrib
END
check deps_one_line_entry 'deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm-backports main' "$(entry)"

new_apt
echo 'deb [ arch=amd64 ] http://mirror.example/debian bookworm main' >"$scratch/apt/sources.list.d/debian.list"
check deps_spaced_options 'deb [ arch=amd64 ] http://mirror.example/debian bookworm-backports main' "$(entry)"

new_apt
cat >"$scratch/apt/sources.list.d/a.sources" <<'END'
Types: deb
URIs: http://other.example/
Suites: stable
Components: main
END
cat >"$scratch/apt/sources.list.d/debian.sources" <<'END'
# the security archive comes first
Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://switched.off/debian
Suites: bookworm
Components: main

Types: deb deb-src
# a note in between
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abcd
 -----END PGP PUBLIC KEY BLOCK-----
END
check deps_deb822_entry 'Types: deb
URIs: http://mirror.example/debian
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abcd
 -----END PGP PUBLIC KEY BLOCK-----
Suites: bookworm-backports
Components: main' "$(entry)"

new_apt
echo 'deb http://mirror.example/ubuntu noble main' >"$scratch/apt/sources.list"
check deps_no_entry '' "$(entry)"

# The symbol table, assembled and read back word by word.
printf '%s\n' '0000000000200000 T boot_start32' 'ffffffff80001000 T __text_start' 'ffffffff80001000 T first' 'ffffffff80001000 t alias' \
	'ffffffff80001010 t second.part.0' 'ffffffff80002000 R table' 'ffffffff80003000 W third' '                 w weak_absent' |
	sh tools/symbols.sh >"$scratch/symbols.S"
gcc -c "$scratch/symbols.S" -o "$scratch/symbols.o" &&
	objcopy -O binary -j .rodata.symbols "$scratch/symbols.o" "$scratch/symbols.bin"
check symbols_words '3 4096 4112 12288 0 6 20' \
	"$(od -A n -t u4 -v -N 28 "$scratch/symbols.bin" | tr -s ' \n' ' ' | sed 's/^ //; s/ $//')"
check symbols_strings 'first second.part.0 third ' "$(tail -c +29 "$scratch/symbols.bin" | tr '\0' ' ')"
check symbols_empty_table 0 "$(sh tools/symbols.sh </dev/null | sed -n '/kernel_symbol_count:/,/long/s/^.long //p')"

# The unit tests' runner: a program that dies early is a failure.
printf '#!/bin/sh\necho "ok one"\necho "1 passed, 0 failed"\n' >"$scratch/good"
printf '#!/bin/sh\necho "ok one"\nkill -9 $$\n' >"$scratch/dies"
chmod +x "$scratch/good" "$scratch/dies"
check runner_adds_up '2 passed, 0 failed' "$(sh test/host/run.sh "$scratch/good" "$scratch/good" | tail -n 1)"
check runner_sees_death '1 passed, 1 failed' "$(sh test/host/run.sh "$scratch/good" "$scratch/dies" 2>&1 | tail -n 1)"

# Who may use the processor's own headers: a tree of two modules, of which one includes one and says so, or not.
mkdir -p "$scratch/tree/kernel/clock" "$scratch/tree/kernel/arch/x86_64"
cp -r Makefile mk tools "$scratch/tree"
echo 'MODULE := kernel/arch/x86_64' >"$scratch/tree/kernel/arch/x86_64/module.mk"
echo '#include <x86/tsc.h>' >"$scratch/tree/kernel/clock/clock.c"

# users NAME EXPECTED LINE: EXPECTED is what lint says of a module with this line in its module.mk.
users() {
	printf 'MODULE := kernel/clock\nSRCS := clock.c\n%s\n' "$3" >"$scratch/tree/kernel/clock/module.mk"
	check "x86_$1" "$2" "$(sh "$scratch/tree/tools/lint.sh" includes | head -n 1)"
}
users undeclared 'kernel/clock/module.mk does not name in X86 what its sources include: tsc.h' ''
users declared 'ok lint_includes' 'X86 := tsc.h'
users in_deps 'ok lint_includes' 'DEPS := kernel/arch/x86_64'
users superfluous 'kernel/clock/module.mk names in X86 what no source includes: io.h' 'X86 := io.h tsc.h'

# How a boot is judged: a QEMU that prints and ends as told stands in for the real one.
mkdir -p "$scratch/bin" build/test
cat >"$scratch/bin/qemu-system-x86_64" <<'END'
#!/bin/sh
printf '%b' "$FAKE_OUTPUT"
[ "$FAKE_STATUS" != hang ] || exec sleep 60
exit "$FAKE_STATUS"
END
chmod +x "$scratch/bin/qemu-system-x86_64"

# judge NAME EXPECTED STATUS ENDS OUTPUT: EXPECTED is the first word of one.sh, and what it counts.
judge() {
	seconds=60
	[ "$3" != hang ] || seconds=3
	verdict=$(FAKE_STATUS=$3 FAKE_OUTPUT=$5 BOOT_SECONDS=$seconds PATH=$scratch/bin:$PATH \
		sh test/boot/one.sh "judged|kernel|release|-M q35|${6-selftest}|$4" | sed -n '1s/ .*//p')
	check "judge_$1" "$2" "$verdict $(cat build/test/judged.count)"
}

good='ok one\r\nselftest: 3 passed, 0 failed, 1 skipped\r\n'
bad='FAIL one: why\r\nselftest: 2 passed, 1 failed, 0 skipped\r\n'
died='*** panic on CPU 0: no reason\r\nrip 0000000000000008\r\nbacktrace\r\n  #0  0xffffffff80001234 kernel_main+0x12/0x40\r\n'
died="${died}last lines of the log\r\n"
end='*** end of panic\r\n'
judge passes 'ok 3 0' 33 passed "$good"
judge failing_test 'FAIL 2 1' 35 passed "$bad"
judge wrong_status 'FAIL 3 1' 0 passed "$good"
judge crash_without_result 'FAIL 0 1' 0 passed 'ok one\r\n'
judge nothing_ran 'FAIL 0 1' 33 passed 'selftest: 0 passed, 0 failed, 9 skipped\r\n'
judge hang 'FAIL 0 1' hang passed 'ok one\r\n'
judge hang_after_result 'FAIL 3 1' hang off "$good"
judge power_off 'ok 1 0' 0 off 'selftest: 0 passed, 0 failed, 0 skipped\r\n' 'selftest=none'
judge power_off_by_panic 'FAIL 3 1' 35 off "$good"
judge panic 'ok 1 0' 35 panicked "$died$end"
judge panic_cut_off 'FAIL 0 1' 35 panicked "$died"
judge panic_without_names 'FAIL 0 1' 35 panicked 'panic: no reason\r\nRIP 0000000000000008 at ffffffff80001234\r\n'
judge panic_that_goes_on 'FAIL 0 1' 33 panicked "$died$end"
rm -f build/test/judged.*

# Every row of the matrix has its columns, and no name appears twice.
check matrix_columns '' "$(sed '/^#/d; /^$/d' test/boot/matrix | awk -F'|' 'NF != 6')"
check matrix_names '' "$(sed '/^#/d; /^$/d; s/ *|.*//' test/boot/matrix | sort | uniq -d)"

check exo_unknown_command 2 "$(./exo nonsense >/dev/null 2>&1; echo $?)"
check exo_help_names_every_command '' "$(sed -n 's/^\([a-z]*\)) .*/\1/p' exo | while read -r word; do
	./exo help | grep -qE "^  $word( |$)" || echo "$word"
done)"

# The profile: two runs, the second with three more entries into b, whose second half runs six times more; two operations.
cat >"$scratch/without" <<'END'
ffffffff80000000 t a
ffffffff80000000 z 5 10
ffffffff80000100 T b
ffffffff80000100 z 4 1
END
cat >"$scratch/with" <<'END'
ffffffff80000000 t a
ffffffff80000000 z 5 10
ffffffff80000100 T b
ffffffff80000100 z 4 4
ffffffff80000110 z 10 6
END
check profile_by_function "36.000 1.500 b" "$(awk -v operations=2 -f tools/profile/by_function.awk "$scratch/without" "$scratch/with")"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
