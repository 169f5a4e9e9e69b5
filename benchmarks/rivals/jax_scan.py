"""The presets' models, optimiser and clipping as a competent user of JAX writes them: jitted, steps in a scan.

GPT-NeoX with a partial rotary embedding and parallel residual, or the post-LN decoder with dropout; AdamW and
clipping by the global norm; `vmap` over seeds if there are several.

Shape letters: B rows of a batch, T tokens of a row, V vocabulary, D width, H heads, K head size, F feed-forward.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.rivals import Rows
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.dialects.post_ln import PostLNSettings
from seedsweep.workers.settings import ModelSettings

Weights = dict[str, Any]


def knows(model: ModelSettings) -> bool:
    """Whether the model is written here."""
    return isinstance(model, GPTNeoXSettings | PostLNSettings)


def scan(settings: CellSettings, seeds: int, steps: int) -> Callable[[], None]:
    """A function that takes so many steps of so many seeds; its first call compiles it."""
    model, train = settings.model, settings.train
    decay, rate = train.weight_decay, train.learning_rate

    def step(state: tuple[Any, ...], rows: tuple[jax.Array, jax.Array]) -> tuple[tuple[Any, ...], None]:
        weights, first, second, count, key = state
        key, dropping = jax.random.split(key)
        gradient = jax.grad(partial(loss, model=model))(weights, *rows, dropping)
        if train.clip is not None:
            length = jnp.sqrt(sum((leaf * leaf).sum() for leaf in jax.tree.leaves(gradient)))
            factor = jnp.minimum(1.0, train.clip / (length + 1e-6))
            gradient = jax.tree.map(lambda g: g * factor, gradient)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        count = count + 1
        now = 0.5 * rate * (1 + jnp.cos(jnp.pi * count / train.steps))

        def update(w: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
            size = jnp.sqrt(v / (1 - 0.999**count)) + train.adam_epsilon
            return w * (1 - now * decay) - now * m / (1 - 0.9**count) / size

        return (jax.tree.map(update, weights, first, second), first, second, count, key), None

    def many(state: tuple[Any, ...], rows: tuple[jax.Array, jax.Array]) -> tuple[Any, ...]:
        return jax.lax.scan(step, state, rows)[0]

    def start(key: jax.Array) -> tuple[Any, ...]:
        weights = initial(key, model, settings.vocabulary_size)
        zeros = jax.tree.map(jnp.zeros_like, weights)
        return weights, zeros, zeros, jnp.zeros(()), key

    several = seeds > 1
    run = jax.jit(jax.vmap(many, in_axes=(0, None)) if several else many, donate_argnums=0)
    keys = jax.random.split(jax.random.key(0), seeds)
    state = jax.jit(jax.vmap(start) if several else start)(keys if several else keys[0])
    source = Rows(settings, whole=True)

    def take() -> None:
        nonlocal state
        batches = [source() for _ in range(steps)]
        rows = tuple(jnp.stack(part) for part in zip(*batches, strict=True))
        state = jax.block_until_ready(run(state, rows))

    return take


def initial(key: jax.Array, model: ModelSettings, vocabulary: int) -> Weights:
    """Of one seed."""
    d, f = model.width, 4 * model.width
    keys = iter(jax.random.split(key, 2 + 4 * model.depth))

    def matrix(*shape: int) -> jax.Array:
        return 0.02 * jax.random.normal(next(keys), shape)

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
    weights = {"embed": matrix(vocabulary, d), "layers": layers}
    if isinstance(model, GPTNeoXSettings):
        return weights | {"norm": norm(), "unembed": matrix(d, vocabulary)}
    return weights | {"bias": jnp.zeros(vocabulary)}


def loss(
    weights: Weights, tokens_BT: jax.Array, mask_BT: jax.Array, key: jax.Array, model: ModelSettings
) -> jax.Array:
    """Mean over the tokens that count."""
    if isinstance(model, GPTNeoXSettings):
        logits_BTV = gpt_neox(weights, tokens_BT, model)
    else:
        assert isinstance(model, PostLNSettings)
        logits_BTV = post_ln(weights, tokens_BT, key, model)
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits_BTV[:, :-1]), tokens_BT[:, 1:, None], -1)[..., 0]
    return -(chosen * mask_BT[:, 1:]).sum() / mask_BT[:, 1:].sum()


def linear(layer: Weights, x: jax.Array) -> jax.Array:
    return x @ layer["w"] + layer["b"]


def normed(layer: Weights, x: jax.Array) -> jax.Array:
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * layer["w"] + layer["b"]


def gpt_neox(weights: Weights, tokens_BT: jax.Array, model: GPTNeoXSettings) -> jax.Array:
    """Logits (B, T, V)."""
    b, t = tokens_BT.shape
    turned = model.rotary_dim
    frequency = 1.0 / model.rotary_base ** (jnp.arange(0, turned, 2) / turned)
    angle_TR = jnp.tile(jnp.outer(jnp.arange(t), frequency), 2)[:, None]
    cos, sin = jnp.cos(angle_TR), jnp.sin(angle_TR)

    def rotated(x_BTHK: jax.Array) -> jax.Array:
        first, second, kept = jnp.split(x_BTHK, [turned // 2, turned], axis=-1)
        halves = jnp.concatenate([first, second], -1)
        return jnp.concatenate([halves * cos + jnp.concatenate([-second, first], -1) * sin, kept], -1)

    x_BTD = weights["embed"][tokens_BT]
    for layer in weights["layers"]:
        qkv = linear(layer["qkv"], normed(layer["norm1"], x_BTD)).reshape(b, t, model.heads, 3, model.head_size)
        q, k, v = rotated(qkv[..., 0, :]), rotated(qkv[..., 1, :]), qkv[..., 2, :]
        attended = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(b, t, -1)
        f_BTF = jax.nn.gelu(linear(layer["up"], normed(layer["norm2"], x_BTD)), approximate=False)
        x_BTD = x_BTD + linear(layer["out"], attended) + linear(layer["down"], f_BTF)
    return normed(weights["norm"], x_BTD) @ weights["unembed"]


def post_ln(weights: Weights, tokens_BT: jax.Array, key: jax.Array, model: PostLNSettings) -> jax.Array:
    """Logits (B, T, V), with dropout."""
    b, t = tokens_BT.shape
    keys = iter(jax.random.split(key, 1 + 4 * model.depth))

    def dropped(x: jax.Array) -> jax.Array:
        if not model.drops:
            return x
        keep = jax.random.bernoulli(next(keys), 1 - model.dropout, x.shape)
        return jnp.where(keep, x / (1 - model.dropout), 0.0)

    angle_TX = jnp.outer(jnp.arange(t), 10000.0 ** -(jnp.arange(0, model.width, 2) / model.width))
    positions_TD = jnp.stack((jnp.sin(angle_TX), jnp.cos(angle_TX)), -1).reshape(t, -1)
    x_BTD = dropped(weights["embed"][tokens_BT] * model.width**0.5 + positions_TD)
    future_TT = jnp.triu(jnp.ones((t, t), bool), 1)
    for layer in weights["layers"]:
        q, k, v = jnp.split(linear(layer["qkv"], x_BTD).reshape(b, t, 3 * model.heads, -1), 3, axis=2)
        scores_BHTT = jnp.einsum("bthk,bshk->bhts", q, k) / model.head_size**0.5
        shares_BHTT = dropped(jax.nn.softmax(jnp.where(future_TT, -jnp.inf, scores_BHTT)))
        attended = jnp.einsum("bhts,bshk->bthk", shares_BHTT, v).reshape(b, t, -1)
        x_BTD = normed(layer["norm1"], x_BTD + dropped(linear(layer["out"], attended)))
        f_BTF = dropped(jax.nn.relu(linear(layer["up"], x_BTD)))
        x_BTD = normed(layer["norm2"], x_BTD + dropped(linear(layer["down"], f_BTF)))
    return x_BTD @ weights["embed"].T + weights["bias"]
