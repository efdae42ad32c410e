# SPDX-License-Identifier: BSD-2-Clause
# Faults that a guest causes itself: its device writes to a page that is read-only in the guest's own table.

# For the next write to the disk's buffer (see attach/pull.c): an I/O error, a fault, then the retry.
step_protect() {
    b=$(block_of ata)
    echo 5 >/sys/block/$b/device/timeout
    poke 36 32 1
    pull "$(sid_of "$(pci_of /sys/block/$b)")" 1 512
    sum=$(dd if=/dev/${b}2 bs=64k count=48 iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1)
    poke 36 32 0
    sleep 1
    dmesg | grep -q "DMA Write.*$(basename "$(pci_of /sys/block/$b)" | cut -d: -f2-)\] fault addr"
    verdict protect-fault $? "$(dmesg | grep 'DMAR:.*fault addr' | tail -n 1)"
    dmesg | grep -q -E 'BMDMA stat|host bus error'
    verdict protect-error $? "$(dmesg | grep -E 'BMDMA stat|host bus error' | tail -n 1)"
    [ "$sum" = "$(word nestor.disk_md5)" ]
    verdict protect $? "the retry read md5=$sum"
}

# With VFIO, the guest's own means: a page is mapped read-only for the network card, which writes to it.
step_readonly() {
    for m in /later/*.ko; do
        args=; case $m in *vfio_iommu_type1*) args=allow_unsafe_interrupts=1 ;; esac
        insmod "$m" $args 2>/tmp/err || say "module $m: $(cat /tmp/err)"
    done
    ifconfig eth0 down
    d=$(pci_at /sys/class/net/eth0/device)
    echo vfio-pci >/sys/bus/pci/devices/$d/driver_override
    echo $d >/sys/bus/pci/drivers/e1000/unbind
    echo $d >/sys/bus/pci/drivers_probe
    /bin/readonly /dev/vfio/$(basename "$(readlink /sys/bus/pci/devices/$d/iommu_group)") $d
    verdict readonly $? "the card cannot write to a page that is mapped read-only, nor read one that is gone"
    text=$(dmesg | grep "DMA Write.*$(echo $d | cut -d: -f2-)\] fault addr 0x200000")
    verdict readonly-fault $? "$text"
    text=$(dmesg | grep "DMA Read.*$(echo $d | cut -d: -f2-)\] fault addr 0x200000")
    verdict gone-fault $? "$text"
    echo $d >/sys/bus/pci/drivers/vfio-pci/unbind
    echo >/sys/bus/pci/devices/$d/driver_override
    echo $d >/sys/bus/pci/drivers/e1000/bind
    wait_for 20 /sys/class/net/eth0
    works readonly-after
}
