"""What the models of a pack make of the prompts of a probe.

Shape letters: S seeds, B prompts, T tokens, Q scored answers of a prompt, N all answers (B·Q), M some of them, D
width, V tokens.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import to_host
from seedsweep.workers.probing.lookback import LookBack
from seedsweep.workers.probing.prompts import Ints, Prompts

LOGITS_AT_ONCE = 64
"""M, answers of a seed whose logits are computed together: bounds memory."""


@torch.no_grad()
def measure(decoder: StackedDecoder, prompts: Prompts, vocabulary: int) -> list[dict[str, float]]:
    """The metrics of every seed on one probe.

    Parameters
    ----------
    decoder : StackedDecoder
        Of S seeds.
    prompts : Prompts
    vocabulary : int
        Real tokens: what the embedding has beyond them is padding, and no answer.

    Returns
    -------
    list of S mappings
        ``n``, the scored answers, and means over them: ``accuracy`` (the answer has the largest logit), ``p`` (its
        probability), ``nll`` (its negative log, in nats), ``rank`` (1 + tokens with a larger logit);
        where the probe has them ``logit_difference`` (right answer − rival), ``gain`` (nll when the answers come
        for the first time − nll when they are repeated), ``attention`` (share that the last scored answer's
        query gives to the answer's earlier places, of the head that gives most) and ``prefix_matching`` (the same
        from all scored answers). All but ``n`` are NaN for a seed one of whose logits is no finite number.
    """
    device = decoder.flat_SP.device
    seeds = len(decoder.parameters["embed_VD"])
    tokens_SBT = torch.from_numpy(prompts.tokens_BT).to(device).expand(seeds, -1, -1)
    look = LookBack(decoder.attention, prompts, device)
    hidden_SBTD = decoder.with_attention(look).hidden(tokens_SBT)
    scored = _score(decoder, hidden_SBTD, prompts.query_BQ, prompts.answer_BQ, vocabulary)
    found = {name: values_SN.mean(axis=1) for name, values_SN in scored.items()}
    if prompts.rival_BQ is not None:
        rival = _score(decoder, hidden_SBTD, prompts.query_BQ, prompts.rival_BQ, vocabulary)
        # Of two tokens at one place the difference of the logits is that of the log probabilities.
        found["logit_difference"] = rival["nll"].mean(axis=1) - found["nll"]
    if prompts.first_BQ is not None:
        first = _score(decoder, hidden_SBTD, prompts.first_BQ, prompts.answer_BQ, vocabulary)
        found["gain"] = first["nll"].mean(axis=1) - found["nll"]
        found["prefix_matching"] = look.from_all()
    if prompts.earlier_BQT.any():
        found["attention"] = look.from_last()
    finite_S = np.logical_and.reduce([np.isfinite(values_S) for values_S in found.values()])
    n = prompts.answer_BQ.size
    return [
        {"n": n, **{name: float(values_S[row]) if finite_S[row] else math.nan for name, values_S in found.items()}}
        for row in range(seeds)
    ]


def _score(
    decoder: StackedDecoder, hidden_SBTD: Tensor, query_BQ: Ints, token_BQ: Ints, vocabulary: int
) -> dict[str, np.ndarray]:
    """Of one token at every query, (S, N) each.

    Seed by seed: the logits of all of them would be a block of memory that the system hands out anew each time,
    which took as long as computing them.
    """
    prompts, queries = query_BQ.shape
    places = (np.repeat(np.arange(prompts), queries), query_BQ.ravel(), token_BQ.ravel())
    row_N, query_N, token_N = (torch.tensor(each, device=hidden_SBTD.device) for each in places)
    hidden_SND = hidden_SBTD[:, row_N, query_N]
    # One tensor for all scores: were each chunk's kept, they would lie in what the logits before have left, and
    # the next logits would need new memory.
    scores_3SN = torch.empty(3, *hidden_SND.shape[:2], dtype=torch.float64, device=hidden_SND.device)
    for seed, hidden_ND in enumerate(hidden_SND):
        alone = decoder.with_parameters({name: w[seed : seed + 1] for name, w in decoder.parameters.items()})
        for first in range(0, len(token_N), LOGITS_AT_ONCE):
            some = slice(first, first + LOGITS_AT_ONCE)
            logits_MV = alone.logits(hidden_ND[None, None, some])[0, 0, :, :vocabulary]
            theirs_M1 = logits_MV.gather(1, token_N[some, None])
            scores_3SN[0, seed, some] = logits_MV.argmax(dim=1) == token_N[some]
            scores_3SN[1, seed, some] = logits_MV.logsumexp(dim=1) - theirs_M1[:, 0]
            scores_3SN[2, seed, some] = 1 + (logits_MV > theirs_M1).sum(dim=1)
    (scores,) = to_host(scores_3SN)
    right, nll, rank = scores
    return {"accuracy": right, "p": np.exp(-nll), "nll": nll, "rank": rank}
