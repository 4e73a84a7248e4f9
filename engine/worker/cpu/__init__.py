"""What a training computes otherwise on a CPU than on an accelerator: the same numbers but for rounding, with less work.

Nothing in here is reached by tensors that live elsewhere, by other precisions than float32, or without gradients: pictures are
painted through diffusers' own modules.
"""
