"""Every cell that is asked for is trained exactly once, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from seedsweep.cell import Pack
from seedsweep.schema import BlockInfo
from seedsweep.seeds import Seed
from seedsweep.sweep.blocks import Block
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.plan import Plan, make_plan

FINGERPRINT = "0123456789abcdef"


def seed(number: int) -> Seed:
    return Seed(number, number)


def pack(scale: float, *numbers: int) -> Pack:
    return Pack("model.depth", scale, tuple(map(seed, numbers)), FINGERPRINT)


def block(of: Pack, number: int, last: bool) -> Block:
    pairs = tuple((one.init, one.data) for one in of.seeds)
    info = BlockInfo(FINGERPRINT, of.name, number, last, of.scale, pairs, (0, 1), {})
    return Block(f"{of.name}-{number}", info, 10)


def known(
    of: Pack, blocks: int = 0, *, last: bool = False, checkpoint: bool = False, failed: bool = False
) -> KnownPack:
    own = tuple(block(of, number, last and number + 1 == blocks) for number in range(blocks))
    return KnownPack(of.name, of, own, checkpoint, failed, None)


def finished(of: Pack) -> KnownPack:
    return known(of, 2, last=True)


def plan(wanted: dict[float, range], there: list[KnownPack], size: int = 4) -> Plan:
    return make_plan(
        {scale: tuple(map(seed, numbers)) for scale, numbers in wanted.items()},
        there,
        scale_name="model.depth",
        fingerprint=FINGERPRINT,
        pack_size=dict.fromkeys(wanted, size),
        cost={scale: scale for scale in wanted},
    )


def test_an_empty_store_gets_every_cell_most_expensive_scale_first() -> None:
    made = plan({1.0: range(5), 3.0: range(5)}, [])
    assert made.packs == (pack(3, 0, 1, 2, 3), pack(3, 4), pack(1, 0, 1, 2, 3), pack(1, 4))
    assert made.missing == 10
    assert not made.present
    assert not made.dropped


def test_nothing_is_missing() -> None:
    made = plan({1.0: range(4)}, [finished(pack(1, 0, 1)), finished(pack(1, 2, 3))])
    assert made.packs == ()
    assert len(made.present) == 4


def test_more_seeds_and_scales_train_only_what_is_new() -> None:
    there = [finished(pack(1, 0, 1, 2, 3))]
    assert plan({1.0: range(6)}, there).packs == (pack(1, 4, 5),)
    assert plan({1.0: range(4), 2.0: range(4)}, there).packs == (pack(2, 0, 1, 2, 3),)


def test_a_pack_with_a_checkpoint_goes_on_whatever_the_pack_size() -> None:
    begun = pack(1, 0, 1, 2)
    made = plan({1.0: range(8)}, [known(begun, 1, checkpoint=True)], size=2)
    assert made.resumed == (begun,)
    assert made.fresh == (pack(1, 3, 4), pack(1, 5, 6), pack(1, 7))


def test_rows_without_a_checkpoint_are_trained_anew() -> None:
    made = plan({1.0: range(2)}, [known(pack(1, 0, 1), 1)])
    assert [one.pack for one in made.dropped] == [pack(1, 0, 1)]
    assert made.fresh == (pack(1, 0, 1),)


def test_a_pack_whose_cells_are_not_wanted_is_left_alone() -> None:
    begun = known(pack(1, 10, 11), 1, checkpoint=True)
    assert plan({1.0: range(4)}, [begun]).dropped == ()
    assert plan({2.0: range(4)}, [begun]).dropped == ()


def test_a_pack_partly_wanted_is_grouped_anew() -> None:
    begun = known(pack(1, 2, 3, 4), 1, checkpoint=True)
    made = plan({1.0: range(4)}, [begun])
    assert made.dropped == (begun,)
    assert made.fresh == (pack(1, 0, 1, 2, 3),)


def test_a_failed_pack_is_tried_as_it_is_or_smaller_on_demand() -> None:
    failed = known(pack(1, 0, 1, 2, 3), checkpoint=True, failed=True)
    assert plan({1.0: range(4)}, [failed], size=4).resumed == (failed.pack,)
    assert plan({1.0: range(4)}, [failed], size=2).fresh == (pack(1, 0, 1), pack(1, 2, 3))


def test_a_pack_missing_a_block_in_the_middle_is_not_finished() -> None:
    whole = known(pack(1, 0, 1), 3, last=True)
    holed = replace(whole, blocks=(whole.blocks[0], whole.blocks[2]))
    assert whole.finished
    assert not holed.finished
    assert plan({1.0: range(2)}, [holed]).dropped == (holed,)


def test_an_unfinished_pack_whose_cells_were_finished_elsewhere_is_dropped() -> None:
    late = known(pack(1, 0, 1), 1, checkpoint=True)
    assert plan({1.0: range(4)}, [finished(pack(1, 0, 1, 2, 3)), late]).dropped == (late,)


FATES = st.sampled_from(["untouched", "begun", "checkpoint", "rows only", "rows", "failed", "finished"])
RUNS = st.tuples(
    st.sets(st.sampled_from([1.0, 2.0]), min_size=1),
    st.integers(0, 6),
    st.integers(1, 6),
    st.integers(1, 5),
    st.lists(FATES, min_size=1, max_size=8),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(RUNS, max_size=6))
def test_interrupted_runs_of_any_kind_end_with_every_cell_exactly_once(
    runs: list[tuple[set[float], int, int, int, list[str]]],
) -> None:
    store: dict[str, KnownPack] = {}
    times_finished: dict[tuple[float, Seed], int] = {}

    def act(wanted: dict[float, range], size: int, fates: list[str]) -> None:
        made = plan(wanted, list(store.values()), size)
        asked = {(scale, seed(number)) for scale, numbers in wanted.items() for number in numbers}
        to_train = [(one.scale, member) for one in made.packs for member in one.seeds]
        assert sorted(to_train) == sorted(asked - made.present)
        for gone in made.dropped:
            assert not gone.finished
            del store[gone.name]
        for number, one in enumerate(made.packs):
            fate = fates[number % len(fates)]
            before = store.get(one.name, known(one))
            if fate == "finished":
                store[one.name] = finished(one)
                for member in one.seeds:
                    times_finished[one.scale, member] = times_finished.get((one.scale, member), 0) + 1
            elif fate != "untouched":
                checkpoint = before.has_checkpoint or fate in ("checkpoint", "rows", "failed")
                blocks = max(len(before.blocks), fate.startswith("rows"))
                store[one.name] = known(one, blocks, checkpoint=checkpoint, failed=fate == "failed")
        cells = [(one.pack.scale, member) for one in store.values() for member in one.pack.seeds]
        assert len(cells) == len(set(cells))

    for scales, first, count, size, fates in runs:
        act({scale: range(first, first + count) for scale in sorted(scales)}, size, fates)
    everything = {1.0: range(12), 2.0: range(12)}
    act(everything, 3, ["finished"])
    assert plan(everything, list(store.values())).missing == 0
    assert set(times_finished.values()) == {1}
