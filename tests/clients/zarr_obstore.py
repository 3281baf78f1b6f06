"""zarr-python over obstore's HTTPStore (Rust's object_store)."""

import zarr
from checks import Array, Link, Reader, Report, asked, read_all
from obstore.store import HTTPStore

zarr.config.set({"async.concurrency": 64})


def open_array(link: Link, array: Array) -> zarr.Array:
    """An array opened at its own path below the link."""
    store = HTTPStore.from_url(link.url, client_options={"allow_http": True})
    return zarr.open_array(zarr.storage.ObjectStore(store, read_only=True), path=array.path, mode="r")


run, report = asked(), Report()
read_all(run, [Reader("zarr-python obstore", open_array, lambda handle: handle[...])], report)
report.done()
