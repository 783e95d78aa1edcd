#!/bin/sh
# `./exo run`: programs of this machine there, and a shell, with our streams. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit

folder=build/test/programs
rm -rf $folder
mkdir -p $folder/tree/sub
passed=0
failed=0

# check WHAT GOT EXPECTED
check() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL boot_programs: $1: '$2' instead of '$3'"
	fi
}

run() {
	timeout -k 5 "${BOOT_SECONDS:-120}" ./exo run "$@"
}

head -c 200000 /dev/urandom >$folder/random
sum=$(md5sum <$folder/random)
echo 'text of a file' >$folder/tree/sub/file
ln -s sub/file $folder/tree/link

# Pipes, streams apart, a signal's end and the exit status; and a folder that was put in.
run -put $folder/tree -- bash -c "cat $folder/tree/link | tr a-z A-Z; ls -l / | grep -c proc; echo to-stderr >&2; bash -c 'kill -9 \$\$'
	echo \$?; exit 42" >$folder/out 2>$folder/err </dev/null
check "exit status" $? 42
check "standard output" "$(cat $folder/out)" "TEXT OF A FILE
1
137"
check "standard error" "$(grep -c '^to-stderr$' $folder/err)" 1

# Binary data through pipes, both ways, and from a file.
cat $folder/random | run -- gzip -c 2>/dev/null | gunzip | md5sum >$folder/sum
check "binary data through pipes" "$(cat $folder/sum)" "$sum"
check "input from a file" "$(run -- md5sum 2>/dev/null <$folder/random)" "$sum"
run -- no-such-program >/dev/null 2>&1 </dev/null
check "no such program" $? 127

# What comes before the shell is up, and before the kernel is.
printf "echo early-\$((40 + 2))\nexit\n" | run >$folder/shell 2>&1
check "commands for a shell that is not up yet" "$(tr -d '\r' <$folder/shell | grep -c '^early-42$')" 1

[ $failed -gt 0 ] || echo "ok boot_programs: $passed checks"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
