"""How to grade: what a teacher may choose."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from checker.grading.score import Scale
from checker.kernel.options import Limits
from checker.sandbox.levels import Sandbox, choose


@dataclass(frozen=True)
class Settings:
    """How to grade. Without a seed each submission gets one of its own, which its result states.

    `sandbox` is `auto` (the best level that this machine offers), `off`, `require` or `require=LEVEL`; `chosen` is
    what has come of that, where it is known: finding out takes a third of a second. `launcher` is `auto`, `fork` or
    `spawn`.
    """

    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    workers: int = 1
    scale: Scale = field(default_factory=Scale)
    sandbox: str = "auto"
    chosen: Sandbox | None = None
    launcher: str = "auto"

    def choice(self) -> Sandbox:
        """The level of the sandbox. Raises `SandboxUnavailableError`."""
        return self.chosen or choose(self.sandbox)

    def stated(self) -> dict[str, Any]:
        """What a result says of its settings: all that it depends on, but the seed, which stands beside it.

        >>> Settings(sandbox="off").stated()["sandbox"], Settings().stated()["cell"]
        ('off', 20.0)
        """
        scale = {"weights": self.scale.weights, "partial_credit": self.scale.partial_credit}
        return {**dataclasses.asdict(self.limits), **scale, "sandbox": self.sandbox}
