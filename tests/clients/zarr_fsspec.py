"""zarr-python over fsspec's HTTP file system (aiohttp): arrays, and the group found by the HTML index."""

import zarr
from checks import Array, Link, Reader, Report, asked, read_all

zarr.config.set({"async.concurrency": 64})


def group(link: Link) -> zarr.Group:
    """The dataset's own group, opened by its URL."""
    return zarr.open_group(zarr.storage.FsspecStore.from_url(link.url, read_only=True), mode="r")


def open_array(link: Link, array: Array) -> zarr.Array:
    """An array opened as a user would: the group by its URL, the array by its name."""
    if link.kind == "zarr":
        return group(link)[array.path]
    store = zarr.storage.FsspecStore.from_url(link.url, read_only=True)
    return zarr.open_array(store, path=array.path, mode="r")


def members(link: Link) -> str | None:
    """The group's members as the client lists them, against the disk."""
    listed = sorted(group(link).keys())
    on_disk = sorted(zarr.open_group(link.on_disk, mode="r").keys())
    return None if listed == on_disk and listed else f"lists {listed}, on disk {on_disk}"


run, report = asked(), Report()
read_all(run, [Reader("zarr-python fsspec", open_array, lambda handle: handle[...])], report)
if run.mode == "read":
    for link in run.zarr_links:
        if link.kind == "zarr":
            report.check(f"zarr-python fsspec: {link.name}, members of the group", lambda: members(link))
report.done()
