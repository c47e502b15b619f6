"""What led to an answer, in its request id, signed: measuring needs no look-up.

An event that names the request id is a proof of what was shown how, to whom and when. Only the
beginning of the entity's digest is in it, so it tells nobody who that is.
"""

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from secrets import randbits
from typing import get_args

from app.domain import Arm, Entity, Mode

LONGEST_VERSION = 32
_MODES: Sequence[Mode] = get_args(Mode)
_ARMS: Sequence[Arm] = get_args(Arm)
_HEAD = struct.Struct(">BBBIQ8sI")
"""Mode, arm, support, seconds since 1970, epoch, issuer, nonce; the version follows."""
_MAC_BYTES = 10
_nonces = Random(randbits(128))
"""They tell answers of one second apart; nobody has to be unable to guess them."""


@dataclass(frozen=True, slots=True)
class Receipt:
    mode: Mode
    arm: Arm
    support: int
    epoch: int
    version: str
    issued_at: int
    """Seconds since 1970."""
    issuer: bytes
    """`whose` it is."""


def whose(entity: Entity | None) -> bytes:
    """8 bytes of an entity; of nobody, zeros."""
    return bytes(8) if entity is None else bytes.fromhex(entity.digest[:16])


def sign(key: bytes, receipt: Receipt) -> str:
    """A request id, unlike any other."""
    head = _HEAD.pack(
        _MODES.index(receipt.mode),
        _ARMS.index(receipt.arm),
        min(receipt.support, 255),
        receipt.issued_at,
        receipt.epoch,
        receipt.issuer,
        _nonces.getrandbits(32),
    )
    content = head + receipt.version.encode()[:LONGEST_VERSION]
    return _text(content + _mac(key, content))


def read(key: bytes, request_id: str) -> Receipt | None:
    """What was signed with `key`, in exactly this spelling; None for any other text."""
    try:
        signed = urlsafe_b64decode(request_id.encode("ascii") + b"=" * (-len(request_id) % 4))
    except ValueError:
        return None
    content, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, content)) or _text(signed) != request_id:
        return None
    mode, arm, support, issued_at, epoch, issuer, _ = _HEAD.unpack(content[: _HEAD.size])
    return Receipt(
        _MODES[mode],
        _ARMS[arm],
        support,
        epoch,
        content[_HEAD.size :].decode(errors="replace"),
        issued_at,
        issuer,
    )


def _mac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")[:_MAC_BYTES]


def _text(signed: bytes) -> str:
    return urlsafe_b64encode(signed).decode().rstrip("=")
