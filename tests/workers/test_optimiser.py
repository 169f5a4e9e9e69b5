"""One stacked step is S separate clipped steps of torch's optimisers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import transformers
from pydantic import ValidationError

from seedsweep.workers.optimiser import OPTIMISERS, learning_rate, learning_rates
from seedsweep.workers.settings import TrainSettings

TORCHS: dict[str, Callable[[torch.Tensor], torch.optim.Optimizer]] = {
    "adamw": lambda row: torch.optim.AdamW([row], weight_decay=0.1, eps=1e-3),
    "sgd": lambda row: torch.optim.SGD([row], lr=1.0, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_equals_separate_clipped_optimisers(name: str) -> None:
    given = {"steps": 8, "batch": 1, "learning_rate": 0.03, "warmup": 2, "weight_decay": 0.1, "clip": 0.5}
    epsilon = {"adam_epsilon": 1e-3} if name == "adamw" else {}
    train = TrainSettings.model_validate(given | epsilon | {"optimiser": name})
    generator = torch.Generator().manual_seed(0)
    stacked = torch.randn(4, 64, generator=generator)
    optimiser = OPTIMISERS[name](train, stacked)
    separate = [row.clone().requires_grad_() for row in stacked]
    theirs = [TORCHS[name](row) for row in separate]
    alive = torch.ones(4, dtype=torch.bool)
    rates = learning_rates(train, stacked.device)
    for step in range(8):
        # Seeds with small and with large gradients: some are clipped, some are not.
        gradient = torch.randn(4, 64, generator=generator) * torch.tensor([[0.01], [0.1], [1.0], [10.0]])
        optimiser.step(rates[step], gradient.clone(), alive)
        for row, parameter, single in zip(gradient, separate, theirs, strict=True):
            parameter.grad = row.clone()
            torch.nn.utils.clip_grad_norm_([parameter], 0.5)
            single.param_groups[0]["lr"] = learning_rate(train, step)
            single.step()
    for row, parameter in zip(stacked, separate, strict=True):
        torch.testing.assert_close(row, parameter.detach(), rtol=1e-6, atol=1e-7)


def test_only_adam_has_an_epsilon() -> None:
    with pytest.raises(ValidationError, match="adam_epsilon: optimiser sgd has none; give one of them up"):
        TrainSettings(steps=8, batch=1, learning_rate=0.1, optimiser="sgd", adam_epsilon=1e-4)


def test_schedule() -> None:
    cosine = TrainSettings(steps=110, batch=1, learning_rate=2.0, warmup=10)
    assert learning_rate(cosine, 0) == pytest.approx(0.2)
    assert learning_rate(cosine, 9) == pytest.approx(2.0)
    assert learning_rate(cosine, 10) == pytest.approx(2.0)
    assert learning_rate(cosine, 60) == pytest.approx(1.0)
    assert learning_rate(cosine, 85) == pytest.approx(1.0 + math.cos(0.75 * math.pi))
    linear = cosine.model_copy(update={"schedule": "linear"})
    theirs = transformers.get_linear_schedule_with_warmup(torch.optim.SGD([torch.zeros(1)], lr=2.0), 10, 110)
    for step in (10, 60, 109):
        assert learning_rate(linear, step) == pytest.approx(2.0 * theirs.lr_lambdas[0](step))
    inverse = cosine.model_copy(update={"schedule": "inverse-sqrt"})
    theirs = transformers.get_inverse_sqrt_schedule(torch.optim.SGD([torch.zeros(1)], lr=2.0), 10)
    for step in (10, 40, 109):
        assert learning_rate(inverse, step) == pytest.approx(2.0 * theirs.lr_lambdas[0](step))
    constant = cosine.model_copy(update={"schedule": "constant"})
    assert learning_rate(constant, 109) == pytest.approx(2.0)
    assert learning_rate(cosine.model_copy(update={"warmup": 0}), 0) == pytest.approx(2.0)
