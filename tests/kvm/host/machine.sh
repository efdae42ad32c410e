# SPDX-License-Identifier: BSD-2-Clause
# machine.sh NAME: runs one machine in the KVM host. /machines/NAME holds QEMU's arguments, one a line, boot.txt and
# nestor.conf for its disk, and settings: disk, boot_at, config_at, limit, stops.
[ -e /tmp/bin/sh ] || { /bin/busybox mkdir -p /tmp/bin; /bin/busybox --install -s /tmp/bin; }
export PATH=/tmp/bin
name=$1
here=/machines/$name
serial=/tmp/$name.serial
errors=/tmp/$name.errors
monitor=/tmp/$name.monitor
. "$here/settings"

up() { cut -d' ' -f1 /proc/uptime; }
say() { echo "kvm-host: $*"; }
count() { cat "/sys/kernel/debug/kvm/$1"; }
# The counters go with the machine, so they are read while it runs.
counters() { echo "exits=$(count exits) io=$(count io_exits) mmio=$(count mmio_exits) nested=$(count nested_run)"; }
is_alive() { kill -0 "$qemu" 2>/dev/null; }

# The machine stands still for 3 s, so many times, while the guest is at the step that says "stop me".
stop_it() {
    while is_alive && ! grep -q 'guest: stop me' "$serial"; do usleep 100000; done
    n=0
    while is_alive && [ $n -lt "$stops" ]; do
        usleep $((150000 + n * 7000))
        echo stop >"$monitor.in"
        sleep 3
        echo cont >"$monitor.in"
        n=$((n + 1))
    done
    say "$name stopped $n times"
}

dd if="$here/boot.txt" of="$disk" bs=512 seek="$boot_at" conv=notrunc 2>/dev/null
dd if="$here/nestor.conf" of="$disk" bs=512 seek="$config_at" conv=notrunc 2>/dev/null
set --
while read -r line; do set -- "$@" "$line"; done <"$here/arguments"
if [ "$stops" != 0 ]; then
    mkfifo "$monitor.in" "$monitor.out"
    cat "$monitor.out" >/dev/null &
    set -- "$@" -chardev "pipe,id=monitor,path=$monitor" -mon chardev=monitor
fi
say "$name begins at $(up)"
: >"$serial"
/bin/qemu-system-x86_64 "$@" -serial "file:$serial" </dev/null >"$errors" 2>&1 &
qemu=$!
tail -f "$serial" &
echo_serial=$!
[ "$stops" = 0 ] || stop_it &
began=$(up)
while is_alive; do
    last=$now now=$(counters)
    # After an internal error of KVM, QEMU stands still for good.
    if [ "$(($(up | cut -d. -f1) - ${began%.*}))" -ge "$limit" ] || grep -q 'internal error' "$errors"; then
        say "$name is ended"
        kill -9 "$qemu"
    fi
    sleep 1
done
wait "$qemu"
status=$?
sleep 1
kill "$echo_serial"
sed 's/^/kvm-host: qemu: /' "$errors"
say "$name ended with $status at $(up); $last"
rm -f "$serial" "$errors" "$monitor".*
