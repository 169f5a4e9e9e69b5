"""Graphs for a CPU: what a CUDA graph does to operations, done to those of a CPU.

Like a CUDA graph it notes every operation with the very tensors and numbers that it was called with, and does
them again on the same memory. So a number of Python's that should have changed stays what it was, a tensor that
was put in another's place is not seen, and whatever asks for a value or for a shape that depends on values is
refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ASKS_FOR_VALUES = (
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.is_nonzero.default,
    torch.ops.aten.equal.default,
)


class Operation(NamedTuple):
    """One call, and the tensors that it gave."""

    function: OpOverload
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: list[Tensor]


class Noting(TorchDispatchMode):
    """Notes what is done, and what it changed of what was there before."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.before: dict[int, tuple[Tensor, Tensor]] = {}
        """Memory that was there before, by its address: all of it, and a copy."""
        self._made: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in ASKS_FOR_VALUES or torch.Tag.dynamic_output_shape in function.tags:
            raise RuntimeError(f"{function} cannot be captured")
        for argument, given in zip(function._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                self._keep(given)
        results = function(*args, **kwargs)
        self.operations.append(Operation(function, args, kwargs, _tensors(results)))
        aliases = {t.untyped_storage().data_ptr() for t in _tensors((args, kwargs))}
        self._made |= {t.untyped_storage().data_ptr() for t in _tensors(results)} - aliases
        return results

    def _keep(self, given: Any) -> None:
        for tensor in _tensors(given):
            address = tensor.untyped_storage().data_ptr()
            if address not in self._made and address not in self.before:
                whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
                self.before[address] = whole, whole.clone()


class CPUGraphs:
    """See `seedsweep.workers.cudagraph.Graphs`. It counts what it was asked for."""

    def __init__(self) -> None:
        self.warmed_up = self.captured = self.replayed = 0

    def warm_up(self, operations: Callable[[], None]) -> None:
        self.warmed_up += 1
        operations()

    def capture(self, operations: Callable[[], None]) -> Callable[[], None]:
        self.captured += 1
        noting = Noting()
        try:
            with noting:
                operations()
        finally:
            with torch.no_grad():
                for whole, copy in noting.before.values():
                    whole.copy_(copy)

        def replay() -> None:
            self.replayed += 1
            with torch.no_grad():
                for operation in noting.operations:
                    _again(operation)

        return replay


def _again(operation: Operation) -> None:
    function, args, kwargs, results = operation
    if _is_view(function):
        return  # of the same memory as before
    for result, anew in zip(results, _tensors(function(*args, **kwargs)), strict=True):
        if anew is not result:
            result.copy_(anew)


def _is_view(function: OpOverload) -> bool:
    returned = [alias.alias_info for alias in function._schema.returns]
    return any(alias is not None and not alias.is_write for alias in returned)


def _tensors(given: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(given) if isinstance(leaf, Tensor)]
