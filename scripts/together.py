"""Plays the example of docs/examples/together, and keeps what came of it: pictures, and the ledger of the canvas.

A real studio and two real browsers; what the agents say is written in tests/e2e/play.py and comes from a scripted
provider, so that the example does not change with every model. Run it again with

    python scripts/together.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.conftest import serve  # noqa: E402
from tests.e2e.conftest import QUIET  # noqa: E402
from tests.e2e.desk import Desk  # noqa: E402
from tests.e2e.play import Play  # noqa: E402
from tests.models.fake_provider import FakeProvider  # noqa: E402

EXAMPLE = ROOT / "docs" / "examples" / "together"


def main(folder: Path, width: int = 1360, height: int = 860, scheme: Literal["light", "dark"] = "light") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = subprocess.run(["scripts/browser.sh", "--find"], cwd=ROOT, capture_output=True, text=True, check=False)
    path = os.environ.get("STUDIOLO_BROWSER") or found.stdout.strip()
    with tempfile.TemporaryDirectory() as home, FakeProvider() as provider, sync_playwright() as playwright:
        environ = {"OPENAI_API_KEY": "sk-fake", "OPENAI_BASE_URL": f"{provider.url}/v1"}
        studio = serve(Path(home), {**environ, "STUDIOLO_MODEL": "openai:fake-model"})
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        try:

            def desk() -> Desk:
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
                )
                return Desk(context.new_page())

            def shoot(name: str, desk: Desk) -> None:
                desk.page.wait_for_timeout(400)
                desk.page.screenshot(path=folder / f"{name}.png", scale="css")

            play = Play(studio, provider, desk(), desk(), shoot)
            for act in (play.begin, play.draft, play.critique, play.revise, play.polish, play.decide):
                act()
            with studio.client() as client:
                ledger = client.get(f"/api/canvases/{play.canvas}/ledger", params={"format": "jsonl"})
                (folder / "ledger.jsonl").write_text(ledger.text)
        finally:
            browser.close()
            studio.stop()


if __name__ == "__main__":
    if len(sys.argv) > 1:  # to look at it: FOLDER WIDTH HEIGHT light|dark
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "dark" if sys.argv[4] == "dark" else "light")
    else:
        main(EXAMPLE)
