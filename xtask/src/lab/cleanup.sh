# Removes the lab named $1 with its working directory $2, however far it got.
# With "wait" as $3 it waits first until its stdin closes, which is when the owner ends, in whatever way.
lab=$1 work=$2
if [ "$3" = wait ]; then
    trap '' HUP INT TERM
    read -r _
fi
for path in /run/netns/"$lab"-*; do
    [ -e "$path" ] || continue
    for pid in $(ip netns pids "${path##*/}" 2>/dev/null); do
        [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null
    done
done
for path in /run/netns/"$lab"-*; do
    [ -e "$path" ] || continue
    name=${path##*/}
    ip netns del "$name"
    rm -rf "/sys/fs/bpf/lb/$name" "/sys/fs/bpf/lb/$name:"* "/run/lb/$name" "/run/lb/$name:"*
    rm -rf "/run/keepalived/$name" "/run/lb-frr/$name"
done
rmdir /run/keepalived 2>/dev/null
rm -rf "$work"
rm -f "/run/lb-lab/$lab"
