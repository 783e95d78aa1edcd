#!/bin/sh
# Packs initial ram disks for Exo-OS: trees of files as cpio archives (newc), owned by root.
#
#     initramfs.sh shell OUT                   Debian's busybox with all its applets; /init ends in an interactive shell
#     initramfs.sh script OUT FILE             the same, but the shell runs FILE and the machine is switched off after it
#     initramfs.sh init OUT INIT [FILE...]     INIT as /init, each FILE as /bin/NAME
#     initramfs.sh tests OUT INIT FILE...      INIT as /init, each FILE as /tests/NAME, on top of a shell's tree
#     initramfs.sh program OUT PROGRAM [FILE...]
#                                              PROGRAM and FILEs of this machine at their own paths, with the interpreters and
#                                              libraries they want, on top of a shell's tree; /init is the caller's: see run.sh.
#                                              A FILE may be a folder: it comes with all that is in it
#
# OUT.tree is where the tree is laid out.
set -eu

kind=$1 out=$2
shift 2
tree=$out.tree
rm -rf "$tree"
mkdir -p "$tree/bin" "$tree/sbin" "$tree/usr/bin" "$tree/usr/sbin" "$tree/etc" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/tmp" \
	"$tree/root" "$tree/var/log" "$tree/mnt"
chmod 1777 "$tree/tmp"

add_users() {
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$tree/etc/passwd"
	printf 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n' >"$tree/etc/group"
	echo 'root:*:19000:0:99999:7:::' >"$tree/etc/shadow"
	echo 'exo' >"$tree/etc/hostname"
	printf '/bin/sh\n/bin/bash\n' >"$tree/etc/shells"
	printf 'passwd: files\ngroup: files\nshadow: files\n' >"$tree/etc/nsswitch.conf"
	chmod 600 "$tree/etc/shadow"
}

add_busybox() {
	busybox=$(command -v busybox)
	cp "$busybox" "$tree/bin/busybox"
	chmod 755 "$tree/bin/busybox"
	# Relative links: nothing that is copied over one may reach this machine's own busybox.
	"$busybox" --list-full | while read -r applet; do
		case $applet in
		bin/busybox) continue ;;
		usr/*) target=../../bin/busybox ;;
		bin/*) target=busybox ;;
		*/*) target=../bin/busybox ;;
		*) target=bin/busybox ;;
		esac
		ln -sf "$target" "$tree/$applet"
	done
	cat >"$tree/etc/profile" <<'PROFILE'
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root
export PS1='\u@exo:\w\$ '
umask 022
# By themselves they ask the first process, which here is a script that waits for this shell.
alias poweroff='busybox poweroff -f' reboot='busybox reboot -f' halt='busybox halt -f'
PROFILE
}

# What an init of a shell does first; a file system that is there already is no error.
write_init_head() {
	cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-vt100}"
[ -e /proc/self ] || mount -t proc proc /proc
[ -e /sys/kernel ] || mount -t sysfs sysfs /sys
[ -c /dev/null ] || mount -t devtmpfs dev /dev
[ -d /dev/pts ] || mkdir /dev/pts 2>/dev/null
cd /root
INIT
	chmod 755 "$tree/init"
}

# A shell of its own session on the serial line has job control; /dev/console can be no controlling terminal. Of the terminal outside
# init's arguments may tell: size=ROWSxCOLUMNS, TERM=KIND.
add_shell_init() {
	write_init_head
	cat >>"$tree/init" <<'INIT'
for word; do
	case $word in
	TERM=*) export "$word" ;;
	size=*x*)
		size=${word#size=}
		stty rows "${size%x*}" columns "${size#*x}" </dev/ttyS0
		;;
	esac
done
echo "Welcome to Exo-OS. \`help\` tells of the shell, \`busybox\` of the commands; \`exit\` switches the machine off."
if [ -c /dev/ttyS0 ]; then
	setsid -c sh -l </dev/ttyS0 >/dev/ttyS0 2>&1
else
	sh -l
fi
poweroff -f
INIT
}

add_script_init() {
	write_init_head
	cp "$1" "$tree/script"
	chmod 755 "$tree/script"
	cat >>"$tree/init" <<'INIT'
sh /script
echo "script: status $?"
poweroff -f
INIT
}

# put FILE: at its own path, links on the way as they are, and what it needs to run.
put() {
	[ ! -e "$tree$1" ] || [ -n "${2-}" ] || return 0
	mkdir -p "$tree$(dirname "$1")"
	rm -f "$tree$1"
	cp -L "$1" "$tree$1"
	interpreter=$(head -c 256 "$1" | tr -d '\0' | sed -n '1s/^#! *\([^ ]*\).*/\1/p')
	case $interpreter in
	/*) put "$interpreter" over ;;
	esac
	put_libraries "$1"
}

# Where there is nothing to link with, ldd says so and fails. It names each library with its path.
put_libraries() {
	for library in $(ldd "$@" 2>/dev/null | sed -n 's/^.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | sort -u); do
		put "$library"
	done
}

# put_folder PATH: links that lead out of it become what they lead to.
put_folder() {
	mkdir -p "$tree$1"
	cp -a "$1/." "$tree$1/"
	find "$1" -type l | while read -r link; do
		target=$(realpath -q "$link") || continue
		case $target in
		"$1"/*) ;;
		*) [ ! -f "$target" ] || cp -L --remove-destination "$link" "$tree$link" ;;
		esac
	done
	programs=$out.programs
	find "$1" -type f \( -perm -u+x -o -name '*.so*' \) >"$programs"
	# shellcheck disable=SC2046 # a list
	[ ! -s "$programs" ] || put_libraries $(cat "$programs")
}

case $kind in
shell)
	add_users
	add_busybox
	add_shell_init
	;;
script)
	add_users
	add_busybox
	add_script_init "$1"
	;;
init)
	cp "$1" "$tree/init"
	shift
	for file; do
		cp "$file" "$tree/bin/"
	done
	add_users
	;;
tests)
	mkdir "$tree/tests"
	cp "$1" "$tree/init"
	shift
	cp "$@" "$tree/tests/"
	add_users
	add_busybox
	;;
program)
	add_users
	add_busybox
	for file; do
		if [ -d "$file" ]; then put_folder "$file"; else put "$file" over; fi
	done
	;;
*)
	echo "initramfs.sh: what is '$kind'?" >&2
	exit 2
	;;
esac

[ "$kind" = program ] || (cd "$tree" && find . | sort | cpio -o -H newc -R 0:0 --quiet) >"$out"
