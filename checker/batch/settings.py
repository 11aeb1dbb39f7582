"""How to grade: what a teacher may choose."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from checker.grading.score import Scale
from checker.kernel.options import Limits
from checker.sandbox.levels import Sandbox, choose


@dataclass(frozen=True)
class Settings:
    """How to grade. Without a seed each submission gets one of its own, which its result states.

    `sandbox` is `auto` (the best level that this machine offers), `off`, `require` or `require=LEVEL`;
    `resolved_sandbox` is what that is here, where it is known: finding out takes a third of a second. `launcher` is
    `auto`, `fork` or `spawn`.
    """

    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    workers: int = 1
    scale: Scale = field(default_factory=Scale)
    sandbox: str = "auto"
    resolved_sandbox: Sandbox | None = None
    launcher: str = "auto"

    def resolve_sandbox(self) -> Sandbox:
        """The level of the sandbox. Raises `SandboxUnavailableError`."""
        return self.resolved_sandbox or choose(self.sandbox)

    def stated(self) -> dict[str, Any]:
        """The settings that a result depends on, as it states them; its seed stands beside them.

        >>> Settings(sandbox="off").stated()["sandbox"], Settings().stated()["cell"]
        ('off', 20.0)
        """
        scale = {"weights": self.scale.weights, "partial_credit": self.scale.partial_credit}
        return {**dataclasses.asdict(self.limits), **scale, "sandbox": self.sandbox}
