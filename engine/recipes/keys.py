"""What the values of a recipe are called in a file: kohya's words where kohya has one, and where they stand."""

from __future__ import annotations

SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Where to begin", (("preset", "preset"),)),
    (
        "What learns",
        (
            ("method", "method"),
            ("network_dim", "rank"),
            ("network_alpha", "alpha"),
            ("conv_dim", "conv_rank"),
            ("conv_alpha", "conv_alpha"),
            ("network_targets", "targets"),
            ("num_vectors_per_token", "embedding_vectors"),
            ("init_word", "embedding_init"),
            ("embedding_lr", "embedding_lr"),
            ("embedding_share", "embedding_share"),
        ),
    ),
    (
        "How fast",
        (
            ("optimizer_type", "optimizer"),
            ("optimizer_args", "optimizer_args"),
            ("unet_lr", "unet_lr"),
            ("text_encoder_lr", "text_encoder_lr"),
            ("weight_decay", "weight_decay"),
            ("lr_scheduler", "schedule"),
            ("lr_scheduler_num_cycles", "schedule_cycles"),
            ("lr_scheduler_power", "schedule_power"),
            ("lr_scheduler_min_lr_ratio", "schedule_floor"),
            ("lr_warmup_steps", "warmup"),
            ("max_grad_norm", "max_grad_norm"),
            ("ema_decay", "ema_decay"),
        ),
    ),
    (
        "How long",
        (
            ("exposures", "exposures"),
            ("num_repeats", "repeats"),
            ("epochs", "epochs"),
            ("train_batch_size", "batch_size"),
            ("gradient_accumulation_steps", "accumulation"),
            ("early_stop_patience", "patience"),
            ("seed", "seed"),
        ),
    ),
    (
        "What counts",
        (
            ("min_snr_gamma", "min_snr_gamma"),
            ("debiased_estimation_loss", "debiased"),
            ("noise_offset", "noise_offset"),
            ("masked_loss", "masked_loss"),
            ("unmasked_weight", "unmasked_weight"),
            ("masked_prior_preservation_weight", "masked_prior"),
        ),
    ),
    (
        "What the class keeps",
        (
            ("prior_preservation", "prior"),
            ("prior_loss_weight", "prior_weight"),
            ("prior_share", "prior_share"),
            ("num_class_images", "class_images"),
            ("class_prompt", "class_prompt"),
        ),
    ),
    (
        "What is shown",
        (
            ("resolution", "resolution"),
            ("enable_bucket", "buckets"),
            ("bucket_reso_steps", "bucket_step"),
            ("flip_aug", "flip"),
            ("shuffle_caption", "shuffle_caption"),
            ("keep_tokens", "keep_tokens"),
            ("caption_dropout_rate", "caption_dropout"),
            ("clip_skip", "clip_skip"),
        ),
    ),
)

FIELDS: dict[str, str] = {key: field for _, keys in SECTIONS for key, field in keys}
"""The key in a file -> the field of the record."""
KEYS: dict[str, str] = {field: key for key, field in FIELDS.items()}

OTHERWISE: dict[str, str] = {
    "learning_rate": "write unet_lr, and text_encoder_lr if the text encoder is to learn too",
    "max_train_epochs": "write epochs: equal parts of the exposures, each ending with a saved LoRA",
    "max_train_steps": "write exposures: steps x train_batch_size x gradient_accumulation_steps",
    "network_train_unet_only": "write text_encoder_lr = 0",
    "lr_warmup_ratio": "write lr_warmup_steps with a number below 1",
    "lr_warmup": "write lr_warmup_steps; below 1 it is a share of all steps",
    "network_args": "write conv_dim and conv_alpha as keys of their own",
    "caption_dropout_every_n_epochs": "write caption_dropout_rate",
    "bucket_no_upscale": "leave it out: photos are never made larger",
    "min_bucket_reso": "leave it out: buckets go from half to twice the resolution",
    "max_bucket_reso": "leave it out: buckets go from half to twice the resolution",
    "save_every_n_epochs": "leave it out: every epoch is saved",
    "cache_latents": "leave it out: latents are always kept on the device",
    "cache_text_encoder_outputs": "leave it out: they are kept whenever the text encoder does not learn",
    "mixed_precision": "leave it out: the precision is chosen for the machine",
    "gradient_checkpointing": "leave it out: it is chosen by the memory that is free",
    "xformers": "leave it out: torch's own attention is used",
    "sdpa": "leave it out: torch's own attention is used",
    "network_module": "write method, and conv_dim above 0 for convolutions",
    "reg_data_dir": 'write prior_preservation = "class_images": the base paints them itself',
    "train_data_dir": "give the folder to the command, not to the recipe",
    "pretrained_model_name_or_path": "give the base to the command, not to the recipe",
    "output_name": "give the name to the command, not to the recipe",
    "output_dir": "give --out to the command, not to the recipe",
    "caption_extension": "leave it out: captions are .txt files beside the photos",
}
"""Words that kohya's users know and that are no key here: what to write instead."""
