"""The public interface, for scripts and notebooks: `import reclaim_ext as rx`.

    comparison = rx.compare(["builtin:lru", "s3fifo", "opt"], ["mem_gcc"], memory="5%,10%,20%")
    for row in comparison.rows:
        print(row.policy, row.memory_pages, row.miss_ratio)

`dsl`, `verifier` and `runtime` are top-level packages; where another distribution has one of that name, importing this
module says so.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def _require_own_packages() -> None:
    """ImportError if Python would import another package in the place of one of ours."""
    here = Path(__file__).resolve().parent
    for name in ("dsl", "verifier", "runtime"):
        found = find_spec(name)
        place = None if found is None or found.origin is None else Path(found.origin).resolve()
        if place != here / name / "__init__.py":
            raise ImportError(
                f"reclaim_ext needs its own package `{name}` from {here / name}, but Python finds"
                f" {place or 'no package of that name'}: install reclaim-ext in a virtual environment of its own"
            )


_require_own_packages()

from dsl.compile import Compilation, SourceError, read_source  # noqa: E402
from dsl.diagnostics import Diagnostic  # noqa: E402
from dsl.render import render_text  # noqa: E402
from dsl.source import Source  # noqa: E402
from runtime.attach import detach_policy, replace_policy  # noqa: E402
from runtime.comparison import Comparison, Listener, compare  # noqa: E402
from runtime.machine import Machine  # noqa: E402
from runtime.map_sizes import AttachError  # noqa: E402
from runtime.memory_size import MemorySizeError  # noqa: E402
from runtime.program import Program, ProgramError, Rejected, load_program  # noqa: E402
from runtime.report.csv import comparison_csv  # noqa: E402
from runtime.report.html import comparison_html  # noqa: E402
from runtime.report.json import comparison_json  # noqa: E402
from runtime.report.plot import render as render_plot  # noqa: E402
from runtime.report.table import comparison_table  # noqa: E402
from runtime.row import Row  # noqa: E402
from runtime.run_settings import RunSettings, SettingsError  # noqa: E402
from runtime.scenario.comparison import ScenarioComparison, ScenarioSettings, compare_scenario  # noqa: E402
from runtime.scenario.file import ScenarioError  # noqa: E402
from runtime.simulation import Simulation  # noqa: E402
from runtime.traces.errors import TraceError  # noqa: E402
from runtime.traces.opening import open_trace  # noqa: E402
from runtime.traces.trace import LoadedTrace, Trace, load  # noqa: E402
from runtime.version import VERSION as __version__  # noqa: E402
from verifier.verify import Verdict, verify  # noqa: E402

__all__ = [
    "AttachError", "Comparison", "Compilation", "Diagnostic", "Listener", "LoadedTrace", "Machine", "MemorySizeError",
    "Program", "ProgramError", "Rejected", "Row", "RunSettings", "ScenarioComparison", "ScenarioError",
    "ScenarioSettings", "SettingsError", "Simulation", "Source", "SourceError", "Trace", "TraceError", "Verdict",
    "__version__", "check", "compare", "compare_scenario", "comparison_csv", "comparison_html", "comparison_json",
    "comparison_table", "detach_policy", "load", "load_program", "open_trace", "read_source", "render_plot",
    "render_text", "replace_policy", "verify",
]  # fmt: skip


def check(text: str, name: str = "<policy>") -> tuple[Diagnostic, ...]:
    """What is wrong with a policy's text; nothing if it is accepted."""
    compilation = Compilation(Source(name, text))
    policy = compilation.policy
    return compilation.diagnostics if policy is None else verify(policy).diagnostics
