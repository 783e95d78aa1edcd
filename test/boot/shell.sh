#!/bin/sh
# Types keys at the shell of `./exo run`, as a user would, and looks at the screen. Ends with "N passed, N failed".
#
# The shell asks where the cursor is whenever it is ready for a line: the questions are counted.
set -u
cd "$(dirname "$0")/../.." || exit

log=build/test/shell.log
limit=${BOOT_SECONDS:-120}
archive=build/test/shell.cpio
mkdir -p build/test
sh tools/initramfs.sh shell $archive
: >"$log"

escape=$(printf '\033')
asked=0

# await PATTERN COUNT: until that many lines match. Gives up after the limit: QEMU is then killed, too.
await() {
	tries=0
	while [ "$(tr -d '\r' <"$log" | grep -acE "$1")" -lt "$2" ] && [ $tries -lt $((limit * 10)) ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

ready() {
	asked=$((asked + 1))
	await "$escape\[6n" $asked
}

# line TEXT: at the prompt. keys TEXT: whoever reads now; both with printf's escapes.
keys() {
	# shellcheck disable=SC2059
	printf "$1"
}

line() {
	ready
	keys "$1\r"
}

left='\033[D' up='\033[A' delete='\177' end='\033[F' home='\033[H'

type_keys() {
	line "echo pipes | tr a-z A-Z | sed s/PIPES/THREE/"
	line "ecxo edite$left$left$left$left$left$left$left${delete}h${end}d$home$end"
	line "$up"
	line "$up$up$up"
	line "echo run-\$((1 + 1)); sleep 1000"
	await '^run-2$' 1
	keys '\003'
	line 'echo status-$?'
	line "echo run-\$((1 + 2)); sleep 1000"
	await '^run-3$' 1
	keys '\032'
	line 'jobs'
	line 'bg; jobs'
	line 'kill -STOP %%1; sleep 0.3; kill %%1; fg; echo fg-$?'
	line "echo run-\$((1 + 3)); cat | sort -r | head -n 1; echo sorted-\$?"
	await '^run-4$' 1
	keys 'alpha\rbeta\r\004'
	line 'vi /tmp/text'
	await '1/1 100%' 1
	keys 'ifirst lyne\rsecond line\033'
	sleep 1 # or the escape would begin a sequence
	keys 'k0fyri:wq\r'
	line 'cat -n /tmp/text'
	line 'top'
	await 'Load average' 1
	keys 'q'
	line 'top -b -n 1 | grep -c "[t]op -b"'
	# Only the shell's own line: its children have its arguments, too, until they run their programs.
	line 'ps -o pid,stat,args | grep "^ *$$ .*[s]h -l"'
	line 'mkdir -p a/b; cp /bin/busybox a/b/; tar cf - a | gzip >a.tgz; mkdir c; gunzip <a.tgz | tar x -C c; cmp c/a/b/busybox /bin/busybox && echo tar-same'
	line "find c -type f | awk -F/ '{ print NF, \$NF }'"
	# More than all buffers on the way hold, at once.
	line "stty -echo; echo paste-\$((1 + 0)); md5sum; stty echo"
	await '^paste-1$' 1
	seq 1 4000
	keys '\004'
	line "echo tty-\$(tty) \$(stty size)"
	line 'exit 3'
}

boot() {
	timeout -k 5 "$limit" qemu-system-x86_64 -M q35 -cpu max -accel tcg -smp 2 -m 128M -nographic -no-reboot -nic none \
		-kernel build/release-gcc/exo.elf -initrd $archive -append 'console=ttyS0 -- size=30x100' >"$log" 2>&1
}

type_keys | boot
status=$?

passed=0
failed=0
# expect PATTERN [COUNT]: so many lines of the screen are like that; escapes are taken away.
expect() {
	count=$(tr -d '\r' <"$log" | sed "s/$escape\[[0-9;]*[a-zA-Z]//g" | grep -acE "$1")
	if [ "$count" = "${2:-1}" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL boot_shell: $count lines like '$1' ($log)"
	fi
}

expect '^THREE$' 2 # and once more from the history
expect '^edited$' 2
expect '^status-130$'
expect '\[1\]\+ +Stopped +' 2 # as a message and by jobs
expect '^\[1\]\+ +Running +'
expect '^fg-143$'
expect '^beta$' 2 # echoed, and sorted
expect '^sorted-0$'
expect '^ +1[[:space:]]first line$'
expect '^ +2[[:space:]]second line$'
expect '^Load average: |Load average: [0-9]'
expect '^1$'
expect '^ +[0-9]+ [RS] +sh -l$'
expect '^tar-same$'
expect '^4 busybox$'
expect "^$(seq 1 4000 | md5sum)\$"
expect '^tty-/dev/ttyS0 30 100$'
# ended STATUS HOW
ended() {
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL boot_shell: status $1 after $2 ($log)"
	fi
}
ended $status exit

log=build/test/shell-poweroff.log
: >"$log"
line poweroff | boot
ended $? poweroff

[ $failed -gt 0 ] || echo "ok boot_shell: $passed looks at the screen"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
