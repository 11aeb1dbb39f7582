"""Putting words together into sentences."""

from collections.abc import Sequence


def join_words(words: Sequence[str], most: int | None = None) -> str:
    """Words as a list in a sentence; of more than `most` words the first ones, and how many more there are.

    >>> join_words(["X"]), join_words(["X", "D", "N"]), join_words("abcdef", most=4)
    ('X', 'X, D and N', 'a, b, c and 3 more')
    """
    if most is not None and len(words) > most:
        return f"{', '.join(words[: most - 1])} and {len(words) - most + 1} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def capitalize(sentence: str) -> str:
    """A sentence with a capital letter at its beginning; the others stay as they are, unlike in `str.capitalize`.

    >>> capitalize("the answer X is wrong")
    'The answer X is wrong'
    """
    return sentence[:1].upper() + sentence[1:]
