"""Belady's MIN: the misses of the policy that knows the future (IBM Systems Journal 5(2), 1966).

`find_next_uses` finds, for every access, the number of the next access to its page; `count_misses` replays with a heap
of the resident pages, farthest next use on top. A resident page that is used has the smallest key of all, for its
key is the present: it only moves up. Pages that are not used again have the key `n`; which of them goes makes no
difference to the count. Rows of `farthest` are heap nodes from 1: (key, page); `place` is a page's node, 0 if absent.
"""

from __future__ import annotations

from runtime.core.context import Context

KEY = 0
PAGE = 1


def find_next_uses(ctx: Context, n: int) -> int:
    """Fill `next_use[0..n)` from `trace_page`; `last_seen` holds `n` for every page at the start."""
    i = n
    while i > 0:
        i -= 1
        page = ctx.trace_page[i]
        ctx.next_use[i] = ctx.last_seen[page]
        ctx.last_seen[page] = i
    return 0


def count_misses(ctx: Context, first: int, last: int, resident: int, capacity: int) -> int:
    """Replay the accesses [`first`, `last`) with `resident` pages in the heap; the misses among them. The number of
    resident pages afterwards is the smaller of `capacity` and `resident` plus the misses."""
    misses = 0
    for i in range(first, last):
        page = ctx.trace_page[i]
        key = ctx.next_use[i]
        node = ctx.place[page]
        if node == 0:
            misses += 1
            if resident == capacity:
                ctx.place[ctx.farthest[1, PAGE]] = 0
                node = hole_to_leaf(ctx, resident)
            else:
                resident += 1
                node = resident
        move_up(ctx, node, key, page)
    return misses


def move_up(ctx: Context, node: int, key: int, page: int) -> None:
    """Put a page at a node, or above it, where its key belongs."""
    while node > 1:
        parent = node >> 1
        above = ctx.farthest[parent, KEY]
        if above >= key:
            break
        moved = ctx.farthest[parent, PAGE]
        ctx.farthest[node, KEY] = above
        ctx.farthest[node, PAGE] = moved
        ctx.place[moved] = node
        node = parent
    ctx.farthest[node, KEY] = key
    ctx.farthest[node, PAGE] = page
    ctx.place[page] = node


def hole_to_leaf(ctx: Context, size: int) -> int:
    """The top was taken: move the larger child up, level by level; the leaf that is free at last."""
    node = 1
    while node * 2 <= size:
        child = node * 2
        if child < size and ctx.farthest[child + 1, KEY] > ctx.farthest[child, KEY]:
            child += 1
        moved = ctx.farthest[child, PAGE]
        ctx.farthest[node, KEY] = ctx.farthest[child, KEY]
        ctx.farthest[node, PAGE] = moved
        ctx.place[moved] = node
        node = child
    return node
