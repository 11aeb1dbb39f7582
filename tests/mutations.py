"""Damaging bytes and JSON: every change is drawn by hypothesis, so that a failure repeats itself and shrinks."""

from __future__ import annotations

import base64
import copy
import struct
from random import Random
from typing import Any

from hostile_text import PIECES

JUNK: list[Any] = [
    None, True, 0, -1, 2**31, 10**30, 10**400, 1e308, float("nan"), float("inf"), "", [], {}, [[]], [None], {"": None},
    "A" * 5_000, [0] * 200, *PIECES,
]  # fmt: skip


def damaged_bytes(data: bytes, other: bytes, random: Random) -> bytes:
    """Some bytes cut off, flipped, removed, repeated, put in, or taken from another file."""
    for _ in range(random.randint(1, 4)):
        start, end = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
        match random.randint(0, 6):
            case 0:
                data = data[:end]
            case 1 if data:
                at = min(start, len(data) - 1)
                data = data[:at] + bytes([data[at] ^ (1 << random.randint(0, 7))]) + data[at + 1 :]
            case 2:
                data = data[:start] + data[min(end, start + 200) :]
            case 3:
                data = data[:end] + data[start:end][:2_000] + data[end:]
            case 4:
                data = data[:start] + bytes(random.randint(0, 255) for _ in range(random.randint(1, 8))) + data[start:]
            case 5:
                data = data[:start] + other[random.randint(0, len(other)) :]
            case 6:
                token = random.choice(
                    [b"[" * 300, b'{"a":' * 300, b"\\ud800", b"9" * 5_000, b"\xff\xfe", b"\0", b"NaN"]
                )
                data = data[:start] + token + data[start:]
    return data


def damaged_json(value: Any, random: Random) -> Any:
    """A copy in which some parts are dropped, doubled, exchanged, renamed, nested or replaced by junk."""
    value = copy.deepcopy(value)
    for _ in range(random.randint(1, 4)):
        holder, key = _somewhere(value, random)
        if holder is None:
            return random.choice(JUNK)
        match random.randint(0, 6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
            case 1:
                holder[random.choice(PIECES)] = holder.pop(key)
            case 2:
                other, at = _somewhere(value, random)
                if other is not None:
                    holder[key] = copy.deepcopy(other[at])
            case 3:
                for _ in range(random.choice([1, 5, 150])):
                    holder[key] = [holder[key]] if random.randint(0, 1) else {"a": holder[key]}
            case 4 if isinstance(holder, dict) and isinstance(holder.get("data"), str):
                holder["data"] = odd_numbers(holder["data"], random)
            case 4 if isinstance(holder[key], str):
                at = random.randint(0, len(holder[key]))
                holder[key] = holder[key][:at] + random.choice(PIECES) + holder[key][at:]
            case _:
                holder[key] = copy.deepcopy(random.choice(JUNK))
    return value


ODD = [0.0, -0.0, 1.0, 5e-324, 1e-300, 1e154, 1e308, -1e308, float("inf"), float("-inf"), float("nan")]
SIGNALLING_NAN = b"\x01\0\0\0\0\0\xf0\x7f"


def odd_numbers(encoded: str, random: Random) -> str:
    """As many numbers, some or all of them odd ones."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError:
        return encoded
    odd = random.choice([*(struct.pack("<d", number) for number in ODD), SIGNALLING_NAN])
    share = random.choice([1, 1, 5])
    numbers = [odd if random.randrange(share) == 0 else data[i : i + 8] for i in range(0, len(data), 8)]
    return base64.b64encode(b"".join(numbers)).decode()


def _somewhere(value: Any, random: Random) -> tuple[Any, Any]:
    """A container in a value, and one of its keys; deeper ones are as likely as the outermost."""
    holder, key = None, None
    while isinstance(value, (dict, list)) and value and (holder is None or random.randint(0, 4)):
        holder = value
        key = random.choice(sorted(value, key=str)) if isinstance(value, dict) else random.randrange(len(value))
        value = value[key]
    return holder, key
