# SPDX-License-Identifier: BSD-2-Clause
# Drivers that go away and come back: by module, by device, and by suspending all devices.

pci_at() { basename "$(pci_of "$1")"; }

# works NAME: tries disk, network and USB once more; one verdict for all.
works() {
    b=$(block_of ata)
    d=$(dd if=/dev/${b}2 bs=64k count=48 iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1)
    net_up
    n=$(fetch)
    i=0
    while [ -z "$(block_of usb)" ] && [ $i -lt 60 ]; do usleep 500000; i=$((i + 1)); done
    u=$(dd if=/dev/$(block_of usb) bs=16k iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1)
    [ "$d" = "$(word nestor.disk_md5)" ] && [ "$n" = "$(word nestor.net_md5)" ] &&
        [ "$u" = "$(word nestor.usb_md5)" ]
    verdict "$1" $? "afterwards disk md5=$d net md5=$n usb md5=$u"
}

# The flush queue for all groups, where the kernel lets it: it was strict.
step_fq() {
    for t in /sys/kernel/iommu_groups/*/type; do echo DMA-FQ >"$t" 2>/dev/null; done
    types=$(cat /sys/kernel/iommu_groups/*/type | sort | uniq -c | tr '\n' ' ')
    echo "$types" | grep -q DMA-FQ
    verdict fq-types $? "$types"
    works fq
}

# Unloads modules in reverse order and loads them again. sd_mod and what the others need stay.
step_reload() {
    left=
    ifconfig eth0 down
    for m in e1000 usb-storage uhci-hcd ata_piix; do
        rmmod $m 2>/tmp/err || left="$left $m: $(cat /tmp/err)"
    done
    [ -z "$left" ] && [ -z "$(block_of ata)" ]
    verdict unload $? "$left"
    for m in ata_piix e1000 uhci_hcd usb_storage; do insmod /m/*-$m.ko; done
    wait_for 20 /sys/class/net/eth0
    i=0
    while [ -z "$(block_of ata)" ] && [ $i -lt 50 ]; do usleep 200000; i=$((i + 1)); done
    works reload
}

# Takes one device from its driver and gives it back, so many times.
rebind() { # DRIVER DEVICE TIMES
    i=0
    while [ $i -lt "$3" ]; do
        echo "$2" >/sys/bus/pci/drivers/$1/unbind && echo "$2" >/sys/bus/pci/drivers/$1/bind || return 1
        i=$((i + 1))
    done
}

step_rebind() {
    net=$(pci_at /sys/class/net/eth0/device)
    disk=$(pci_at /sys/block/$(block_of ata))
    usb=$(pci_at /sys/block/$(block_of usb))
    ifconfig eth0 down
    rebind e1000 "$net" 20 && rebind ata_piix "$disk" 3 && rebind uhci_hcd "$usb" 3
    verdict rebinds $? "e1000 20 times, ata_piix 3, uhci_hcd 3"
    i=0
    while [ -z "$(block_of ata)" ] && [ $i -lt 50 ]; do usleep 200000; i=$((i + 1)); done
    works rebind
}

# All devices suspended and resumed; the machine itself does not sleep (see step_deep).
step_suspend() {
    echo devices >/sys/power/pm_test && echo freeze >/sys/power/state
    verdict suspended $? "$(dmesg | grep -c 'PM: suspend exit')"
    echo none >/sys/power/pm_test
    works suspend
}
