# SPDX-License-Identifier: BSD-2-Clause
# Devices that go to sleep while the system runs (runtime power management) and wake up when they are used; the whole
# machine, which refuses to.

# power_of STATE PATH...: puts their states into $found; succeeds if all of them are STATE.
power_of() {
    wanted=$1 found=
    shift
    for p; do found="$found $(basename "$p")=$(cat "$p/power/runtime_status")"; done
    [ -z "$(echo "$found" | tr ' ' '\n' | grep -v -e "=$wanted\$" -e '^$')" ]
}

# asleep PATH...: waits until all are.
asleep() {
    i=0
    while ! power_of suspended "$@" && [ $i -lt 50 ]; do usleep 200000; i=$((i + 1)); done
    power_of suspended "$@"
}

# accesses SOURCE-ID: how many pages it has accessed through both stages (kind 4).
accesses() {
    poke 16 32 "$1"
    poke 56 32 4
    echo $(($(devmem $((bench + 48)) 64)))
}

# Disks and the USB host controller, by their drivers. The controller halts, so it reads no schedule.
step_sleep() {
    ata=/sys/block/$(block_of ata)/device
    usb=/sys/block/$(block_of usb)/device
    uhci=/sys/bus/pci/devices/$(pci_at "$usb")
    hub=$(ls -d "$uhci"/usb*)
    for d in "$ata" "$usb" "$(ls -d "$hub"/*-1)" "$hub"; do
        echo 100 >"$d/power/autosuspend_delay_ms"
        echo auto >"$d/power/control"
    done
    asleep "$ata" "$usb" "$hub"/*-1 "$hub"
    verdict asleep $? "$found"
    before=$(accesses "$(sid_of "$(pci_of "$usb")")")
    sleep 2
    after=$(accesses "$(sid_of "$(pci_of "$usb")")")
    [ "$before" -gt 0 ] && [ "$before" = "$after" ]
    verdict asleep-silent $? "pages of the USB controller: $before, then $after"
    works awake
    for d in "$ata" "$usb" "$hub"/*-1 "$hub"; do echo on >"$d/power/control"; done
    power_of active "$ata" "$usb" "$hub"/*-1 "$hub"
    verdict awake-state $? "$found"
}

# The PCI functions themselves: their drivers do not let them sleep, so they are tried without a driver.
step_sleep_pci() {
    paths=
    for p in e1000:"$(pci_at /sys/class/net/eth0/device)" ata_piix:"$(pci_at /sys/block/$(block_of ata))" \
        uhci_hcd:"$(pci_at /sys/block/$(block_of usb))"; do
        echo auto >/sys/bus/pci/devices/${p#*:}/power/control
        echo ${p#*:} >/sys/bus/pci/drivers/${p%%:*}/unbind
        paths="$paths /sys/bus/pci/devices/${p#*:}"
        bound="$bound $p"
    done
    # shellcheck disable=SC2086
    asleep $paths
    verdict asleep-pci $? "$found"
    for p in $bound; do echo ${p#*:} >/sys/bus/pci/drivers/${p%%:*}/bind; done
    # shellcheck disable=SC2086
    power_of active $paths
    verdict awake-pci-state $? "$found"
    i=0
    while [ -z "$(block_of ata)" ] && [ $i -lt 50 ]; do usleep 200000; i=$((i + 1)); done
    works awake-pci
}

# Hundredths of a second, time asleep included.
uptime_cs() { cut -d' ' -f1 /proc/uptime | tr -d .; }

# Suspend to RAM, nestor.suspend=N times: it comes back at once, and then the disk works. Without the USB controllers:
# resuming them takes this kernel three seconds, whoever else is there.
step_deep() {
    n=$(word nestor.suspend)
    for d in /sys/bus/pci/drivers/*hc*/0000:*; do basename "$d" >"${d%/*}/unbind"; done
    i=0 bad=0 worst=0
    say "| mem_sleep $(cat /sys/power/mem_sleep)"
    while [ $i -lt "${n:-1}" ]; do
        before=$(uptime_cs)
        echo mem >/sys/power/state || bad=$((bad + 1))
        took=$(($(uptime_cs) - before))
        [ $took -gt $worst ] && worst=$took
        sum=$(dd if=/dev/$(block_of ata)2 bs=64k count=48 iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1)
        [ "$sum" = "$(word nestor.disk_md5)" ] || bad=$((bad + 1))
        i=$((i + 1))
    done
    [ $bad = 0 ] && [ $worst -le 200 ]
    verdict deep $? "$i times, $bad errors, took at most $worst cs, cpus=$(grep -c ^processor /proc/cpuinfo)"
}
