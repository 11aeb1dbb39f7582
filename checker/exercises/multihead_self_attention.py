"""Notebook 12.2, *Multihead Self-Attention*: all that the checker knows about it.

Conventions of the book (Prince, *Understanding Deep Learning*, section 12.3): the N inputs are the columns of X,
which is (D, N). Each of the H = 2 heads has queries, keys and values of D_q = D/H rows. Attention weights are
(N, N); column n holds the weights of query n and sums to one.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from checker.exercises.comparison import compare
from checker.exercises.mistakes import Mistake
from checker.exercises.model import Array, Case, Cases, Decision, Exercise, KnownValues, State, Step, Tolerance, Variant
from checker.exercises.wording import join_words
from checker.result import Comparison

HEADS = 2

# In the order of the notebook's own signature.
PARAMETERS = (
    "X",
    "omega_v1", "omega_q1", "omega_k1", "beta_v1", "beta_q1", "beta_k1",
    "omega_v2", "omega_q2", "omega_k2", "beta_v2", "beta_q2", "beta_k2",
    "omega_c",
)  # fmt: skip

# (D, N) of the cases with other sizes. In each, the divisors that students mistake for sqrt(D_q) (2, D/4, D_q,
# sqrt(D), sqrt(N)) have other values than it, and N is neither D, nor D_q, nor H: every mistake shows in the output.
OTHER_SIZES = ((12, 5), (6, 7), (10, 4), (14, 9), (20, 3))


def softmax_columns(scores: Array) -> Array:
    """The softmax of each column, that is over the keys (equation 12.5): (N, N) to (N, N).

    >>> softmax_columns(np.zeros((2, 3)))[:, 0]
    array([0.5, 0.5])
    """
    # Subtracting the column's maximum changes nothing and keeps exp() from overflowing.
    exponentials = np.exp(scores - scores.max(axis=0, keepdims=True))
    weights: Array = exponentials / exponentials.sum(axis=0, keepdims=True)
    return weights


def reference(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Every step of multihead scaled self-attention (equations 12.2, 12.4, 12.5, figure 12.6), by name.

    `inputs` maps the names in `PARAMETERS` to arrays: X (D, N); omega_* of the heads (D_q, D); beta_* (D_q, 1);
    omega_c (D, D). For head h the result has Q{h}, K{h}, V{h} and head{h}, each (D_q, N), and scores{h},
    scaled{h}, exp{h} (the softmax's numerators) and A{h}, each (N, N); then `concatenation` and `X_prime`, both (D, N).

    >>> steps = reference(notebook_case().arguments)
    >>> steps["A1"].sum(axis=0).round(6)
    array([1., 1., 1., 1., 1., 1.])
    >>> steps["X_prime"][0].round(3)
    array([-21.207,  -5.373, -20.933,  -9.179, -11.319, -17.812])
    """
    x = inputs["X"]
    steps: dict[str, Array] = {}
    for h in range(1, HEADS + 1):
        queries = inputs[f"beta_q{h}"] + inputs[f"omega_q{h}"] @ x
        keys = inputs[f"beta_k{h}"] + inputs[f"omega_k{h}"] @ x
        values = inputs[f"beta_v{h}"] + inputs[f"omega_v{h}"] @ x
        scores = keys.T @ queries
        scaled = scores / np.sqrt(queries.shape[0])
        weights = softmax_columns(scaled)
        steps |= {f"Q{h}": queries, f"K{h}": keys, f"V{h}": values}
        steps |= {f"scores{h}": scores, f"scaled{h}": scaled, f"exp{h}": np.exp(scaled)}
        steps |= {f"A{h}": weights, f"head{h}": values @ weights}
    steps["concatenation"] = np.concatenate([steps[f"head{h}"] for h in range(1, HEADS + 1)])
    steps["X_prime"] = inputs["omega_c"] @ steps["concatenation"]
    return steps


def notebook_case() -> Case:
    """The notebook's own data, drawn as its cells draw it.

    >>> notebook_case().arguments["X"].shape
    (8, 6)
    """
    size, count = 8, 6
    head_size = size // HEADS
    x = np.random.RandomState(3).normal(size=(size, count))
    random = np.random.RandomState(0)
    drawn: dict[str, Array] = {"X": x}
    for h in range(1, HEADS + 1):
        for role in "qkv":
            drawn[f"omega_{role}{h}"] = random.normal(size=(head_size, size))
        for role in "qkv":
            drawn[f"beta_{role}{h}"] = random.normal(size=(head_size, 1))
    drawn["omega_c"] = random.normal(size=(size, size))
    return _case("notebook", drawn)


def draw(seed: int) -> Cases:
    """The cases of one grade: the notebook's own, two fresh ones of its sizes and two of other sizes.

    >>> [case.arguments["X"].shape for case in draw(seed=1).fresh]
    [(8, 6), (8, 6)]
    """
    random = np.random.default_rng(seed)
    notebook = notebook_case()
    shape = notebook.arguments["X"].shape
    fresh = tuple(_case(f"fresh inputs {i}", _draw_inputs(random, *shape)) for i in (1, 2))
    picked = random.choice(len(OTHER_SIZES), size=2, replace=False)
    sizes = [OTHER_SIZES[i] for i in picked]
    other = tuple(_case(f"other sizes, D = {d} and N = {n}", _draw_inputs(random, d, n)) for d, n in sizes)
    return Cases(notebook, fresh, other, _attention_case(random), {"key-bias-missing": _without_key_bias(fresh[0])})


def _draw_inputs(random: np.random.Generator, size: int, count: int) -> dict[str, Array]:
    """Inputs whose scaled scores have a standard deviation of about 2.

    Larger ones make every column one-hot (and overflow the notebook's own softmax_cols when a student leaves
    out the scaling), smaller ones make it uniform; either hides the mistakes in the attention.
    """
    head_size = size // HEADS
    spread = 1.2 / np.sqrt(size)
    drawn: dict[str, Array] = {"X": random.normal(size=(size, count))}
    for h in range(1, HEADS + 1):
        drawn[f"omega_q{h}"] = random.normal(scale=spread, size=(head_size, size))
        drawn[f"omega_k{h}"] = random.normal(scale=spread, size=(head_size, size))
        drawn[f"omega_v{h}"] = random.normal(size=(head_size, size))
        for role in "qkv":
            drawn[f"beta_{role}{h}"] = random.normal(scale=0.8, size=(head_size, 1))
    drawn["omega_c"] = random.normal(size=(size, size))
    return drawn


def _case(name: str, drawn: Mapping[str, Array]) -> Case:
    size, count = drawn["X"].shape
    arguments = {parameter: drawn[parameter] for parameter in PARAMETERS}
    # A third of the correct submissions read these from the notebook instead of from the arguments.
    sizes = {"N": count, "D": size, "H": HEADS, "H_D": size // HEADS}
    return Case(name, arguments, rebind=sizes | arguments)


def _attention_case(random: np.random.Generator) -> Case:
    """Inputs whose output reveals the attention: Omega_c = I, beta_v = 0, N = D_q = 4.

    Then each half of X' is V A with a square V, and A = V^-1 X'.
    """
    neutral = {"omega_c": np.eye(8), "beta_v1": np.zeros((4, 1)), "beta_v2": np.zeros((4, 1))}
    return _case("attention alone", _draw_inputs(random, 8, 4) | neutral)


def attention_from(case: Case, output: Array) -> dict[str, Array]:
    """The attention weights of both heads, (N, N) each, recovered from the output for the black-box case.

    >>> case = draw(seed=1).black_box
    >>> expected = reference(case.arguments)
    >>> np.allclose(attention_from(case, expected["X_prime"])["A2"], expected["A2"])
    True
    """
    steps = reference(case.arguments)
    if output.shape != steps["X_prime"].shape or not np.isfinite(output).all():
        return {}
    halves = enumerate(np.split(output, HEADS), 1)
    return {f"A{h}": np.linalg.solve(steps[f"V{h}"], half).astype(np.float64) for h, half in halves}


def _read_attention(case: Case, output: Array) -> str | None:
    """What the attention weights, recovered from an output, reveal of the softmax and the divisor."""
    steps, maps = reference(case.arguments), attention_from(case, output)
    found = {_read_weights(weights, steps[f"scores{name[-1]}"]) for name, weights in maps.items()}
    return found.pop() if len(found) == 1 else None


def _read_weights(weights: Array, scores: Array) -> str | None:
    if weights.min() <= 0:
        return None
    for axis, whose in ((0, "column"), (1, "row")):
        if np.allclose(weights.sum(axis=axis), 1, atol=1e-6):
            spread = np.log(weights) - np.log(weights).mean(axis=axis, keepdims=True)
            centred = scores - scores.mean(axis=axis, keepdims=True)
            divisor = float((centred**2).sum() / (centred * spread).sum())
            if np.allclose(centred / divisor, spread, atol=1e-5):
                return f"each {whose} of the attention sums to one, and the scores were divided by {_number(divisor)}"
    return None


def compare_with_right(cases: Cases, known: KnownValues) -> tuple[Comparison, ...]:
    """The attention weights of each head, where they are known, and the result."""
    found: list[Comparison | None] = []
    names = [case.name for case in cases.other_sizes]
    if known.output is None or known.output[0].name not in names:  # else no mistake shows at the sizes of the weights
        found = [_compare_attention(cases, known, h) for h in range(1, HEADS + 1)]
    if known.output is not None:
        case, yours = known.output
        of = "for the notebook's data" if case is cases.notebook else f"for {_sizes(case)}"
        expected = reference(case.arguments)["X_prime"]
        found.append(compare("X_prime", "values", ("dimensions", "inputs"), yours, expected, of))
    return tuple(comparison for comparison in found if comparison is not None)


def _compare_attention(cases: Cases, known: KnownValues, head: int) -> Comparison | None:
    """The student's weights as they were traced, or else as the output for the black-box case reveals them."""
    case, yours, how = cases.traced, known.intermediates.get(f"A{head}"), ""
    if yours is None and cases.black_box is not None and known.black_box is not None:
        case, yours = cases.black_box, attention_from(cases.black_box, known.black_box).get(f"A{head}")
        if yours is None or not _are_weights(yours):  # other mistakes are in the output too
            return None
        how = ", worked out from your output"
    expected = reference(case.arguments)[f"A{head}"]
    if yours is None or yours.shape != expected.shape:
        return None
    sums = yours.sum(axis=0)
    more = "" if np.allclose(sums, 1) else f"The columns of yours sum to {_span(sums)}."
    of = f"for {_sizes(case)}{how}"
    return compare(f"Attention weights of head {head}", "weights", ("keys", "queries"), yours, expected, of, more=more)


def _are_weights(matrix: Array) -> bool:
    """Whether a matrix is what a softmax gives: over the keys, over the queries, or over all.

    >>> _are_weights(np.full((2, 2), 0.25)), _are_weights(np.array([[2.0, -1.0], [-1.0, 2.0]]))
    (True, False)
    """
    sums = (matrix.sum(axis=0), matrix.sum(axis=1), matrix.sum())
    return bool(matrix.min() > -1e-6) and any(np.allclose(total, 1, atol=1e-6) for total in sums)


def _sizes(case: Case) -> str:
    size, count = case.arguments["X"].shape
    return f"random inputs with D = {size} and N = {count}"


def _span(values: Array) -> str:
    """The range of some numbers.

    >>> _span(np.array([0.5, 2.0])), _span(np.array([0.25, 0.25]))
    ('0.5 to 2', '0.25')
    """
    return " to ".join(dict.fromkeys(f"{value:.3g}" for value in (values.min(), values.max())))


def _without_key_bias(case: Case) -> Case:
    """A case with NaN for the key biases: only a function that leaves them out has a finite output."""
    undefined = {f"beta_k{h}": np.full_like(case.arguments[f"beta_k{h}"], np.nan) for h in range(1, HEADS + 1)}
    return _case("key biases that are no numbers", {**case.arguments, **undefined})


def summarise(names: Sequence[str]) -> str:
    """Describe several intermediates, those of both heads together.

    >>> summarise(["Q1", "K1", "Q2", "A1"])
    'queries of both heads; keys and attention weights of head 1'
    """
    whose: dict[str, list[str]] = {}
    for name in (name for name in names if not name.startswith("exp")):
        base, number = name.rstrip("12"), name[-1]
        if number not in "12":
            whose.setdefault("", []).append(WORDS[name])
        elif not (number == "2" and f"{base}1" in names):
            head = "both heads" if f"{base}2" in names and number == "1" else f"head {number}"
            whose.setdefault(f" of {head}", []).append(WORDS[name].rsplit(" of ", 1)[0])
    return "; ".join(join_words(words) + head for head, words in whose.items())


def _number(value: float) -> str:
    """A divisor as a person would write it.

    >>> _number(2.0), _number(8**0.5), _number(1.2345)
    ('2', 'sqrt(8)', '1.234')
    """
    if abs(value - round(value)) < 1e-6:
        return str(round(value))
    return f"sqrt({round(value**2)})" if abs(value**2 - round(value**2)) < 1e-5 else f"{value:.4g}"


# The computation as decisions: of each, first the right variant, then those that students write by mistake.


def _divide(divisor: Callable[[int, int, int], float]) -> Callable[[State], State]:
    """Scale the scores by a divisor, a function of D, D_q and N."""

    def apply(s: State) -> State:
        by = divisor(len(s["X"]), len(s["Q1"]), s["X"].shape[1])
        return {f"scaled{h}": s[f"scores{h}"] / by for h in "12"}

    return apply


def _scale_later(s: State) -> State:
    return {"scaled1": s["scores1"], "scaled2": s["scores2"], "divide_weights": np.sqrt(len(s["Q1"]))}


def _normalise(softmax: Callable[[Array], Array]) -> Callable[[State], State]:
    return lambda s: (
        {f"A{h}": softmax(s[f"scaled{h}"]) / s.get("divide_weights", 1) for h in "12"}
        | {f"exp{h}": np.exp(s[f"scaled{h}"]) for h in "12"}
    )


def _softmax_broadcast(scores: Array) -> Array:
    """What NumPy makes of row sums without keepdims: column m is divided by the sum of row m."""
    exponentials = np.exp(scores - scores.max())
    weights: Array = exponentials / exponentials.sum(axis=1)
    return weights


def _weigh(turn: Callable[[Array], Array]) -> Callable[[State], State]:
    def head(values: Array, weights: Array) -> Array:
        # Weights of features, (D_q, D_q), can only stand on the left of the values.
        return weights @ values if weights.shape[0] != values.shape[1] else values @ weights

    return lambda s: {f"head{h}": head(s[f"V{h}"], turn(s[f"A{h}"])) for h in "12"}


def _project(s: State) -> State:
    return {f"{r.upper()}{h}": s[f"omega_{r}{h}"] @ s["X"] + s[f"beta_{r}{h}"] for h in "12" for r in "qkv"}


def _use(*kinds: str, **sources: str) -> Callable[[State], State]:
    """Let some parameters take the place of others: `_use(q2="q1")` gives queries 2 the parameters of queries 1.

    `kinds` restricts this to "omega" or "beta".
    """
    return lambda s: {
        f"{kind}_{name}": s[f"{kind}_{source}"] for name, source in sources.items() for kind in kinds or KINDS
    }


def _without_biases(roles: str) -> Variant:
    missing = {"q": "query-bias-missing", "k": "key-bias-missing", "v": "value-bias-missing"}
    return Variant(
        lambda s: {f"beta_{r}{h}": 0 * s[f"beta_{r}{h}"] for h in "12" for r in roles},
        tuple(missing[r] for r in roles),
    )


def _scores(product: Callable[[Array, Array], Array]) -> Callable[[State], State]:
    return lambda s: {f"scores{h}": product(s[f"Q{h}"], s[f"K{h}"]) for h in "12"}


def _merge_heads(s: State) -> State:
    """Queries and keys of both heads stacked, as if there were one head of size D."""
    both = s["K1"].T @ s["Q1"] + s["K2"].T @ s["Q2"]
    return {"scores1": both, "scores2": both}


def _join(join: Callable[[Array, Array], Array]) -> Callable[[State], State]:
    return lambda s: {"concatenation": join(s["head1"], s["head2"])}


def _standardise(axis: int | None) -> Callable[[State], State]:
    return lambda s: {"X": (s["X"] - s["X"].mean(axis, keepdims=True)) / s["X"].std(axis, keepdims=True)}


KINDS = ("omega", "beta")
_REUSED = ("head-parameters-reused",)
_MIXED = ("parameters-mixed-up",)
_FIXED = ("scale-hard-coded",)

DECISIONS = (
    Decision("projections", (
        Variant(lambda s: {}),
        Variant(_standardise(0), ("inputs-changed",)),
        Variant(_standardise(1), ("inputs-changed",)),
        Variant(_standardise(None), ("inputs-changed",)),
        Variant(lambda s: {"X": s["X"].reshape(s["X"].shape[::-1]).T}, ("reshape-for-transpose",)),
    )),
    Decision("projections", (
        Variant(lambda s: {}),
        Variant(_use(q2="q1", k2="k1", v2="v1"), _REUSED),
        Variant(_use(q1="q2", k1="k2", v1="v2"), _REUSED),
        *(Variant(_use(**{f"{r}2": f"{r}1"}), _REUSED) for r in "qkv"),
        *(Variant(_use(**{f"{r}1": f"{r}2"}), _REUSED) for r in "qkv"),
        *(Variant(_use(kind, **{f"{r}2": f"{r}1"}), _REUSED) for r in "qkv" for kind in KINDS),
    )),
    Decision("projections", (
        Variant(lambda s: {}),
        Variant(_use(q1="k1", k1="q1", q2="k2", k2="q2"), ("query-key-swapped",)),
        Variant(_use(q1="v1", v1="q1", q2="v2", v2="q2"), _MIXED),
        Variant(_use(k1="v1", v1="k1", k2="v2", v2="k2"), _MIXED),
        Variant(_use(q1="k1", k1="v1", v1="q1", q2="k2", k2="v2", v2="q2"), _MIXED),
        Variant(_use(q1="v1", k1="q1", v1="k1", q2="v2", k2="q2", v2="k2"), _MIXED),
        *(Variant(_use(**{f"{a}{h}": f"{b}{h}" for h in "12"}), _MIXED) for a in "qkv" for b in "qkv" if a != b),
        *(Variant(_use("beta", **{f"{a}{h}": f"{b}{h}" for h in "12"}), _MIXED) for a, b in ("qk", "qv", "vq", "vk")),
    )),
    Decision("projections", (Variant(lambda s: {}), *map(_without_biases, ("q", "k", "v", "qk", "qv", "kv", "qkv")))),
    Decision("projections", (Variant(_project),)),
    Decision("scores", (
        Variant(_scores(lambda q, k: k.T @ q)),
        Variant(_scores(lambda q, k: q.T @ k), ("query-key-swapped",)),
        Variant(_scores(lambda q, k: q @ k.T), ("attention-over-features",)),
        Variant(_scores(lambda q, k: k @ q.T), ("attention-over-features",)),
        Variant(_merge_heads, ("heads-merged",)),
    )),
    Decision("scaling", (
        Variant(_divide(lambda d, dq, n: np.sqrt(dq))),
        Variant(_divide(lambda d, dq, n: 1), ("scale-missing",)),
        Variant(_divide(lambda d, dq, n: dq), ("scale-by-dq",)),
        Variant(_divide(lambda d, dq, n: np.sqrt(d)), ("scale-by-sqrt-d",)),
        Variant(_divide(lambda d, dq, n: d), ("scale-by-d",)),
        Variant(_divide(lambda d, dq, n: np.sqrt(n)), ("scale-by-sqrt-n",)),
        Variant(_divide(lambda d, dq, n: n), ("scale-by-n",)),
        Variant(_divide(lambda d, dq, n: 1 / np.sqrt(dq)), ("scale-inverted",)),
        Variant(_scale_later, ("scale-after-softmax",)),
        Variant(_divide(lambda d, dq, n: 2), _FIXED),
        Variant(_divide(lambda d, dq, n: np.sqrt(2)), _FIXED),
        Variant(_divide(lambda d, dq, n: d / 4), _FIXED),
        Variant(_divide(lambda d, dq, n: np.floor(np.sqrt(dq))), _FIXED),
        Variant(_divide(lambda d, dq, n: 4), ("scale-by-dq",)),
        Variant(_divide(lambda d, dq, n: np.sqrt(8)), ("scale-by-sqrt-d",)),
        Variant(_divide(lambda d, dq, n: 8), ("scale-by-d",)),
        Variant(_divide(lambda d, dq, n: np.sqrt(6)), ("scale-by-sqrt-n",)),
    )),
    Decision("softmax", (
        Variant(_normalise(softmax_columns)),
        Variant(_normalise(lambda a: softmax_columns(a.T).T), ("softmax-over-rows",)),
        Variant(_normalise(lambda a: softmax_columns(a.reshape(-1, 1)).reshape(a.shape)), ("softmax-over-all",)),
        Variant(_normalise(lambda a: _softmax_broadcast(a.T).T), ("softmax-broadcast",)),
        Variant(_normalise(_softmax_broadcast), ("softmax-broadcast",)),
        Variant(lambda s: {f"A{h}": s[f"scaled{h}"] / s.get("divide_weights", 1) for h in "12"}, ("softmax-missing",)),
    )),
    Decision("weighted-values", (
        Variant(_weigh(lambda a: a)),
        Variant(_weigh(np.transpose), ("attention-transposed",)),
        Variant(lambda s: _weigh(lambda a: a)({**s, "A2": s["A1"]}), ("heads-merged",)),
    )),
    Decision("joining", (
        Variant(_join(lambda a, b: np.concatenate((a, b)))),
        Variant(_join(lambda a, b: np.concatenate((b, a))), ("heads-swapped",)),
        Variant(_join(lambda a, b: np.stack((a, b), axis=1).reshape(-1, a.shape[1])), ("heads-interleaved",)),
        Variant(_join(lambda a, b: np.concatenate((a + b, a + b))), ("heads-added",)),
        Variant(_join(lambda a, b: a + b), ("heads-added",)),
        Variant(_join(lambda a, b: np.concatenate((a, a))), _REUSED),
        Variant(_join(lambda a, b: a), ("head-missing",)),
        Variant(_join(lambda a, b: b), ("head-missing",)),
    )),
    Decision("output-projection", (
        Variant(lambda s: {"X_prime": s["omega_c"] @ s["concatenation"]}),
        Variant(lambda s: {"X_prime": s["omega_c"].T @ s["concatenation"]}, ("output-projection-transposed",)),
        Variant(lambda s: {"X_prime": s["concatenation"]}, ("output-projection-missing",)),
        Variant(lambda s: {"X_prime": s["concatenation"].T @ s["omega_c"]}, ("row-major-layout",)),
    )),
    Decision("output-projection", (
        Variant(lambda s: {}),
        Variant(lambda s: {"X_prime": s["X_prime"] + s["X"]}, ("residual-added",)),
    )),
    Decision("output-projection", (
        Variant(lambda s: {}),
        Variant(lambda s: {"X_prime": s["X_prime"].T}, ("output-transposed",)),
        Variant(lambda s: {"X_prime": s["X_prime"].T.reshape(s["X_prime"].shape)}, ("reshape-for-transpose",)),
    )),
)  # fmt: skip


# The right expression of each step: the correction of a mistake in it that has none of its own.
RIGHT = {
    "scores": "K1.T @ Q1",
    "scaling": "K1.T @ Q1 / np.sqrt(Q1.shape[0])",
    "softmax": "softmax_cols(K1.T @ Q1 / np.sqrt(Q1.shape[0]))",
    "weighted-values": "V1 @ A1",
    "joining": "np.concatenate((head1, head2))",
    "output-projection": "X_prime = omega_c @ np.concatenate((head1, head2))",
}


def _mistake(id: str, step: str | None, title: str, hint: str, explanation: str, correction: str = "") -> Mistake:
    return Mistake(id, title, hint, explanation, correction or RIGHT[str(step)], step)


MISTAKES = (
    *(_mistake(*texts) for texts in (
    ("scale-missing", "scaling", "the scores are not scaled",
     "The notebook's true values are those of *scaled* self-attention. What is done to the scores before the softmax?",
     "The dot products grow with the size of the queries, so they are divided by sqrt(D_q) before the softmax.",
     RIGHT["softmax"]),
    ("scale-by-dq", "scaling", "the scores are divided by D_q, not by its square root",
     "Look at the divisor once more: how does the spread of a dot product grow with the number of its terms?",
     "A sum of D_q terms spreads like sqrt(D_q), so that is the divisor; D_q makes the attention too even."),
    ("scale-by-sqrt-d", "scaling", "the scores are divided by sqrt(D), not by sqrt(D_q)",
     "Which dimension is in your divisor: that of the inputs, or that of the vectors in the dot product?",
     "The dot product of a key and a query has D_q = D/H terms, so the divisor is sqrt(D_q), not sqrt(D)."),
    ("scale-by-d", "scaling", "the scores are divided by D, not by sqrt(D_q)",
     "How many terms does the dot product of one key and one query have, and how does its spread grow with them?",
     "The divisor is sqrt(D_q), where D_q = D/H is the size of one query."),
    ("scale-by-sqrt-n", "scaling", "the scores are divided by sqrt(N), not by sqrt(D_q)",
     "Should the scale depend on how many inputs there are?",
     "Each score is a sum over the D_q rows of a key and a query. How many inputs there are, N, plays no part in it."),
    ("scale-by-n", "scaling", "the scores are divided by N, not by sqrt(D_q)",
     "Should the scale depend on how many inputs there are?",
     "Each score is a sum over the D_q rows of a key and a query, so the divisor is sqrt(D_q)."),
    ("scale-inverted", "scaling", "the scores are multiplied by sqrt(D_q) instead of divided",
     "Are your scaled scores smaller or larger than the unscaled ones? Which should they be?",
     "Scaling is there to keep the softmax from saturating: the scores are divided by sqrt(D_q)."),
    ("scale-after-softmax", "scaling", "the scaling comes after the softmax",
     "Do the columns of your attention weights sum to one?",
     "The scores are scaled, not the weights: after the softmax, each column must sum to one.",
     RIGHT["softmax"]),
    ("scale-hard-coded", "scaling", "the divisor is hard-coded",
     "What would your divisor be if D were 20?",
     "At D = 8 and H = 2, sqrt(D_q), H and D/4 are all 2. Only sqrt(D_q) is right for other sizes."),
    ("softmax-over-rows", "softmax", "the softmax runs over the queries instead of over the keys",
     "Sum your attention weights along both axes. Which sums should be one: those of a key, or those of a query?",
     "The weights of one query sum to one (equation 12.5): the softmax runs over the keys, down each column of K^T Q."),
    ("softmax-over-all", "softmax", "the softmax normalises the whole matrix at once",
     "What is the sum of the weights of a single query?",
     "The weights of each query sum to one by themselves: every column has its own denominator (equation 12.5)."),
    ("softmax-broadcast", "softmax", "the softmax divides by its sums along the wrong axis",
     "What shape do the sums in your softmax have, and along which axis does NumPy broadcast them?",
     "NumPy takes sums without keepdims for a row: of a square matrix, every column is divided by one of them.",
     "e / e.sum(axis=..., keepdims=True)"),
    ("softmax-missing", "softmax", "there is no softmax",
     "Are your attention weights positive, and does each query's column sum to one?",
     "The scores become weights through the softmax of each column (equation 12.5)."),
    ("query-key-swapped", "scores", "queries and keys are swapped: Q^T K in place of K^T Q",
     "softmax_cols normalises columns. Does a column of your scores belong to one query, or to one key?",
     "Column n of the scores belongs to query n, so the matrix is K^T Q. Q^T K is its transpose."),
    ("attention-over-features", "scores", "the attention is over features, not over inputs",
     "What is the shape of your attention weights, and how many inputs should attend to each other?",
     "Every input attends to every input, so the scores are K^T Q, which is N x N; Q K^T is D_q x D_q."),
    ("heads-merged", "scores", "both heads use the same attention weights",
     "How many attention maps should two heads have?",
     "Each head has scores of its own, from its own queries and keys; the heads meet only when they are joined.",
     f"{RIGHT['softmax']}, and the same for head 2"),
    ("attention-transposed", "weighted-values", "the values are weighted by the transpose of the attention",
     "Which entries of the weights belong to output n: a row or a column? Which does your product use?",
     "Output n is the sum of the values weighted by column n, V A (equation 12.3). V A^T uses row n."),
    ("query-bias-missing", "projections", "the query bias is left out",
     "Compare how you compute the queries with equation 12.4, term by term: is anything missing?",
     "The queries are beta_q + Omega_q x (equation 12.4); beta_q is added to every column.",
     "Q1 = beta_q1 + omega_q1 @ X"),
    ("value-bias-missing", "projections", "the value bias is left out",
     "Compare how you compute the values with equation 12.2, term by term: is anything missing?",
     "The values are beta_v + Omega_v x (equation 12.2); beta_v is added to every column.",
     "V1 = beta_v1 + omega_v1 @ X"),
    ("parameters-mixed-up", "projections", "queries, keys and values use each other's parameters",
     "Read the order of the function's arguments again. Which omega belongs to the queries, the keys, the values?",
     "Queries need omega_q and beta_q, keys omega_k and beta_k, values omega_v and beta_v; v comes first in the call.",
     "Q1, K1, V1 = beta_q1 + omega_q1 @ X, beta_k1 + omega_k1 @ X, beta_v1 + omega_v1 @ X"),
    ("head-parameters-reused", "projections", "one head uses the other head's parameters",
     "Compare the lines of the two heads: is every 1 in its place, and every 2?",
     "Each head has queries, keys and values of its own, from its own omegas and betas.",
     "Q2, K2, V2 = beta_q2 + omega_q2 @ X, beta_k2 + omega_k2 @ X, beta_v2 + omega_v2 @ X"),
    ("heads-swapped", "joining", "the heads are joined in the wrong order",
     "Which head comes first in figure 12.6?",
     "omega_c expects head 1 in the upper half of the rows and head 2 in the lower half."),
    ("heads-added", "joining", "the heads are added instead of joined",
     "How many rows should the joined heads have?",
     "The heads are stacked, D_q rows over D_q rows, which gives D rows again."),
    ("heads-interleaved", "joining", "the rows of the two heads are interleaved",
     "Join two small arrays, one full of ones and one full of twos: in which order do their rows come out?",
     "All rows of head 1 come first, then all rows of head 2; a reshape of heads side by side mixes them."),
    ("head-missing", "joining", "only one head is in the result",
     "Where does the other head enter your result?",
     "The result joins both heads: D_q rows of head 1 over D_q rows of head 2."),
    ("output-projection-missing", "output-projection", "omega_c is not applied",
     "Which argument of the function do you not use?",
     "The joined heads are mixed by omega_c (figure 12.6): X' = Omega_c [head 1; head 2]."),
    ("output-projection-transposed", "output-projection", "omega_c is transposed",
     "Inputs are columns here. On which side does omega_c stand, and does it need a transpose?",
     "X' = Omega_c [head 1; head 2], without a transpose: inputs are the columns."),
    ("output-transposed", "output-projection", "the result is transposed",
     "What shape should X_prime have, and what shape does yours have?",
     "As in X, inputs are columns: X_prime is D x N."),
    ("residual-added", "output-projection", "X is added to the result",
     "Is everything that you add part of *self-attention* itself?",
     "The residual connection belongs to the transformer layer around it (figure 12.7), not to self-attention."),
    ("row-major-layout", "output-projection", "inputs are treated as rows, and the result is not transposed back",
     "In this book, is an input a row or a column of X? And in your result?",
     "The book's inputs are columns. Rows work too, if everything, omega_c included, is transposed there and back."),
    ("reshape-for-transpose", "projections", "reshape is used in place of a transpose",
     "Does the first input, the first column of X, stay together in your reshaped array?",
     "A reshape keeps the order of the numbers in memory and mixes the inputs; a transpose exchanges rows and columns.",
     "X.T"),
    ("inputs-changed", "projections", "the inputs are changed before the attention",
     "Is the X that your queries are computed from the X that the function was given?",
     "Self-attention works on X as it is given: it standardises nothing, and the other inputs stay as they are too.",
     "Q1 = beta_q1 + omega_q1 @ X"),
    ("data-changed", None, "the notebook's own data were changed",
     "Is X_prime computed from the X and the parameters that the notebook draws?",
     "The true values hold for the notebook's seeds and data. Restore those cells, and run all cells again.",
     "np.random.seed(3), then X; np.random.seed(0), then the parameters"),
    )),
    Mistake(
        "key-bias-missing", "the key bias is left out, which changes nothing", "",
        "Leaving out the key bias cannot be seen in any output: it adds beta_k^T q_n to all scores of query n, the "
        "same number down the whole column, and the softmax of a column ignores a constant.",
        "K1 = beta_k1 + omega_k1 @ X", remark=True,
    ),
)  # fmt: skip

WORDS = (
    {f"{name}{h}": f"{what} of head {h}" for h in "12" for name, what in (
        ("Q", "queries"), ("K", "keys"), ("V", "values"), ("scores", "scores K^T Q"),
        ("scaled", "scaled scores"), ("exp", "exponentials"), ("A", "attention weights"), ("head", "output"))}
    | {"concatenation": "joined heads", "X_prime": "result"}
)  # fmt: skip


# As the notebook gives it: a student who uses it as it is cannot have made a mistake in it.
GIVEN_SOFTMAX = """
def softmax_cols(data_in):
  exp_values = np.exp(data_in) ;
  denom = np.sum(exp_values, axis = 0);
  denom = np.matmul(np.ones((data_in.shape[0],1)), denom[np.newaxis,:])
  softmax = exp_values / denom
  return softmax
"""

EXERCISE = Exercise(
    id="multihead-self-attention",
    title="Notebook 12.2: Multihead Self-Attention",
    notebook="12_2_Multihead_Self_Attention.ipynb",
    answer="X_prime",
    function="multihead_scaled_self_attention",
    parameters=PARAMETERS,
    axes=("D", "N"),
    steps=(
        Step("projections", "queries, keys and values", 20, ("Q1", "Q2", "K1", "K2", "V1", "V2")),
        Step("scores", "scores", 15, ("scores1", "scores2")),
        Step("scaling", "scaling of the scores", 15, ("scaled1", "scaled2")),
        Step("softmax", "softmax", 15, ("A1", "A2")),
        Step("weighted-values", "weighted values", 15, ("head1", "head2")),
        Step("joining", "joining the heads", 10, ("concatenation",)),
        Step("output-projection", "output projection", 10, ("X_prime",)),
    ),
    tolerance=Tolerance(
        absolute=1e-4,
        relative=1e-5,
        reason=(
            "correct answers in float64 differ from the reference by less than 1e-14, in float32 by 3e-6; "
            "values pasted with the three printed decimals differ by 5e-4 and must not pass"
        ),
    ),
    reference=reference,
    draw=draw,
    decisions=DECISIONS,
    own_mistakes=MISTAKES,
    words=WORDS,
    summarise=summarise,
    given={"softmax_cols": GIVEN_SOFTMAX},
    read_black_box=_read_attention,
    compare=compare_with_right,
)
