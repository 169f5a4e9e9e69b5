"""The examples of training code of one's own run, and what they write is read."""

from __future__ import annotations

from pathlib import Path

import pytest

import seedsweep as ss
from seedsweep.sweep.programverify import verify_program

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def trained(example: str, out: Path, *changes: str) -> ss.Population:
    """Two seeds, as the example's spec says but for the changes."""
    named = ss.read_spec(EXAMPLES / example / "sweep.yaml", overrides=changes, seeds="0:2")
    result = ss.run(named.spec, out, executor="inline")
    assert (result.trained, result.failed, result.notes) == (2 * len(named.spec.scale.values), 0, ())
    population = ss.load(out)
    assert population.final(named.spec.success.metric, named.spec.success.split).present.all()
    return population


def test_a_plain_torch_script(tmp_path: Path) -> None:
    parity = trained("script", tmp_path, "scale.values=[8]", "program.parameters.steps=600")
    assert parity.curves("accuracy")[8].steps.tolist() == list(range(0, 601, 100))
    assert parity.final("accuracy").at(8).min() > 0.8


def test_scikit_learn(tmp_path: Path) -> None:
    digits = trained("scikit", tmp_path, "scale.values=[2,16]", "program.parameters.epochs=5")
    assert digits.final("accuracy", split="test").at(16).min() > 0.8
    assert digits.final("loss", split="train").at(16).max() < 0.5


def test_jax_with_many_seeds_in_a_call(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    changes = ["scale.values=[64]", "program.parameters.steps=1000"]
    assert trained("jax", tmp_path, *changes).final("accuracy").at(64).min() > 0.8
    found = verify_program(ss.read_spec(EXAMPLES / "jax/sweep.yaml", overrides=changes).spec, 2)
    assert found.kept
    assert found.scales[0].together is not None


@pytest.mark.heavy
def test_hugging_faces_trainer(tmp_path: Path) -> None:
    reversed_ = trained("huggingface", tmp_path, "scale.values=[16]", "program.parameters.steps=100")
    assert reversed_.curves("exact_match", split="eval")[16].steps.tolist() == [50, 100]
    assert reversed_.curves("loss", split="train")[16].steps.tolist() == [50, 100]
