"""Hooks: what users want called around each layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Hook = Callable[[int], object]
"""Takes the number of a layer."""


@dataclass
class Hooks:
    """What is called before and after each layer in one direction. Where there is any, layers run one by one."""

    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.before or self.after)

    @contextmanager
    def around(self, layer: int) -> Iterator[None]:
        """Call the hooks before and after what happens inside."""
        for hook in self.before:
            hook(layer)
        yield
        for hook in self.after:
            hook(layer)
