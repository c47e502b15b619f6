"""Which meta-weights serve: chosen, adopted, followed, refused, fallen back from."""

import asyncio
from pathlib import Path

import pytest

from app.engine.engine import Engine
from app.errors import ReloadInProgress, UnknownWeights, WeightsMissing, WeightsRejected
from app.services.parts import Parts
from app.services.reload import follow, reload
from tests.app.services.conftest import another_replica
from tests.generated import save_generated


def versions(parts: Parts, count: int) -> list[str]:
    directory = parts.policy.weights_directory
    return [save_generated(directory, seed=seed).version for seed in range(count)]


def damage(parts: Parts, version: str) -> None:
    file: Path = parts.policy.weights_directory / version / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


async def test_without_any_choice_the_newest_serves_and_becomes_the_choice(parts: Parts) -> None:
    _, newest = versions(parts, 2)
    await follow(parts, now=0)
    assert parts.engine.pinned().version == newest
    assert await parts.activation.desired() == (newest, None)


async def test_a_replica_that_starts_later_serves_what_was_chosen(parts: Parts) -> None:
    [first] = versions(parts, 1)
    await follow(parts, now=0)
    save_generated(parts.policy.weights_directory, seed=7)
    engine = Engine(device="cpu", batch_limit=1, queue_limit=1)
    await follow(another_replica(parts, engine), now=0)
    assert engine.pinned().version == first
    await engine.close()


async def test_a_reload_is_followed_by_the_other_replica(parts: Parts) -> None:
    first, second = versions(parts, 2)
    engine = Engine(device="cpu", batch_limit=1, queue_limit=1)
    other = another_replica(parts, engine)
    await reload(parts, first, dry_run=False, now=0)
    await follow(other, now=0)
    reloaded = await reload(parts, second, dry_run=False, now=0)
    await follow(other, now=0)
    assert (reloaded.version, reloaded.previous) == (second, first)
    assert engine.pinned().version == parts.engine.pinned().version == second
    assert await parts.activation.desired() == (second, first)
    await engine.close()


async def test_a_dry_run_changes_nothing(parts: Parts) -> None:
    first, second = versions(parts, 2)
    await reload(parts, first, dry_run=False, now=0)
    tried = await reload(parts, second, dry_run=True, now=0)
    assert (tried.version, tried.previous) == (second, first)
    assert parts.engine.pinned().version == first
    assert (await parts.activation.desired())[0] == first


async def test_a_start_falls_back_from_what_is_damaged(parts: Parts) -> None:
    oldest, previous, desired = versions(parts, 3)
    for version in (previous, desired):
        await reload(parts, version, dry_run=False, now=0)
    damage(parts, desired)
    damage(parts, previous)
    engine = Engine(device="cpu", batch_limit=1, queue_limit=1)
    await follow(another_replica(parts, engine), now=0)
    assert engine.pinned().version == oldest
    await engine.close()


async def test_who_serves_goes_on_when_the_choice_is_damaged(parts: Parts) -> None:
    first, second = versions(parts, 2)
    await reload(parts, first, dry_run=False, now=0)
    damage(parts, second)
    with pytest.raises(WeightsRejected, match=second):
        await reload(parts, second, dry_run=False, now=0)
    await parts.activation.activate(second, first)
    with pytest.raises(WeightsRejected):
        await follow(parts, now=0)
    assert parts.engine.pinned().version == first


async def test_unknown_and_missing_versions_are_told_apart(parts: Parts) -> None:
    with pytest.raises(WeightsMissing, match="thaw train"):
        await reload(parts, None, dry_run=False, now=0)
    with pytest.raises(WeightsMissing):
        await follow(parts, now=0)
    for name in ("0123456789ab", "../../etc", ".", ""):
        with pytest.raises((UnknownWeights, WeightsRejected)):
            await reload(parts, name, dry_run=False, now=0)


async def test_one_reload_at_a_time_in_all_processes(parts: Parts) -> None:
    first, second = versions(parts, 2)
    await parts.reloads.note("elsewhere", "comparing", first)
    with pytest.raises(ReloadInProgress):
        await reload(parts, second, dry_run=False, now=0, reload_id="here")
    found = await parts.reloads.find("here")
    assert found is not None
    assert found.stage == "failed"
    await parts.reloads.note("elsewhere", "done", first)
    done = await reload(parts, second, dry_run=False, now=0, reload_id="here-again")
    assert done.version == second


async def test_a_reload_that_breaks_keeps_nobody_from_the_next(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = versions(parts, 2)
    with monkeypatch.context() as patch:
        patch.setattr("app.services.reload.prepare", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await reload(parts, first, dry_run=False, now=0, reload_id="broken")
    found = await parts.reloads.find("broken")
    assert found is not None
    assert (found.stage, found.error) == ("failed", "unexpected; see the log")
    assert (await reload(parts, second, dry_run=False, now=0)).version == second


async def test_one_reload_at_a_time(parts: Parts) -> None:
    first, second = versions(parts, 2)
    outcomes = await asyncio.gather(
        reload(parts, first, dry_run=False, now=0),
        reload(parts, second, dry_run=False, now=0),
        return_exceptions=True,
    )
    assert sum(isinstance(one, ReloadInProgress) for one in outcomes) == 1
