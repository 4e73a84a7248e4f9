"""Says whether a base loads as its family, in a process of its own: `python -m engine.families < REF.json`.

Whoever asks never loads torch. The answer is one JSON object on the last line of stdout: {"parameters", "sites",
"prediction"}, or {"sentence"} with what is wrong.
"""

from __future__ import annotations

import json
import sys

from engine.errors import EngineError
from engine.families import load
from engine.protocol import BaseModelRef


def main() -> None:
    ref = BaseModelRef.model_validate_json(sys.stdin.read())
    try:
        base = load(ref)
    except EngineError as error:
        answer: dict[str, object] = {"sentence": str(error)}
    else:
        parameters = sum(one.numel() for host in (*base.hosts, base.vae) for one in host.parameters())
        answer = {"parameters": parameters, "sites": len(base.sites), "prediction": base.prediction}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


main()
