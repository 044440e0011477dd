"""Swap: slots on devices, and what memcgs may take of them (mm/swapfile.c, mm/swap_state.c).

Slots are counted, not numbered. Devices are filled in the order of their priority. A synchronous device (zram) keeps
no copy of what was read back: the slot is free again and the folio dirty. Of any other the copy stays good until the
folio is written to again or swap is more than half full, and such a folio is dropped without being written.
Guaranteed: a slot that is taken is charged to one memcg and given back once.
"""

from __future__ import annotations

from runtime.core.clock import device_request, spend
from runtime.core.context import Context
from runtime.core.layout import (
    COST_IO,
    DEVICE_PAGES,
    DEVICE_READ_NS,
    DEVICE_READS,
    DEVICE_SYNCHRONOUS,
    DEVICE_USED,
    DEVICE_WRITE_NS,
    DEVICE_WRITES,
    F_SWAPCACHE,
    FLAGS,
    MAX_PLAN,
    NR_SWAP_DEVICES,
    PARENT,
    SHADOW_DEVICE_MASK,
    SHADOW_DEVICE_SHIFT,
    SWAP_DEVICE_SHIFT,
    SWAP_MAX,
    SWAP_OF_OWN,
    SWAP_USAGE,
)


def swap_left(ctx: Context, memcg: int) -> int:
    """`mem_cgroup_get_nr_swap_pages`: slots that are free and that the memcg and those above it may take."""
    left = 0
    for device in range(1, ctx.state[NR_SWAP_DEVICES] + 1):
        left += ctx.devices[device, DEVICE_PAGES] - ctx.devices[device, DEVICE_USED]
    if not ctx.SINGLE:
        at = memcg
        while at >= 0:
            may = ctx.memcgs[at, SWAP_MAX] - ctx.memcgs[at, SWAP_USAGE]
            left = may if may < left else left
            at = ctx.memcgs[at, PARENT]
    if left < 0:
        return 0
    return left if left < MAX_PLAN else MAX_PLAN


def swap_charge(ctx: Context, memcg: int, device: int, n: int) -> None:
    """Charge slots of a device to a memcg and all above it, or take them back."""
    if ctx.SINGLE:
        return
    ctx.memcgs[memcg, SWAP_OF_OWN + device - 1] += n
    at = memcg
    while at >= 0:
        ctx.memcgs[at, SWAP_USAGE] += n
        at = ctx.memcgs[at, PARENT]


def folio_alloc_swap(ctx: Context, memcg: int) -> int:
    """Take a slot; the number of its device, 0 if there is none to have."""
    if swap_left(ctx, memcg) == 0:
        return 0
    for device in range(1, ctx.state[NR_SWAP_DEVICES] + 1):
        if ctx.devices[device, DEVICE_USED] < ctx.devices[device, DEVICE_PAGES]:
            ctx.devices[device, DEVICE_USED] += 1
            swap_charge(ctx, memcg, device, 1)
            return device
    return 0


def swap_free(ctx: Context, memcg: int, device: int) -> None:
    """Give a slot back."""
    ctx.devices[device, DEVICE_USED] -= 1
    swap_charge(ctx, memcg, device, -1)


def vm_swap_full(ctx: Context) -> bool:
    """`vm_swap_full`: more than half of all slots are taken."""
    used = 0
    pages = 0
    for device in range(1, ctx.state[NR_SWAP_DEVICES] + 1):
        used += ctx.devices[device, DEVICE_USED]
        pages += ctx.devices[device, DEVICE_PAGES]
    return used * 2 > pages


def shadow_device(ctx: Context, left: int) -> int:
    """The swap device in what is left of a page."""
    return left >> SHADOW_DEVICE_SHIFT & SHADOW_DEVICE_MASK


def swapcache_flags(ctx: Context, device: int) -> int:
    return F_SWAPCACHE | device << SWAP_DEVICE_SHIFT


def swapcache_device(ctx: Context, f: int) -> int:
    """The device of a folio in the swap cache."""
    return ctx.folios[f, FLAGS] >> SWAP_DEVICE_SHIFT & SHADOW_DEVICE_MASK


def delete_from_swap_cache(ctx: Context, memcg: int, f: int) -> None:
    """The copy of a folio on swap is given up."""
    if ctx.folios[f, FLAGS] & F_SWAPCACHE == 0:
        return
    swap_free(ctx, memcg, swapcache_device(ctx, f))
    ctx.folios[f, FLAGS] &= ~(F_SWAPCACHE | SHADOW_DEVICE_MASK << SWAP_DEVICE_SHIFT)


# --- input and output -------------------------------------------------------------------------------------


def device_read(ctx: Context, device: int) -> int:
    """Read a page; when it will be there. A synchronous device has no request to submit and no interrupt."""
    ctx.devices[device, DEVICE_READS] += 1
    if not is_synchronous(ctx, device):
        spend(ctx, COST_IO, 1)
    return device_request(ctx, device, ctx.devices[device, DEVICE_READ_NS])


def device_write(ctx: Context, device: int) -> int:
    """Write a page; when that will be done."""
    ctx.devices[device, DEVICE_WRITES] += 1
    return device_request(ctx, device, ctx.devices[device, DEVICE_WRITE_NS])


def is_synchronous(ctx: Context, device: int) -> bool:
    return ctx.devices[device, DEVICE_SYNCHRONOUS] != 0
