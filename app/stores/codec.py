"""Bytes for windows and fast weights, as they lie in Redis. JSON keeps every float exactly."""

import json

from pydantic_core import from_json

from app.domain import FastWeights, PlacedWindow, Position, Shot, Window


def pack_placed(placed: PlacedWindow) -> bytes:
    """All but the position, which stands before it in the clear."""
    content = [placed.window.shots, dict(placed.window.seen), dict(placed.properties)]
    return json.dumps(content, separators=(",", ":")).encode()


def unpack_stored(stored: bytes) -> tuple[PlacedWindow | None, str]:
    """What place_window.lua writes: the window, None for a tombstone, and the claim of its key."""
    generation, version, claim, content = stored.split(b" ", 3)
    if not content:
        return None, claim.decode()
    shots, seen, properties = from_json(content)
    window = Window(tuple(map(Shot._make, shots)), seen)
    position = Position(int(generation), int(version))
    return PlacedWindow(window, position, properties), claim.decode()


def pack_fast(fast: FastWeights) -> bytes:
    """One line of facts, then the raw values."""
    facts = [fast.weights_version, fast.digest.hex(), fast.steps, fast.adapted_at]
    return json.dumps(facts).encode() + b"\n" + fast.values


def unpack_fast(stored: bytes) -> FastWeights:
    facts, _, values = stored.partition(b"\n")
    weights_version, digest, steps, adapted_at = from_json(facts)
    return FastWeights(weights_version, bytes.fromhex(digest), values, steps, adapted_at)
