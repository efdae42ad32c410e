"""What several tests on the Bochs machine check of a result."""
import re

import summary
import tap


def steps_ok(result, *names, stage=None):
    """Each of these steps of the guest said ok."""
    steps = result.steps(stage)
    for name in names:
        tap.check(steps.get(name, (False,))[0], f"stage {stage}, {name}: {steps.get(name)}")


# Register accesses that a driver makes once: to find its unit, set it up and switch it off. And
# violations of the second stage that are first accesses to a device's memory.
SET_UP, FIRST_ACCESSES, FEW = 64, 200, 4


def no_exit_on_map(result, stage, lazy):
    """
    After a steady load (step `load`) each access to the unit's registers is a doorbell, a poll or part of
    the set-up; where unmaps are flushed in batches (lazy) there are few in comparison with the maps.
    """
    said = summary.figures(result.serial)
    maps = int(re.search(r"maps=(\d+)", result.steps(stage)["load"][1]).group(1))
    accesses, reads = said["register accesses"], said["of them reads"]
    doorbells = said["tail writes that found work"]
    text = f"{maps} maps; {accesses} register accesses: {doorbells} doorbells, {reads} reads, " \
           f"{accesses - reads - doorbells} other writes; {said['EPT violation']} EPT violations"
    tap.check(maps > 5000, text)
    tap.check(0 <= accesses - reads - doorbells < SET_UP, text)
    tap.check(reads < SET_UP + doorbells, text)
    tap.check(0 <= said["EPT violation"] - accesses < FIRST_ACCESSES, text)
    tap.check(not lazy or accesses * FEW < maps, text)
    return text
