#!/bin/sh
# Packs an initial ram disk that runs one program of this machine: pack.sh OUT FOLDER PROGRAM [ARGUMENT...]
#
# The program, and each argument that names a file, come with the interpreters and libraries they want, at their own paths; the program
# starts in FOLDER. So do the lines of PUT (environment), folders with all that is in them. Its standard streams are ours: those that are a
# terminal become the machine's, others go through frames (frames.h), but for an input from a file of moderate size: it comes along.
set -eu
cd "$(dirname "$0")/../.."

out=$1 folder=$2 name=$3
shift 2 # the program's name is its first argument

program=
case $name in
*/*) program=$(cd "$folder" && realpath -s "$name") ;;
*)
	IFS=:
	for place in $PATH; do
		[ ! -x "$place/$name" ] || [ -d "$place/$name" ] || { program=$place/$name; break; }
	done
	unset IFS
	;;
esac
[ -f "$program" ] || { echo "exo: $name: no such program on this machine" >&2; exit 127; }

letters=
for stream in 0 1 2; do
	if [ -t $stream ]; then letters=${letters}t; else letters=${letters}f; fi
done
input_max=33554432
if [ -f /dev/stdin ] && [ "$(stat -Lc %s /dev/stdin)" -le $input_max ]; then
	letters=i${letters#?}
fi
rows=0 columns=0
if [ -t 0 ]; then
	size=$(stty size)
	rows=${size% *} columns=${size#* }
fi

list=$out.files
: >"$list"
first=1
for word; do
	if [ -n "$first" ]; then
		first=
		continue
	fi
	case $word in
	-* | '') continue ;;
	esac
	path=$(cd "$folder" && realpath -sq -- "$word") || continue
	[ ! -f "$path" ] || printf '%s\n' "$path" >>"$list"
done
IFS='
'
for word in ${PUT-}; do
	path=$(cd "$folder" && realpath -sq -- "$word")
	[ -e "$path" ] || { echo "exo: -put $word: no such file" >&2; exit 2; }
	printf '%s\n' "$path" >>"$list"
done
unset IFS
for where in /etc/terminfo /lib/terminfo /usr/share/terminfo; do
	entry=$where/$(printf %.1s "${TERM:-d}")/${TERM:-dumb}
	[ ! -f "$entry" ] || printf '%s\n' "$entry" >>"$list"
done

tr '\n' '\0' <"$list" | xargs -0 sh tools/initramfs.sh program "$out" "$program"
tree=$out.tree
mkdir -p "$tree/.exo" "$tree$folder"
cp build/run-guest "$tree/init"
case $letters in
i*) cat >"$tree/.exo/input" ;;
esac
{
	printf '%s\0' "$letters" "$rows" "$columns" "$folder" $# "$program" "$@"
	printf '%s\0' "PATH=/usr/sbin:/usr/bin:/sbin:/bin" "HOME=/root" "USER=root" "TERM=${TERM:-dumb}" "LANG=C" "PWD=$folder"
} >"$tree/.exo/job"
(cd "$tree" && find . | sort | cpio -o -H newc -R 0:0 --quiet) >"$out"
