#!/bin/sh
# Where the instructions of one measure of bench/measures.tbl.h go: by function, for each operation.
#
#     profile.sh MEASURE [LINES]
#
# The benchmark runs twice under QEMU with a plugin that counts (count.c), with the measure and without any; the difference is the measure's.
set -eu
cd "$(dirname "$0")/../.."

measure=${1:?which measure? They are in bench/goals}
lines=${2:-40}
grep -q "^goal $measure " bench/goals || { echo "exo: bench/goals has no measure '$measure'" >&2; exit 2; }

out=build/profile
mkdir -p $out
make -s -j"${JOBS:-$(nproc)}" build/exo.elf build/user-bench build/user-tiny build/profile/count.so
sh tools/initramfs.sh init $out/bench.cpio build/user-bench build/user-tiny "$(command -v busybox)"

# counted NAME WORD: runs the measures that WORD names.
counted() {
	timeout 300 qemu-system-x86_64 -M q35 -accel tcg,thread=single -icount shift=0,sleep=off -smp 1 -m 2048 \
		-cpu max,-x2apic,erms=off,fsrm=off -nographic -no-reboot -nic none -kernel build/exo.elf -initrd $out/bench.cpio \
		-append "console=ttyS0 quiet -- =$2" -plugin "$out/count.so,out=$out/$1.pieces" </dev/null >"$out/$1.log" 2>&1
	{
		nm build/exo.elf
		nm build/user-bench | sed 's/$/ (program)/'
		cat "$out/$1.pieces"
	} | LC_ALL=C sort >"$out/$1.sorted"
}
counted without none
counted with "$measure"

operations=$(tr -d '\r' <$out/with.log | sed -n 's/^bench_operations //p')
[ -n "$operations" ] || { tail -n 20 $out/with.log >&2; exit 1; }
tr -d '\r' <$out/with.log | sed -n 's/^bench \([^ ]*\) \(.*\)/\1: \2 instructions per operation, the least of several rounds; the mean of all, by function:/p'
echo
awk -v operations="$operations" -f tools/profile/by_function.awk $out/without.sorted $out/with.sorted |
	sort -rn | awk -v lines="$lines" '
	BEGIN { printf "%12s %10s %12s  %s\n", "instructions", "entries", "each entry", "function" }
	{ total += $1 }
	NR <= lines { each = $2 > 0 ? sprintf("%.1f", $1 / $2) : "-"; name = $3 (NF > 3 ? " " $4 : ""); printf "%12.1f %10.2f %12s  %s\n", $1, $2, each, name }
	END { printf "%12.1f %10s %12s  %s\n", total, "", "", "all, what the measure does before and after each round included" }'
echo
echo "An instruction with REP counts once for each time that QEMU goes round it, which is not quite what its clock counts."
