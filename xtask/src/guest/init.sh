#!/bin/busybox sh
# The host's files as they are, with what is written kept in memory.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
for module in /modules/*; do
    $B insmod "$module"
done
$B mount -t virtiofs -o ro host /lower
$B mount -t tmpfs written /upper
$B mkdir /upper/files /upper/work
$B mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work host /new
script=$($B sed -n 's/.*lb\.script=\([^ ]*\).*/\1/p' /proc/cmdline)
for directory in proc sys dev; do
    $B mount --move "/$directory" "/new/$directory"
done
exec $B switch_root /new /bin/sh "$script"
