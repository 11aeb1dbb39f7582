"""Notebook 12.2, *Multihead Self-Attention*: all that the checker knows about it.

Conventions of the book (Prince, *Understanding Deep Learning*, section 12.3): the N inputs are the columns of X,
which is (D, N). Each of the H = 2 heads has queries, keys and values of D_q = D/H rows. Attention weights are
(N, N); column n holds the weights of query n and sums to one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from checker.exercise import Array, Case, Cases, Exercise, Step, Tolerance

HEADS = 2

# In the order of the notebook's own signature.
PARAMETERS = (
    "X",
    "omega_v1", "omega_q1", "omega_k1", "beta_v1", "beta_q1", "beta_k1",
    "omega_v2", "omega_q2", "omega_k2", "beta_v2", "beta_q2", "beta_k2",
    "omega_c",
)  # fmt: skip

# (D, N) of the cases with other sizes. In each, the divisors that students mistake for sqrt(D_q) (2, D/4, D_q,
# sqrt(D), sqrt(N)) have values of their own, and N is neither D, nor D_q, nor H: every slip shows in the output.
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
    scaled{h} and A{h}, each (N, N); then `concatenation` and `X_prime`, both (D, N).

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
        steps |= {f"scores{h}": scores, f"scaled{h}": scaled, f"A{h}": weights, f"head{h}": values @ weights}
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
    return Cases(notebook, fresh, other)


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


EXERCISE = Exercise(
    id="multihead-self-attention",
    title="Notebook 12.2: Multihead Self-Attention",
    notebook="12_2_Multihead_Self_Attention.ipynb",
    answer="X_prime",
    function="multihead_scaled_self_attention",
    parameters=PARAMETERS,
    axes=("D", "N"),
    steps=(
        Step("projections", "queries, keys and values", 20),
        Step("scores", "scores of every key against every query", 15),
        Step("scaling", "scaling by the square root of D_q", 15),
        Step("softmax", "softmax over the keys", 15),
        Step("weighted-values", "values weighted by the attention", 15),
        Step("joining", "joining the heads", 10),
        Step("output-projection", "output projection with omega_c", 10),
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
)
