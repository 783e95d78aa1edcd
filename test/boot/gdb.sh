#!/bin/sh
# Boots under gdb and tries the commands of tools/gdb/exo.py against the running kernel. "N passed, N failed" at the end.
set -u
cd "$(dirname "$0")/../.." || exit

log=build/test/gdb.log
socket=build/test/gdb.socket
kernel=build/release-gcc/exo.elf
mkdir -p build/test
rm -f "$socket"
timeout 400 qemu-system-x86_64 -M q35 -cpu max -accel tcg -smp 2 -m 256M -nographic -no-reboot -nic none -kernel "$kernel" \
	-append console=ttyS0 -S -chardev "socket,path=$socket,server=on,wait=off,id=gdb" -gdb chardev:gdb \
	</dev/null >build/test/gdb.serial 2>&1 &
qemu=$!
trap 'kill $qemu 2>/dev/null' EXIT
tries=0
until [ -S "$socket" ] || [ $tries -ge 600 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
timeout 300 gdb -q -batch "$kernel" -ex "target remote $socket" -x tools/gdb/exo.py -ex "break monitor_run" -ex continue \
	-ex "exo threads" -ex "exo cpus" -ex "exo log" -ex "exo threads 3" >"$log" 2>&1

passed=0
failed=0
# look NAME REGULAR-EXPRESSION: the log has such a line.
look() {
	if grep -qE "$2" "$log"; then
		echo "ok gdb_$1"
		passed=$((passed + 1))
	else
		echo "FAIL gdb_$1: no line like '$2' in $log"
		failed=$((failed + 1))
	fi
}
look threads '^ +1  running +[0-9]+ .* main$'
look cpus '^  1  idle/1 +[a-z_]+'
look log '^\[ +[0-9]+\.[0-9]+\] 0 info +rtc: '
# Some compilers split schedule or inline it; the two ends of the chain are there in any case.
look backtrace '^#[0-3] +0x[0-9a-f]+ (schedule|thread_block)[a-z_.0-9]*\+[0-9]+'
look backtrace_end '^#[1-9] +0x[0-9a-f]+ thread_entry\+[0-9]+'
! grep "Python Exception" "$log" || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
