"""One start, in a fresh process: `python -m benchmarks.start_probe attach|verify POLICY [kernel|ideal]`.

Out, on standard output, as JSON: CPU seconds. `attach`: from process start until everything is imported, from there
until the policy is attached to a machine as running native code, and the sum. `verify`: of the verifier alone, the
first time this process uses it.
"""

from __future__ import annotations

import json
import sys
import time

NR_PAGES = 1000


def attach(spec: str, ideal: bool) -> dict[str, float]:
    """From the policy's source, or the cache, to native code attached to a small machine."""
    from runtime.executors import NativeExecutor
    from runtime.jit.module import Variant
    from runtime.machine import Machine
    from runtime.program import load_program, native_code
    from runtime.simulation import Simulation

    imported = time.process_time()
    program = load_program(spec)
    code = NativeExecutor(native_code([program], Variant(ideal)))
    Simulation(program.attachment, Machine(NR_PAGES, ideal), code)
    attached = time.process_time()
    return {"imports": imported, "start": attached - imported, "total": attached}


def verify_alone(spec: str) -> dict[str, float]:
    """The verifier's time for a policy that is already in IR."""
    from runtime.program import compiled, find_program
    from verifier.verify import verify

    path = find_program(spec)
    policy = compiled(path.read_bytes(), path)
    begin = time.process_time()
    verify(policy)
    return {"verify": time.process_time() - begin}


def main() -> None:
    kind, spec = sys.argv[1], sys.argv[2]
    print(json.dumps(verify_alone(spec) if kind == "verify" else attach(spec, sys.argv[3] == "ideal")))


if __name__ == "__main__":
    main()
