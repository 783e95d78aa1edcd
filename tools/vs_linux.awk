# Reads bench/goals, then the logs of a boot and of the measures: of Linux first, then of Exo-OS. Prints the comparison.
/^#/ || /^$/ { next }
/^goal / {
	goal[$2] = $3
	what[$2] = $0
	sub(/^goal [^ ]* [^ ]* */, "", what[$2])
	order[++count] = $2
	next
}
/^firmware / { firmware = $2; next }
# The four logs come one after the other; each ends with bench_done. Firmware may leave escapes before a line.
{ sub(/^.*bench/, "bench") }
/^bench_done/ { logs++; next }
/^bench_boot / { if (logs == 0) linux_boot = $2; else if (logs == 1) our_boot = $2; next }
/^bench_memory / { if (logs == 0) linux_memory = $3 - $6; else if (logs == 1) our_memory = $3 - $6; next }
/^bench [a-z]/ { if (logs <= 2) theirs[$2] = $3; else ours[$2] = $3; next }
function number(x) { return x < 100 ? sprintf("%.1f", x) : sprintf("%d", x) }
function verdict(ours, goal, theirs) { return ours <= goal ? "met" : ours <= theirs ? "missed" : "WORSE" }
END {
	sub(/vmlinuz-/, "", linux)
	print "Linux is " linux "\n"
	printf "%-44s %10s %10s %7s %9s\n", "guest instructions per operation", "Linux", "Exo-OS", "ratio", "goal"
	for (i = 1; i <= count; i++) {
		name = order[i]
		if (!(name in theirs) && !(name in ours))
			continue
		if (theirs[name] + 0 == 0 || ours[name] + 0 == 0) {
			printf "%-44s %10s %10s %7s %9d %s\n", what[name], theirs[name], ours[name], "-", goal[name], "FAILED"
			missed++
			continue
		}
		ratio = theirs[name] / ours[name]
		result = verdict(ours[name], goal[name], theirs[name])
		printf "%-44s %10s %10s %7.2f %9d %s\n", what[name], number(theirs[name]), number(ours[name]), ratio, goal[name], result
		missed += result != "met"
		worse += result == "WORSE"
		sum += log(ratio)
		rows++
	}
	if (rows)
		printf "\ngeometric mean of %d ratios: %.2f (goal: 3); %d miss their goal, %d of them are worse than Linux\n", \
			rows, exp(sum / rows), missed, worse
	if (linux_boot && our_boot)
		printf "from the kernel's first instruction to the first line of /init: Linux %.1f, Exo-OS %.1f million (goal: 10); before it, %.1f of firmware\n", \
			(linux_boot - firmware) / 1e6, (our_boot - firmware) / 1e6, firmware / 1e6
	if (linux_memory && our_memory)
		printf "memory in use then, of 512 MiB: Linux %.1f, Exo-OS %.1f MiB of what each says it has (goal: 8)\n", \
			linux_memory / 1024, our_memory / 1024
	print "\nEach figure is the least of several rounds under QEMU -icount shift=0, with the loop in it. It counts"
	print "instructions and does not see caches, TLB misses, branch misses, contention, or what SYSCALL, IRET, WRMSR and writes of CR3 cost:"
	print "a page fault, a switch between processes and a signal cost hardware more than their figure says, on both kernels."
	exit check && missed ? 1 : 0
}
