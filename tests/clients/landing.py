"""What a link's page prints for programs, read from the page and run as it is printed; and the data that try to run in a page.

Used by pages.py. Standard library only.
"""

import html.parser
import json
import os
import pathlib
import subprocess
import urllib.request

from run import ENVIRONMENT, PYTHON, Product, Tally

# Names, labels and a README that would run, load, or break out, if a page let them.
PAYLOADS = (
    "<script>top.hurt=1</script>",
    "<img src=x onerror=top.hurt=1>",
    "\"><svg onload=top.hurt=1>",
    "'\" autofocus onfocus=top.hurt=1 x='",
    "</title></head><body onload=top.hurt=1>",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "\u202egnp.exe",
)
README = """# Payloads

<script>top.hurt=1</script>

<img src="https://evil.example/pixel.png" onerror="top.hurt=1">

![pixel](https://evil.example/pixel.png) [![badge](https://evil.example/badge.svg)](https://example.org)

[a](javascript:top.hurt=1) [b](data:text/html,<script>top.hurt=1</script>) <javascript:top.hurt=1>

<style>body{display:none}</style><iframe src="https://evil.example/"></iframe><form action="https://evil.example/"><input name=a></form>

<link rel=stylesheet href="https://evil.example/a.css"><base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example/">

| a | b |
|---|---|
| <svg onload=top.hurt=1> | `<script>` |
"""


def hostile(folder: pathlib.Path) -> str:
    """An image whose every text is a payload; its path in the folder."""
    name = "hurt <b>&\"'.ome.zarr"
    image = folder / name
    axes = [{"name": "c", "type": "channel"}, *({"name": axis, "type": "space", "unit": PAYLOADS[0]} for axis in "yx")]
    channels = [{"label": payload, "color": "FF0000\" onload=\"top.hurt=1" if number else "00FF7F"} for number, payload in enumerate(PAYLOADS)]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 0.5]}]}
    ome = {
        "version": "0.5", "omero": {"channels": channels}, "labels": list(PAYLOADS),
        "multiscales": [{"name": PAYLOADS[2], "axes": axes, "datasets": [level]}],
    }  # fmt: skip
    array = {
        "zarr_format": 3, "node_type": "array", "shape": [len(PAYLOADS), 8, 8], "data_type": "uint8", "fill_value": PAYLOADS[1],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 8, 8]}},
        "chunk_key_encoding": {"name": PAYLOADS[0], "configuration": {"separator": PAYLOADS[1]}}, "codecs": [{"name": payload} for payload in PAYLOADS],
    }  # fmt: skip
    documents = {"zarr.json": {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}, "0/zarr.json": array}
    documents["labels/zarr.json"] = documents["zarr.json"]
    for path, document in documents.items():
        (image / path).parent.mkdir(parents=True, exist_ok=True)
        (image / path).write_text(json.dumps(document))
    (image / "README.md").write_text(README)
    (image / "<img src=x onerror=top.hurt=1>.txt").write_text("1")
    return name


class Printed(html.parser.HTMLParser):
    """The snippets of a page: for each its language and title, whether it is said to be run, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.snippets: list[dict] = []
        self.heading, self.is_heading, self.is_code = "", False, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "h3":
            self.heading, self.is_heading = "", True
        if tag == "pre" and ": " in (named.get("aria-label") or "") and "not run by us" not in self.heading:
            self.snippets.append({"name": named["aria-label"], "text": ""})
            self.is_code = True

    def handle_endtag(self, tag: str) -> None:
        self.is_heading = self.is_heading and tag != "h3"
        self.is_code = self.is_code and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self.is_heading:
            self.heading += data
        if self.is_code:
            self.snippets[-1]["text"] += data


def shape_on_disk(image: pathlib.Path) -> str:
    """The size of the finest level as Python prints it."""
    level = next(path for path in (image / "0", image / "s0") if path.is_dir())
    metadata = next(path for path in (level / "zarr.json", level / ".zarray") if path.exists())
    return str(tuple(json.loads(metadata.read_text())["shape"]))


def run_as_printed(product: Product, name: str, link: dict, folder: pathlib.Path, tally: Tally) -> None:
    """Runs each snippet of a link's page that is said to be run, as it is printed."""
    key = link["url"].split("/")[3]
    with urllib.request.urlopen(f"{product.ready['app_url']}/s/{key}", timeout=30) as answer:
        page = Printed()
        page.feed(answer.read().decode())
    tally.check(len(page.snippets) > 0, f"{name}: {len(page.snippets)} snippets are said to be run")
    here = product.state / "demo" / name
    for snippet in page.snippets:
        what, text = snippet["name"], snippet["text"]
        place = folder / f"{key}-{what.replace(' ', '-').replace(':', '')}"
        place.mkdir()
        command = [str(PYTHON), "-c", text] if what.startswith("Python") else ["bash", "-euc", text]
        environment = ENVIRONMENT | {"HOME": str(place), "PATH": os.environ["PATH"]}
        done = subprocess.run(command, cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        told = f"{name}, {what}: {' '.join(done.stderr.split())[-300:] if done.returncode else ''}"
        if what.startswith("Python"):
            tally.check(done.returncode == 0 and shape_on_disk(here) in done.stdout, f"{told} {done.stdout.strip()[-200:]}")
        elif "all of it" in what:
            copied = {path.relative_to(place / here.name): path.read_bytes() for path in (place / here.name).rglob("*") if path.is_file()}
            stored = {path.relative_to(here): path.read_bytes() for path in here.rglob("*") if path.is_file()}
            tally.check(done.returncode == 0 and copied == stored, f"{told} {len(copied)} of {len(stored)} files")
        elif here.is_file():
            tally.check(done.returncode == 0 and (place / here.name).read_bytes() == here.read_bytes(), told)
        else:
            tally.check(done.returncode == 0 and isinstance(json.loads(done.stdout), dict), told)
