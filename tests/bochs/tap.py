# SPDX-License-Identifier: BSD-2-Clause
"""TAP for tests that run machines: cases are (name, function); several machines at a time."""
import concurrent.futures
import os
import sys
import traceback


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


def times(full):
    """How often something is to be repeated: a tenth of it, all of it in `make test-long`."""
    return full if os.environ.get("NESTOR_LONG") == "1" else full // 10


def run(cases, jobs=1):
    """Runs the cases and prints TAP in their order; each function returns a line of detail or nothing."""
    print(f"1..{len(cases)}", flush=True)

    def one(case):
        try:
            return True, case[1]() or ""
        except Failed as failure:
            return False, str(failure)
        except Exception:
            return False, traceback.format_exc()

    good = True
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for number, (case, (ok, detail)) in enumerate(zip(cases, pool.map(one, cases)), 1):
            good = good and ok
            print(f"{'ok' if ok else 'not ok'} {number} - {case[0]}")
            for line in detail.splitlines():
                print(f"# {line}")
            sys.stdout.flush()
    return 0 if good else 1
