"""Everything that can go wrong, as facts. `app.api.problems` gives each its HTTP answer."""

from dataclasses import dataclass


@dataclass(eq=False)
class AppError(Exception):
    """Base of all expected failures. `str(error)` is a sentence a caller can act on."""


@dataclass(eq=False)
class StorageUnavailable(AppError):
    store: str

    def __str__(self) -> str:
        return (
            f"the {self.store} cannot be reached; whether something was stored is not known: "
            "try again, with the same event_id"
        )


@dataclass(eq=False)
class TablesMissing(StorageUnavailable):
    """The database answers, but no migration has made what this version needs."""

    def __str__(self) -> str:
        return f"the {self.store} lacks tables of this version; make them with `thaw db upgrade`"


@dataclass(eq=False)
class Overloaded(AppError):
    queue: str
    retry_after_seconds: float = 1.0

    def __str__(self) -> str:
        return f"the {self.queue} queue is full; try again in {self.retry_after_seconds:g} s"


@dataclass(eq=False)
class TooManyRequests(AppError):
    rate: str
    retry_after_seconds: float

    def __str__(self) -> str:
        return f"this key may ask {self.rate} of each worker, and has; wait as Retry-After says"


@dataclass(eq=False)
class WeightsMissing(AppError):
    directory: str

    def __str__(self) -> str:
        return (
            f"there are no meta-weights in {self.directory}; make some with "
            "`thaw train --data DIR --out DIR`, then reload"
        )


@dataclass(eq=False)
class WeightsRejected(AppError):
    version: str
    reason: str
    tensor: str | None = None

    def __str__(self) -> str:
        where = f", tensor {self.tensor!r}" if self.tensor else ""
        return f"meta-weights {self.version!r} were refused{where}: {self.reason}"


@dataclass(eq=False)
class UnknownWeights(AppError):
    version: str

    def __str__(self) -> str:
        return f"there are no meta-weights named {self.version!r}; GET /v1/admin/weights lists them"


@dataclass(eq=False)
class ReloadInProgress(AppError):
    def __str__(self) -> str:
        return "another reload is under way; wait for it to end"


@dataclass(eq=False)
class NothingBefore(AppError):
    def __str__(self) -> str:
        return "no meta-weights served before these; reload by name to serve others"


@dataclass(eq=False)
class LastAdminKey(AppError):
    key_id: str

    def __str__(self) -> str:
        return (
            f"{self.key_id!r} is the last admin key, and without one nobody could make keys: "
            "make another first"
        )


@dataclass(eq=False)
class AlreadyMerged(AppError):
    guest: str

    def __str__(self) -> str:
        return f"the guest {self.guest!r} has become another user before, and stays that"


@dataclass(eq=False)
class Unauthenticated(AppError):
    def __str__(self) -> str:
        return "a valid API key is needed: send 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"


@dataclass(eq=False)
class UserTokenRefused(Unauthenticated):
    reason: str

    def __str__(self) -> str:
        return (
            f"the token in X-User-Token was refused: {self.reason}; your server gets another by "
            "POST /v1/users/{user_id}/token"
        )


@dataclass(eq=False)
class Forbidden(AppError):
    scope: str
    needed: str

    def __str__(self) -> str:
        return f"a {self.scope} key may not do this; it needs {self.needed}"


@dataclass(eq=False)
class NotFound(AppError):
    kind: str
    id: str

    def __str__(self) -> str:
        return f"there is no {self.kind} {self.id!r}"


@dataclass(eq=False)
class InvalidRequest(AppError):
    """A value in well-formed JSON is not acceptable. `pointer` is a JSON pointer to it."""

    pointer: str
    expected: str

    def __str__(self) -> str:
        return f"{self.pointer}: expected {self.expected}"


@dataclass(eq=False)
class TooLarge(AppError):
    what: str
    limit: str

    def __str__(self) -> str:
        return f"{self.what} may be at most {self.limit}"


@dataclass(eq=False)
class MalformedBody(AppError):
    reason: str

    def __str__(self) -> str:
        return f"the body is not valid JSON: {self.reason}"


@dataclass(eq=False)
class UnsupportedMedia(AppError):
    header: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.header}: expected {self.accepted}"
