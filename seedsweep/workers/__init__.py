"""The device side: seeded randomness, the stacked decoder, the training loop and the tasks.

Knows torch, but for `programs`, the training code of users; knows neither Ray nor the driver nor the command line.
The way in is `train.train_pack`.
"""
