"""Programs as students write them: a random style, with the mistakes that are asked for.

This is a second description of the mistakes, in source code and independent of the checker's own, which is data.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

# What can be done wrong, by the part of the program it is in: only one of each part can be.
MISTAKES: dict[str, tuple[str, ...]] = {
    "bias": ("query-bias-missing", "value-bias-missing"),
    "parameters": ("head-parameters-reused", "parameters-mixed-up"),
    "scores": ("query-key-swapped", "attention-over-features"),
    "scale": (
        "scale-missing",
        "scale-by-dq",
        "scale-by-sqrt-d",
        "scale-by-d",
        "scale-by-sqrt-n",
        "scale-inverted",
        "scale-after-softmax",
        "scale-hard-coded",
    ),
    "softmax": ("softmax-over-rows", "softmax-over-all", "softmax-missing"),
    "weighting": ("attention-transposed",),
    "join": ("heads-swapped", "heads-interleaved", "heads-added"),
    "output": ("output-projection-missing", "output-projection-transposed"),
    "residual": ("residual-added",),
    "result": ("output-transposed",),
}


@dataclass
class Writer:
    """Writes one program: `rows` keeps inputs in rows inside, as many students do."""

    mistakes: frozenset[str]
    pick: random.Random
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = self.pick.random() < 0.25
        self.product = self.pick.choice(["{} @ {}", "np.matmul({}, {})", "np.dot({}, {})"])

    def has(self, mistake: str) -> bool:
        return mistake in self.mistakes

    def mul(self, a: str, b: str) -> str:
        if self.product[0] == "{":
            return f"({self.product.format(a, b)})"
        return self.product.format(a, b)

    def turn(self, a: str) -> str:
        return self.pick.choice([f"{a}.T", f"np.transpose({a})", f"{a}.transpose()"])

    def body(self) -> str:
        """The body of the function."""
        if self.rows:
            self.lines.append(f"x = {self.turn('X')}")
        style = self.pick.choice(["written out", "loop", "helper"])
        if style == "written out":
            heads = [self.head("1"), self.head("2")]
        elif style == "helper":
            heads = self.helper()
        else:
            heads = self.loop()
        self.finish(*heads)
        return "".join(f"  {line}\n" for line in self.lines)

    def parameters(self, role: str, head: str) -> tuple[str, str]:
        if self.has("head-parameters-reused"):
            head = "1"
        if self.has("parameters-mixed-up"):
            role = {"q": "q", "k": "v", "v": "k"}[role]
        return f"omega_{role}{head}", f"beta_{role}{head}"

    def project(self, role: str, omega: str, beta: str) -> str:
        missing = {"q": "query-bias-missing", "v": "value-bias-missing"}.get(role)
        linear = self.mul("x", self.turn(omega)) if self.rows else self.mul(omega, "X")
        if missing and self.has(missing):
            return linear
        bias = self.turn(beta) if self.rows else beta
        if not self.rows and self.pick.random() < 0.2:
            bias = self.mul(beta, "np.ones((1, X.shape[1]))")
        return f"{linear} + {bias}" if self.pick.random() < 0.5 else f"{bias} + {linear}"

    def softmax(self, scores: str, keys: int) -> str:
        """The weights from an expression for the scores, whose keys run along axis `keys`."""
        if self.has("softmax-missing"):
            return scores
        if self.has("softmax-over-all"):
            return f"np.exp({scores}) / np.sum(np.exp({scores}))"
        axis = 1 - keys if self.has("softmax-over-rows") else keys
        options = [
            f"np.exp({scores}) / np.exp({scores}).sum(axis={axis}, keepdims=True)",
            f"own_softmax({scores}, {axis})",
        ]
        if axis == 0:
            options.append(f"softmax_cols({scores})")
        else:
            options.append(f"softmax_cols(({scores}).T).T")
        return self.pick.choice(options)

    def divisor(self, q: str) -> str:
        size = f"{q}.shape[{1 if self.rows else 0}]"
        wrong = {
            "scale-missing": "1",
            "scale-after-softmax": "1",
            "scale-by-dq": size,
            "scale-by-sqrt-d": "np.sqrt(X.shape[0])",
            "scale-by-d": "X.shape[0]",
            "scale-by-sqrt-n": "np.sqrt(X.shape[1])",
            "scale-inverted": f"(1 / np.sqrt({size}))",
            "scale-hard-coded": "2",
        }
        for mistake, divisor in wrong.items():
            if self.has(mistake):
                return divisor
        return self.pick.choice([f"np.sqrt({size})", f"{size} ** 0.5", "np.sqrt(H_D)", "np.sqrt(X.shape[0] / 2)"])

    def attend(self, q: str, k: str, v: str, out: str, to: list[str]) -> None:
        """Lines that compute the output of a head, in the layout of the program."""
        if self.has("attention-over-features"):
            scores = self.mul(self.turn(q), k) if self.rows else self.mul(q, self.turn(k))
            # Of features there are no queries and keys to run over; rows and columns of Q K^T as they are.
            keys = 0
        elif self.rows:
            first, second = (k, q) if self.has("query-key-swapped") else (q, k)
            scores, keys = self.mul(first, self.turn(second)), 1
        else:
            first, second = (q, k) if self.has("query-key-swapped") else (k, q)
            scores, keys = self.mul(self.turn(first), second), 0
        to.append(f"s{out} = {scores}")
        divisor = self.divisor(q)
        scaled = f"s{out}" if divisor == "1" else f"(s{out} / {divisor})"
        if divisor != "1" and self.pick.random() < 0.5:
            to.append(f"s{out} = s{out} / {divisor}" if self.pick.random() < 0.5 else f"s{out} /= {divisor}")
            scaled = f"s{out}"
        to.append(f"a{out} = {self.softmax(scaled, keys)}")
        weights = f"a{out}"
        if self.has("scale-after-softmax"):
            to.append(f"a{out} = a{out} / np.sqrt(H_D)")
        if self.has("attention-transposed"):
            weights = self.turn(weights)
        if self.has("attention-over-features"):
            value = self.mul(v, self.turn(weights)) if self.rows else self.mul(weights, v)
        else:
            value = self.mul(weights, v) if self.rows else self.mul(v, weights)
        to.append(f"o{out} = {value}")

    def head(self, number: str) -> str:
        for role in "qkv":
            self.lines.append(f"{role}{number} = {self.project(role, *self.parameters(role, number))}")
        self.attend(f"q{number}", f"k{number}", f"v{number}", number, self.lines)
        return f"o{number}"

    def helper(self) -> list[str]:
        inner: list[str] = [f"{role} = {self.project(role, f'w{role}', f'b{role}')}" for role in "qkv"]
        self.attend("q", "k", "v", "", inner)
        self.lines.append("def one_head(wq, bq, wk, bk, wv, bv):")
        self.lines += [f"  {line}" for line in (*inner, "return o")]
        for number in "12":
            passed = [name for role in "qkv" for name in self.parameters(role, number)]
            self.lines.append(f"o{number} = one_head({', '.join(passed)})")
        return ["o1", "o2"]

    def loop(self) -> list[str]:
        every = ["(" + ", ".join(name for r in "qkv" for name in self.parameters(r, n)) + ")" for n in "12"]
        self.lines += ["outputs = []", f"for (wq, bq, wk, bk, wv, bv) in [{', '.join(every)}]:"]
        inner: list[str] = [f"{role} = {self.project(role, f'w{role}', f'b{role}')}" for role in "qkv"]
        self.attend("q", "k", "v", "", inner)
        self.lines += [f"  {line}" for line in (*inner, "outputs.append(o)")]
        return ["outputs[0]", "outputs[1]"]

    def finish(self, one: str, two: str) -> None:
        if self.has("heads-swapped"):
            one, two = two, one
        axis = 1 if self.rows else 0
        if self.has("heads-added"):
            one = two = f"({one} + {two})"
        joined = self.pick.choice(
            [
                f"np.concatenate(({one}, {two}), axis={axis})",
                f"np.{'hstack' if self.rows else 'vstack'}(({one}, {two}))",
            ]
        )
        if not self.rows and self.pick.random() < 0.3:
            joined = self.pick.choice([f"np.array([*{one}, *{two}])", f"np.r_[{one}, {two}]"])
        if self.has("heads-interleaved"):
            stacked = f"np.stack(({one}, {two}), axis={2 if self.rows else 1})"
            joined = f"{stacked}.reshape({'X.shape[1], -1' if self.rows else '-1, X.shape[1]'})"
        self.lines.append(f"h = {joined}")
        omega = "omega_c.T" if self.rows != self.has("output-projection-transposed") else "omega_c"
        result = (
            "h"
            if self.has("output-projection-missing")
            else self.mul("h", omega)
            if self.rows
            else self.mul(omega, "h")
        )
        turns = self.rows != self.has("output-transposed")
        if self.has("residual-added"):
            result = f"({result} + {'x' if self.rows else 'X'})"
        self.lines.append(f"return {f'({result}).T' if turns else result}")


def program(mistakes: frozenset[str], seed: int) -> str:
    """The body of the function with just these mistakes, in a style drawn from the seed."""
    return Writer(mistakes, random.Random(seed)).body()


def parts_of(mistakes: frozenset[str]) -> list[str]:
    return [part for part, ids in MISTAKES.items() if mistakes & set(ids)]


def all_sets(size: int) -> list[frozenset[str]]:
    """Every set of so many mistakes that can be made together."""
    from itertools import combinations, product

    return [
        frozenset(ids) for parts in combinations(MISTAKES, size) for ids in product(*(MISTAKES[part] for part in parts))
    ]
