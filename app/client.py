"""The Python client. One file that needs httpx alone, long so that a shop may copy it as it is.

    with Thaw("http://127.0.0.1:8000", KEY) as thaw:
        recorded = thaw.record(Event("click", "mug-7", user_id="ann"))
        found = thaw.recommend(user_id="ann", k=5, min_watermark=recorded.watermark)

`AsyncThaw` has the same methods, to be awaited. Every failure is a `ThawError`.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import wraps
from types import UnionType
from typing import (
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Self,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)
from urllib.parse import quote
from uuid import uuid4

import httpx

P = ParamSpec("P")
T = TypeVar("T")
Properties: TypeAlias = Mapping[str, Any]
When: TypeAlias = int | str | datetime
"""Milliseconds since 1970 (UTC), RFC 3339 text, or a datetime that knows its time zone."""
Fallback: TypeAlias = Callable[[Mapping[str, Any]], Sequence[str]]
"""What `recommend` was asked -> item ids, best first, from the caller's own memory."""


@dataclass(frozen=True, slots=True)
class Event:
    """What somebody did to an item. By its `event_id` it counts once, however often it is sent."""

    type: str
    item_id: str
    user_id: str | None = None
    anonymous_id: str | None = None
    value: float | None = None
    timestamp: When | None = None
    request_id: str | None = None
    position: int | None = None
    context: Properties | None = None
    event_id: str = field(default_factory=lambda: uuid4().hex)


class ListOptions(TypedDict, total=False):
    """Options of every list; each means what the field of that name means in the API."""

    k: int
    exclude_item_ids: Sequence[str]
    candidate_item_ids: Sequence[str] | None
    include_seen: bool | None
    scenario: str | None
    filter: Properties | None
    boosts: Sequence[Properties]
    pins: Sequence[str]
    diversity: float | None
    exploration: float | None
    seed: int | None
    properties: Sequence[str]


class Question(ListOptions, total=False):
    """Whom to recommend to, and within which bounds. Without any id: what everyone gets."""

    user_id: str | None
    anonymous_id: str | None
    explain: bool
    cursor: str | None
    min_watermark: str | None
    timeout_ms: int | None


class ItemFields(TypedDict, total=False):
    properties: Properties
    hidden: bool
    available_from: When | None
    available_until: When | None


@dataclass(frozen=True, slots=True)
class Rejected:
    index: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Recorded:
    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]
    watermark: str | None


@dataclass(frozen=True, slots=True)
class Gate:
    blend: float


@dataclass(frozen=True, slots=True)
class Personalization:
    """`mode` is adapted, prior or popular, or `fallback` where the caller's own list stands in."""

    mode: str
    support: int = 0
    steps: int = 0
    weights_version: str = ""
    gate: Gate = Gate(0.0)
    adapted_at: int | None = None
    cached: bool = False
    arm: str = "treatment"


@dataclass(frozen=True, slots=True)
class Reason:
    item_id: str
    event_id: str | None
    contribution: float


@dataclass(frozen=True, slots=True)
class RecommendedItem:
    item_id: str
    score: float
    rank: int
    source: str
    properties: Properties = field(default_factory=dict)
    propensity: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendations:
    items: tuple[RecommendedItem, ...]
    personalization: Personalization
    request_id: str = ""
    catalogue_epoch: int = 0
    degraded: str | None = None
    shortfall: str | None = None
    next_cursor: str | None = None
    seed: int | None = None
    user_id: str | None = None
    """Told by `recommend_many` only."""

    @property
    def item_ids(self) -> tuple[str, ...]:
        return tuple(item.item_id for item in self.items)


@dataclass(frozen=True, slots=True)
class PreviewedItem:
    item_id: str
    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Similar:
    items: tuple[PreviewedItem, ...]


@dataclass(frozen=True, slots=True)
class AudienceMember:
    user_id: str
    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Audience:
    users: tuple[AudienceMember, ...]
    considered: int
    sampled: bool


@dataclass(frozen=True, slots=True)
class Move:
    item_id: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    before: tuple[PreviewedItem, ...]
    after: tuple[PreviewedItem, ...]
    moved: tuple[Move, ...]
    distance: float
    mode: str
    support: int


@dataclass(frozen=True, slots=True)
class Item:
    item_id: str
    properties: Properties
    hidden: bool
    available_from: int | None
    available_until: int | None


@dataclass(frozen=True, slots=True)
class StoredItem:
    item_id: str
    catalogue_epoch: int
    laggards: tuple[str, ...] = ()
    """Replicas that did not follow within a second."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Of a bulk call. `catalogue_epoch` and `laggards` are told of items only."""

    stored: int
    rejected: tuple[Rejected, ...]
    catalogue_epoch: int | None = None
    laggards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemWarmth:
    item_id: str
    row: str
    events: int
    shown: bool
    weights_version: str


@dataclass(frozen=True, slots=True)
class User:
    user_id: str
    properties: Properties


@dataclass(frozen=True, slots=True)
class UserToken:
    user_id: str
    token: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True, slots=True)
class Merged:
    user_id: str
    moved: int
    duplicates: int
    watermark: str | None


@dataclass(frozen=True, slots=True)
class Erased:
    user_id: str
    events: int
    guests: int
    had_properties: bool
    trained_before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PastEvent:
    event_id: str
    type: str
    item_id: str
    weight: float
    timestamp: int
    value: float | None = None
    request_id: str | None = None
    position: int | None = None
    context: Properties | None = None


@dataclass(frozen=True, slots=True)
class UserWarmth:
    user_id: str
    mode: str
    support: int
    gate: Gate
    distance: float
    weights_version: str
    degraded: str | None


@dataclass(frozen=True, slots=True)
class Reloaded:
    version: str
    previous: str | None
    checks: tuple[str, ...]
    took_ms: float
    reload_id: str = ""


@dataclass(frozen=True, slots=True)
class Replica:
    id: str
    version: str | None


@dataclass(frozen=True, slots=True)
class ReloadState:
    reload_id: str
    stage: str
    version: str | None
    error: str | None
    replicas: tuple[Replica, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    active: str | None
    previous: str | None
    versions: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share, or a difference of two, with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tally:
    impressions: int
    clicks: int
    positives: int
    click_rate: Rate | None
    positive_rate: Rate | None


@dataclass(frozen=True, slots=True)
class Impact:
    """What lists were worth; `gain` is the positive rate of the treatment less the holdout's."""

    since: int
    until: int
    complete: bool
    lists: int
    forged: int
    foreign: int
    untold: int
    crossovers: int
    total: Tally
    by_mode: Mapping[str, Tally]
    by_arm: Mapping[str, Tally]
    by_support: Mapping[str, Tally]
    by_version: Mapping[str, Tally]
    gain: Rate | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a version would earn. While that is unknown, `undecided` says why."""

    version: str
    lists: int
    people: int
    gone: int
    impressions: int
    effective_impressions: float
    mean_weight: float
    clipped: float
    observed_click_rate: Rate | None
    observed_positive_rate: Rate | None
    click_rate: Rate | None
    positive_rate: Rate | None
    undecided: str | None


@dataclass(frozen=True, slots=True)
class Key:
    key_id: str
    label: str
    scope: str
    created_at: int
    revoked_at: int | None
    previous_until: int | None
    key: str = field(default="", repr=False)
    """What is sent; told where the key was just made or rotated, and never again."""


@dataclass(frozen=True, slots=True)
class Keys:
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    status: str
    parts: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Every call ends by itself."""

    attempts: int = 4
    """How often a call is sent at most. Between come growing random pauses, or what `Retry-After`
    asks for.
    """
    timeout: float = 5.0
    """Seconds without a byte after which an attempt is given up."""
    deadline: float = 30.0
    """Seconds after which no attempt is begun."""
    hurry: float = 1.0
    """The same for `recommend` and `ready`, where somebody waits."""
    pause: float = 0.1
    """Seconds that the first pause may last; each may last twice as long as the one before."""


DEFAULT_BOUNDS = Bounds()


class ThawError(Exception):
    """What was asked has not been done, as far as is known."""

    temporary = True
    """Whether the same call may well succeed later."""
    retry_after = 0.0
    """Seconds to wait first, if the service said so."""


class Unanswered(ThawError):
    """No answer came in time, or none that Thaw gives."""


class Refused(ThawError):
    """The service said no: `status`, and `problem` as of RFC 9457."""

    def __init__(self, status: int, problem: Properties, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {problem.get('title', '')}: {problem.get('detail', '')}")
        self.status, self.problem, self.retry_after = status, problem, retry_after
        self.temporary = status == httpx.codes.TOO_MANY_REQUESTS or status >= 500


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call as data. What is not `repeatable` is sent once."""

    method: str
    path: str
    answer: type[T]
    body: Mapping[str, Any] | None = None
    repeatable: bool = True
    hurried: bool = False
    fallback: Callable[[ThawError], T] | None = None

    @property
    def content(self) -> bytes | None:
        return None if self.body is None else json.dumps(self.body, default=_plain).encode()

    def read(self, response: httpx.Response) -> T:
        """What was answered. Raises `Refused`, or `Unanswered` if it is of an unknown shape."""
        try:
            if not response.is_success:
                raise Refused(response.status_code, _problem(response), _seconds(response))
            if response.headers.get("content-type", "").startswith("application/jsonl"):
                told = [json.loads(line) for line in response.content.split(b"\n") if line]
            else:
                told = response.json()
            answer: T = _shaped(self.answer, told)
        except (ValueError, TypeError, AttributeError) as error:
            detail = f"{self.method} {self.path}: {response.status_code}, not as Thaw answers"
            raise Unanswered(detail) from error
        return answer

    def stand_in(self, error: ThawError) -> T:
        """What stands in for the answer. Raises `error` if nothing does."""
        if self.fallback is None or not error.temporary:
            raise error
        return self.fallback(error)


class _Method(Generic[P, T]):
    """A method that only describes its call; the client that it is asked of makes the call."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Call[T]]: ...
    @overload
    def __get__(self, client: "Thaw", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncThaw", owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, owner: type) -> Callable[..., Any]:
        if client is None:
            return self._describe

        @wraps(self._describe)
        def call(*given: P.args, **named: P.kwargs) -> Any:
            return client.send(self._describe(client, *given, **named))

        return call


class _Methods:
    """Every endpoint, once for both clients; options mean what the API says of them."""

    def __init__(self, bounds: Bounds, fallback: Fallback | None) -> None:
        self._bounds, self._fallback = bounds, fallback

    @_Method
    def record(self, *events: Event) -> Call[Recorded]:
        """Durable once answered. Bad events are told in `rejected`; the others count."""
        return Call("POST", "/v1/events", Recorded, {"events": events})

    @_Method
    def recommend(self, **question: Unpack[Question]) -> Call[Recommendations]:
        """The best items for somebody. An unknown id is no error."""

        def stand_in(error: ThawError) -> Recommendations:
            if self._fallback is None:
                raise error
            ids = list(self._fallback(question))[: question.get("k", 10)]
            items = (RecommendedItem(id_, 0.0, n, "fallback") for n, id_ in enumerate(ids, 1))
            return Recommendations(tuple(items), Personalization("fallback"), degraded=str(error))

        path = "/v1/recommendations"
        return Call("POST", path, Recommendations, question, hurried=True, fallback=stand_in)

    @_Method
    def recommend_many(
        self, user_ids: Sequence[str], **options: Unpack[ListOptions]
    ) -> Call[tuple[Recommendations, ...]]:
        """A list for each user, in the same order, such as for a newsletter."""
        body = {"user_ids": user_ids, **options}
        return Call("POST", "/v1/recommendations/batch", tuple[Recommendations, ...], body)

    @_Method
    def preview(self, *events: Event, user: Properties | None = None, k: int = 10) -> Call[Preview]:
        """Lists of somebody made up before and after `events`. Nothing is stored."""
        told = ("type", "item_id", "value", "timestamp")
        supposed = [{name: getattr(event, name) for name in told} for event in events]
        body = {"user": user or {}, "events": supposed, "k": k}
        return Call("POST", "/v1/recommendations/preview", Preview, body)

    @_Method
    def put_item(self, item_id: str, **item: Unpack[ItemFields]) -> Call[StoredItem]:
        return Call("PUT", _path("items", item_id), StoredItem, item)

    @_Method
    def patch_item(self, item_id: str, **change: Unpack[ItemFields]) -> Call[StoredItem]:
        """What is not named stays; None takes a date or a property away."""
        return Call("PATCH", _path("items", item_id), StoredItem, change)

    @_Method
    def put_items(self, items: Mapping[str, ItemFields]) -> Call[Stored]:
        """Many items by their ids."""
        body = {"items": [{"item_id": id_, **item} for id_, item in items.items()]}
        return Call("PUT", "/v1/items", Stored, body)

    @_Method
    def get_item(self, item_id: str) -> Call[Item]:
        return Call("GET", _path("items", item_id), Item)

    @_Method
    def delete_item(self, item_id: str) -> Call[StoredItem]:
        return Call("DELETE", _path("items", item_id), StoredItem)

    @_Method
    def similar(self, item_id: str, k: int = 10) -> Call[Similar]:
        return Call("GET", f"{_path('items', item_id, 'similar')}?k={k}", Similar)

    @_Method
    def audience(
        self, item_id: str, k: int = 10, candidate_user_ids: Sequence[str] | None = None
    ) -> Call[Audience]:
        """People whom an item would please, of the named ones or of some in the log."""
        body = {"k": k, "candidate_user_ids": candidate_user_ids}
        return Call("POST", _path("items", item_id, "audience"), Audience, body)

    @_Method
    def item_warmth(self, item_id: str) -> Call[ItemWarmth]:
        return Call("GET", _path("items", item_id, "warmth"), ItemWarmth)

    @_Method
    def put_user(self, user_id: str, properties: Properties) -> Call[User]:
        return Call("PUT", _path("users", user_id), User, {"properties": properties})

    @_Method
    def patch_user(self, user_id: str, properties: Properties) -> Call[User]:
        """Properties that are not named stay; None takes one away."""
        return Call("PATCH", _path("users", user_id), User, {"properties": properties})

    @_Method
    def put_users(self, users: Mapping[str, Properties]) -> Call[Stored]:
        """The properties of many users by their ids."""
        body = {"users": [{"user_id": id_, "properties": one} for id_, one in users.items()]}
        return Call("PUT", "/v1/users", Stored, body)

    @_Method
    def get_user(self, user_id: str) -> Call[User]:
        return Call("GET", _path("users", user_id), User)

    @_Method
    def erase_user(self, user_id: str) -> Call[Erased]:
        """The user and all that followed from what the user did are gone for good."""
        return Call("DELETE", _path("users", user_id), Erased)

    @_Method
    def merge(self, user_id: str, anonymous_id: str) -> Call[Merged]:
        """The guest has signed in: what it did is the user's from now on."""
        return Call("POST", _path("users", user_id, "merge"), Merged, {"from": anonymous_id})

    @_Method
    def user_token(self, user_id: str, seconds: int = 3_600) -> Call[UserToken]:
        """For the page of a user who has signed in, to send as X-User-Token."""
        return Call("POST", _path("users", user_id, "token"), UserToken, {"seconds": seconds})

    @_Method
    def user_events(self, user_id: str) -> Call[tuple[PastEvent, ...]]:
        """Everything that the user did."""
        return Call("GET", _path("users", user_id, "events"), tuple[PastEvent, ...])

    @_Method
    def user_warmth(self, user_id: str) -> Call[UserWarmth]:
        return Call("GET", _path("users", user_id, "warmth"), UserWarmth)

    @_Method
    def weights(self) -> Call[Weights]:
        return Call("GET", "/v1/admin/weights", Weights)

    @_Method
    def reload_weights(self, version: str | None = None, dry_run: bool = False) -> Call[Reloaded]:
        """Serve from `version`, by default the newest. Sent once."""
        body = {"version": version, "dry_run": dry_run}
        return Call("POST", "/v1/admin/weights/reload", Reloaded, body, repeatable=False)

    @_Method
    def reload_state(self, reload_id: str) -> Call[ReloadState]:
        return Call("GET", f"/v1/admin/weights/reload/{quote(reload_id, safe='')}", ReloadState)

    @_Method
    def roll_back_weights(self) -> Call[Reloaded]:
        """Serve from the meta-weights before. Sent once, for twice would undo it."""
        return Call("POST", "/v1/admin/weights/rollback", Reloaded, repeatable=False)

    @_Method
    def impact(self, days: int = 7) -> Call[Impact]:
        return Call("GET", f"/v1/admin/impact?days={days}", Impact)

    @_Method
    def estimate(self, version: str, days: int = 14) -> Call[Estimate]:
        """What a version would earn, from lists that were drawn with exploration."""
        path = f"{_path('admin', 'weights', version, 'estimate')}?days={days}"
        return Call("GET", path, Estimate)

    @_Method
    def keys(self) -> Call[Keys]:
        return Call("GET", "/v1/admin/keys", Keys)

    @_Method
    def make_key(self, label: str, scope: str) -> Call[Key]:
        """`scope` is publishable, server or admin. Sent once, for twice would make two."""
        body = {"label": label, "scope": scope}
        return Call("POST", "/v1/admin/keys", Key, body, repeatable=False)

    @_Method
    def rotate_key(self, key_id: str, grace_seconds: int = 86_400) -> Call[Key]:
        """A new secret; the one before opens for `grace_seconds` more. Sent once."""
        body = {"grace_seconds": grace_seconds}
        path = _path("admin/keys", key_id, "rotate")
        return Call("POST", path, Key, body, repeatable=False)

    @_Method
    def revoke_key(self, key_id: str) -> Call[Key]:
        return Call("DELETE", _path("admin/keys", key_id), Key)

    @_Method
    def ready(self) -> Call[Ready]:
        """Raises `Refused` where it cannot recommend."""
        return Call("GET", "/readyz", Ready, hurried=True)


class Thaw(_Methods):
    """Calls that wait for their answer. Threads may share it."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        bounds: Bounds = DEFAULT_BOUNDS,
        fallback: Fallback | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`fallback` tells what `recommend` shows while the service does not answer."""
        super().__init__(bounds, fallback)
        self._http = httpx.Client(base_url=url, headers=_headers(key), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call[T]) -> T:
        attempts = Attempts(self._bounds, call)
        content = call.content
        while True:
            try:
                return call.read(
                    self._http.request(
                        call.method, call.path, content=content, timeout=attempts.timeout
                    )
                )
            except (httpx.RequestError, ThawError) as error:
                failure = _failure(call, error)
            pause = attempts.pause(failure)
            if pause is None:
                return call.stand_in(failure)
            time.sleep(pause)


class AsyncThaw(_Methods):
    """Calls to be awaited, in one event loop."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        bounds: Bounds = DEFAULT_BOUNDS,
        fallback: Fallback | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """As of `Thaw`; `fallback` is not awaited."""
        super().__init__(bounds, fallback)
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(key), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        attempts = Attempts(self._bounds, call)
        content = call.content
        while True:
            try:
                return call.read(
                    await self._http.request(
                        call.method, call.path, content=content, timeout=attempts.timeout
                    )
                )
            except (httpx.RequestError, ThawError) as error:
                failure = _failure(call, error)
            pause = attempts.pause(failure)
            if pause is None:
                return call.stand_in(failure)
            await asyncio.sleep(pause)


class Attempts:
    """How often and how long one call may still be tried."""

    def __init__(self, bounds: Bounds, call: Call[Any]) -> None:
        self._left = bounds.attempts if call.repeatable else 1
        self._timeout = bounds.timeout if call.repeatable else bounds.deadline
        self._longest = bounds.pause
        self._end = time.monotonic() + (bounds.hurry if call.hurried else bounds.deadline)

    @property
    def timeout(self) -> float:
        """Seconds that the attempt to be made may last."""
        return max(min(self._timeout, self._end - time.monotonic()), 0.001)

    def pause(self, failure: ThawError) -> float | None:
        """Seconds until the next attempt; None if there is none."""
        self._left -= 1
        pause = failure.retry_after + random.random() * self._longest
        self._longest *= 2
        late = time.monotonic() + pause >= self._end
        return None if late or self._left < 1 or not failure.temporary else pause


def _headers(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def _path(kind: str, id_: str, *more: str) -> str:
    """Dots are encoded too: "." and ".." are ids like others, not ways through a tree."""
    return "/".join(("/v1", kind, quote(id_, safe="").replace(".", "%2E"), *more))


def _failure(call: Call[Any], error: httpx.RequestError | ThawError) -> ThawError:
    if isinstance(error, ThawError):
        return error
    return Unanswered(f"{call.method} {call.path}: {type(error).__name__} {error}".rstrip())


def _problem(response: httpx.Response) -> Properties:
    """What the service says is wrong; the status alone where something on the way said no."""
    try:
        return dict(response.json())
    except (ValueError, TypeError):
        return {"title": response.reason_phrase, "detail": "no problem of Thaw's"}


def _seconds(response: httpx.Response) -> float:
    """What `Retry-After` asks for, told in seconds or as a date; 0 where it does not."""
    told = response.headers.get("retry-after", "")
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        return max((parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def _plain(value: object) -> object:
    """Events and times as JSON has them."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Event):
        told = {one.name: getattr(value, one.name) for one in fields(value)}
        return {name: part for name, part in told.items() if part is not None}
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def _shaped(hint: Any, value: Any) -> Any:
    """JSON as the type that `hint` names; what a later service tells besides is left out."""
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        known = (one.name for one in fields(hint) if one.name in value)
        return hint(**{name: _shaped(hints[name], value[name]) for name in known})
    if get_origin(hint) is tuple:
        return tuple(_shaped(get_args(hint)[0], one) for one in value)
    if get_origin(hint) is Mapping:
        return {name: _shaped(get_args(hint)[1], one) for name, one in value.items()}
    if get_origin(hint) is UnionType and value is not None:
        return _shaped(get_args(hint)[0], value)
    return value
