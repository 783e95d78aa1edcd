#!/bin/sh
# Boots Exo-OS on the machines of test/boot/matrix, two at a time, and judges how each ends.
#
#     run.sh [--long] [PATTERN]     machines whose name contains PATTERN
#
# Each prints one line; its serial log stays in build/test/NAME.log. The kernels and images must have been built.
# A machine counts its self-tests, and itself once if it has none. Last line: "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit

long=
if [ "${1-}" = --long ]; then
	long=1
	shift
fi
export LONG="$long"
pattern=${1-}

mkdir -p build/test
rm -f build/test/*.count
rows() {
	sed '/^#/d; /^$/d; s/ *| */|/g; s/ *$//' test/boot/matrix | while read -r row; do
		case $row in
		long*) [ -n "$long" ] || continue ;;
		esac
		case ${row%%|*} in
		*"$pattern"*) echo "$row" ;;
		esac
	done
}

sh test/boot/initrd.sh build/test
rows | tr '\n' '\0' | xargs -0 -r -P 2 -n 1 sh test/boot/one.sh
cat build/test/*.count 2>/dev/null | awk '
	{ passed += $1; failed += $2 }
	END { print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 }'
