"""The form of a policy's tables.

In: an untrusted policy. Out: faults. What passes has valid and distinct names, types that exist, values in the range
of their types, numbers that name entries of other tables, and sizes within the limits of the `abi`, so that later
stages index and multiply without asking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dsl import abi, ir
from dsl.source import NOWHERE, Span
from dsl.types import SCALARS, U64, Type
from verifier.malformed import Faults

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SIZE_OPERATORS = ("+", "-", "*", "/", "%", "min", "max")
_MAX_SIZE_TOKENS = 1000
_LIST_KINDS = ("list", "bag", "heap")
_MAP_KINDS = ("hash", "lru_hash", "array")
_TYPES = frozenset(SCALARS.values())
_IDENTITIES = frozenset(map(id, SCALARS.values()))
"""The types of nearly all operands are these very objects."""

Entry = ir.Param | ir.State | ir.ListDecl | ir.Cursor | ir.Map | ir.Field


def is_scalar(type: object) -> bool:
    """Whether it is one of the scalar types: an object may hold types of its own making."""
    return id(type) in _IDENTITIES or (isinstance(type, Type) and type in _TYPES)


def in_range(value: object, low: int, high: int) -> bool:
    """Whether it is an integer, and no bool, in the range."""
    return value.__class__ is int and isinstance(value, int) and low <= value <= high


def check_tables(policy: ir.Policy, faults: Faults) -> None:
    """All tables of `policy` but its hooks."""
    _names([policy.params, policy.states, policy.lists, policy.cursors, policy.maps], faults)
    _names([policy.fields], faults)
    demand = faults.demand
    demand(_is_name(policy.name), NOWHERE, "the policy's name is not an identifier")
    demand(policy.abi_hash == abi.ABI_HASH, NOWHERE, "the policy was built for another abi")
    for param in policy.params:
        _param(param, faults)
    for state in policy.states:
        _state(state, faults)
    for declared in policy.lists:
        _list(declared, faults)
    for cursor in policy.cursors:
        known = in_range(cursor.list, 0, len(policy.lists) - 1) and policy.lists[cursor.list].kind != "heap"
        if demand(known, cursor.span, f"cursor `{cursor.name}` is on no list"):
            last = policy.lists[cursor.list].length - 1
            demand(in_range(cursor.index, 0, last), cursor.span, f"cursor `{cursor.name}` is on no list of the array")
    _fields(policy.fields, abi.MAX_FIELD_BYTES, "folio", faults)
    for declared_map in policy.maps:
        _map(declared_map, policy, faults)
    _limits(policy, faults)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _IDENTIFIER.match(name) is not None


def _names(tables: Sequence[Sequence[Entry]], faults: Faults) -> None:
    seen: set[str] = set()
    for entry in (entry for table in tables for entry in table):
        if faults.demand(_is_name(entry.name), entry.span, f"{entry.name!r:.60} is not an identifier"):
            faults.demand(entry.name not in seen, entry.span, f"`{entry.name}` is declared twice")
            seen.add(entry.name)


def _param(param: ir.Param, faults: Faults) -> None:
    name, type = param.name, param.type
    if not faults.demand(is_scalar(type) and type.name != "page_key", param.span, f"param `{name}` has no fit type"):
        return
    ordered = in_range(param.low, type.minimum, type.maximum) and in_range(param.high, param.low, type.maximum)
    if faults.demand(ordered, param.span, f"the range of param `{name}` is not one of `{type}`"):
        fits = in_range(param.default, param.low, param.high)
        faults.demand(fits, param.span, f"the default of param `{name}` is outside its range")


def _state(state: ir.State, faults: Faults) -> None:
    _length(state.length, state.is_array, state.span, abi.MAX_STATE_WORDS, faults)
    if faults.demand(is_scalar(state.type), state.span, f"state `{state.name}` has no scalar type"):
        fits = in_range(state.initial, state.type.minimum, state.type.maximum)
        faults.demand(fits, state.span, f"the initial value of `{state.name}` does not fit `{state.type}`")


def _list(declared: ir.ListDecl, faults: Faults) -> None:
    """Bags and heaps are no arrays: calls name them by number."""
    _length(declared.length, declared.is_array, declared.span, abi.MAX_LISTS, faults)
    known = declared.kind in _LIST_KINDS
    if faults.demand(known, declared.span, f"list `{declared.name}` is of no known kind") and declared.kind != "list":
        faults.demand(declared.is_array is False, declared.span, f"{declared.kind} `{declared.name}` is an array")


def _length(length: int, is_array: bool, span: Span, most: int, faults: Faults) -> None:
    if is_array is True:
        faults.demand(in_range(length, 1, most), span, f"the length is not in [1, {most}]")
    else:
        faults.demand(in_range(length, 1, 1) and is_array is False, span, "a single one has length 1")


def _fields(fields: Sequence[ir.Field], most: int, what: str, faults: Faults) -> None:
    size = 0
    for field in fields:
        if faults.demand(is_scalar(field.type), field.span, f"field `{field.name}` has no scalar type"):
            size += field.type.storage_bytes
            if size > most:
                faults.add(field.span, f"the fields of a {what} take more than {most} bytes")
                return


def _map(declared: ir.Map, policy: ir.Policy, faults: Faults) -> None:
    name, span = declared.name, declared.span
    faults.demand(declared.kind in _MAP_KINDS, span, f"map `{name}` is of no known kind")
    if declared.kind == "array":
        fit = declared.key == U64 and len(declared.fields) > 0
        faults.demand(fit, span, f"array `{name}` has no numbered elements")
    faults.demand(is_scalar(declared.key), span, f"the key of map `{name}` is not a scalar")
    _names([declared.fields], faults)
    _fields(declared.fields, abi.MAX_VALUE_BYTES, "map value", faults)
    well_formed = _size_is_well_formed(declared.capacity, len(policy.params))
    faults.demand(well_formed, span, f"the size of map `{name}` is not an expression")


def _size_is_well_formed(size: ir.Size, params: int) -> bool:
    """Postfix that never takes from an empty stack and leaves one number."""
    if len(size) > _MAX_SIZE_TOKENS:
        return False
    height = 0
    for token in size:
        if token in _SIZE_OPERATORS:
            height -= 1
            if height < 1:
                return False
        elif in_range(token, 0, U64.maximum) or token == "nr_pages" or _is_param(token, params):
            height += 1
        else:
            return False
    return height == 1


def _is_param(token: int | str, params: int) -> bool:
    number = token.removeprefix("param:") if isinstance(token, str) and token.startswith("param:") else ""
    return number.isascii() and number.isdigit() and len(number) < 6 and int(number) < params


def _limits(policy: ir.Policy, faults: Faults) -> None:
    """The sums over tables; each entry was checked before."""
    if faults.found:
        return
    for table, most, what in (
        (policy.params, abi.MAX_PARAMS, "params"),
        (policy.cursors, abi.MAX_CURSORS, "cursors"),
        (policy.maps, abi.MAX_MAPS, "maps"),
        ([d for d in policy.lists if d.kind != "list"], abi.MAX_INDEXES, "bags and heaps"),
    ):
        faults.demand(len(table) <= most, NOWHERE, f"more than {most} {what}")
    lists, words = sum(d.length for d in policy.lists), sum(s.length for s in policy.states)
    faults.demand(lists <= abi.MAX_LISTS, NOWHERE, f"more than {abi.MAX_LISTS} lists")
    faults.demand(words <= abi.MAX_STATE_WORDS, NOWHERE, f"more than {abi.MAX_STATE_WORDS} words of state")
