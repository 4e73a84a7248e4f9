"""The samplers by the names people know: a table without torch, for prompts, help texts and the worker.

Names are written as A1111's web UI writes them; what ComfyUI, InvokeAI and diffusers call the same thing is read too,
whatever its case, spaces and dashes. A schedule left unsaid is the usual one: "DPM++ 2M" means Karras.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import BadInput


@dataclass(frozen=True, slots=True)
class Sampler:
    name: str
    scheduler: str | None
    """Class of diffusers for a base that predicts noise or velocity; None where such a base cannot use it."""
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the class is told beyond the base's own scheduler config."""
    flow: str | None = None
    """Class of diffusers for a flow base; None where such a base cannot use it."""
    aliases: tuple[str, ...] = ()


DEFAULT = "DPM++ 2M Karras"
LCM = "LCM"
UNIPC = "UniPC"
EULER = "Euler"

SAMPLERS = (
    Sampler(
        DEFAULT,
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
        aliases=("DPM++ 2M", "DPM++", "dpmpp_2m_k", "2M Karras", "dpmsolver_multistep", "DPM Solver++"),
    ),
    Sampler(
        "DPM++ 2M SDE Karras",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
        aliases=("DPM++ 2M SDE", "dpmpp_2m_sde_k", "2M SDE Karras"),
    ),
    Sampler("Euler a", "EulerAncestralDiscreteScheduler", aliases=("euler_ancestral", "euler_anc", "EulerAncestralDiscrete")),
    Sampler(
        EULER,
        "EulerDiscreteScheduler",
        flow="FlowMatchEulerDiscreteScheduler",
        aliases=("Euler (flow)", "flow", "EulerDiscrete", "FlowMatchEulerDiscrete", "flow match euler"),
    ),
    Sampler(UNIPC, "UniPCMultistepScheduler", aliases=("uni_pc", "uni_pc_bh2", "UniPCMultistep")),
    Sampler("DDIM", "DDIMScheduler"),
    Sampler(LCM, "LCMScheduler"),
)  # fmt: skip
LCM_STEPS = 50
"""That latent consistency was distilled from (Luo et al. 2023, arXiv:2310.04378)."""
LONGEST = 5
"""Words that a name may have, as somebody types it."""


def find(text: str) -> Sampler | None:
    return _KNOWN.get(_plain(text))


def named(text: str, prediction: str = "") -> Sampler:
    """The sampler that `text` means; BadInput with the nearest name where there is none, or none for such a base."""
    found = find(text)
    if found is None:
        raise BadInput(unknown(text))
    if prediction and not fits(found, prediction):
        raise BadInput(f"The sampler {found.name} cannot paint with this base. It has {', '.join(names(prediction))}.")
    return found


def fits(sampler: Sampler, prediction: str) -> bool:
    """Whether a base of this prediction ("epsilon", "v_prediction", "flow") can use it."""
    return (sampler.flow if prediction == "flow" else sampler.scheduler) is not None


def names(prediction: str = "") -> tuple[str, ...]:
    return tuple(one.name for one in SAMPLERS if not prediction or fits(one, prediction))


def most_steps(name: str) -> int | None:
    """How many steps the sampler can walk at most; None: as many as anybody wants."""
    return LCM_STEPS if name == LCM else None


def unknown(text: str) -> str:
    """The sentence about a name that nobody knows."""
    shown = " ".join(text.split())[:40]
    nearest = difflib.get_close_matches(_plain(text), list(_KNOWN), n=1, cutoff=0.5)
    if nearest:
        return f'There is no sampler "{shown}". Did you mean "{_KNOWN[nearest[0]].name}"?'
    return f'There is no sampler "{shown}". There are {", ".join(names())}.'


def _plain(text: str) -> str:
    """Letters and digits alone; "++" is "pp" as in file names, and k-diffusion's "k_" in front means nothing."""
    word = re.sub(r"[^a-z0-9]", "", text.lower().replace("++", "pp"))
    word = word.removesuffix("scheduler").removesuffix("sampler")
    return word[1:] if word.startswith(("keuler", "kdpm")) else word


_KNOWN = {_plain(name): one for one in SAMPLERS for name in (one.name, *one.aliases)}
