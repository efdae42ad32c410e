# SPDX-License-Identifier: BSD-2-Clause
# The status window as a program in the guest sees it: nestorctl, and two programs that read at the same time.

# ctl NAME STATUS WORDS...: what it prints, and that it ended so.
ctl() {
    name=$1; want=$2; shift 2
    nestorctl "$@" >/tmp/ctl 2>&1
    got=$?
    sed "s/^/guest: $name: /" /tmp/ctl
    [ $got = "$want" ]
    verdict "$name" $? "nestorctl $* ended with $got"
}

step_status() {
    ctl ctl-status 0 status
    ctl ctl-devices 0 devices
    ctl ctl-json 0 --json devices
    ctl ctl-counters 0 counters
    ctl ctl-exits 0 exits
    ctl ctl-log 0 log
    ctl ctl-previous 0 log --previous
    ctl ctl-dump 0 dump "$(basename "$(pci_of "/sys/block/$(block_of ata)")")" 0x1000
    ctl ctl-report 0 report
    ctl ctl-check 8 check
    mkdir -p /etc
    echo "nobody:x:65534:65534::/:/bin/sh" >/etc/passwd
    su nobody -c "nestorctl status" >/tmp/ctl 2>&1
    [ $? = 4 ] && grep -q "run it as root" /tmp/ctl
    verdict ctl-nobody $? "$(cat /tmp/ctl)"
}

# A file of names, with which the devices have some.
step_names() {
    ctl ctl-nameless 0 devices
    mkdir -p /usr/share/misc
    printf '%s\n' '# of the tests' '8086  A Vendor' '	100e  A Card' '		8086 100e  A Subsystem' '	7010  A Disk' \
        'C 01  A Class' >/usr/share/misc/pci.ids
    ctl ctl-named 0 devices
    rm /usr/share/misc/pci.ids
}

# shows NAME TEXT [TIMES]: waits until the partition's console has it so often.
shows() {
    n=0
    while [ "$(nestorctl console "$1" | grep -c "$2")" -lt "${3:-1}" ] && [ $n -lt 100 ]; do
        usleep 100000
        n=$((n + 1))
    done
    [ $n -lt 100 ]
}

# The partition rt, which starts later and is controlled by the root, from nothing to its end; what goes on meanwhile.
control() {
    nestorctl top >/tmp/top 2>&1 &
    top=$!
    nestorctl log -f >/tmp/log 2>&1 &
    log=$!
    nestorctl console rt -f >/tmp/console 2>&1 &
    console=$!
    ctl control-before 0 status
    ctl control-start 0 start rt
    shows rt "second CPU"
    verdict control-starts $? "$n tenths of a second"
    ctl control-runs 13 start rt
    ctl control-type 0 type rt xyz
    shows rt "key 00000079"
    verdict control-typed $? "$n tenths of a second"
    ctl control-restart 0 --json restart rt
    shows rt "second CPU" 2
    verdict control-again $? "$n tenths of a second"
    ctl control-stop 0 stop rt
    ctl control-stopped 13 stop rt
    ctl control-console 0 console rt
    ctl control-after 0 status
    ctl control-nobody 12 stop nobody
    nestorctl-later status >/tmp/ctl 2>&1
    [ $? = 6 ] && grep -q "speaks another protocol" /tmp/ctl
    verdict control-later $? "$(cat /tmp/ctl)"
    sleep 3
    kill $top $log $console
    sed "s/^/guest: top: /" /tmp/top
    sed "s/^/guest: log: /" /tmp/log
    sed "s/^/guest: console: /" /tmp/console
}

# Printed when it is over, or lines of Nestor's would get into these.
step_control() {
    control >/tmp/control 2>&1
    cat /tmp/control
}

# What the DMA of each function goes through, alone.
step_devices() { ctl ctl-json 0 --json devices; }

# The way of one DMA as a page, left on the disk for the host (disk.py). What a driver shares with its device for good is
# mapped first, at the upper end of the addresses below 4 GiB.
step_picture() {
    b=$(block_of ata)
    at=$((0x100000000))
    end=$((at - 64 * 4096))
    while [ $at -gt $end ] && ! grep -q "host memory" /tmp/page 2>/dev/null; do
        at=$((at - 4096))
        nestorctl dump "$(pci_of /sys/block/$b)" $at --html >/tmp/page 2>/tmp/err || break
    done
    grep -q "host memory" /tmp/page && dd if=/tmp/page of=/dev/${b}2 bs=64k seek=56 conv=sync oflag=direct 2>/dev/null
    verdict picture $? "of an access to $(printf 0x%x $at), $(wc -c </tmp/page) bytes $(cat /tmp/err)"
}

# For good: what else uses I/O ports or memory has to be done before.
step_lockdown() {
    mount -t securityfs securityfs /sys/kernel/security
    echo integrity >/sys/kernel/security/lockdown
    nestorctl status >/tmp/ctl 2>&1
    [ $? = 5 ] && grep -q "locked down" /tmp/ctl && grep -q "as_at_start yes" /tmp/ctl && grep -q "unit 0:" /tmp/ctl
    verdict ctl-lockdown $? "$(cat /sys/kernel/security/lockdown): $(cat /tmp/ctl)"
}

# Two programs read at the same time, on a CPU each: nestor.reports= of them, 1000 if nothing is said.
step_two_readers() {
    n=$(word nestor.reports)
    reports 1 "${n:-1000}" &
    reports 2 "${n:-1000}"
    second=$?
    wait $!
    first=$?
    verdict two_readers $((first + second)) "${n:-1000} reports each: $first $second"
}
