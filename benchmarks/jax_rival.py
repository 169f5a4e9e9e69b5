"""The pocket presets' model, optimiser and clipping as a competent user of JAX writes them: jitted, seeds vmapped.

GPT-NeoX with a partial rotary embedding and parallel residual, exact GELU, AdamW and clipping by the global norm;
`vmap` over seeds. Rows are drawn by numpy, as they would be there.

Shape letters: B rows of a batch, T tokens of a row, V vocabulary, D width, H heads, K head size, F feed-forward.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.settings import CellSettings

Weights = dict[str, Any]


def initial(key: jax.Array, model: GPTNeoXSettings, vocabulary: int) -> Weights:
    """Of one seed."""
    d, f = model.width, 4 * model.width
    keys = iter(jax.random.split(key, 2 + 4 * model.depth))

    def matrix(*shape: int) -> jax.Array:
        return model.init_std * jax.random.normal(next(keys), shape)

    def norm() -> Weights:
        return {"w": jnp.ones(d), "b": jnp.zeros(d)}

    layers = [
        {
            "norm1": norm(),
            "norm2": norm(),
            "qkv": {"w": matrix(d, 3 * d), "b": jnp.zeros(3 * d)},
            "out": {"w": matrix(d, d), "b": jnp.zeros(d)},
            "up": {"w": matrix(d, f), "b": jnp.zeros(f)},
            "down": {"w": matrix(f, d), "b": jnp.zeros(d)},
        }
        for _ in range(model.depth)
    ]
    return {"embed": matrix(vocabulary, d), "layers": layers, "norm": norm(), "unembed": matrix(d, vocabulary)}


def loss(weights: Weights, tokens_BT: jax.Array, mask_BT: jax.Array, model: GPTNeoXSettings) -> jax.Array:
    """Mean over the tokens that count."""
    b, t = tokens_BT.shape
    heads, size, turned = model.heads, model.head_size, model.rotary_dim
    frequency = 1.0 / model.rotary_base ** (jnp.arange(0, turned, 2) / turned)
    angle_TR = jnp.tile(jnp.outer(jnp.arange(t), frequency), 2)[:, None]
    cos, sin = jnp.cos(angle_TR), jnp.sin(angle_TR)

    def linear(layer: Weights, x: jax.Array) -> jax.Array:
        return x @ layer["w"] + layer["b"]

    def normed(layer: Weights, x: jax.Array) -> jax.Array:
        x = x - x.mean(-1, keepdims=True)
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * layer["w"] + layer["b"]

    def rotated(x_BTHK: jax.Array) -> jax.Array:
        first, second, kept = jnp.split(x_BTHK, [turned // 2, turned], axis=-1)
        halves = jnp.concatenate([first, second], -1)
        return jnp.concatenate([halves * cos + jnp.concatenate([-second, first], -1) * sin, kept], -1)

    x_BTD = weights["embed"][tokens_BT]
    for layer in weights["layers"]:
        qkv = linear(layer["qkv"], normed(layer["norm1"], x_BTD)).reshape(b, t, heads, 3, size)
        q, k, v = rotated(qkv[..., 0, :]), rotated(qkv[..., 1, :]), qkv[..., 2, :]
        attended = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(b, t, -1)
        fed = linear(
            layer["down"], jax.nn.gelu(linear(layer["up"], normed(layer["norm2"], x_BTD)), approximate=False)
        )
        x_BTD = x_BTD + linear(layer["out"], attended) + fed
    logits_BTV = normed(weights["norm"], x_BTD) @ weights["unembed"]
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits_BTV[:, :-1]), tokens_BT[:, 1:, None], -1)[..., 0]
    return -(chosen * mask_BT[:, 1:]).sum() / mask_BT[:, 1:].sum()


def trained(settings: CellSettings, seeds: int, steps: int) -> Callable[[], None]:
    """A function that takes so many steps of so many seeds; it has been called once, which compiles it."""
    model, train = settings.model, settings.train
    assert isinstance(model, GPTNeoXSettings)
    decay, rate, clip = train.weight_decay, train.learning_rate, train.clip or 1.0

    def step(state: tuple[Any, ...], rows: tuple[jax.Array, jax.Array]) -> tuple[tuple[Any, ...], None]:
        weights, first, second, count = state
        gradient = jax.grad(partial(loss, model=model))(weights, *rows)
        length = jnp.sqrt(sum((leaf * leaf).sum() for leaf in jax.tree.leaves(gradient)))
        gradient = jax.tree.map(lambda g: g * jnp.minimum(1.0, clip / (length + 1e-6)), gradient)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        count = count + 1
        weights = jax.tree.map(
            lambda w, m, v: (
                w * (1 - rate * decay)
                - rate * m / (1 - 0.9**count) / (jnp.sqrt(v / (1 - 0.999**count)) + train.adam_epsilon)
            ),
            weights,
            first,
            second,
        )
        return (weights, first, second, count), None

    def many(state: tuple[Any, ...], rows: tuple[jax.Array, jax.Array]) -> tuple[Any, ...]:
        return jax.lax.scan(step, state, rows)[0]

    run = jax.jit(jax.vmap(many) if seeds > 1 else many, donate_argnums=0)
    vocabulary, length = settings.vocabulary_size, settings.task.tokens_per_row()
    start = partial(initial, model=model, vocabulary=vocabulary)
    keys = jax.random.split(jax.random.key(0), seeds)
    weights = jax.vmap(start)(keys) if seeds > 1 else start(keys[0])
    zeros = partial(jax.tree.map, jnp.zeros_like)
    state = (weights, zeros(weights), zeros(weights), jnp.zeros(seeds) if seeds > 1 else jnp.zeros(()))
    shape = (seeds, steps, train.batch, length) if seeds > 1 else (steps, train.batch, length)
    random = np.random.default_rng(0)

    def take() -> None:
        nonlocal state
        rows = (jnp.asarray(random.integers(0, vocabulary, shape)), jnp.ones(shape))
        state = jax.block_until_ready(run(state, rows))

    take()
    return take
