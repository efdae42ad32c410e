# SPDX-License-Identifier: BSD-2-Clause
"""The end of a run, for people: what the guest and the unit say, and whether they agree."""
import re

TESTED = {"00:01.1": "disk", "00:01.2": "USB", "00:03.0": "network"}
# The kind of DMA that a device does if the guest has it in a domain of that type (sysfs's names),
# with and without Nestor below, and with Nestor's shadows.
KIND_OF_TYPE = {True: {"DMA": "nested", "DMA-FQ": "nested", "identity": "second-stage"},
                False: {"DMA": "first-stage", "DMA-FQ": "first-stage", "identity": "pass-through"},
                "shadow": {"DMA": "second-stage", "DMA-FQ": "second-stage", "identity": "second-stage"}}


def guest_types(serial):
    """{"00:01.1": "DMA-FQ", ...}: the type of each device's domain according to the guest's sysfs."""
    groups = re.findall(r"^guest: \| group \d+ (\S+) (.*?)\r?$", serial, re.M)
    return {device.split(":", 1)[1]: kind for kind, devices in groups for device in devices.split()}


def interrupts(text):
    """{name of an interrupt: (chip, how often)} by the last list of the step `irqs` in that text."""
    found = re.findall(r"^guest: \| irq \d+: (\d+) (\S+) (?:\d+ +)?\S+ +(.*?)\r?$", text.split("guest: irqs ok")[-2],
                       re.M)
    return {name: (chip, int(times)) for times, chip, names in found for name in names.split(", ")}


def strays(result, sids, nestor):
    """
    A line for each tested device whose DMA went otherwise than its domain in the guest says; under Nestor
    through the default entry, for example. `sids` is {"00:01.1": source-id, ...}.
    """
    types = guest_types(result.serial)
    nestor = "shadow" if "shadows for the guest" in result.serial else nestor
    out = []
    for device, name in TESTED.items():
        expected = KIND_OF_TYPE[nestor].get(types.get(device))
        if expected is None or not result.reports:
            continue
        kinds = result.kinds(sids[device], -1)
        wrong = {k: v for k, v in kinds.items() if v and k not in (expected, "blocked", "faults")}
        if wrong:
            out.append(f"{name} ({device}) is {types[device]} in the guest, but its DMA was {wrong}")
    return out


def nestor_lines(serial):
    """What Nestor says when the guest turns its translation off, and when it powers off."""
    lines = re.findall(r"^nestor: .*?(?=\r?$)", serial, re.M)
    starts = [i for i, line in enumerate(lines)
              if "turns its translation off" in line or "turns the machine off" in line]
    return [line.removeprefix("nestor: ") for line in lines[starts[0]:]] if starts else []


def figures(serial):
    """{"register accesses": 123, ...}: the last run's counters in Nestor's report."""
    lines = nestor_lines(serial)
    last = max(i for i, line in enumerate(lines) if "turns the machine off" in line)
    return {what: int(n) for line in lines[last:]
            for n, what in re.findall(r"(?:[:,]) (\d+) ([^,]+)", line)}


def text(result, stray_lines):
    """What the serial port has not shown: Nestor's own report stands there, as its last lines."""
    types = guest_types(result.serial)
    out = ["--- the guest ---"]
    out += [f"{name} ({device}): domain type {types.get(device, 'none')}" for device, name in TESTED.items()]
    out += [f"{name} {'ok' if ok else 'FAIL'} {detail}" for name, (ok, detail) in result.steps().items()]
    report = result.reports[-1] if result.reports else result.report
    out += ["--- the unit's counters since the guest's user space began ---"]
    out += [line for line in report.splitlines() if re.match(r"(pages\.|sid |faults |descriptors\.)", line)
            and not line.endswith(" 0")]
    out += ["--- " + line for line in stray_lines]
    return "\n".join(out)
