import pytest
import torch
from torch import nn
from torch.func import functional_call

from models.nets import HEAD, MLP, Learner, MLPScorer, SinusoidNet, initial_parameters


def shapes(net: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in net.named_parameters()}


def test_the_learner_maps_ten_inputs_to_five_logits() -> None:
    assert Learner()(torch.zeros(3, 10)).shape == (3, 5)
    assert shapes(Learner()) == {
        "body.0.weight": (64, 10),
        "body.0.bias": (64,),
        "head.weight": (5, 64),
        "head.bias": (5,),
    }


def test_the_sinusoid_net_has_two_layers_of_forty() -> None:
    assert SinusoidNet()(torch.zeros(7, 1)).shape == (7, 1)
    found = shapes(SinusoidNet())
    assert [found[name] for name in ("body.0.weight", "body.2.weight", "head.weight")] == [
        (40, 1),
        (40, 40),
        (1, 40),
    ]


def test_an_mlp_computes_what_its_layers_say() -> None:
    net = MLP((3, 4, 2), nn.Tanh)
    params = initial_parameters(net, torch.Generator().manual_seed(0))
    params["head.bias"] = torch.tensor([1.0, -1.0])
    inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    hidden = (inputs @ params["body.0.weight"].T).tanh()
    expected = hidden @ params["head.weight"].T + params["head.bias"]
    torch.testing.assert_close(functional_call(net, params, (inputs,)), expected)


def test_a_scorer_adds_a_linear_and_a_curved_part() -> None:
    net = MLPScorer(width=4, hidden=3)
    generator = torch.Generator().manual_seed(0)
    params = initial_parameters(net, generator)
    params["body.bias"] = torch.randn(3, generator=generator)
    items = torch.randn(2, 6, 4, generator=generator)
    linear, curved = params["head.weight"][0, :4], params["head.weight"][0, 4:]
    expected = (
        items @ linear
        + (items @ params["body.weight"].T + params["body.bias"]).clamp_min(0) @ curved
    )
    scores = functional_call(net, params, (items,))
    assert scores.shape == (2, 6)
    torch.testing.assert_close(scores, expected)


@pytest.mark.parametrize("net", [Learner(), SinusoidNet(), MLPScorer(4, 3)])
def test_the_head_is_told_apart_by_name(net: nn.Module) -> None:
    head = {name for name in shapes(net) if name.startswith(HEAD)}
    assert head
    assert head < set(shapes(net))


def test_a_deviation_truncates_weights_at_twice_itself() -> None:
    params = initial_parameters(SinusoidNet(), torch.Generator().manual_seed(0), deviation=0.01)
    weight = params["body.2.weight"]
    assert weight.abs().max() <= 0.02
    # A normal law cut at two deviations has 0.88 of its deviation left.
    assert weight.std().item() == pytest.approx(0.0088, rel=0.05)
    assert not params["body.2.bias"].any()


def test_without_a_deviation_weights_shrink_with_their_inputs() -> None:
    params = initial_parameters(MLP((100, 50, 1)), torch.Generator().manual_seed(0))
    assert params["body.0.weight"].std().item() == pytest.approx(0.088, rel=0.05)


def test_the_same_generator_gives_the_same_parameters() -> None:
    one, other = (initial_parameters(Learner(), torch.Generator().manual_seed(3)) for _ in range(2))
    for name in one:
        assert torch.equal(one[name], other[name])
