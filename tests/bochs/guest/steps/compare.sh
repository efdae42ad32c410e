# SPDX-License-Identifier: BSD-2-Clause
# The same work whatever is below, for tests/bench/compare: ticks of the time stamp counter, exits where Nestor tells
# them, and a report of the unit before and after where the machine has the bench page (nestor.bench=1).

# All of them, by the status window: without it none. Reading them exits as well: the work `nothing` says how often.
exits() {
    nestorctl --json exits 2>/dev/null | sed -n '/"cpu"/!s/.*": \([0-9]*\),*$/\1/p' |
        awk '{ n += $1 } END { print n + 0 }'
}

counters() { [ "$(word nestor.bench)" != 1 ] || poke 8 32 1; }

# measure NAME COMMAND...
measure() {
    name=$1; shift
    counters
    e=$(exits); t=$(ticks)
    "$@" >/dev/null 2>&1
    status=$?
    t=$(($(ticks) - t)); e=$(($(exits) - e))
    counters
    verdict "compare-$name" $status "ticks=$t exits=$e"
}

# Each read of a block is a map and an unmap.
read_blocks() {
    left=$(word nestor.maps)
    while [ "$left" -gt 0 ]; do
        dd if=/dev/${b}2 of=/dev/null bs=4k count=500 iflag=direct || return 1
        left=$((left - 500))
    done
}

read_disk() { dd if=/dev/${b}2 of=/dev/null bs=64k count=48 iflag=direct; }
receive() { [ "$(fetch)" = "$(word nestor.net_md5)" ]; }

step_compare() {
    mhz=$(dmesg | sed -n 's/.*tsc: Detected \([0-9]*\)[.].* MHz.*/\1/p' | head -n 1)
    up=$(cut -d' ' -f1 /proc/uptime | tr -d .)
    verdict compare-boot $? "ticks=$((up * 10000 * mhz)) exits=$(exits)"
    b=$(block_of ata)
    net_up
    measure nothing true
    measure disk read_disk
    measure network receive
    measure maps read_blocks
}
