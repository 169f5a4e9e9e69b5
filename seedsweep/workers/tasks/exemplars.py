"""Exemplars: what tasks of in-context learning show of a class, as frozen vectors or as tokens of their own.

Every exemplar is a token: number e of class c is token c · X + e, with X exemplars of every class. It stands for a
vector that all seeds have in common, and which a learned linear map takes to the model's width; or, `one-hot`, for
a learned embedding like any other token's, which says the same as the map of one-hot vectors and costs less.

Drawn vectors are (μ + ε η) / √(1 + ε²) + m g: μ of the class, η of the exemplar, g of all, each standard normal.
Number c of them is the same however many there are.

Letters: C classes, X exemplars of a class, F numbers of a vector, B Philox blocks of a vector.
"""

from __future__ import annotations

import math
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.errors import InputError, listed
from seedsweep.workers.philox import Role, normal_of, philox
from seedsweep.workers.pretrained import absolute, file_digest
from seedsweep.workers.settings import Features, TaskSettings

DRAWN_SIZE = 64
"""Numbers of a drawn vector, if it is not said."""
BLOCKS_AT_ONCE = 2**17
"""Philox blocks that are drawn together. It bounds memory."""
ARRAY = "features"
"""The name of the array in an npz file that has several."""


class ExemplarSettings(TaskSettings):
    """What the settings of all tasks have in common that show exemplars of classes."""

    classes: int = Field(ge=2, le=1_000_000)
    """C, classes that training shows."""
    exemplars: int = Field(default=1, ge=1, le=1_000_000)
    """E, exemplars of each that training shows."""
    heldout_classes: int = Field(default=0, ge=0, le=1_000_000)
    """Classes for evaluation alone; 0, or at least 2."""
    vectors: Literal["gaussian", "file", "one-hot"] = "gaussian"
    """What exemplars are: vectors that are drawn, or those of `file`; one-hot: learned embeddings of their own,
    with which classes that are held out stay as they were drawn."""
    feature_size: int | None = Field(default=None, ge=1, le=65536)
    """F, numbers of a drawn vector; by default 64."""
    feature_seed: int = Field(default=0, ge=0, lt=2**31)
    """Draws the vectors, which all seeds have in common; of a file, the order in which its classes are taken."""
    noise: float = Field(default=0.0, ge=0, le=1000)
    """ε, how far exemplars are from the mean of their class, in parts of how far the means are from zero."""
    common: float = Field(default=0.0, ge=0, le=1000)
    """m, how far from zero is what all drawn vectors have in common."""
    unit_length: bool = False
    """Whether every number of a drawn vector has a variance of 1 / F, and without `common` a length about 1, in
    place of a variance of 1."""
    file: str | None = None
    """Vectors (classes, exemplars, F) as `.npy`, or as the only array or `features` of an `.npz`: of each class
    the first exemplars are taken. Classes that are held out are in it, too."""

    @model_validator(mode="after")
    def _check_exemplars(self) -> Self:
        if self.heldout_classes == 1:
            raise ValueError("heldout_classes: a row has different classes; give 0, or at least 2")
        if (self.file is not None) != (self.vectors == "file"):
            raise ValueError("file: give it with vectors: file, and with nothing else")
        drawn = {"feature_size": None, "noise": 0.0, "common": 0.0, "unit_length": False}
        for name, default in drawn.items():
            if self.vectors != "gaussian" and getattr(self, name) != default:
                raise ValueError(f"{name}: only of vectors that are drawn (vectors: gaussian)")
        return self

    def resolve(self) -> Self:
        """With the file's place absolute, after it was read and checked."""
        if self.file is None:
            return self
        resolved = self.model_copy(update={"file": absolute(self.file)})
        resolved.features_read()
        return resolved

    def identity(self) -> dict[str, Any]:
        """Of a file its content counts, not its place."""
        content = {} if self.file is None else {"file": f"sha256:{_digest(self.file)}"}
        return super().identity() | content

    @property
    def stored_classes(self) -> int:
        """All classes, those that training does not show behind the others."""
        return self.classes + self.heldout_classes

    @property
    def stored_exemplars(self) -> int:
        """X, exemplars that there are of every class."""
        return self.exemplars

    @property
    def exemplar_tokens(self) -> int:
        """Tokens 0 to before this one are exemplars."""
        return self.stored_classes * self.stored_exemplars

    @property
    def features(self) -> Features | None:
        """How many vectors there are, and of which size."""
        if self.vectors == "one-hot":
            return None
        size = self.feature_size or DRAWN_SIZE
        return Features(self.exemplar_tokens, self.features_read().shape[2] if self.file is not None else size)

    def data_bytes(self) -> int:
        """Besides the rows, the vectors in float32, as they are and as a decoder has them."""
        features = self.features
        floats = 0 if features is None else features.rows * (features.size + features.padded)
        return super().data_bytes() + 4 * floats

    def vectors_of_all(self) -> Tensor:
        """What the exemplars' tokens stand for, float32 (C · X, F) on the CPU. Not to be written to."""
        assert self.vectors != "one-hot"
        if self.file is None:
            size = self.feature_size or DRAWN_SIZE
            scale = 1 / math.sqrt(size) if self.unit_length else 1.0
            shape = (self.stored_classes, self.stored_exemplars, size)
            return _drawn(shape, self.feature_seed, self.noise, self.common, scale)
        read_CXF = self.features_read()
        words_C = philox((self.feature_seed, Role.FEATURES), (torch.arange(len(read_CXF)), 0))[:, 0]
        taken_C = words_C.argsort(stable=True)[: self.stored_classes]
        return torch.from_numpy(read_CXF[taken_C.numpy(), : self.stored_exemplars]).flatten(0, 1)

    def features_read(self) -> np.ndarray:
        """The file's array. Raises InputError that names the file and what is wrong with it."""
        assert self.file is not None
        read_CXF = _read(self.file, _digest(self.file))
        classes, exemplars, _ = read_CXF.shape
        for field, there, needed in (
            ("classes", classes, self.stored_classes),
            ("exemplars", exemplars, self.stored_exemplars),
        ):
            if there < needed:
                raise InputError(
                    f"task.{field}: {needed} are needed, with those that are held out; {self.file} has {there}"
                )
        return read_CXF


@lru_cache(maxsize=2)
def _drawn(shape: tuple[int, int, int], seed: int, noise: float, common: float, scale: float) -> Tensor:
    """Class c draws at step 1 + c, its mean from position 0 on, exemplar e from (1 + e) · B on; g is of step 0."""
    classes, exemplars, size = shape
    blocks = -(-size // 4)
    vectors_CXF = torch.empty(shape)
    common_F = common * _normal(seed, torch.arange(blocks), torch.tensor(0))[:size]
    at_once = max(1, BLOCKS_AT_ONCE // (blocks * (1 + exemplars)))
    for part_CXF, class_C in zip(vectors_CXF.split(at_once), torch.arange(classes).split(at_once), strict=True):
        mean_CF = _normal(seed, torch.arange(blocks), 1 + class_C[:, None])[:, :size]
        part_CXF[:] = mean_CF[:, None]
        if noise:
            positions_XB = torch.arange(blocks, blocks * (1 + exemplars)).view(exemplars, blocks)
            part_CXF += noise * _normal(seed, positions_XB, 1 + class_C[:, None, None])[..., :size]
            part_CXF /= math.sqrt(1 + noise**2)
        part_CXF += common_F
        part_CXF *= scale
    return vectors_CXF.flatten(0, 1)


def _normal(seed: int, positions_XB: Tensor, step_X: Tensor) -> Tensor:
    return normal_of(philox((seed, Role.FEATURES), (positions_XB, step_X))).flatten(-2)


def _digest(place: str) -> str:
    path = Path(place).expanduser()
    if not path.is_file():
        raise InputError(
            f"task.file: {place}: no such file; give an .npy or .npz of (classes, exemplars, numbers)"
        )
    try:
        return file_digest(path)[:16]
    except OSError as error:
        raise InputError(f"task.file: {place}: cannot be read: {error.strerror}") from None


@lru_cache(maxsize=2)
def _read(place: str, digest: str) -> np.ndarray:
    """`digest` is there for the cache: files may change while a notebook is open."""
    try:
        with Path(place).expanduser().open("rb") as opened:
            loaded = np.load(opened, allow_pickle=False)
            array = loaded if isinstance(loaded, np.ndarray) else _only_array(loaded, place)
    except InputError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"task.file: {place}: not an array of numpy's: {' '.join(str(error).split())}") from None
    if array.ndim != 3 or array.dtype.kind not in "fiu" or 0 in array.shape:
        raise InputError(
            f"task.file: {place}: has the shape {array.shape} of {array.dtype}; "
            "must be numbers (classes, exemplars, numbers of a vector)"
        )
    read_CXF = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(read_CXF).all():
        raise InputError(f"task.file: {place}: has values that are not finite in float32")
    return read_CXF


def _only_array(loaded: Any, place: str) -> np.ndarray:
    names = loaded.files
    if ARRAY in names or len(names) == 1:
        return np.asarray(loaded[ARRAY if ARRAY in names else names[0]])
    raise InputError(f"task.file: {place}: has the arrays {listed(names)}; call the one that is meant {ARRAY!r}")
