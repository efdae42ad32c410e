# SPDX-License-Identifier: BSD-2-Clause
# From one kernel to the next: kexec into kernels that are on the disk, and the machine's reset.
#
# The third partition begins with a table, one line a kernel, then zeros to 4 KiB:
#   NUMBER KERNEL-MIB KERNEL-BYTES INITRD-MIB INITRD-BYTES COMMAND-LINE
# A kernel is told its number by nestor.stage=N. A reset starts the first one again; it finds the
# mark that step_reboot left behind the test data of the data partition, and so knows that it is
# stage `reset`.

mark_at=1920 # in sectors of 2 KiB
mark_of() { dd if=/dev/$(block_of ata)2 bs=2k skip=$mark_at count=1 iflag=direct 2>/dev/null | head -c 5; }

stage() { n=$(word nestor.stage); echo "${n:-0}"; }

steps_of_stage() {
    if [ -n "$(word nestor.steps_after_reset)" ]; then
        i=0
        while [ -z "$(block_of ata)" ] && [ $i -lt 100 ]; do usleep 200000; i=$((i + 1)); done
        [ "$(mark_of)" = reset ] && say "stage reset" >/dev/console && word nestor.steps_after_reset && return
    fi
    word nestor.steps
}

# take MIB BYTES FILE: copies from the third partition.
take() { dd if=/dev/$(block_of ata)3 bs=1M skip="$1" iflag=direct 2>/dev/null | head -c "$2" >"$3"; }

# start_next [crash]: loads the next kernel and starts it, or leaves it for a crash.
start_next() {
    how=$1
    dd if=/dev/$(block_of ata)3 bs=4k count=1 iflag=direct 2>/dev/null | tr -d '\0' >/tmp/table
    line=$(grep "^$(($(stage) + 1)) " /tmp/table)
    # shellcheck disable=SC2086
    set -- $line
    take "$2" "$3" /tmp/kernel
    take "$4" "$5" /tmp/initrd
    say "kexec ok into $1 $how"
    sleep 1
    # shellcheck disable=SC2086
    /bin/kexec /tmp/kernel /tmp/initrd "$(echo "$line" | cut -d' ' -f6-)" $how
}

step_kexec() {
    start_next
    verdict kexec-failed 1 "status $?"
}

# The kernel crashes with the guest's translation on and its devices running.
step_crash() {
    start_next crash || verdict crash-failed 1 "status $?"
    echo c >/proc/sysrq-trigger
}

leave_mark() { printf 'reset' | dd of=/dev/$(block_of ata)2 bs=2k seek=$mark_at conv=sync,notrunc 2>/dev/null; sync; }

step_reboot() {
    leave_mark
    say "reboot ok"
    sleep 1
    reboot -f
}

# Immediately, with the guest's translation on and its devices running.
step_reset() {
    leave_mark
    say "reset ok"
    sleep 1
    echo b >/proc/sysrq-trigger
}
