"""Writes what the readers on JavaScript must find: `python expected.py CONFIG.json DIR` adds `expected` and `expected_dir` to the file."""

import json
import pathlib
import sys

import numpy
from checks import Link

config_file, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
config = json.loads(config_file.read_text())
folder.mkdir(parents=True, exist_ok=True)
expected = []
for index, one in enumerate(config["links"]):
    if one["kind"] == "file":
        continue
    link = Link(one["name"], one["kind"], one["url"], one["streamed_url"], pathlib.Path(config["demo_dir"]) / one["name"])
    for array in link.arrays():
        values = array.values
        if values.size and (values == values.flat[0]).all():
            sys.exit(f"{link.name}/{array.path} holds one value only: fill values could not be told from data")
        file = f"{len(expected)}.bin"
        (folder / file).write_bytes(numpy.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes())
        expected.append({
            "link": index, "path": array.path, "zarr_format": array.zarr_format, "sharded": array.sharded,
            "shape": list(values.shape), "dtype": str(values.dtype), "file": file,
        })  # fmt: skip
config |= {"expected_dir": str(folder.resolve()), "expected": expected}
config_file.write_text(json.dumps(config, indent=1, ensure_ascii=False))
