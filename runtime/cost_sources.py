"""Where the figures of the virtual clock are from.

In: nothing. Out: a `Source` for each cost and each time of a device: `docs/costs.md` shows them, and `python -m
benchmarks.costs` measures on the machine at hand what can be measured. The measured ones here are CPU time, the least
of 25 rounds, on a virtual machine of two cores of an AMD EPYC (family 25, model 17) under Linux 6.18.44, with pages of
4 KiB, while other work ran. A virtual machine translates addresses twice: faults cost it about twice what they cost the
bare machine.
"""

from __future__ import annotations

from dataclasses import dataclass

MEASURED, DOCUMENT, ESTIMATE = "measured", "document", "estimate"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure is from. `covers`: what the kernel does in that time; `kind`: measured, a document, an estimate;
    `source`: how it was measured or which document, with the figure as it stands there."""

    covers: str
    kind: str
    source: str


SOURCES: dict[str, Source] = {
    "access": Source(
        "a load or store of a resident page: what memory itself takes",
        ESTIMATE,
        "`memory_access`: a chain of loads through random pages of 64 to 128 MiB took 33 to 320 ns, depending on"
        " how much of them is in the last cache; 100 ns is what a load from memory takes",
    ),
    "syscall": Source(
        "what a read or write of a page in the page cache takes more: entering the kernel, look-up, copy",
        MEASURED,
        "`read_hit` less `access`, 1,180 - 100 ns. For comparison, XRP (Zhong et al., OSDI 2022), bare machine: 351 ns"
        " for crossing into the kernel and 199 ns for the read system call, without look-up and copy",
    ),
    "minor_fault": Source(
        "a fault without input or output: trap, allocation, clearing, charging, mapping",
        MEASURED,
        "`anon_fault`: 1,608 ns. For comparison, ddumbying.vercel.app, Linux 6.6, Core i7: 575 at least, median 1,013",
    ),
    "major_fault": Source(
        "the CPU's part of a fault that reads its page: trap, allocation, page cache, mapping",
        MEASURED,
        "`file_fault`: 3,829 ns, on a hole of a file, which needs no device",
    ),
    "scan": Source(
        "taking a folio from its list and looking at it (`isolate_lru_folios`, `scan_folios`, `shrink_active_list`)",
        MEASURED,
        "`reclaim_unmapped` less `drop`: 845 - 649 ns",
    ),
    "rmap": Source(
        "asking the mappings of a folio whether they used it (`folio_referenced`)",
        MEASURED,
        "half of `reclaim_mapped` less `reclaim_unmapped`, 1,520 - 845 ns: one walk to ask and one to unmap",
    ),
    "unmap": Source("taking a folio out of the page tables (`try_to_unmap`), flushes batched", MEASURED, "as `rmap`"),
    "rotate": Source(
        "giving back a candidate that is kept (`move_folios_to_lru`)",
        ESTIMATE,
        "half of `scan`: the folio is in the cache already",
    ),
    "pte": Source(
        "looking at one page table entry in a walk",
        MEASURED,
        "`pte`: 1.1 ns an entry, by `mincore`, which looks at the entries and at nothing else",
    ),
    "reclaim": Source(
        "beginning and ending a reclaim: draining batches, the walk over the memcgs, statistics",
        ESTIMATE,
        "no part of the kernel's interface shows it alone; about the cost of a system call",
    ),
    "free": Source(
        "removing a clean folio from the page cache, uncharging and freeing it",
        MEASURED,
        "`drop`: 649 ns a page, by `POSIX_FADV_DONTNEED`",
    ),
    "migrate": Source(
        "moving a folio to another node: unmap, copy, map",
        ESTIMATE,
        "`unmap` + `free` + `minor_fault`, which are its parts",
    ),
    "insert": Source(
        "adding a page to the page cache for a system call: allocation, charging, read-ahead's decision",
        MEASURED,
        "`read_miss` less `read_hit`, 2,421 - 1,209 ns, on a hole of a file, which needs no device",
    ),
    "io": Source(
        "the CPU's part of a request to a device: file system, block layer, driver",
        DOCUMENT,
        "XRP (Zhong et al., OSDI 2022), reading from an NVMe device: ext4 2,006 ns, bio 379 ns, driver 113 ns (our own"
        " `io` shows the virtual machine's disk instead: 16 us)",
    ),
    "young": Source(
        "clearing a young bit found in a walk, and finding the folio",
        MEASURED,
        "`young`: 163 ns an entry, by `/proc/self/clear_refs`",
    ),
    "zram.read": Source(
        "decompressing a page, in the CPU of the task",
        MEASURED,
        "`zram_read`, lzo-rle, pages that compress to 43%: 2,435 ns with a system call of about 500. For comparison,"
        " fio on zram (published by VenditatioDelendaEst): mean 2,235 ns with lzo-rle, 1,708 ns with lz4",
    ),
    "zram.write": Source(
        "compressing a page, in the CPU of whoever reclaims",
        MEASURED,
        "`zram_write`, lzo-rle, likewise: 4,947 ns with a system call",
    ),
    "nvme.read": Source(
        "a random read of 4 KiB; 16 at a time make 188,000 a second",
        DOCUMENT,
        "Samsung PM983, 1.92 TB, data sheet Rev. 1.0: typical latency 85 us (and 540,000 reads a second at a depth that"
        " this model does not have)",
    ),
    "nvme.write": Source(
        "a random write of 4 KiB",
        DOCUMENT,
        "Samsung PM983, 1.92 TB, data sheet Rev. 1.0: typical latency 50 us. 16 at a time make 320,000 a second: the"
        " device's cache; sustained it is 50,000",
    ),
    "disk.read": Source(
        "a random read: seek and half a turn, one at a time",
        DOCUMENT,
        "HGST Ultrastar 7K4000 (7,200 turns a minute), specification: average seek 8.2 ms; half a turn 4.2 ms",
    ),
    "disk.write": Source("a random write, likewise", DOCUMENT, "as `disk.read`"),
}
