# SPDX-License-Identifier: BSD-2-Clause
# Nestor on a Debian system and off again, as its owner does it. The system is on the disk's third partition, the package
# on the EFI system partition. The machine starts three times; what the system counts says which of them this is.

# The path is whole, or busybox would run a dpkg of its own.
debian() {
    chroot /debian /usr/bin/env -i PATH=/usr/sbin:/usr/bin DEBIAN_FRONTEND=noninteractive "$@" >/tmp/out 2>&1
}

# shown STEP STATUS: what the last command in the system printed, and the verdict.
shown() {
    sed "s/^/guest: $1: /" /tmp/out
    verdict "$1" "$2" "ended with $2"
}

mount_debian() {
    wait_for 20 "/sys/block/sda"
    for m in /later/*.ko; do insmod "$m"; done
    b=/dev/$(block_of ata)
    mkdir -p /debian
    mount -t ext4 "${b}3" /debian && mkdir -p /debian/boot/efi && mount -t vfat "${b}1" /debian/boot/efi &&
        mount -t proc proc /debian/proc && mount -t sysfs sysfs /debian/sys && mount --bind /dev /debian/dev &&
        mount -t efivarfs efivarfs /debian/sys/firmware/efi/efivars
}

# What there is of Nestor in the boot menu, on the partition and in the system, dpkg's own notes aside.
look() {
    debian efibootmgr -v
    say "menu: as it is"
    sed -n "/^Boot/s/^/guest: menu: /p" /tmp/out | cut -c 1-160
    (cd /debian && find boot/efi/EFI usr var/lib/nestor etc -iname '*nestor*' ! -path '*/dpkg/*' 2>/dev/null) |
        sed "s/^/guest: file: /"
}

start_again() {
    umount /debian/boot/efi && umount /debian/sys/firmware/efi/efivars && mount -o remount,ro /debian
    verdict unmounted $?
    sleep 1
    reboot -f
}

installed() {
    echo "nestor nestor/install boolean $1" >/debian/tmp/answer
    debian debconf-set-selections /tmp/answer
    shown answered $?
    debian dpkg -i /boot/efi/nestor.deb
    shown installed $?
}

purged() {
    debian dpkg --purge nestor
    shown purged $?
}

read_inside() {
    debian /usr/lib/nestor/nestorctl status
    shown status $?
}

# For good: Nestor starts until it is taken off, which is done from inside.
stay_0() { installed true; look; start_again; }
stay_1() { read_inside; purged; look; start_again; }
stay_2() { look; }

# Once: the start after that is the usual one, and the package goes then.
once_0() {
    installed false
    look
    debian /usr/lib/nestor/nestor-install --once
    shown once $?
    look
    start_again
}
once_1() { read_inside; look; start_again; }
once_2() { purged; look; }

step_package() {
    mount_debian
    verdict mounted $?
    boot=$(cat /debian/boots 2>/dev/null)
    echo $((boot + 1)) >/debian/boots
    say "stage boot${boot:-0}"
    step_info
    nestorctl status >/tmp/out 2>&1
    say "nestorctl ended with $?: $(head -n 1 /tmp/out)"
    "$(word nestor.package)_${boot:-0}"
}
