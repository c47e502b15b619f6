"""The recorded inner loop gives what the inner loop gives, for batches of any size."""

import pytest
import torch
from torch import Tensor, nn

from models.inner import Params, adapt, module_loss
from models.nets import HEAD, MLP, initial_parameters
from models.recorded import RecordedInnerLoop

SIZES = (1, 4)
NET = MLP((3, 4, 2))
CRITERION = module_loss(NET, nn.functional.cross_entropy)


@pytest.fixture(scope="module")
def params() -> dict[str, Tensor]:
    return initial_parameters(NET, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def tasks() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    inputs = torch.randn(9, 5, 3, generator=random)
    return inputs, torch.randint(2, (9, 5), generator=random)


def loss(params: Params, data: tuple[Tensor, ...]) -> Tensor:
    inputs, targets = data
    return CRITERION(params, (inputs, targets))


def of_sizes(params: Params) -> list[dict[str, Tensor]]:
    """Two steps, Meta-SGD's: a size for every number."""
    return [
        {name: torch.full_like(value, size) for name, value in params.items()}
        for size in (0.3, 0.1)
    ]


@pytest.mark.parametrize("count", [1, 2, 4, 5, 9])
def test_batches_of_any_size(
    params: dict[str, Tensor], tasks: tuple[Tensor, Tensor], count: int
) -> None:
    steps = of_sizes(params)
    loop = RecordedInnerLoop(loss, params, steps, tasks, sizes=SIZES)
    given = (tasks[0][:count], tasks[1][:count])
    adapted = loop(given)
    for task in range(count):
        expected = adapt(loss, params, (given[0][task], given[1][task]), steps)
        for name, value in expected.items():
            torch.testing.assert_close(adapted[name][task], value)


def test_what_has_no_step_size_stays(
    params: dict[str, Tensor], tasks: tuple[Tensor, Tensor]
) -> None:
    head = {name: torch.tensor(0.3) for name in params if name.startswith(HEAD)}
    adapted = RecordedInnerLoop(loss, params, [head], tasks, sizes=SIZES)(tasks)
    for name, value in params.items():
        stayed = torch.equal(adapted[name], value.expand_as(adapted[name]))
        assert stayed == (name not in head)


def test_compiled_it_does_the_same(
    params: dict[str, Tensor], tasks: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler is torch's affair; what it is given, and when, is ours."""
    given = []

    def compiler(graph: nn.Module, *, dynamic: bool) -> nn.Module:
        given.append((graph, dynamic))
        return graph

    monkeypatch.setattr(torch, "compile", compiler)
    loop = RecordedInnerLoop(loss, params, of_sizes(params), tasks, sizes=SIZES, compiled=True)
    assert [dynamic for _, dynamic in given] == [False] * len(SIZES)
    plain = RecordedInnerLoop(loss, params, of_sizes(params), tasks, sizes=SIZES)
    for name, value in plain(tasks).items():
        assert torch.equal(loop(tasks)[name], value)
    assert len(given) == len(SIZES)
