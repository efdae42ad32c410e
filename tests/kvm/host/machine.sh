# SPDX-License-Identifier: BSD-2-Clause
# machine.sh NAME: runs one machine in the KVM host. /machines/NAME holds QEMU's arguments, one a line, boot.txt and
# nestor.conf for its disk, and settings: disk, boot_at, config_at, limit, stops, checks.
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

trace=/sys/kernel/tracing
# KVM's trace of machine checks: those that it injects, and those with which Nestor enters its guest.
trace_checks() {
    echo >$trace/trace
    echo 'exception == 18 && reinjected == 0' >$trace/events/kvm/kvm_inj_exception/filter
    echo 'event_inj == 0x80000312' >$trace/events/kvm/kvm_nested_vmenter/filter
    echo 1 >$trace/events/kvm/kvm_inj_exception/enable
    echo 1 >$trace/events/kvm/kvm_nested_vmenter/enable
}
traced() { grep -c "$1" $trace/trace; }
wait_for() { while is_alive && ! grep -q "$1" "$serial"; do usleep 50000; done; }

# Checks with an address each, until the guest has enough; then the page that it names fails.
check_it() {
    wait_for 'machine-checks: send'
    trace_checks
    n=0
    while is_alive && ! grep -q 'machine-checks: enough' "$serial"; do
        n=$((n + 1))
        printf 'mce 0 9 0xbd000000000000c0 5 0x%x000 0x8c\n' $n >"$monitor.in"
        usleep $((40000 + n * 1300))
    done
    wait_for 'machine-checks: poison'
    echo "gpa2hpa $(sed -n 's/.*machine-checks: poison //p' "$serial")" >"$monitor.in"
    usleep 300000
    sed -n 's/.* is \(0x[0-9a-f]*\).*/\1/p' "$monitor.text" >/sys/devices/system/memory/hard_offline_page
    wait_for 'machine-checks: after it'
    echo "sent=$n injected=$(traced kvm_inj_exception) passed_on=$(traced kvm_nested_vmenter)" >"$monitor.counts"
}

dd if="$here/boot.txt" of="$disk" bs=512 seek="$boot_at" conv=notrunc 2>/dev/null
dd if="$here/nestor.conf" of="$disk" bs=512 seek="$config_at" conv=notrunc 2>/dev/null
set --
while read -r line; do set -- "$@" "$line"; done <"$here/arguments"
if [ "$stops$checks" != 00 ]; then
    mkfifo "$monitor.in" "$monitor.out"
    cat "$monitor.out" >"$monitor.text" &
    set -- "$@" -chardev "pipe,id=monitor,path=$monitor" -mon chardev=monitor
fi
say "$name begins at $(up)"
: >"$serial"
/bin/qemu-system-x86_64 "$@" -serial "file:$serial" </dev/null >"$errors" 2>&1 &
qemu=$!
tail -f "$serial" &
echo_serial=$!
[ "$stops" = 0 ] || stop_it &
[ "$checks" = 0 ] || check_it &
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
say "$name ended with $status at $(up); $last $(cat "$monitor.counts" 2>/dev/null)"
rm -f "$serial" "$errors" "$monitor".*
