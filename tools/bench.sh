#!/bin/sh
# Runs the kernel's benchmarks and prints them as a table.
#
#     bench.sh [PATTERN]     those whose name contains PATTERN
#
# The ruler: QEMU counts guest instructions (-icount shift=0), and the guest's TSC shows that count, so a figure is
# instructions per operation and does not depend on what else this machine does. Instructions that handle a byte a time
# (rep movsb) would count once a byte: the features that make them attractive are hidden. So is the x2APIC: QEMU ends with "Bad
# icount read" when its timer is set through an MSR.
set -eu
cd "$(dirname "$0")/.."

pattern="*${1-}*"
make -s -j"${JOBS:-$(nproc)}"

# ruler MEMORY PATTERN: the kernel's output.
ruler() {
	status=0
	timeout 300 qemu-system-x86_64 -M q35 -cpu max,-x2apic,erms=off,fsrm=off -accel tcg,thread=single \
		-icount shift=0,sleep=off -smp 1 -m "$1" -nographic -no-reboot -kernel build/exo.elf \
		-append "console=ttyS0 bench=$2 exit_port=0xf4" -device isa-debug-exit,iobase=0xf4,iosize=4 \
		</dev/null >build/bench.log 2>&1 || status=$?
	if [ $status != 33 ]; then
		tail -n 30 build/bench.log >&2
		echo "exo: the benchmarks ended with status $status instead of 33" >&2
		exit 1
	fi
	tr -d '\r' <build/bench.log | grep '^bench [a-z_0-9]* [0-9]'
}

# What a count of instructions leaves out, by the kind of measure.
# The boot is measured on the machine that its goal is told for: one processor, 128 MiB.
{
	ruler 2048 "$pattern" | grep -vE '^bench (boot|kernel_memory)' || true
	ruler 128 "$pattern" | grep -E '^bench (boot|kernel_memory)' || true
} | awk '
	function unseen(name) {
		if (name ~ /^kernel_memory/) return "nothing: it is a size, not a time"
		if (name ~ /^boot/) return "firmware, device delays, cache misses"
		if (name ~ /ipi|smp_call|shootdown|tlb/) return "delivery between processors, TLB refills"
		if (name ~ /interrupt|irq_/) return "what delivery, entry and IRET cost"
		if (name ~ /switch|yield|ping|wake/) return "cache and TLB misses, branch misses"
		if (name ~ /timer|clock|tsc|uptime/) return "what RDTSC and the timer register cost"
		if (name ~ /^(spin|mutex|sem|rw|rcu|seq)/) return "contention, what a locked instruction costs"
		return "cache misses, contention"
	}
	BEGIN {
		printf "%-28s %12s %10s  %-6s %s\n", "measure", "instructions", "goal", "", "what the figure does not see"
	}
	{
		verdict = $4 == 0 ? "" : $3 + 0 <= $4 + 0 ? "met" : "MISSED"
		what = $0
		sub(/^bench [^ ]* [^ ]* [^ ]* */, "", what)
		value = $3
		sub(/\.00$/, "", value)
		printf "%-28s %12s %10s  %-6s %s\n", $2, value, $4 == 0 ? "" : $4, verdict, unseen($2)
		printf "    %s\n", what
		count++
	}
	END {
		if (!count) {
			print "no benchmark has such a name"
			exit 1
		}
		print "\nEach is the minimum of several repetitions, under QEMU -icount shift=0 on one processor. boot_time_us is in"
		print "microseconds and kernel_memory_kib in KiB. A locked or privileged instruction counts as one, like any other."
	}'
