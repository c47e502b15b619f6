"""Bytes for windows and fast weights, as they lie in Redis. JSON keeps every float exactly."""

import json
from dataclasses import astuple

from app.domain import FastWeights, PlacedWindow, Position, Shot, Window


def pack_window(window: Window) -> bytes:
    shots = [astuple(shot) for shot in window.shots]
    return json.dumps([shots, dict(window.seen)], separators=(",", ":")).encode()


def unpack_window(content: bytes) -> Window:
    shots, seen = json.loads(content)
    return Window(tuple(Shot(*shot) for shot in shots), seen)


def unpack_stored(stored: bytes) -> tuple[PlacedWindow | None, str]:
    """What place_window.lua writes: the window, None for a tombstone, and the claim of its key."""
    generation, version, claim, content = stored.split(b" ", 3)
    position = Position(int(generation), int(version))
    placed = PlacedWindow(unpack_window(content), position) if content else None
    return placed, claim.decode()


def pack_fast(fast: FastWeights) -> bytes:
    """One line of facts, then the raw values."""
    facts = [fast.weights_version, fast.digest.hex(), fast.steps, fast.adapted_at]
    return json.dumps(facts).encode() + b"\n" + fast.values


def unpack_fast(stored: bytes) -> FastWeights:
    facts, _, values = stored.partition(b"\n")
    weights_version, digest, steps, adapted_at = json.loads(facts)
    return FastWeights(weights_version, bytes.fromhex(digest), values, steps, adapted_at)
