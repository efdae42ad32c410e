# SPDX-License-Identifier: BSD-2-Clause
# A kernel in a partition, whose disk is the only thing that outlives it, and one in the root beside it.

life_at=480 # in sectors of 1 KiB, behind what the step virtio reads and writes

# The first life leaves its mark and resets the partition, the second finds it.
step_lives() {
    mark=$(dd if=/dev/vda bs=1k skip=$life_at count=1 iflag=direct 2>/dev/null | head -c 5)
    if [ "$mark" = lived ]; then
        verdict lives 0 "again"
        return
    fi
    printf lived | dd of=/dev/vda bs=1k seek=$life_at conv=sync oflag=direct 2>/dev/null
    verdict lives $? "once"
    sleep 3 # so that the serial port drains
    reboot -f
}

# Waits until the partition nestor.partition= has stopped for good.
step_stopped() {
    n=0
    while ! nestorctl status | grep -q "name $(word nestor.partition), state stopped" && [ $n -lt 300 ]; do
        sleep 1; n=$((n + 1))
    done
    [ $n -lt 300 ]
    verdict stopped $? "$(nestorctl status | grep "name $(word nestor.partition),")"
}

step_pause() { sleep 30; verdict pause 0; }

step_realtime() {
    [ "$(cat /sys/kernel/realtime)" = 1 ]
    verdict realtime $? "$(uname -v)"
}
