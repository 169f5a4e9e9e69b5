"""What the footer of a merged file says of its blocks: all that each said of itself, in short.

The entry is JSON like that of a single block. What all blocks have in common stands there once; the rest in lists
with a value per block. A plain seed is its number, a crossed one its id (`Seed.id`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from seedsweep import jsontext
from seedsweep.measures import scale_text
from seedsweep.schema import KEY, MERGED, BlockInfo
from seedsweep.seeds import Seed
from seedsweep.sweep.garbage import no_collection


def is_merged(content: dict[str, Any]) -> bool:
    """Whether an entry (`schema.entry`) is that of a merged file."""
    return "blocks" in content


def to_metadata(infos: Sequence[BlockInfo], rows: Sequence[int]) -> dict[str, str]:
    """Metadata of a file that holds these blocks, all of one scale, with so many rows each."""
    first = infos[0]
    common = {
        key: value
        for key, value in first.provenance.items()
        if all(key in info.provenance and info.provenance[key] == value for info in infos)
    }
    own = [
        json.dumps({key: value for key, value in info.provenance.items() if key not in common}, sort_keys=True)
        for info in infos
    ]
    number = {text: index for index, text in enumerate(dict.fromkeys(own))}
    content = {
        "format": MERGED,
        "fingerprint": first.fingerprint,
        "scale": first.scale,
        "blocks": {
            "pack": [info.pack for info in infos],
            "block": [info.block for info in infos],
            "last": [info.last for info in infos],
            "seeds": [[Seed(*seed).id for seed in info.seeds] for info in infos],
            "steps": [info.steps for info in infos],
            "rows": list(rows),
            "provenance": [number[text] for text in own],
        },
        "provenance": {"common": common, "own": [jsontext.loads(text) for text in number]},
    }
    return {KEY.decode(): json.dumps(content, sort_keys=True)}


@no_collection()
def from_entry(content: dict[str, Any]) -> list[tuple[BlockInfo, int]]:
    """What each block says of itself, and the number of its rows."""
    columns, facts = content["blocks"], content["provenance"]
    provenance = [facts["common"] | own for own in facts["own"]]  # one object for all blocks that share it
    names = ("pack", "block", "last", "seeds", "steps", "rows", "provenance")
    return [
        (
            BlockInfo(
                fingerprint=content["fingerprint"],
                pack=pack,
                block=block,
                last=last,
                scale=content["scale"],
                seeds=tuple([_pair(seed) for seed in seeds]),
                steps=tuple(steps),
                provenance=provenance[own],
            ),
            rows,
        )
        for pack, block, last, seeds, steps, rows, own in zip(*(columns[name] for name in names), strict=True)
    ]


def file_name(infos: Sequence[BlockInfo]) -> str:
    """Where a file with these blocks lies below the store's root: the same for the same blocks."""
    ids = [Seed(*seed).id for info in infos for seed in info.seeds]
    held = sorted((info.pack, info.block) for info in infos)
    digest = hashlib.sha256(json.dumps([infos[0].fingerprint, held]).encode()).hexdigest()[:12]
    return f"metrics/scale-{scale_text(infos[0].scale)}/merged-seeds-{min(ids)}-{max(ids)}-{digest}.parquet"


def _pair(seed: int) -> tuple[int, int]:
    return (seed, seed) if seed < 1 << 32 else ((seed >> 32) - 1, seed & 0xFFFFFFFF)
