"""Hugging Face's Trainer on a small GPT-2 that learns to reverse a row of letters; nothing is downloaded."""

import argparse

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

LETTERS, LENGTH, SEPARATOR = 8, 4, 8


class Reversals(torch.utils.data.Dataset):
    """Rows `d b a c | c a b d`, in which only what comes after the separator is to be predicted."""

    def __init__(self, rows, seed):
        letters = torch.randint(LETTERS, (rows, LENGTH), generator=torch.Generator().manual_seed(seed))
        separator = torch.full((rows, 1), SEPARATOR)
        self.tokens = torch.cat([letters, separator, letters.flip(1)], 1)

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, index):
        tokens = self.tokens[index]
        labels = tokens.clone()
        labels[: LENGTH + 1] = -100
        return {"input_ids": tokens, "labels": labels}


def measure(predictions):
    """Share of rows whose second half is right."""
    found = predictions.predictions.argmax(-1)[:, LENGTH:-1]
    return {"exact_match": float((found == predictions.label_ids[:, LENGTH + 1 :]).all(-1).mean())}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="output")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    config = GPT2Config(
        vocab_size=LETTERS + 1,
        n_positions=2 * LENGTH + 1,
        n_embd=args.width,
        n_layer=2,
        n_head=2,
        resid_pdrop=0,
        embd_pdrop=0,
        attn_pdrop=0,
        bos_token_id=None,
        eos_token_id=None,
    )
    trainer = Trainer(
        model=GPT2LMHeadModel(config),
        args=TrainingArguments(
            output_dir=args.out,
            seed=args.seed,
            max_steps=args.steps,
            per_device_train_batch_size=64,
            learning_rate=3e-3,
            logging_steps=50,
            eval_strategy="steps",
            eval_steps=50,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=Reversals(4096, args.seed),
        eval_dataset=Reversals(200, 12345),
        compute_metrics=measure,
    )
    trainer.train()
    trainer.save_state()


if __name__ == "__main__":
    main()
