"""Bring the catalogues up to the code: new sentences come in without words, those that nobody says any more go.

python -m tests.languages             list what is missing
python -m tests.languages words.json  take the words in {"sentence": "words" or ["one", "more"]} in first
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.languages.collect import OTHERS, update

if __name__ == "__main__":
    new = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")) if len(sys.argv) > 1 else {}
    for language in OTHERS:
        missing, dropped = update(language, new)
        for key in missing:
            sys.stdout.write(f"{language}: missing: {json.dumps(key)}\n")
        sys.stdout.write(f"{language}: {len(missing)} missing, {len(dropped)} dropped\n")
