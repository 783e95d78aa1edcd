#!/bin/sh
# Runs host test programs, two at a time, and adds up what they print.
#
#     run.sh PROGRAM...      V=1 shows every test, not only the failing ones; ONLY=PATTERN runs only matching ones
#
# The output of each is kept beside it as PROGRAM.log. Last line: "N passed, N failed"; fails if any failed.
set -u

export ONLY="${ONLY-}"
# shellcheck disable=SC2016 # the inner shell expands them
printf '%s\n' "$@" | xargs -r -P 2 -n 1 sh -c '
	"$1" "$ONLY" >"$1.log" 2>&1 || echo "exit status $?" >>"$1.log"' sh

passed=0
failed=0
for program; do
	log=$program.log
	total=$(sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
	if [ -z "$total" ]; then # it died before it could count
		echo "FAIL $program: no result"
		cat "$log"
		failed=$((failed + 1))
		continue
	fi
	passed=$((passed + ${total% *}))
	failed=$((failed + ${total#* }))
	if [ "${total#* }" != 0 ] || [ -n "${V-}" ]; then
		echo "== ${program#*/host-*/}"
		cat "$log"
	elif [ "${total% *}" != 0 ]; then
		echo "ok ${program#*/host-*/}: ${total% *} tests"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
