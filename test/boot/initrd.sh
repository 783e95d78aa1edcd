#!/bin/sh
# Makes a small initial ram disk, plain and compressed: initrd.sh FOLDER writes FOLDER/initrd.cpio and initrd.cpio.gz.
set -eu

tree=$1/initrd.tree
rm -rf "$tree"
mkdir -p "$tree/etc/many"
echo "Exo-OS" >"$tree/etc/name"
head -c 300000 /dev/zero | tr '\0' 'x' >"$tree/etc/long"
: >"$tree/etc/empty"
ln -s name "$tree/etc/link"
for i in 1 2 3 4 5 6 7 8 9; do
	echo "$i" >"$tree/etc/many/$i"
done
(cd "$tree" && find . | sort | cpio -o -H newc --quiet) >"$1/initrd.cpio"
gzip -nc "$1/initrd.cpio" >"$1/initrd.cpio.gz"
