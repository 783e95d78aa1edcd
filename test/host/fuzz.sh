#!/bin/sh
# Runs each fuzz target for a short while from a fixed seed; a target fails by crashing.
#
#     FUZZ_SECONDS=5 fuzz.sh TARGET...     TARGET is BUILD/fuzz/MODULE/test/NAME_fuzz
#
# Seeds come from MODULE/test/corpus/NAME when it exists. Every run starts from them alone, unless FUZZ_KEEP is set: then
# what the last run found in TARGET.corpus is a beginning too. A crashing input is left as TARGET.crash-*.
set -u

passed=0
failed=0
for target; do
	name=$(basename "$target" _fuzz)
	module=${target#*/fuzz/}
	seeds=${module%/*}/corpus/$name
	[ -n "${FUZZ_KEEP-}" ] || rm -rf "$target.corpus"
	mkdir -p "$target.corpus"
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086 # no seeds: no argument
	if "$target" -seed=1 -max_total_time="${FUZZ_SECONDS:-5}" -timeout=60 -rss_limit_mb=1024 -max_len=65536 \
		-artifact_prefix="$target.crash-" -print_final_stats=1 "$target.corpus" $seeds >"$target.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$target.log")
		echo "ok fuzz_$name: $runs inputs"
		passed=$((passed + 1))
	else
		echo "FAIL fuzz_$name: see $target.log"
		tail -n 30 "$target.log"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
