/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything in Bochs 3.1 that the attachment relies on: exported symbols with their C signatures
 * ("this" comes first). audit.c looks each one up at the start; patches.c looks for a few more.
 */
#ifndef NESTOR_BOCHS_ABI_H
#define NESTOR_BOCHS_ABI_H

#include <stdbool.h>
#include <stdint.h>

typedef bool memory_handler(uint64_t addr, unsigned len, void *data, void *param);
typedef uint32_t io_read(void *self, uint32_t addr, unsigned len);
typedef void io_write(void *self, uint32_t addr, uint32_t value, unsigned len);

#define BOCHS_SYMBOLS(X)                                                                          \
    X(REGISTER_MEMORY, register_memory,                                                           \
      "_ZN8BX_MEM_C22registerMemoryHandlersEPvPFbmjS0_S0_ES2_PFPhmjS0_Emm",                       \
      bool, (void *param, memory_handler *read, memory_handler *write, void *direct,              \
             uint64_t begin, uint64_t end))                                                       \
    X(UNREGISTER_MEMORY, unregister_memory, "_ZN8BX_MEM_C24unregisterMemoryHandlersEPvmm",        \
      bool, (void *param, uint64_t begin, uint64_t end))                                           \
    X(DMA_READ, dma_read, "_ZN8BX_MEM_C19dmaReadPhysicalPageEmjPh",                               \
      void, (uint64_t addr, unsigned len, uint8_t *data))                                         \
    X(DMA_WRITE, dma_write, "_ZN8BX_MEM_C20dmaWritePhysicalPageEmjPh",                            \
      void, (uint64_t addr, unsigned len, uint8_t *data))                                         \
    X(READ_PAGE, read_page, "_ZN8BX_MEM_C16readPhysicalPageEP8BX_CPU_CmjPv",                      \
      void, (void *cpu, uint64_t addr, unsigned len, void *data))                                 \
    X(WRITE_PAGE, write_page, "_ZN8BX_MEM_C17writePhysicalPageEP8BX_CPU_CmjPv",                   \
      void, (void *cpu, uint64_t addr, unsigned len, void *data))                                 \
    X(REGISTER_PCI, register_pci,                                                                 \
      "_ZN12bx_devices_c21register_pci_handlersEP15bx_pci_device_cPhPKcS4_h",                     \
      bool, (void *self, void *device, uint8_t *devfn, const char *name, const char *descr,       \
             uint8_t bus))                                                                        \
    X(PCI_READ, pci_read, "_ZN12bx_devices_c12read_handlerEPvjj",                                 \
      uint32_t, (void *self, uint32_t port, unsigned len))                                         \
    X(PCI_WRITE, pci_write, "_ZN12bx_devices_c13write_handlerEPvjjj",                             \
      void, (void *self, uint32_t port, uint32_t value, unsigned len))                             \
    X(INIT_BAR_IO, init_bar_io, "_ZN15bx_pci_device_c11init_bar_ioEhtPFjPvjjEPFvS0_jjjEPKh",      \
      void, (void *self, uint8_t number, uint16_t size, io_read *read, io_write *write,           \
             const uint8_t *mask))                                                                \
    X(INIT_BAR_MEM, init_bar_mem, "_ZN15bx_pci_device_c12init_bar_memEhjPFbmjPvS0_ES2_b",         \
      void, (void *self, uint8_t number, uint32_t size, memory_handler *read,                     \
             memory_handler *write, bool wide))                                                   \
    X(DELIVER_INTERRUPT, deliver_interrupt, "_Z26apic_bus_deliver_interrupthjhbbb",               \
      bool, (uint8_t vector, uint32_t dest, uint8_t mode, bool logical, bool level, bool trigger)) \
    X(REGISTER_DEVICE, register_device, "pluginRegisterDeviceDevmodel",                           \
      void, (void *plugin, uint16_t type, void *device, const char *name))                        \
    X(LONG_IDIV, long_idiv, "_Z9long_idivP7Bit128sPlPKS_l",                                       \
      void, (int64_t quotient[2], int64_t *remainder, const uint64_t dividend[2], int64_t divisor)) \
    X(DELIVER_SIPI, deliver_sipi, "_ZN8BX_CPU_C12deliver_SIPIEj",                                 \
      void, (void *cpu, unsigned vector))                                                         \
    X(VMEXIT, vmexit, "_ZN8BX_CPU_C6VMexitEjm",                                                   \
      void, (void *cpu, uint32_t reason, uint64_t qualification))

#define BOCHS_ENUM(id, field, name, result, args) BOCHS_##id,
enum bochs_symbol { BOCHS_SYMBOLS(BOCHS_ENUM) BOCHS_SYMBOL_COUNT };
#undef BOCHS_ENUM

#define BOCHS_FIELD(id, field, name, result, args) result(*field) args;
struct bochs { BOCHS_SYMBOLS(BOCHS_FIELD) };
#undef BOCHS_FIELD
_Static_assert(sizeof(struct bochs) == BOCHS_SYMBOL_COUNT * sizeof(void *), "one pointer a symbol");

/* The originals, filled in before Bochs runs. */
extern struct bochs bochs;

const char *bochs_symbol_name(unsigned symbol);
/* An exported symbol of the main program by its mangled name, NULL if there is none. */
void *bochs_find(const char *name);

/*
 * An object for Bochs's device list: word 0 points to its virtual functions, zeros for the members
 * of the base class follow. It provides the reset callback.
 */
enum { BOCHS_DEVICE_WORDS = 64, BOCHS_DEVICE_TYPE = 4 };
struct bochs_device_vtable {
    void (*destroy)(void *self);
    void (*destroy_and_free)(void *self);
    void (*init)(void *self);
    void (*reset)(void *self, unsigned type);
    void (*register_state)(void *self);
    void (*after_restore)(void *self);
};

#endif
