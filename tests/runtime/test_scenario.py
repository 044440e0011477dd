"""Scenario files: what is refused and how, the machine made of one, how tasks are fed, and what the examples show."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime.scenario.comparison
from runtime.core import layout as core
from runtime.costs import DISK, ZRAM, Costs
from runtime.host import HostMemoryError
from runtime.machine import UNLIMITED, Machine, Memcg, Task
from runtime.memory_size import parse_memory_size
from runtime.program import ProgramError, load_program
from runtime.report.scenario_table import scenario_run_report
from runtime.scenario.comparison import ScenarioSettings, compare_scenario, measure
from runtime.scenario.document import document
from runtime.scenario.file import ScenarioError, load_scenario
from runtime.scenario.plan import Plan, plan
from runtime.scenario.row import MemcgRow, ScenarioRow, TaskRow
from runtime.scenario.run import ScenarioRun, run_scenario
from runtime.scenario.task_feed import STRETCH, TaskFeed
from runtime.switches import load_switch
from runtime.traces.model import Chunk
from tests.runtime.attaching import NEVER, attached
from tests.runtime.policies import program
from tests.runtime.tree_samples import FILE_READ, check_sums

DOCS = Path(__file__).parents[2] / "docs"
NODE = '[[node]]\nname = "dram"\nmemory = "1000p"\n'
TASK = '[[task]]\nname = "t"\ntrace = "loop:pages=300,accesses=1K"\n'


def write(directory: Path, text: str) -> str:
    path = directory / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def planned(directory: Path, text: str, memory: str | None = None) -> Plan:
    path = write(directory, text)
    scenario = load_scenario(path)
    traces = measure(path, scenario, None, lambda *_: None, threading.Event())
    return plan(path, scenario, traces, parse_memory_size(memory) if memory else None)


def result(directory: Path, text: str, policy: str = "builtin:lru", **settings: Any) -> ScenarioRow:
    comparison = compare_scenario(policy, write(directory, text), ScenarioSettings(**settings))
    return comparison.rows[0]


def of_memcg(row: ScenarioRow, name: str) -> MemcgRow:
    return next(memcg for memcg in row.memcgs if memcg.memcg == name)


def of_task(row: ScenarioRow, name: str) -> TaskRow:
    return next(task for task in row.tasks if task.task == name)


# --- files that are no scenario ---------------------------------------------------------------------------

BOTH = NODE + TASK
MEMCG = BOTH + "[[memcg]]\n"
PROACTIVE = BOTH + "[[proactive]]\namount = '3p'\n"
WRONG = {
    "": "at least one table [[node]] is needed",
    NODE: "at least one table [[task]] is needed",
    BOTH + "memcgg = 'x'": "[[task]] `t`: there is no field `memcgg`; did you mean `memcg`?",
    "swapiness = 3\n" + BOTH: "there is no table or field `swapiness`; did you mean `swappiness`?",
    "[[nodes]]\nname = 'x'\n" + TASK: "there is no table or field `nodes`; did you mean `node`?",
    MEMCG + "name = 'apps/db'\nhihg = '3p'": "`apps/db`: there is no field `hihg`; did you mean `high`?",
    MEMCG + "max = '3p'": "[[memcg]] number 1: field `name` is needed: Its path, without a slash",
    MEMCG + "name = 'a'\nmax = 3": "`3` is not an amount of memory: write it in quotes, `4096p`",
    MEMCG + "name = 'a'\nmax = '3'": "field `max`: `3` has no unit: write `3p` for pages, or `3MiB`, or `max`",
    MEMCG + "name = 'a'\nmax = '0'": "field `max`: `0` has no unit",
    MEMCG + "name = '/a'": "field `name`: must be a path such as `apps/db`",
    MEMCG + "name = 'a//b'": "field `name`: must be a path such as `apps/db`",
    MEMCG + "name = '/'": "field `name`: the top of the tree has no limits",
    MEMCG + "name = 'a'\n[[memcg]]\nname = 'a'": "[[memcg]] `a`: there is another of this name",
    BOTH + "think = 5": "[[task]] `t`: field `think`: `5` is not a duration: write `100ns`, `5us`, `10ms` or `2s`",
    BOTH + "repeat = 0": "field `repeat`: must be greater than or equal to 1, not `0`",
    BOTH + "bind = 'yes'": "field `bind`: must be true or false, not `yes`",
    BOTH + "memcg = 'apps'": "field `memcg`: there is no memcg `apps`",
    BOTH + "memcg = 'apps'\n[[memcg]]\nname = 'apps/db'": "field `memcg`: `apps` has memcgs below it (`apps/db`)",
    BOTH + "node = 'dam'": "[[task]] `t`: field `node`: there is no node `dam`; did you mean `dram`?",
    NODE + "demotes_to = 'dram'\n" + TASK: "field `demotes_to`: demotion goes round in a ring by way of `dram`",
    NODE + "watermarks = ['9p', '8p', '7p']\n" + TASK: "field `watermarks`: 9, 8 and 7 pages do not rise",
    NODE + "watermarks = '1%'\n" + TASK: 'field `watermarks`: must be "auto", or three',
    BOTH + "[[swap]]\nread = '3us'": "[[swap]] number 1: a device needs a `kind`, or both `read` and `write`",
    BOTH + "[[swap]]\nkind = 'floppy'": "field `kind`: must be 'zram', 'nvme' or 'disk', not `floppy`",
    BOTH + "[swap]\nkind = 'zram'": "must be a table: [[swap]], once for each",
    BOTH + "[costs]\nscam = '3ns'": "[costs]: there is no field `scam`; did you mean `scan`?",
    BOTH + "[costs]\nscan = '3s'": "cost `scan`: 3,000,000,000 is out of range",
    PROACTIVE + "every = '0s'": "[[proactive]] number 1: field `every`: must be greater than 0",
    PROACTIVE + "every = '1s'\nmemcg = 'x'": "[[proactive]] number 1: field `memcg`: there is no memcg `x`",
    "kernel = '5.1'\n" + BOTH: "field `kernel`: must be '6.18', '6.12' or '6.1', not `5.1`",
    "kernel =\n" + BOTH: "not TOML: ",
    NODE.replace("1000p", "40p") + TASK: "40 pages are too few for the kernel's watermarks",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_with_file_table_and_field(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError) as error:
        planned(tmp_path, text)
    assert WRONG[text] in str(error.value)
    assert str(error.value).startswith(f"{tmp_path}/scenario.toml: ")
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        load_scenario(str(tmp_path / "none.toml"))
    with pytest.raises(ScenarioError, match="cannot be read: Is a directory"):
        load_scenario(str(tmp_path))
    (tmp_path / "x.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ScenarioError, match="byte 5: not UTF-8"):
        load_scenario(str(tmp_path / "x.toml"))


# --- from a scenario to a machine -------------------------------------------------------------------------


WHOLE = """
kernel = "6.12"
swappiness = 10
min_ttl = "1s"
[[node]]
name = "fast"
memory = "50%"
watermarks = ["1%", "2%", "30p"]
demotes_to = "slow"
[[node]]
name = "slow"
memory = "4MiB"
access = "250ns"
[[memcg]]
name = "apps/db/writer"
max = "100p"
[[memcg]]
name = "other"
policy = "fifo"
[[memcg]]
name = "apps/db"
high = "10%"
low = "5p"
min = 0
swap_max = "0"
swappiness = 200
[[swap]]
kind = "disk"
size = "100p"
[[swap]]
kind = "zram"
read = "1us"
priority = 5
[files]
read = "1us"
write = "2us"
queues = 3
[[task]]
name = "w"
trace = "loop:pages=1000,accesses=2K"
memcg = "apps/db/writer"
node = "slow"
bind = true
think = "1.5us"
start = "1ms"
[[task]]
name = "o"
trace = "loop:pages=1000,accesses=2K"
limit = "1K"
memcg = "other"
repeat = 3
[[proactive]]
memcg = "apps"
amount = "10p"
every = "1ms"
from = "2ms"
until = "1s"
[costs]
scan = "70ns"
"""


def test_memcgs_are_what_the_file_says(tmp_path: Path) -> None:
    made = planned(tmp_path, WHOLE)
    machine = made.machine
    assert made.paths == ("/", "apps", "apps/db", "apps/db/writer", "other")
    assert [memcg.parent for memcg in machine.memcgs] == [-1, 0, 1, 2, 0]
    assert [memcg.max for memcg in machine.memcgs] == [UNLIMITED] * 3 + [100, UNLIMITED]
    db = machine.memcgs[2]
    assert (db.high, db.low, db.min, db.swap_max, db.swappiness) == (200, 5, 0, 0, 200)
    assert machine.memcgs[3].swappiness == 10
    assert made.policies == (None, None, None, None, "fifo")


def test_nodes_and_devices_are_what_the_file_says(tmp_path: Path) -> None:
    machine = planned(tmp_path, WHOLE).machine
    assert [(n.nr_pages, n.demotes_to, n.access_ns) for n in machine.nodes] == [(1000, 1, 0), (1024, -1, 250)]
    assert machine.nodes[0].watermarks == (10, 20, 30)
    assert (machine.kernel, machine.min_ttl_ns, machine.nr_pages) == (612, 10**9, 2024)
    assert [(s.device.read_ns, s.device.write_ns, s.nr_pages) for s in machine.swap] == [
        (1000, ZRAM.write_ns, UNLIMITED),
        (DISK.read_ns, DISK.write_ns, 100),
    ]
    assert (machine.files.read_ns, machine.files.write_ns, machine.files.queues) == (1000, 2000, 3)
    assert machine.costs == Costs(scan=70)


def test_tasks_and_requests_are_what_the_file_says(tmp_path: Path) -> None:
    made = planned(tmp_path, WHOLE)
    assert made.machine.tasks[0] == Task("w", 3, 1, 1500, 10**6, True)
    assert (made.accesses, made.pages) == (2000 + 3 * 1000, 2000)
    request = made.requests[0]
    expected = (1, 10, 10**6, 2 * 10**6, 10**9)
    assert (request.memcg, request.pages, request.every, request.first, request.until) == expected


def test_the_first_nodes_memory_may_be_another(tmp_path: Path) -> None:
    assert planned(tmp_path, NODE + TASK, "50%").machine.nr_pages == 150
    assert planned(tmp_path, NODE + TASK, "500p").machine.nr_pages == 500


def test_the_reference_is_made_from_the_models() -> None:
    text = (DOCS / "scenarios.md").read_text(encoding="utf-8")
    assert document(text) == text, "python -m runtime.scenario.document docs/scenarios.md"


# --- feeding tasks ----------------------------------------------------------------------------------------


def chunks_of(pages: list[list[int]], flags: int = FILE_READ) -> list[Chunk]:
    """Chunks of accesses by pages in order of first use, with keys far from these."""
    chunks, seen = [], 0
    for numbers in pages:
        new = range(seen, max(seen, *(n + 1 for n in numbers)))
        keys = np.array([7_000_000 + 10 * n for n in new], np.uint64)
        seen = max(seen, new.stop)
        chunks.append(Chunk(np.array(numbers, np.uint32), np.full(len(numbers), flags, np.uint8), seen, keys=keys))
    return chunks


def test_pages_of_all_tasks_have_numbers_of_their_own() -> None:
    machine = Machine(100, memcgs=(Memcg("/"),), tasks=(Task("a"), Task("b")))
    simulation = attached(program("builtin:lru"), machine)
    streams = [iter(chunks_of([[0, 1, 0], [2, 1, 3]])), iter(chunks_of([[0, 0, 1], [1, 0]]))]
    with TaskFeed(simulation, streams) as feed:
        feed.refill()
        while True:
            simulation.call("replay_tasks", NEVER, NEVER)
            if simulation.status != core.STATUS_EVENTS:
                break
            feed.refill()
            simulation.state[core.STATUS] = core.STATUS_RUNNING
    tasks = simulation.table("tasks")
    assert tasks[:2, core.TASK_ACCESSES].tolist() == [6, 5]
    assert tasks[:2, core.TASK_HITS].tolist() == [2, 3]
    # First a's pages 0 and 1, then b's, then those that a's second chunk names first.
    assert simulation.page_owners == [(0, 2), (1, 4), (0, 6)]
    check_sums(simulation)


def test_addresses_are_those_of_the_traces(tmp_path: Path) -> None:
    """Two tasks whose pages have the same addresses: each has a page table of its own."""
    made = planned(tmp_path, NODE + TASK + TASK.replace('"t"', '"u"'))
    run = ScenarioRun(made, [load_program("builtin:mglru")] * 1)
    run.run(lambda _: None, threading.Event())
    simulation = run.simulation
    assert simulation.addressed
    tables = simulation.table("tasks")[:2, core.NR_TABLES].tolist()
    assert tables == [1, 1]
    slots = simulation.regions["page_slot"].view("<u4")[:600]
    assert sorted((slots % core.PTES_PER_TABLE).tolist()) == sorted([*range(300), *range(300)])


def test_traces_longer_than_a_stretch_are_fed_in_pieces(tmp_path: Path) -> None:
    assert STRETCH < 80_000
    row = result(
        tmp_path,
        NODE
        + '[[task]]\nname = "a"\ntrace = "zipf:pages=3000,accesses=80K"\nrepeat = 2\n'
        + '[[task]]\nname = "b"\ntrace = "zipf:pages=500,accesses=100,seed=3"\nstart = "1ms"\n',
    )
    assert (of_task(row, "a").accesses, of_task(row, "b").accesses) == (160_000, 100)
    assert row.counters["accesses"] == 160_100
    assert of_task(row, "a").hits + of_task(row, "b").hits == row.counters["hits"]
    assert of_task(row, "b").time_ns >= 10**6
    assert [task.status for task in row.tasks] == ["finished", "finished"]


def test_a_limit_cuts_every_trace(tmp_path: Path) -> None:
    row = result(tmp_path, NODE + TASK + 'limit = "500"\nrepeat = 2\n', limit=200)
    assert row.counters["accesses"] == 400


def test_think_time_and_start_are_simulated_time(tmp_path: Path) -> None:
    """All but the first pass of 300 pages hits: 100 ns and the system call's 1,300 each."""
    text = NODE + '[[task]]\nname = "t"\ntrace = "loop:pages=10,accesses=1K,mapped=1.0"\n'
    plain, later = result(tmp_path, text), result(tmp_path, text + 'think = "2us"\nstart = "5ms"\n')
    assert later.time_ns - plain.time_ns == 5 * 10**6 + 1000 * 2000


def test_runs_are_the_same_every_time(tmp_path: Path) -> None:
    made = planned(tmp_path, (DOCS / "scenarios/two_tenants.toml").read_text())
    digests = set()
    for _ in range(2):
        run = ScenarioRun(made, [load_program("builtin:lru")] * len(made.paths))
        run.run(lambda _: None, threading.Event())
        digests.add(run.simulation.digest())
    assert len(digests) == 1


def test_a_run_can_be_cancelled(tmp_path: Path) -> None:
    made = planned(tmp_path, NODE + '[[task]]\nname = "t"\ntrace = "zipf:pages=3000,accesses=1M"\n')
    cancelled, done = threading.Event(), 0

    def progress(accesses: int) -> None:
        nonlocal done
        done += accesses
        cancelled.set()

    row = run_scenario(made, load_program("builtin:lru"), [load_program("builtin:lru")], progress, cancelled)
    assert row.status == "interrupted"
    assert 0 < done == row.counters["accesses"] < 1_000_000
    assert row.tasks[0].status == "interrupted"


# --- policies ---------------------------------------------------------------------------------------------


def test_a_memcg_may_have_a_policy_of_its_own(tmp_path: Path) -> None:
    text = (
        NODE
        + "[[memcg]]\nname = 'a'\nmax = '100p'\npolicy = 'fifo'\n[[memcg]]\nname = 'b'\nmax = '100p'\n"
        + "[[task]]\nname = 'a'\nmemcg = 'a'\ntrace = 'zipf:pages=400,accesses=20K'\n"
        + "[[task]]\nname = 'b'\nmemcg = 'b'\ntrace = 'zipf:pages=400,accesses=20K'\n"
    )
    mixed, pure = result(tmp_path, text), result(tmp_path, text.replace("policy = 'fifo'\n", ""))
    assert [memcg.policy for memcg in mixed.memcgs] == ["builtin:lru", "fifo", "builtin:lru"]
    assert of_task(mixed, "b").hits == of_task(pure, "b").hits == of_task(pure, "a").hits
    assert of_task(mixed, "a").hits < of_task(mixed, "b").hits


def test_policies_are_switched_during_a_scenario(tmp_path: Path) -> None:
    text = NODE + "[[memcg]]\nname = 'x/a'\nmax = '100p'\n" + TASK.replace("1K", "9K") + "memcg = 'x/a'\n"
    made = planned(tmp_path, text)
    run = ScenarioRun(made, [load_program("fifo")] * 3, [load_switch("3000:x/a=builtin:lru")])
    assert not run.simulation.addressed
    assert run.run(lambda _: None, threading.Event()) == "finished"
    names = [getattr(a.policy, "name", "") for a in run.simulation.lineup.of_memcg]
    assert names[2] == "builtin:lru" != names[1]
    assert run.simulation.counters()["accesses"] == 9000
    check_sums(run.simulation)


def test_what_comes_by_a_switch_is_reckoned_with(tmp_path: Path) -> None:
    """Pages have addresses if a policy that comes later walks page tables; who is ejected is called by its name."""
    text = NODE + "[[memcg]]\nname = 'a'\nmax = '100p'\n" + TASK.replace("1K", "9K") + "memcg = 'a'\n"
    hoard = tmp_path / "hoard.rx"
    hoard.write_text("policy hoard;\nlist queue;\nhook folio_added(f) { queue.push_tail(f); }")
    switches = [load_switch(f"3000:a={hoard}"), load_switch("8000:a=builtin:mglru")]
    run = ScenarioRun(planned(tmp_path, text), [load_program("fifo")] * 2, switches)
    assert run.simulation.addressed
    assert run.run(lambda _: None, threading.Event()) == "finished"
    (ejection,) = run.ejections
    assert ejection.summary.startswith(f"{hoard} was ejected on memcg a before access 3,")
    assert run.notes("finished") == [
        f"memcg a got {hoard} before access 3,000",
        "memcg a got builtin:mglru before access 8,000",
    ]
    check_sums(run.simulation)


def test_a_policy_without_progress_is_ejected_and_the_run_goes_on(tmp_path: Path) -> None:
    policy = tmp_path / "hoard.rx"
    policy.write_text(
        "policy hoard;\nlist all;\nhook folio_added(f) { all.push_tail(f); }\nhook evict_folios(ctx) { }\n"
    )
    text = NODE + f"[[memcg]]\nname = 'a'\nmax = '100p'\npolicy = '{policy}'\n" + TASK + "memcg = 'a'\n"
    row = result(tmp_path, text)
    assert row.status == "ejected" and row.ejected
    assert "was ejected on memcg a" in row.message
    assert row.counters["accesses"] == 1000


def test_samples_that_are_too_many_end_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.scenario.run.MOST_SAMPLES", 20)
    row = result(tmp_path, "sample_every = '1ns'\n" + BOTH)
    assert len(row.samples) == 20
    assert row.notes[0].startswith("samples end at ") and "no more than 20 are taken" in row.notes[0]
    assert not result(tmp_path, "sample_every = '1s'\n" + BOTH).notes
    assert "scenario.toml: 1 task, 1,000 accesses" in " ".join(
        scenario_run_report(compare_scenario("fifo", write(tmp_path, BOTH))).split()
    )


# --- pressure of two tasks, by hand -----------------------------------------------------------------------

TWO_READERS = """
[[node]]
name = "dram"
memory = "2000p"
[[memcg]]
name = "m"
max = "64p"
policy = "fifo"
[[swap]]
read = "100us"
write = "1us"
[[task]]
name = "a"
memcg = "m"
trace = "loop:pages=200,accesses=400,anon=1.0,mapped=1.0"
"""


def test_one_task_alone_is_fully_stalled_when_it_is_stalled(tmp_path: Path) -> None:
    row = result(tmp_path, TWO_READERS)
    pressure = of_memcg(row, "m").pressure
    assert pressure.some == pressure.full == row.tasks[0].stalled_ns > 200 * 100_000


def test_beside_a_task_that_works_nobody_is_fully_stalled(tmp_path: Path) -> None:
    """The second task computes all the time, in the same memcg, and outlives the first."""
    busy = (
        "[[task]]\nname = 'b'\nmemcg = 'm'\ntrace = 'loop:pages=1,accesses=1K,anon=1.0,mapped=1.0'\nthink = '100us'\n"
    )
    row = result(tmp_path, TWO_READERS + busy)
    pressure = of_memcg(row, "m").pressure
    assert pressure.some == pytest.approx(of_task(row, "a").stalled_ns, rel=0.02)
    assert pressure.full <= of_task(row, "b").stalled_ns


# --- proactive reclaim and samples ------------------------------------------------------------------------


def test_proactive_reclaim_happens_at_its_times(tmp_path: Path) -> None:
    """1,000 pages are read in the first 0.1 s; then one page is used for a second, and a page is taken every 10 ms."""
    text = (
        "sample_every = '5ms'\n"
        + NODE.replace("1000p", "4000p")
        + "[[task]]\nname = 'load'\ntrace = 'loop:pages=1000,accesses=1K'\n"
        + "[[task]]\nname = 'idle'\ntrace = 'loop:pages=1,accesses=10K,mapped=1.0'\nthink = '100us'\n"
        + "[[proactive]]\namount = '32p'\nevery = '10ms'\nfrom = '200ms'\nuntil = '300ms'\n"
    )
    row = result(tmp_path, text)
    usage = {sample.time_ns: sample.memory_pages[0] for sample in row.samples}
    assert usage[195_000_000] == usage[200_000_000 - 5_000_000] == 1001
    assert usage[205_000_000] <= 1001 - 32
    assert 10 * 32 <= row.counters["pgsteal_proactive"] <= 10 * 70
    assert usage[400_000_000] == usage[900_000_000] == 1001 - row.counters["pgsteal_proactive"]
    assert row.counters["reclaims"] == 10
    assert row.proactive_ns > 0


# --- numbers and names ------------------------------------------------------------------------------------

BY_NAME = """policy by_name; list queue; param task: u64 = 99 in 0..=99; param memcg: u64 = 99 in 0..=99;
hook admit(ctx) { return if ctx.task == task || ctx.memcg == memcg { 0 } else { 1 }; }
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""
THREE = NODE + "".join(
    f"[[memcg]]\nname = '{m}'\n[[task]]\nname = '{t}'\nmemcg = '{m}'\ntrace = 'loop:pages=50,accesses=100'\n"
    for m, t in (("apps/db", "queries"), ("apps/web", "pages"), ("batch", "nightly job"))
)


@pytest.mark.parametrize(
    ("setting", "refused"),
    [
        ("task=task.pages", ["pages"]),
        ("memcg=memcg.apps/db", ["queries"]),
        ("task=task.nightly job,memcg=memcg.apps/web", ["pages", "nightly job"]),
        ("task=0", ["queries"]),
    ],
)
def test_params_may_name_tasks_and_memcgs(tmp_path: Path, setting: str, refused: list[str]) -> None:
    policy = tmp_path / "by_name.rx"
    policy.write_text(BY_NAME)
    row = result(tmp_path, THREE, f"{policy}:{setting}")
    assert row.policy == f"{policy}:{setting}"
    assert [task.task for task in row.tasks if task.hits == 0] == refused
    fixed = THREE.replace("name = 'batch'", f"name = 'batch'\npolicy = 'by_name.rx:{setting}'")
    assert of_task(result(tmp_path, fixed), "nightly job").hits == (0 if "nightly job" in refused else 50)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("task=task.page", "there is no task `page`; did you mean `pages`?"),
        ("memcg=memcg.db", "there is no memcg `db`"),
        ("task=pages", "`pages` is not a whole number"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, setting: str, message: str) -> None:
    policy = tmp_path / "by_name.rx"
    policy.write_text(BY_NAME)
    with pytest.raises(ProgramError, match=re.escape(message)):
        result(tmp_path, THREE, f"{policy}:{setting}")
    fixed = THREE.replace("name = 'batch'", f"name = 'batch'\npolicy = 'by_name.rx:{setting}'")
    with pytest.raises(ScenarioError, match=re.escape(message)):
        result(tmp_path, fixed)


def test_a_switch_may_name_them_too(tmp_path: Path) -> None:
    policy = tmp_path / "by_name.rx"
    policy.write_text(BY_NAME)
    to = "0:apps/web={}:task=task.{}"
    row = result(tmp_path, THREE, "fifo", switch=(to.format(policy, "pages"),))
    assert [task.task for task in row.tasks if task.hits == 0] == ["pages"]
    assert f"got {policy}:task=task.pages" in row.message
    with pytest.raises(ProgramError, match="there is no task `none`"):
        result(tmp_path, THREE, "fifo", switch=(to.format(policy, "none"),))


def test_indexes_of_many_memcgs_are_counted_before_memory_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A heap of each memcg has a place for every page of the machine: 20 bytes here, of a bag 4."""
    monkeypatch.setattr(runtime.scenario.comparison, "available_memory", lambda: 200 << 20)
    large = THREE.replace(NODE, "[[node]]\nname = 'n'\nmemory = '8GiB'\n")
    assert result(tmp_path, large, "fifo").status == "finished"
    with pytest.raises(HostMemoryError, match=r"would take 0\.3 GiB"):
        result(tmp_path, large, "lfu")


def test_latencies_of_tasks_add_up_to_those_of_their_memcg(tmp_path: Path) -> None:
    row = result(tmp_path, THREE.replace("memcg = 'batch'", "memcg = 'apps/web'"))
    web, tasks = of_memcg(row, "apps/web"), [of_task(row, name) for name in ("pages", "nightly job")]
    assert web.latencies.accesses == sum(task.latencies.accesses for task in tasks) == 200
    assert web.latencies.max == max(task.latencies.max for task in tasks) > 50_000
    assert all(task.latencies.accesses == task.accesses for task in row.tasks)


# --- the examples -----------------------------------------------------------------------------------------


def example(name: str, policy: str = "builtin:lru") -> ScenarioRow:
    return compare_scenario(policy, str(DOCS / "scenarios" / f"{name}.toml")).rows[0]


OF_CLAIMS = {"file_search", "zipf_reads", "get_scan", "tenants", "compaction"}
"""Those that tests/benchmarks/test_benchmark_claims.py runs, smaller."""


def test_every_example_is_tested_and_documented() -> None:
    names = {path.stem for path in (DOCS / "scenarios").glob("*.toml")}
    assert names == {"two_tenants", "tiers", "proactive", "oom", "high"} | OF_CLAIMS
    text = (DOCS / "scenarios.md").read_text(encoding="utf-8")
    assert all(f"docs/scenarios/{name}.toml" in text for name in names)


@pytest.mark.parametrize("policy", ["builtin:lru", "builtin:mglru"])
def test_low_protects_the_database_from_the_job(tmp_path: Path, policy: str) -> None:
    row = example("two_tenants", policy)
    text = (DOCS / "scenarios/two_tenants.toml").read_text()
    bare = result(tmp_path, text.replace('low = "1500p"\n', ""), policy)
    db, batch = of_memcg(row, "tenants/db"), of_memcg(row, "tenants/batch")
    assert db.memory_pages >= 1500 - core.SWAP_CLUSTER_MAX and db.counters["low_events"] == 0
    assert of_task(row, "db").hits > of_task(bare, "db").hits
    assert batch.counters["evictions"] > 50_000


@pytest.mark.parametrize("policy", ["builtin:lru", "builtin:mglru"])
def test_tiers_hold_more_than_fast_memory_and_need_no_swap(policy: str) -> None:
    row = example("tiers", policy)
    assert row.counters["pgdemote_kswapd"] > 2000
    assert row.counters["pswpout"] == row.counters["evictions"] == 0
    assert row.nodes[1].used_pages > 2000 and sum(node.used_pages for node in row.nodes) == row.counters["misses"]


@pytest.mark.parametrize("policy", ["builtin:lru", "builtin:mglru"])
def test_proactive_reclaim_takes_what_is_cold(policy: str) -> None:
    row = example("proactive", policy)
    assert 3800 < row.counters["pgsteal_proactive"] < 7000
    assert row.memcgs[0].memory_pages < 2200
    assert row.counters["misses"] - 5500 < 0.03 * 150_000, "what is in use stays"
    assert max(sample.memory_pages[0] for sample in row.samples) > 4000


def test_what_turns_hot_on_the_slow_node_comes_up() -> None:
    plain, tiered = example("tiers", "clock"), example("tiers", "tiering")
    assert plain.counters["pgpromote_success"] == 0 < tiered.counters["pgpromote_success"]
    assert tiered.counters["evictions"] == 0
    assert tiered.time_ns < 0.97 * plain.time_ns


def test_a_policy_can_do_the_daemon_s_work(tmp_path: Path) -> None:
    text = (DOCS / "scenarios/proactive.toml").read_text()
    alone = text[: text.index("# 100 pages every")].replace("sample_every", 'tick = "5ms"\nsample_every')
    row = result(tmp_path, alone, "cold_reclaim:cold_ms=60")
    assert row.counters["pgsteal_proactive"] > 3800
    assert row.memcgs[0].memory_pages < 2200
    assert row.counters["misses"] - 5500 < 0.05 * 150_000


def test_the_leaking_job_is_killed_and_the_other_goes_on() -> None:
    row = example("oom")
    assert row.status == "finished"
    assert (of_task(row, "leaky").status, of_task(row, "steady").status) == ("killed", "finished")
    assert of_task(row, "steady").accesses == 60_000 > of_task(row, "leaky").accesses
    assert of_memcg(row, "jobs/leaky").memory_pages == 0 and of_memcg(row, "jobs/leaky").oom_killed
    assert row.counters["oom_kill"] == row.counters["oom"] == 1


def test_high_slows_down_what_cannot_be_reclaimed() -> None:
    row = example("high")
    hoarder, reader = of_memcg(row, "hoarder"), of_memcg(row, "reader")
    assert hoarder.memory_pages == 2400 and reader.memory_pages <= 2000
    assert hoarder.throttled_ns > 5 * 10**9 and reader.throttled_ns == 0
    assert hoarder.counters["high_events"] > 0 and reader.counters["high_events"] > 100
    assert hoarder.latencies.max > 10**9
    assert row.counters["oom_kill"] == row.counters["max_events"] == 0


@pytest.mark.parametrize("name", ["two_tenants", "tiers", "proactive", "oom", "high"])
@pytest.mark.parametrize("kernels", ["lru", "mglru"])
def test_the_kernels_algorithms_in_the_language_do_the_same(name: str, kernels: str) -> None:
    """Every counter of every memcg, and every nanosecond."""
    rows = compare_scenario([f"builtin:{kernels}", kernels], str(DOCS / "scenarios" / f"{name}.toml")).rows
    builtin, written = rows
    assert (builtin.time_ns, builtin.tasks, builtin.nodes) == (written.time_ns, written.tasks, written.nodes)
    for one, other in zip(builtin.memcgs, written.memcgs, strict=True):
        unlike = {"policy": one.policy, "metadata_bytes_per_folio": one.metadata_bytes_per_folio}
        assert replace(other, **unlike) == one
