# Faults that a guest makes for itself: its device writes to a page that its own table has read-only.

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
