/* SPDX-License-Identifier: BSD-2-Clause */
/* See function_path.h. */
#include "boot/function_path.h"

#include "boot/function.h"

enum {
    HEADER_BRIDGE = 1,
    PORT_TYPE = 0xf,                    /* in the capability's first dword, above its version */
    PORT_ROOT = 4,
    PORT_UPSTREAM = 5,
    PORT_DOWNSTREAM = 6,
    EXPRESS_CONTROL_2 = 0x28,
    ARI_FORWARDING = 1 << 5,

    CAPABILITY_ACS = 0x0d,
    ACS_CONTROL = 4,                    /* in the upper half, with the bits of the capabilities in the lower */
    ACS_VALIDATES = 1 << 0,
    ACS_REDIRECTS = 1 << 2 | 1 << 3,    /* requests and completions */
    ACS_FORWARDS = 1 << 4,              /* upstream, whatever the address */
};

static u32 read(const struct pci_config *c, struct pci_function f, u32 offset)
{
    return c->read(c->ctx, f, offset);
}

static bool is_bridge(const struct pci_config *c, struct pci_function f)
{
    return (read(c, f, FUNCTION_HEADER) >> 16 & 0x7f) == HEADER_BRIDGE;
}

/* The bridge right above; false: it is on a root bus. */
static bool bridge_above(const struct pci_config *c, struct pci_function f, struct pci_function *bridge)
{
    /* A bridge's own bus has a lower number than those behind it. */
    for (u32 at = 0; coverage_next(c, &at, bridge) && bridge->bus < f.bus; at++) {
        if (is_bridge(c, *bridge) && (read(c, *bridge, FUNCTION_BUSES) >> 8 & 0xff) == f.bus) {
            return true;
        }
    }
    return false;
}

/* What ACS has of these, and what of that is on. */
static u32 acs(const struct pci_config *c, struct pci_function f, u32 wanted, u32 *on)
{
    u32 at = 0;
    u32 word = coverage_capability(c, f, CAPABILITY_ACS, &at) ? read(c, f, at + ACS_CONTROL) : 0;
    *on = word >> 16 & word & wanted;
    return word & wanted;
}

/* Version 1 of the capability ends before the register. */
static bool forwards_ari(const struct pci_config *c, struct pci_function port)
{
    u32 express = function_capability(c, port, CAPABILITY_EXPRESS);
    u32 version = express == 0 ? 0 : read(c, port, express) >> 16 & 0xf;
    return version > 1 && (read(c, port, express + EXPRESS_CONTROL_2) & ARI_FORWARDING) != 0;
}

/*
 * Firmware forwards ARI to every device that has it, but only a function from number 8 on needs it: by its number it
 * is of another device than the first.
 */
static bool needs_ari(const struct pci_config *c, struct pci_function port)
{
    struct pci_function f;
    u32 secondary = read(c, port, FUNCTION_BUSES) >> 8 & 0xff;
    u32 at = secondary << 8 | 8;
    return forwards_ari(c, port) && coverage_next(c, &at, &f) && f.bus == secondary;
}

static u32 port_type(const struct pci_config *c, struct pci_function f)
{
    u32 express = function_capability(c, f, CAPABILITY_EXPRESS);
    return express == 0 ? 0 : read(c, f, express) >> 20 & PORT_TYPE;
}

/*
 * The ports of one switch, or of one device, from the id *at on: what comes in at one of them goes out at another by
 * its address, past the units, unless ACS sends it upwards. The port itself is among them.
 */
static bool next_beside(const struct pci_config *c, struct pci_function port, u32 *at, struct pci_function *found)
{
    for (; coverage_next(c, at, found) && found->bus == port.bus; ++*at) {
        u32 type = port_type(c, *found);
        if (type == PORT_DOWNSTREAM || (type == PORT_ROOT && found->device == port.device)) {
            return true;
        }
    }
    return false;
}

/* With ACS, what a port does not redirect it sends no other. */
static bool all_beside_have_acs(const struct pci_config *c, struct pci_function port)
{
    struct pci_function other;
    bool have = true;
    for (u32 at = (u32)port.bus << 8; next_beside(c, port, &at, &other); at++) {
        u32 acs_at = 0;
        have = have && coverage_capability(c, other, CAPABILITY_ACS, &acs_at);
    }
    return have;
}

/* Through a function of its own, for managing it, a switch could be told to pass anything. */
static bool is_managed(const struct pci_config *c, struct pci_function upstream)
{
    struct pci_function f;
    bool managed = false;
    for (u32 at = (u32)upstream.bus << 8; coverage_next(c, &at, &f) && f.bus == upstream.bus; at++) {
        managed |= !is_bridge(c, f);
    }
    return managed;
}

static const char *port_open(const struct pci_config *c, struct pci_function port)
{
    u32 on;
    u32 type = port_type(c, port);
    if (type == PORT_UPSTREAM) {
        return is_managed(c, port)
                   ? "a function below switches that have ports alone, and no function to manage them by"
                   : NULL;
    }
    if (type != PORT_ROOT && type != PORT_DOWNSTREAM) {
        return "a function with PCI Express ports only above it, as requests that pass another bridge get its id";
    }
    if (needs_ari(c, port)) {
        return "a function beside which there are none that need ARI, from number 8 on";
    }
    if (acs(c, port, ACS_VALIDATES, &on) == 0) {
        return "a function below ports with ACS source validation";
    }
    return all_beside_have_acs(c, port)
               ? NULL
               : "a function below ports whose neighbours, in the same switch or device, have ACS";
}

const char *function_path_open(const struct pci_config *c, struct pci_function f)
{
    const char *expected = NULL;
    while (expected == NULL && bridge_above(c, f, &f)) {
        expected = port_open(c, f);
    }
    return expected;
}

/* Of these what ACS has. */
static bool close_port(const struct pci_config *c, struct pci_function port, u32 wanted)
{
    u32 at = 0;
    u32 on;
    u32 had = acs(c, port, wanted, &on);
    if (coverage_capability(c, port, CAPABILITY_ACS, &at)) {
        c->write(c->ctx, port, at + ACS_CONTROL, read(c, port, at + ACS_CONTROL) | had << 16);
    }
    return acs(c, port, wanted, &on) == on;
}

static bool close_beside(const struct pci_config *c, struct pci_function port)
{
    struct pci_function other;
    bool closed = true;
    for (u32 at = (u32)port.bus << 8; next_beside(c, port, &at, &other); at++) {
        closed = close_port(c, other, ACS_REDIRECTS) && closed;
    }
    return closed;
}

/* Firmware and OS turn a bridge on as they start a driver below it. Here neither does, and the root may not. */
static void let_through(const struct pci_config *c, struct pci_function bridge)
{
    u32 command = read(c, bridge, FUNCTION_COMMAND) & 0xffff;
    c->write(c->ctx, bridge, FUNCTION_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER);
}

static bool end_ari(const struct pci_config *c, struct pci_function port)
{
    if (forwards_ari(c, port)) {
        u32 at = function_capability(c, port, CAPABILITY_EXPRESS) + (u32)EXPRESS_CONTROL_2;
        c->write(c->ctx, port, at, read(c, port, at) & 0xffff & ~(u32)ARI_FORWARDING);
    }
    return !forwards_ari(c, port);
}

bool function_path_close(const struct pci_config *c, struct pci_function f)
{
    bool closed = true;
    while (closed && bridge_above(c, f, &f)) {
        closed = close_port(c, f, ACS_VALIDATES | ACS_REDIRECTS | ACS_FORWARDS) && close_beside(c, f) && end_ari(c, f);
        let_through(c, f);
    }
    return closed;
}

/* A port of a switch is behind a root port, which bounds what comes out of the switch. */
u32 function_path_validate(const struct pci_config *c, struct pci_function *first)
{
    struct pci_function port;
    u32 unable = 0;
    for (u32 at = 0; coverage_next(c, &at, &port); at++) {
        u32 on;
        u32 type = port_type(c, port);
        bool closed = (type == PORT_ROOT || type == PORT_DOWNSTREAM) && acs(c, port, ACS_VALIDATES, &on) != 0 &&
                      close_port(c, port, ACS_VALIDATES);
        if (type == PORT_ROOT && !closed) {
            *first = unable++ == 0 ? port : *first;
        }
    }
    return unable;
}

/*
 * PCI Express 6.12.1.2: a function of several that has ACS, and cannot redirect, sends its siblings nothing. One that
 * can does not do so any more after its next reset, whoever has it.
 */
static bool is_apart(const struct pci_config *c, struct pci_function f)
{
    u32 at = 0;
    u32 on;
    return coverage_capability(c, f, CAPABILITY_ACS, &at) && acs(c, f, ACS_REDIRECTS, &on) == 0;
}

struct function_reach function_path_reach(const struct pci_config *c, struct pci_function f)
{
    struct pci_function port;
    if (!bridge_above(c, f, &port)) {
        return (struct function_reach){true, f.bus, f.bus};
    }
    u32 buses = read(c, port, FUNCTION_BUSES);
    return (struct function_reach){false, (u8)(buses >> 8), (u8)(buses >> 16)};
}

bool function_path_shared(const struct pci_config *c, struct pci_function f, const struct function_reach *reach,
                          struct pci_function other)
{
    if (!reach->root_bus) {
        return reach->first_bus <= other.bus && other.bus <= reach->last_bus;
    }
    return other.bus == f.bus && other.device == f.device && !(is_apart(c, f) && is_apart(c, other));
}
