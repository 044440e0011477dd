"""The base of the nodes of the syntax tree and the typed tree.

Nodes are declared as dataclasses are, by annotations, are frozen, built by position and compared by identity. Defining
a real dataclass takes a millisecond; at a hundred classes that would be a third of what checking a policy may cost.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, dataclass_transform


@dataclass_transform(frozen_default=True, eq_default=False)
class Record:
    """A frozen object whose fields are its annotations, those of its bases first."""

    _names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._names += tuple(inspect.get_annotations(cls))

    def __init__(self, *values: Any) -> None:
        names = self._names
        if len(values) != len(names):
            raise TypeError(f"{type(self).__name__} has {len(names)} fields, {len(values)} given")
        self.__dict__.update(zip(names, values, strict=True))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._names if name != "span")
        return f"{type(self).__name__}({fields})"
