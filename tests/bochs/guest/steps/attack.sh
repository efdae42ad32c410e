# SPDX-License-Identifier: BSD-2-Clause
# What a kernel module of the guest (module/) tries with the network card. It only reports what it
# and the kernel say; the test judges.

# attack WHAT: takes the card from its driver for it.
attack() {
    ifconfig eth0 down
    d=$(pci_at /sys/class/net/eth0/device)
    echo $d >/sys/bus/pci/drivers/e1000/unbind
    dmesg -c >/dev/null
    insmod /later/*-attacker.ko what=$1
    [ "$(basename "$(readlink /sys/bus/pci/devices/$d/driver)")" = attacker ]
    verdict "attack-$1" $?
    sleep 1
    dmesg | grep -E 'attacker: |DMAR: .*fault addr' | sed 's/^/guest: | /'
    rmmod attacker
    echo $d >/sys/bus/pci/drivers/e1000/bind
    wait_for 20 /sys/class/net/eth0
}

step_module() { attack readonly; }

step_region() {
    attack region
    works attack-after
}
