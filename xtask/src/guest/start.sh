export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/
mount -t tmpfs run /run
mount -t tmpfs shm /dev/shm 2> /dev/null || { mkdir -p /dev/shm; mount -t tmpfs shm /dev/shm; }
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 groups /sys/fs/cgroup
rm -rf /lib/modules
ln -s @MODULES@ /lib/modules
modprobe -a ip_vs veth bridge macvlan
ip link set lo up
ulimit -n 65536
cd @DIRECTORY@
echo 'lb-guest: begin'
env @ENVIRONMENT@ @PROGRAM@ @ARGUMENTS@ 2>&1
echo "lb-guest: end $?"
poweroff -f
