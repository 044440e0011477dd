"""The codes of all rejections: stable slugs, declared once, never used again for something else.

Each has a page in `dsl/explanations/` (`rext explain CODE`) whose examples are tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).with_name("explanations")


@dataclass(frozen=True, slots=True)
class Code:
    """`stage` is what finds it: `syntax`, `names`, `types`, `lowering`, `verifier`, or `object` for
    what no source can have."""

    code: str
    stage: str
    summary: str


_FRONT_END = (
    Code("syntax-error", "syntax", "the text does not follow the grammar"),
    Code("nesting-too-deep", "syntax", "blocks, parentheses, operators or calls nest too deeply"),
    Code("chained-comparison", "syntax", "comparisons cannot be chained"),
    Code("policy-too-large", "lowering", "the policy has too many tokens, items or instructions"),
    Code("policy-line", "names", "a policy begins with one line `policy NAME;`"),
    Code("unknown-name", "names", "no such name here"),
    Code("unknown-type", "names", "no such type, or not one allowed here"),
    Code("unknown-hook", "names", "no such hook"),
    Code("unknown-member", "names", "the value has no such member"),
    Code("duplicate-name", "names", "the name is already declared"),
    Code("reserved-name", "names", "the name has a meaning of its own"),
    Code("recursive-function", "names", "functions are inlined and may not call themselves"),
    Code("not-constant", "names", "the value must be known when the policy is compiled or attached"),
    Code("value-out-of-range", "names", "a number does not fit its type or its range"),
    Code("limit-exceeded", "names", "a table of the policy is larger than allowed"),
    Code("hook-parameters", "names", "the parameters of a hook are fixed"),
    Code("type-mismatch", "types", "a value has another type than is needed here"),
    Code("mixed-signedness", "types", "signed and unsigned values mix only through a cast"),
    Code("not-a-value", "types", "the name does not stand for a value here"),
    Code("wrong-arguments", "types", "a call has the wrong number of arguments"),
    Code("call-form", "types", "a property is read without parentheses, a function called with them"),
    Code("not-assignable", "types", "this cannot be assigned to"),
    Code("unused-value", "types", "a statement computes a value and drops it"),
    Code("missing-return", "types", "a function with a result must return one on every path"),
    Code("misplaced-break", "types", "`break` and `continue` belong into a loop"),
)

_VERIFIER = (
    Code("uninitialised-local", "verifier", "a variable may be used before it is assigned"),
    Code("folio-maybe-null", "verifier", "a folio that may be null is used without a test"),
    Code("map-value-maybe-null", "verifier", "the result of a look-up is used without a test for null"),
    Code("stale-map-value", "verifier", "a map was changed since the reference into it was taken"),
    Code("index-out-of-bounds", "verifier", "an index may be beyond the end of its array"),
    Code("narrowing-store", "verifier", "a value may not fit where it is stored"),
    Code("argument-out-of-range", "verifier", "an argument may be outside what the callee takes"),
    Code("return-out-of-range", "verifier", "a hook may return what the core does not take"),
    Code("folio-leak", "verifier", "a folio that the hook owns is lost"),
    Code("folio-moved", "verifier", "a folio is used after it was given away"),
    Code("folio-not-owned", "verifier", "a folio that the hook does not own is given away"),
    Code("ownership-mismatch", "verifier", "paths meet that disagree about who owns a folio"),
    Code("ownership-in-loop", "verifier", "the ownership of a folio changes from round to round"),
    Code("too-many-steps", "verifier", "a hook may take more steps than allowed"),
    Code("scan-nested", "verifier", "a scan inside a scan"),
    Code("kfunc-not-allowed-here", "verifier", "the hook does not have what is called"),
    Code("malformed-object", "object", "a policy object that no source compiles to"),
)

CODES: dict[str, Code] = {code.code: code for code in (*_FRONT_END, *_VERIFIER)}


def page(code: str) -> str:
    """The page that explains `code`, as Markdown."""
    return (PAGES / f"{CODES[code].code}.md").read_text(encoding="utf-8")
