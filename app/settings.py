"""Every setting and its default. Read by main, cli and runtime only; see `thaw settings`."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    low, high = pair
    if not low < high:
        raise ValueError(f"expected the lowest value before the highest, got {low:g} and {high:g}")
    return pair


Range: TypeAlias = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_ascending)]

Rate: TypeAlias = Annotated[str, Field(pattern=r"^[1-9]\d{0,8}/(second|minute|hour|day|year)$")]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(Frozen):
    url: str = "sqlite+aiosqlite:///var/thaw.db"
    """`sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://USER:PASSWORD@HOST/NAME`."""


class RedisSettings(Frozen):
    url: str = "embedded"
    """`embedded` (a Valkey of our own under var/), `redis://`, `rediss://`, `unix://` or `redis+cluster://`."""
    timeout_ms: Annotated[int, Field(gt=0)] = 250
    window_ttl_seconds: Annotated[int, Field(gt=0)] = 30 * 24 * 3600


class WeightsSettings(Frozen):
    directory: Path = Path("var/weights")


class EngineSettings(Frozen):
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    batch_limit: Annotated[int, Field(ge=1, le=4096)] = 128
    queue_limit: Annotated[int, Field(ge=1)] = 2048
    deadline_ms: Annotated[int, Field(gt=0)] = 1000


class EventSettings(Frozen):
    weights: dict[str, float] = {
        "view": 0.2,
        "click": 0.5,
        "like": 1.0,
        "cart": 2.0,
        "purchase": 4.0,
        "rating": 1.0,
        "dislike": -1.0,
        "skip": -0.1,
        "impression": 0.0,
    }
    rating_range: Range = (1.0, 5.0)
    """Lowest and highest `value` of a `rating` event; the weight above applies to the highest."""
    seen: frozenset[str] = frozenset(
        {"click", "like", "cart", "purchase", "rating", "dislike", "skip"}
    )
    retention_days: Annotated[int, Field(ge=1)] = 400
    future_hours: Annotated[int, Field(ge=0)] = 24
    queue_limit: Annotated[int, Field(ge=1)] = 10_000
    stub_items: bool = True
    """Whether an event on an unknown item creates that item."""


class LimitSettings(Frozen):
    body_bytes: Annotated[int, Field(gt=0)] = 1024 * 1024
    events_per_request: Annotated[int, Field(gt=0)] = 1_000
    k: Annotated[int, Field(gt=0)] = 500
    candidates: Annotated[int, Field(gt=0)] = 1_000
    exclusions: Annotated[int, Field(gt=0)] = 1_000
    bulk: Annotated[int, Field(gt=0)] = 1_000
    requests_per_key: dict[Literal["publishable", "server", "admin"], Rate] = {}
    """Rates by scope, such as `{"publishable": "200/second"}`; each worker counts for itself."""


class BoostSettings(Frozen):
    filter: dict[str, Any]
    factor: Annotated[float, Field(gt=0, le=1000)]


class ScenarioSettings(Frozen):
    """A kind of list, asked for as `scenario`; that named `default` holds where none is."""

    filter: dict[str, Any] | None = None
    boosts: tuple[BoostSettings, ...] = ()
    fading: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Property of items that holds a time in milliseconds: hours until odds have halved."""
    include_seen: bool = False
    exclude_self: bool = False
    """Where people are the items: nobody is shown to themselves."""
    exclude_listed_in: tuple[str, ...] = ()
    """Properties of users that list items not to show them, such as `friends` and `blocked`."""
    diversity: Annotated[float, Field(ge=0, le=1)] = 0.0
    exploration: Annotated[float, Field(ge=0, le=1)] = 0.0


class ExperimentSettings(Frozen):
    """Two arms that show what personal lists are worth; see `GET /v1/admin/impact`."""

    holdout: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of people who always get the prior, whatever they do."""
    salt: str = ""
    """Another one draws other people."""


class ServerSettings(Frozen):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    admin_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """If set, /v1/admin and /metrics are there only."""
    admin_host: str | None = None
    """Its address, if it is another one than `host`."""
    allow_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API from a browser, such as `https://shop.example`."""
    user_token_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    """Signs the tokens of users; otherwise a random secret, kept in SQL. Another one ends all."""
    open_metrics: bool = False
    """Serve /metrics without a key; otherwise Prometheus sends an admin key as its bearer token."""
    open_docs: bool = False
    """Serve /docs and /v1/openapi.json without a key; the demo always does."""


class Settings(BaseSettings):
    """All settings. Environment variables use the prefix `THAW_` and `__` between levels."""

    model_config = SettingsConfigDict(
        env_prefix="THAW_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    namespace: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")] = "thaw"
    state: Path = Path("var")
    """Where a local start keeps everything it must remember."""
    demo: bool = False
    """Serve the demo page at `/` and let it use the publishable key of var/dev-keys.json."""
    demo_shop: Literal["films", "groceries", "own"] = "films"
    """What the demo calls the items."""
    log_format: Literal["json", "console"] = "json"
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    weights: WeightsSettings = WeightsSettings()
    engine: EngineSettings = EngineSettings()
    events: EventSettings = EventSettings()
    limits: LimitSettings = LimitSettings()
    experiment: ExperimentSettings = ExperimentSettings()
    server: ServerSettings = ServerSettings()
    scenarios: dict[str, ScenarioSettings] = {}

    def beside(self, name: str) -> "Settings":
        """Those of a second service in this one, whose state lies under this one's."""
        state = self.state / name
        return self.model_copy(
            update={
                "state": state,
                "database": DatabaseSettings(url=f"sqlite+aiosqlite:///{state}/thaw.db"),
                "redis": RedisSettings(),
                "weights": WeightsSettings(directory=state / "weights"),
            }
        )
