/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of nestor.conf, each once: the parser (boot/config.c) takes from here what it accepts, and
 * tools/conf_text.c what docs/config.md and the sample say of it.
 * X(SECTION, NAME, REPEATS, SETTER, EXPECTED, STANDARD, EXAMPLE, HELP)
 *
 *   REPEATS    may be given more than once
 *   SECTION    "partition" is followed by a name in the file, and may be there several times
 *   SETTER     of boot/config.c or boot/config_partition.c: true if it accepts the value
 *   EXPECTED   after "expected" in what is said of a mistake
 *   STANDARD   the value that holds without the key, or NULL where that is no value: HELP says what it is
 *   EXAMPLE    another value
 */
#ifndef NESTOR_BOOT_CONFIG_KEYS_H
#define NESTOR_BOOT_CONFIG_KEYS_H

#define CONFIG_KEYS(X)                                                                                                 \
    X("next", "image", false, set_image, "a path that begins with \\, printable, below 256 characters", NULL,          \
      "\\EFI\\debian\\grubx64.efi",                                                                                    \
      "What to start as the guest: a file on the partition that Nestor itself was started from. Without image and "    \
      "entry it is the boot entry that follows Nestor's own in the firmware's boot order. Only one of the two may be " \
      "given.")                                                                                                        \
    X("next", "entry", false, set_entry, "four hexadecimal digits, as 0003 or Boot0003", NULL, "0003",                 \
      "What to start as the guest: a boot entry, by the number that efibootmgr prints.")                               \
    X("next", "arguments", false, set_arguments, "printable text below 1024 characters", NULL,                         \
      "root=/dev/sda2 quiet",                                                                                          \
      "The load options of what is started. Without the key it gets those of its boot entry.")                         \
    X("console", "level", false, set_level, "error, warning, info or debug", "info", "debug",                          \
      "What the console shows: this, and all that is more serious.")                                                   \
    X("console", "serial", false, set_serial, "auto, none, port NUMBER or mmio ADDRESS [1, 2 or 4]", "auto",           \
      "mmio 0xfe034000 4",                                                                                             \
      "The UART to speak on. auto is the one that the firmware's SPCR table names, else COM1. A number after the "     \
      "address is that of the bytes between registers. A UART on PCI must keep its address, since Nestor goes on "     \
      "writing there when the operating system moves it.")                                                             \
    X("console", "status-port", false, set_status_port, "a multiple of 8 up to 0xfff8, or none", "0x9c0", "0x800",     \
      "The first of eight I/O ports by which a program in the guest reads Nestor's status and log (nestorctl): one "   \
      "that nothing on the machine uses. If a table or a PCI window says that something does, a line tells so and "    \
      "there is no such port. none: there is none.")                                                                   \
    X("console", "status", false, set_status, "own or all", "own", "all",                                              \
      "What the root reads of partitions at these ports: names, states, CPUs, devices and why they stopped (own), or " \
      "also exits, addresses and what they print (all). A partition reads of itself only.")                            \
    X("policy", "fatal", false, set_fatal, "halt or reset", "halt", "reset",                                           \
      "After a fatal error of Nestor's, once its report is on the console.")                                           \
    X("policy", "without-isolation", false, set_without_isolation, "native or run", "native", "run",                   \
      "Where not all DMA can be controlled (no unit, a unit that cannot be used, a device that no unit covers): boot " \
      "natively, or run all the same. With run, a device can reach all memory, Nestor's included.")                    \
    X("policy", "read-only-rule", false, set_rule, "always or affected-cpus", "always", "affected-cpus",               \
      "On which CPUs a second stage that nested tables stand on maps nothing read-only (Intel erratum 772415): on "    \
      "all, or only on those that are known to have the erratum.")                                                     \
    X("policy", "doubtful-devices", false, set_doubtful_devices, "run or native", "run", "native",                     \
      "With devices that may not work behind a unit that translates, which the console names at start: run, or boot "  \
      "natively.")                                                                                                     \
    X("policy", "hypervisor-bit", false, set_hypervisor_bit, "auto, on or off", "auto", "on",                          \
      "CPUID.1:ECX[31] for the guest: as the CPU has it (auto), set or clear. Kernels that see it set turn some of "   \
      "their locks and counters off; the README lists them.")                                                          \
    X("policy", "without-interrupt-isolation", false, set_without_interrupt_isolation, "refuse or run", "refuse",      \
      "run",                                                                                                           \
      "Where interrupts cannot be kept apart (a CPU without x2APIC mode, a unit that does not remap interrupts with "  \
      "32-bit destinations, no unit for the root): run no partition, or run those that have no PCI functions all the " \
      "same. With run, a device of the root can interrupt, and stop, CPUs of a partition.")                            \
    X("policy", "host-paging", false, set_host_paging, "auto or four-levels", "auto", "four-levels",                   \
      "Nestor's own page tables: five levels where the CPU has them, or four, as firmware left it.")                   \
    X("policy", "guest-iommu", false, set_guest_iommu, "auto, nested, shadow or none", "auto", "shadow",               \
      "The remapping unit that the guest gets in place of each of the machine's: nested (scalable mode, first stage; " \
      "every unit must be able to nest), shadow (legacy mode; Nestor keeps shadows of the guest's tables), none, or "  \
      "nested where all units can, else shadow (auto). The console names the unit that decides.")                      \
    X("memory", "shadow-memory", false, set_shadow_memory, "auto, or 8 to 65536 MiB", "auto", "64",                    \
      "MiB of memory for the shadows of a guest's tables, taken at start if the guest's units are shadowed; one "      \
      "table gets half of it at most. auto is 1/256 of the RAM, at least 8. What has no room is not mapped for its "   \
      "device, and a line says how much is missing. Where the machine has no room for all of it, the guest is shown "  \
      "no units, and a line says that.")                                                                               \
    X("memory", "protect", true, set_protect,                                                                          \
      "up to 16 BASE-END [dma=none|read], whole 4 KiB pages, no overlap, one dma for all", NULL,                       \
      "0x100000-0x1fffff dma=none",                                                                                    \
      "Memory that the guest's CPUs may read and not write. END is the last byte. For devices it is not there "        \
      "(dma=none, also if nothing is said), or read-only as well (dma=read), which is accepted only where nothing is " \
      "nested or the read-only rule is lifted.")                                                                       \
    X("partition", "cpus", false, config_partition_cpus, "numbers and ranges of CPUs below 1024, as 2-3,5", NULL,      \
      "2-3",                                                                                                           \
      "The CPUs that the partition has for itself, by Nestor's numbers: 0 is the CPU that the firmware runs on, and "  \
      "stays the root's. Whole cores, unless allow-shared-core says otherwise. Must be given.")                        \
    X("partition", "memory", false, config_partition_memory, "a multiple of 2M, as 256M or 2G [at ADDRESS]", NULL,     \
      "256M",                                                                                                          \
      "Its memory, from its own address 0 on. Nestor finds a place for it, or takes it from the address (a multiple "  \
      "of 2 MiB) that is given. Must be given.")                                                                       \
    X("partition", "image", false, config_partition_image, "a path that begins with \\, or raw ADDRESS PATH", NULL,    \
      "\\EFI\\nestor\\rt\\vmlinuz",                                                                                    \
      "What it starts: a file on the volume that Nestor was started from. A Linux kernel (bzImage), a multiboot 1 "    \
      "image, a static ELF file, or with raw any bytes, put to ADDRESS and entered there in flat 32-bit protected "    \
      "mode. Must be given.")                                                                                          \
    X("partition", "initrd", false, config_partition_initrd,                                                           \
      "a path that begins with \\, printable, below 256 characters", NULL, "\\EFI\\nestor\\rt\\initrd.img",            \
      "The initial RAM disk of a Linux kernel, the one module of a multiboot image.")                                  \
    X("partition", "arguments", false, config_partition_arguments, "printable text below 1024 characters", NULL,       \
      "console=ttyS0",                                                                                                 \
      "The command line of a Linux kernel or a multiboot image.")                                                      \
    X("partition", "console", false, config_partition_console, "virtual, com2 or none", "virtual", "com2",             \
      "An 8250 UART at the ports of COM1, whose output Nestor prints with the partition's name in front of each line " \
      "(virtual), the machine's own COM2, which the root then has no more and which interrupts nobody (com2), or "     \
      "none.")                                                                                                         \
    X("partition", "cache", false, config_partition_cache, "a number whose bits are one run, as 0x00f", NULL,          \
      "0x00f",                                                                                                         \
      "The ways of the L3 cache that the partition has for itself, a bit each, on a CPU that can keep them apart "     \
      "(Intel CAT). No CPU of another's fills them; ways that devices fill are not among them. Without the key it "    \
      "shares those of the root, for which some must be left.")                                                        \
    X("partition", "restart", false, config_partition_restart, "never, always or a number below 4294967295", "never",  \
      "always",                                                                                                        \
      "After a triple fault, a reset, or another end of its own: it stays stopped, starts again as it was at first, "  \
      "or does so that many times. After it switched itself off it stays stopped.")                                    \
    X("partition", "watchdog", false, config_partition_watchdog, "none, or 1 to 3600 seconds", "none", "10",           \
      "Seconds after which it ends, to be started again as restart says, if its guest has not written a byte to port " \
      "602h for so long, or not since it started.")                                                                    \
    X("partition", "start", false, config_partition_start, "boot or later", "boot", "later",                           \
      "When it starts for the first time: with the root, or when the root says so (later, which needs "                \
      "control-by = root).")                                                                                           \
    X("partition", "control-by", false, config_partition_control, "none or root", "none", "root",                      \
      "Who may start, stop and restart it, read its console and type there, by nestorctl: nobody, or whoever has the " \
      "right to use I/O ports in the root.")                                                                           \
    X("partition", "allow-shared-core", false, config_partition_shared_core, "no or yes", "no", "yes",                 \
      "May the threads of one core belong to different partitions? They share caches and buffers, through which one "  \
      "can learn what the other does.")                                                                                \
    X("partition", "guest-iommu", false, config_partition_units, "auto, nested or none", "auto", "none",               \
      "The remapping unit that the partition gets in place of each of the machine's that its PCI functions are "       \
      "behind: nested (scalable mode, first stage; each of them must be able to nest), none, or auto: nested where "   \
      "all can, else none. Without one its functions reach all of its memory.")                                        \
    X("partition", "device", true, config_partition_device,                                                            \
      "up to 32 of SEGMENT:BUS:DEVICE.FUNCTION, as 0000:03:00.0, [interrupts=none]", NULL, "0000:03:00.0",             \
      "A PCI function that the partition has for itself, by the numbers that lspci -D prints. interrupts=none: it "    \
      "has neither MSI nor MSI-X, and does without interrupts, or shall not send any. docs/partitions.md says which "  \
      "functions can be given away.")

/* X(NAME, VALUE): values that give isolation up. */
#define CONFIG_WEAK(X)                                                                                                 \
    X("without-isolation", "run")                                                                                      \
    X("without-interrupt-isolation", "run")                                                                            \
    X("read-only-rule", "affected-cpus")                                                                               \
    X("status", "all")                                                                                                 \
    X("control-by", "root")

#endif
