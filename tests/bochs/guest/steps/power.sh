# Devices that go to sleep while the system runs (runtime power management) and wake up when they are used.

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
