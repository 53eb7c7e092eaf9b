"""Augmentation ``A(D)``: new examples of those that there are, drawn anew in every step.

An augmentation is a pure function ``(key, examples) -> examples`` of a mini-batch, which
``fit(..., augment=)`` and a recipe put into the compiled step (lecture 004). Of images, audio and
tokens there are transforms ``(key, batch) -> batch``, which `on_images` and `on_inputs` make an
augmentation of. Strengths and probabilities may be traced arrays, so that a sweep tries several.
"""

from jaxnet.data.augmentation.audio import add_noise, mask_span, resample, shift_signal
from jaxnet.data.augmentation.compose import (
    Augment,
    Transform,
    chain,
    on_images,
    on_inputs,
    sometimes,
)
from jaxnet.data.augmentation.images import (
    affine,
    blur,
    brightness,
    contrast,
    crop,
    cutout,
    elastic,
    flip,
    sharpen,
    swap_channels,
)
from jaxnet.data.augmentation.mixing import cutmix, mixup
from jaxnet.data.augmentation.resampling import bilinear
from jaxnet.data.augmentation.tokens import (
    delete_tokens,
    insert_tokens,
    replace_tokens,
    swap_tokens,
)

__all__ = [
    "Augment",
    "Transform",
    "add_noise",
    "affine",
    "bilinear",
    "blur",
    "brightness",
    "chain",
    "contrast",
    "crop",
    "cutmix",
    "cutout",
    "delete_tokens",
    "elastic",
    "flip",
    "insert_tokens",
    "mask_span",
    "mixup",
    "on_images",
    "on_inputs",
    "replace_tokens",
    "resample",
    "sharpen",
    "shift_signal",
    "sometimes",
    "swap_channels",
    "swap_tokens",
]

__dir__ = __all__.copy  # dir() shows these names alone
