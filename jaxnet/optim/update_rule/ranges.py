"""Ranges of hyperparameters that optimizers and wrappers share by name."""

from jaxnet.core.checks import ranges_by_name

RANGES = ranges_by_name(
    {
        "[0, 1)": "adam_b1 adam_b2 b1 b2 b3 beta betas[0] betas[1] decay momentum rho",
        "(0, 1)": "eta_minus",
        "(0, 1]": "slow_step_size",
        "[0, 1]": "beta3 dampening",
        "[0, inf)": "adam_eps_root damping eps_root initial_accumulator_value initial_scale "
        "lr_decay max_step_size min_step_size momentum_decay tolerance trust_coefficient "
        "weight_lr_power",
        "(0, inf)": "clipping consistent_rms eps estim_lr0 estim_lr_coef max_delta max_norm",
        "[1, inf)": "eta_plus",
        "[4, inf)": "threshold",
        "(-inf, inf)": "step_size",
        "{False, True}": "adaptive bias_correction centered debias flip_sign "
        "mask_compatible_extra_args nesterov reset_state safeguard_warmup use_grad_mean",
    }
)
"""Name of a hyperparameter -> its range, see `jaxnet.core.checks.check_ranges`."""
