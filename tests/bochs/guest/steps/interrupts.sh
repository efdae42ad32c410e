# SPDX-License-Identifier: BSD-2-Clause
# Interrupts of devices: by the I/O APIC, by MSI and MSI-X, remapped or not as the kernel's log says.

# The lines of the log that say so; of each interrupt that counted its number, sum, chip, pin and names.
step_irqs() {
    dmesg | grep -i -E 'irq remapping|x2apic|INTR-REMAP' | sed 's/^/guest: | /'
    awk 'NR > 1 && $1 ~ /^[0-9]+:/ {
        n = 0; for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i
        if (n > 0) { printf "guest: | irq %s %s", $1, n; for (; i <= NF; i++) printf " %s", $i; print "" } }' /proc/interrupts
    verdict irqs 0
}

# The bytes 100h to 103h of a function's configuration space, which the ECAM window alone reaches.
step_ecam() {
    id=$(dd if=/sys/bus/pci/devices/0000:00:08.0/config bs=4 skip=64 count=1 2>/dev/null | hexdump -e '1/4 "%08x"')
    [ "$id" = 00010003 ]
    verdict ecam $? "$id"
}

step_virtio() {
    for m in /later/*virtio*.ko; do [ -e "$m" ] && insmod "$m"; done
    wait_for 20 /sys/block/vda
    sum=$(dd if=/dev/vda bs=16k count=16 iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1)
    [ "$sum" = "$(word nestor.virtio_md5)" ]
    verdict virtio $? "read 262144 bytes of vda md5=$sum"
    dd if=/dev/urandom of=/tmp/w bs=16k count=4 2>/dev/null
    dd if=/tmp/w of=/dev/vda bs=16k seek=16 oflag=direct 2>/dev/null
    dd if=/dev/vda of=/tmp/r bs=16k skip=16 count=4 iflag=direct 2>/dev/null
    cmp -s /tmp/w /tmp/r
    verdict virtio-write $? "wrote 65536 bytes, read them back the same"
}

# The function that no driver knows, by VFIO, which insists on remapped interrupts.
step_vfio() {
    for m in /later/*.ko; do insmod "$m" 2>/tmp/err; done
    d=$(grep -l 0x11e8 /sys/bus/pci/devices/*/device | head -n 1)
    d=$(basename "${d%/device}")
    echo vfio-pci >/sys/bus/pci/devices/$d/driver_override
    echo $d >/sys/bus/pci/drivers_probe
    /bin/edu /dev/vfio/$(basename "$(readlink /sys/bus/pci/devices/$d/iommu_group)") $d
    verdict vfio $? "messages of MSI and MSI-X arrived, DMA both ways; forged ones: nothing"
    faults=$(dmesg | grep "INTR-REMAP.*${d#*:}" | grep -o 'reason 0x[0-9a-f]*' | tr '\n' ' ')
    # At index 0 the unit's table has another function's entry, or none.
    [ "$faults" = 'reason 0x25 reason 0x26 ' ] || [ "$faults" = 'reason 0x25 reason 0x22 ' ]
    verdict vfio-faults $? "$faults"
}
