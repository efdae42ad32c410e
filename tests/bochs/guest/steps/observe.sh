# SPDX-License-Identifier: BSD-2-Clause
# What the guest itself sees: warnings of its kernel, its unit, the number of its maps.

# Lines of level warning and above, for a comparison with another boot.
step_warnings() {
    dmesg -r | sed -n 's/^<[0-4]>\[[ 0-9.]*\] /guest: ! /p'
    verdict warnings 0
}

# No device TLB and no page requests, whatever the hardware has: ECAP bits 2 and 29.
step_ats() {
    ecap=0x$(cat /sys/class/iommu/dmar0/intel-iommu/ecap)
    [ $((ecap >> 2 & 1)) = 0 ] && [ $((ecap >> 29 & 1)) = 0 ] && ! dmesg | grep -q 'ATS enabled'
    verdict ats $? "ecap=$ecap"
}

trace=/sys/kernel/tracing
traced() { cat $trace/per_cpu/cpu*/stats | awk '/^(entries|overrun):/ { n += $2 } END { print n + 0 }'; }

# A steady load on disk and network, with the kernel's own count of its maps.
step_load() {
    mount -t tracefs tracefs $trace
    b=$(block_of ata)
    net_up
    echo 1 >$trace/events/iommu/map/enable
    i=0
    while [ $i -lt 8 ]; do
        dd if=/dev/${b}2 of=/dev/null bs=64k count=48 iflag=direct 2>/dev/null
        i=$((i + 1))
    done
    sum=$(fetch)
    echo 0 >$trace/events/iommu/map/enable
    [ "$sum" = "$(word nestor.net_md5)" ]
    verdict load $? "maps=$(traced) disk=25165824 net=$(stat -c %s /tmp/net.bin)"
}

# again CPU TIMES FILE BLOCKS-OF-16K: reads the file that many times on that CPU and prints each
# distinct checksum once.
again() {
    i=0
    while [ $i -lt "$2" ]; do
        taskset -c "$1" dd if="$3" bs=16k count="$4" iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1
        i=$((i + 1))
    done | sort -u
}

# Disk, network and USB at the same time, each on a CPU of its own.
step_together() {
    net_up
    again 1 4 /dev/$(block_of ata)2 192 >/tmp/sum.disk &
    again 2 1 /dev/$(block_of usb) 16 >/tmp/sum.usb &
    i=0
    while [ $i -lt 2 ]; do taskset -c 3 sh -c 'tftp -g -r net.bin -l /tmp/n 192.168.10.1; md5sum /tmp/n' 2>/dev/null |
        cut -d' ' -f1; i=$((i + 1)); done | sort -u >/tmp/sum.net
    wait
    [ "$(cat /tmp/sum.disk)" = "$(word nestor.disk_md5)" ] && [ "$(cat /tmp/sum.usb)" = "$(word nestor.usb_md5)" ] &&
        [ "$(cat /tmp/sum.net)" = "$(word nestor.net_md5)" ]
    verdict together $? "$(tail -n +1 /tmp/sum.* | tr '\n' ' ')"
}
