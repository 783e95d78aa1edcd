#!/bin/sh
# Lays out our C sources with clang-format. --check: changes nothing, fails if it would.
set -u
cd "$(dirname "$0")/.." || exit

sources() {
	for folder in abi bench boot drivers kernel lib posixx test tools; do
		[ ! -d "$folder" ] || find "$folder" -name '*.[ch]' ! -name '*_asm.h' # those are assembler
	done
}

if [ "${1-}" = --check ]; then
	! sources | xargs -P 2 -n 20 clang-format --dry-run -Werror 2>&1 |
		sed -n 's/^\([^: ]*\):\([0-9]*\):.*clang-format-violations.*/\1 \2/p' | sort -u |
		awk '{ lines[$1]++; if (!($1 in first) || $2 < first[$1]) first[$1] = $2 }
			END { for (file in lines)
				print file ":" first[file] ": " lines[file] " lines are not laid out as clang-format would" }' | grep .
else
	sources | xargs clang-format -i
fi
