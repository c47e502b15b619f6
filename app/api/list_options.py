"""What may be wished of any list, whoever it is for."""

from typing import Annotated, Any

from pydantic import Field

from app.api.fields import Id, Name, Strict
from app.domain import Entity
from app.errors import InvalidRequest
from app.services.question import BoostDraft, Question
from app.settings import LimitSettings

FilterIn = Annotated[
    dict[str, Any],
    Field(description="`field` and a comparison, or `all`, `any`, `not` of others: see the guide"),
]
Share = Annotated[float, Field(ge=0, le=1)]


class BoostIn(Strict):
    """Items that pass the filter are `factor` times as likely, beside the others."""

    filter: FilterIn
    factor: Annotated[float, Field(gt=0, le=1000)]


class ListOptionsIn(Strict):
    k: Annotated[int, Field(ge=1)] = 10
    exclude_item_ids: list[Id] = Field(default_factory=list)
    candidate_item_ids: list[Id] | None = Field(None, description="rank only these")
    include_seen: bool | None = Field(None, description="items already seen too; default false")
    scenario: Name | None = Field(None, description="a configured scenario")
    filter: FilterIn | None = None
    boosts: list[BoostIn] = Field(default_factory=list, max_length=20)
    pins: list[Id] = Field(
        default_factory=list, max_length=50, description="come first, if they may be shown"
    )
    diversity: Share | None = Field(None, description="0: by score alone, 1: as unlike as possible")
    exploration: Share | None = Field(
        None, description="0: the best, 1: drawn by chance as the model expects people to choose"
    )
    seed: Annotated[int, Field(ge=0, lt=2**53)] | None = Field(
        None, description="of exploration: the same seed draws the same list"
    )
    properties: list[Name] = Field(
        default_factory=list,
        max_length=50,
        description="item properties to return, such as `title`",
    )

    def question(self, entity: Entity | None, limits: LimitSettings) -> Question:
        """Raises `InvalidRequest` where something is above the limits of this service."""
        limit("/k", self.k, limits.k)
        limit("/exclude_item_ids", len(self.exclude_item_ids), limits.exclusions, "items")
        candidates = self.candidate_item_ids
        limit("/candidate_item_ids", len(candidates or ()), limits.candidates, "items")
        return Question(
            entity=entity,
            k=self.k,
            scenario=self.scenario,
            filter=self.filter,
            boosts=tuple(BoostDraft(one.filter, one.factor) for one in self.boosts),
            pins=tuple(dict.fromkeys(self.pins)),
            exclude=frozenset(self.exclude_item_ids),
            candidates=None if candidates is None else frozenset(candidates),
            include_seen=self.include_seen,
            diversity=self.diversity,
            exploration=self.exploration,
            seed=self.seed,
            properties=tuple(self.properties),
        )


def limit(pointer: str, value: int, most: int, unit: str = "") -> None:
    """Raises `InvalidRequest` where the number at `pointer` is above `most`."""
    if value > most:
        raise InvalidRequest(pointer, f"at most {most:,} {unit}".rstrip())
