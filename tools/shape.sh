#!/bin/sh
# The shape of the sources: totals, and the ten longest files and functions. It reports; people decide.
cd "$(dirname "$0")/.." || exit

# shellcheck disable=SC2016 # awk's, not the shell's
find abi bench boot drivers kernel lib posixx test tools \( -name '*.[ch]' -o -name '*.S' \) 2>/dev/null | sort | xargs awk '
	# With our layout a function begins with a "{" in the first column and ends with a "}" there; the line before the
	# "{" that starts in the first column has its name.
	FNR == 1 { files++ }
	{ lines[FILENAME] = FNR; total++ }
	/^[ \t]*#[ \t]*if/ && FILENAME ~ /\.c$/ { conditionals++ }
	FILENAME !~ /\.c$/ { next }
	/^[a-zA-Z_].*\(/ { head = $0 }
	/^{/ { start = FNR }
	/^}/ && start {
		name = head
		sub(/\(.*/, "", name)
		sub(/.*[ *]/, "", name)
		if (head ~ /^(TEST|SELFTEST|SELFTEST_TIMEOUT|BENCH)\(/)
			name = head
		size[name " " FILENAME] = FNR - start + 1
		functions++
		start = 0
	}
	END {
		printf "%d files, %d lines, %d functions, %d #if in .c files\n", files, total, functions, conditionals
		for (file in lines)
			printf "file %5d %s\n", lines[file], file
		for (name in size)
			printf "function %5d %s\n", size[name], name
	}' | {
	read -r totals
	echo "$totals"
	sort -k1,1 -k2,2nr | awk '
		$1 != kind { kind = $1; print "\nlongest " kind "s" }
		++seen[kind] <= 10 { print "  " $2, $3, $4 }
		{ length_of[kind, seen[kind]] = $2 }
		END {
			for (kind in seen)
				printf "\nmedian %s: %d lines", kind, length_of[kind, int((seen[kind] + 1) / 2)]
			print ""
		}'
}
