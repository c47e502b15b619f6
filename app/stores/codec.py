"""Bytes for windows and fast weights, as they lie in Redis. JSON keeps every float exactly."""

import json
from dataclasses import astuple

from app.domain import FastWeights, PlacedWindow, Position, Shot, Window


def pack_placed(placed: PlacedWindow) -> bytes:
    """All but the position, which stands before it in the clear."""
    shots = [astuple(shot) for shot in placed.window.shots]
    content = [shots, dict(placed.window.seen), dict(placed.properties)]
    return json.dumps(content, separators=(",", ":")).encode()


def unpack_stored(stored: bytes) -> tuple[PlacedWindow | None, str]:
    """What place_window.lua writes: the window, None for a tombstone, and the claim of its key."""
    generation, version, claim, content = stored.split(b" ", 3)
    if not content:
        return None, claim.decode()
    shots, seen, properties = json.loads(content)
    window = Window(tuple(Shot(*shot) for shot in shots), seen)
    position = Position(int(generation), int(version))
    return PlacedWindow(window, position, properties), claim.decode()


def pack_fast(fast: FastWeights) -> bytes:
    """One line of facts, then the raw values."""
    facts = [fast.weights_version, fast.digest.hex(), fast.steps, fast.adapted_at]
    return json.dumps(facts).encode() + b"\n" + fast.values


def unpack_fast(stored: bytes) -> FastWeights:
    facts, _, values = stored.partition(b"\n")
    weights_version, digest, steps, adapted_at = json.loads(facts)
    return FastWeights(weights_version, bytes.fromhex(digest), values, steps, adapted_at)
