#!/bin/sh
# Types at the monitor's prompt, as a user would, and looks at the answers. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit

log=build/test/monitor.log
kernel=build/release-gcc/exo.elf
limit=${BOOT_SECONDS:-600}
mkdir -p build/test
: >"$log"

# wait_until COMMAND...: until it succeeds. Gives up after the limit: QEMU is then killed, too.
wait_until() {
	tries=0
	until "$@" || [ $tries -ge $((limit * 10)) ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

# The prompt has come COUNT times.
has_prompted() {
	[ "$(grep -ac 'exo> ' "$log")" -ge "$1" ]
}

has_ended() {
	[ -s "$log.status" ]
}

delete=$(printf '\177')
up=$(printf '\033[A')
left=$(printf '\033[D')
lines="help
threads
backtrace
mem
slabs
cpus
irq
clocks
log 5
bench uptime*
selftest symbols*
levexx$delete${delete}l
mm${left}e
$up
nonsense
poweroff"

type_lines() {
	count=1
	echo "$lines" | while IFS= read -r line; do
		wait_until has_prompted $count
		printf '%s\r' "$line"
		count=$((count + 1))
	done
	wait_until has_ended # the input's end would be a key, too
}

machine() {
	timeout -k 5 "$limit" qemu-system-x86_64 -M q35 -cpu max -accel tcg -smp 2 -m 128M -nographic -no-reboot \
		-kernel "$kernel" -append console=ttyS0 >"$log" 2>&1
	echo $? >"$log.status"
}

rm -f "$log.status"
type_lines | machine
status=$(cat "$log.status")

passed=0
failed=0
expect() {
	if tr -d '\r' <"$log" | grep -aqE "$1"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL boot_monitor: no answer like '$1' ($log)"
	fi
}

expect '^ +Exo-OS .* x86_64$'
expect '^  help +this list$'
expect '^ +[0-9]+  main +running '
expect 'monitor_run\+0x'
expect '^node 0: .* free'
expect '^kmalloc-64 '
expect '^  1 +0 +[0-9.]+% '
expect ' serial$'
expect '^source +(tsc|hpet)$'
expect '^[0-9]+ lines since boot, 0 dropped$'
expect '^bench uptime_read [0-9]'
expect '^ok symbols_name_addresses'
expect '^selftest: 1 passed, 0 failed, 0 skipped$'
expect '^lines up to "info" come'
expect '^nonsense: no such command'
# Edited to "mem", and once more from the history.
if [ "$(grep -ac '^node 0: ' "$log")" = 3 ]; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo "FAIL boot_monitor: editing or history did not make \"mem\" three times ($log)"
fi
if [ "$status" = 0 ]; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo "FAIL boot_monitor: status $status after poweroff ($log)"
fi
[ $failed -gt 0 ] || echo "ok boot_monitor: $passed answers"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
