"""Exemplars: the vectors that are drawn, the same however many there are, and those of a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from seedsweep.errors import InputError
from seedsweep.workers.settings import Features
from seedsweep.workers.tasks.induction import Induction, InductionSettings

CPU = torch.device("cpu")


def settings(**given: Any) -> InductionSettings:
    task = {"name": "induction", "classes": 6, "labels": 3, "heldout_classes": 2, "evaluation_examples": 8}
    return InductionSettings(**{**task, **given})


def table(**given: Any) -> np.ndarray:
    """(classes, exemplars, numbers), as the task has it."""
    task = settings(**given)
    found = Induction(task, CPU).feature_table()
    assert task.features is not None
    assert found.shape == (task.features.rows, task.features.size)
    assert found.dtype == torch.float32
    return found.view(task.stored_classes, task.stored_exemplars, -1).double().numpy()


def test_a_table_is_the_same_however_many_classes_and_exemplars_there_are() -> None:
    small = table(exemplars=2, noise=0.5, common=1.5, feature_seed=4)
    large = table(classes=4000, exemplars=5, heldout_classes=0, noise=0.5, common=1.5, feature_seed=4)
    assert (large[:8, :2] == small).all()
    assert not (table(exemplars=2, noise=0.5, common=1.5, feature_seed=5) == small).any()


def test_means_noise_and_what_is_common_add_up() -> None:
    """x = (μ + ε η) / √(1 + ε²) + m g."""
    means = table(exemplars=3)
    assert (means == means[:, :1]).all()
    noisy = table(exemplars=3, noise=0.5)
    eta = (noisy * math.sqrt(1.25) - means) / 0.5
    near, far = (table(exemplars=3, noise=0.5, common=m) for m in (1, 3))
    common = near - noisy
    assert common == pytest.approx(np.broadcast_to(common[:1, :1], common.shape), abs=1e-5)
    assert far - noisy == pytest.approx(3 * common, abs=1e-5)
    size = means.shape[2]
    drawn = [means[:, 0].ravel(), eta.ravel(), common[0, 0]]
    for values in drawn:
        assert values.mean() == pytest.approx(0, abs=5 / math.sqrt(len(values)))
        assert (values**2).mean() == pytest.approx(1, abs=5 * math.sqrt(2 / len(values)))
    of_one_exemplar = [means[0, 0], means[1, 0], eta[0, 0], eta[0, 1], eta[1, 0], common[0, 0]]
    correlations = np.corrcoef(of_one_exemplar) - np.eye(6)
    assert np.abs(correlations).max() < 5 / math.sqrt(size)


def test_vectors_may_have_a_length_about_one() -> None:
    given = {"classes": 300, "noise": 0.1, "feature_size": 63}
    assert table(**given, unit_length=True) * math.sqrt(63) == pytest.approx(table(**given), rel=1e-5)
    lengths = np.linalg.norm(table(**given, unit_length=True), axis=2)
    assert lengths.mean() == pytest.approx(1, abs=0.02)


def test_one_hot_exemplars_are_tokens_like_others() -> None:
    task = settings(vectors="one-hot")
    assert task.features is None
    assert task.vocabulary_size() == 8 + 3
    assert settings().features == Features(8, 64)
    assert task.data_bytes() == 8 * 3 * 8 * 6  # of rows alone: three splits of eight, six tokens each
    assert settings(feature_size=63).data_bytes() - task.data_bytes() == 4 * 8 * (63 + 64)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    features = np.random.default_rng(0).normal(size=(10, 4, 7))
    np.save(tmp_path / "omniglot.npy", features)
    np.savez(tmp_path / "several.npz", features=features, names=np.arange(10))
    np.savez_compressed(tmp_path / "one.npz", anything=features)
    return tmp_path / "omniglot.npy"


def of_file(file: Path, **given: Any) -> InductionSettings:
    return settings(vectors="file", file=str(file), **given)


def test_vectors_of_a_file_are_taken_as_they_are(file: Path) -> None:
    features = np.load(file).astype(np.float32)
    taken = table(vectors="file", file=str(file), exemplars=3, heldout_exemplars=1)
    assert taken.shape == (8, 4, 7)
    classes = [int(np.flatnonzero((features == one.astype(np.float32)).all(axis=(1, 2)))[0]) for one in taken]
    assert len(set(classes)) == 8
    other = table(vectors="file", file=str(file), exemplars=2, feature_seed=1)
    assert not (other[:, :2] == taken[:, :2]).all(axis=(1, 2)).all()
    more = table(vectors="file", file=str(file), classes=8, exemplars=2)
    assert (more[:8] == taken[:, :2]).all()  # a longer ladder adds classes


def test_of_a_file_its_content_counts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = file.with_name("moved.npy")
    elsewhere.write_bytes(file.read_bytes())
    identity = of_file(file).resolve().identity()
    assert identity == of_file(elsewhere).resolve().identity()
    assert identity["file"].startswith("sha256:")
    monkeypatch.chdir(file.parent)
    assert of_file(Path(file.name)).resolve().file == str(file)
    np.save(elsewhere, np.load(file) + 1)
    assert of_file(elsewhere).resolve().identity() != identity


def test_all_files_of_numpy_will_do(file: Path) -> None:
    found = {name: table(vectors="file", file=str(file.with_name(name))) for name in ("several.npz", "one.npz")}
    for values in found.values():
        assert (values == table(vectors="file", file=str(file))).all()


def test_a_file_that_cannot_be_used_is_told_in_a_line(file: Path, tmp_path: Path) -> None:
    def refused(content: Any, match: str, **given: Any) -> None:
        path = tmp_path / "given.npy"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content, allow_pickle=True)
        with pytest.raises(InputError, match=match) as raised:
            of_file(path, **given).resolve()
        assert "\n" not in str(raised.value)
        assert str(path) in str(raised.value)

    features = np.load(file)
    refused(b"", "not an array of numpy's")
    refused(file.read_bytes()[:500], "not an array of numpy's")
    refused((file.with_name("one.npz")).read_bytes()[:900], "not an array of numpy's")
    refused(np.array([{}]), "not an array of numpy's")
    refused(features[0], r"has the shape \(4, 7\) of float64; must be numbers \(classes, exemplars, ")
    refused(features > 0, "of bool; must be numbers")
    refused(np.where(features > 3, np.nan, features) * np.inf, "values that are not finite")
    refused(features, "task.classes: 102 are needed, with those that are held out; .* has 10", heldout_classes=96)
    refused(features, "task.exemplars: 5 are needed, with those that are held out", exemplars=5)
    refused(features, "task.exemplars: 6 are needed", exemplars=3, heldout_exemplars=3)
    np.savez(tmp_path / "two.npz", a=features, b=features)
    with pytest.raises(InputError, match=r"two.npz: has the arrays a, b; call the one that is meant 'features'"):
        of_file(tmp_path / "two.npz").resolve()
    with pytest.raises(InputError, match=r"task.file: .*none.npy: no such file; give an .npy or .npz"):
        of_file(tmp_path / "none.npy").resolve()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"vectors": "file"}, "file: give it with vectors: file"),
        ({"file": "x.npy"}, "file: give it with vectors: file"),
        ({"vectors": "one-hot", "noise": 0.1}, "noise: only of vectors that are drawn"),
        ({"vectors": "file", "file": "x.npy", "common": 1}, "common: only of vectors that are drawn"),
        ({"vectors": "one-hot", "feature_size": 64}, "feature_size: only of vectors that are drawn"),
        ({"vectors": "one-hot", "unit_length": True}, "unit_length: only of vectors that are drawn"),
        ({"heldout_classes": 1}, "heldout_classes: a row has different classes; give 0, or at least 2"),
    ],
)
def test_fields_that_say_nothing_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        settings(**given)
