"""dask arrays made from a URL."""

from urllib.parse import quote

import dask.array
from checks import Array, Link, Reader, Report, asked, read_all


def open_array(link: Link, array: Array) -> dask.array.Array:
    """A lazy array; no chunk is read before `compute`. A component is a name, so odd names go into the URL instead."""
    if link.kind == "zarr":
        return dask.array.from_zarr(link.url, component=array.path)
    return dask.array.from_zarr(f"{link.url}/{quote(array.path)}")


run, report = asked(), Report()
read_all(run, [Reader("dask", open_array, lambda handle: handle.compute(scheduler="threads"))], report)
report.done()
