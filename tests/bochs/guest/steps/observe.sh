# What the guest itself sees: its kernel's warnings, its unit, the number of its maps.

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
