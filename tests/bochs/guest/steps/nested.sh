# SPDX-License-Identifier: BSD-2-Clause
# What only the machine nested under KVM has (tests/kvm): a second disk and card with MSI-X, and Nestor's own
# interrupts of all CPUs while the machine loses time.

# counted PATTERN: the lines of /proc/interrupts that match, if each of them has counted something.
counted() {
    grep -E "$1" /proc/interrupts | awk '
        { n = 0; for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i; bad += n == 0; lines = lines " " n " " $NF }
        END { print NR lines; exit NR == 0 || bad }'
}

step_nvme() {
    wait_for 20 /sys/block/nvme0n1
    sum=$(dd if=/dev/nvme0n1 bs=16k count=16 iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1)
    [ "$sum" = "$(word nestor.usb_md5)" ]
    verdict nvme $? "read 262144 bytes of nvme0n1 md5=$sum"
    dd if=/dev/urandom of=/tmp/w bs=64k count=4 2>/dev/null
    dd if=/tmp/w of=/dev/nvme0n1 bs=64k oflag=direct 2>/dev/null
    dd if=/dev/nvme0n1 of=/tmp/r bs=64k count=4 iflag=direct 2>/dev/null
    cmp -s /tmp/w /tmp/r
    verdict nvme-write $? "wrote 262144 bytes, read them back the same"
    # Each CPU has a queue of its own.
    for c in $(sed -n 's/^processor.*: //p' /proc/cpuinfo); do
        taskset -c "$c" dd if=/dev/nvme0n1 of=/dev/null bs=16k count=4 iflag=direct 2>/dev/null
    done
    text=$(counted 'MSI.*nvme0q')
    verdict nvme-interrupts $? "$text"
}

step_msix() {
    text=$(counted 'MSI.*eth0-(rx|tx)')
    verdict msix $? "$text"
}

# Each change of a memory type has Nestor invalidate the second stage on all CPUs. Twice a round: a page of RAM
# uncached, and as it was.
step_types() {
    say "stop me"
    i=0
    bad=0
    while [ $i -lt "$(word nestor.types)" ]; do
        echo 'base=0x10000000 size=0x1000 type=uncachable' >/proc/mtrr || bad=$((bad + 1))
        n=$(sed -n 's/^reg0*\([0-9]*\): base=0x010000000 .*/\1/p' /proc/mtrr)
        echo "disable=$n" >/proc/mtrr || bad=$((bad + 1))
        i=$((i + 1))
    done
    verdict types $bad "$i rounds on $(grep -c ^processor /proc/cpuinfo) CPUs"
    # A kernel without a PMU says that it has no NMI watchdog.
    told=$(dmesg | grep -i -E 'unknown reason|NMI watchdog|lockup' | grep -v 'permanently disabled')
    verdict types-nmi "$(echo "$told" | grep -c .)" "$told"
}
