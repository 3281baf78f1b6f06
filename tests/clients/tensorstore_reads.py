"""TensorStore, which follows no redirect: its http driver on the plain link (streamed by User-Agent) and on the streamed form, its s3 driver."""

from typing import Any
from urllib.parse import quote

import tensorstore
from checks import Array, Link, Reader, Report, asked, read_all

run, report = asked(), Report()


def open_with(array: Array, kvstore: dict[str, Any]) -> tensorstore.TensorStore:
    """Opens an array by the driver of its format."""
    driver = {2: "zarr", 3: "zarr3"}[array.zarr_format]
    return tensorstore.open({"driver": driver, "kvstore": kvstore}, open=True, read=True).result()


def http(url: str, array: Array) -> tensorstore.TensorStore:
    """Over plain HTTP; paths below the link are percent-encoded in a base URL."""
    return open_with(array, {"driver": "http", "base_url": f"{url}/{quote(array.path)}/"})


def s3(bucket: str, link: Link, array: Array) -> tensorstore.TensorStore:
    """Over the S3 face of the data origin: the link's key is the bucket."""
    return open_with(
        array,
        {
            "driver": "s3",
            "bucket": bucket,
            "path": f"{link.prefix}/{array.path}/",
            "endpoint": run.data_url,
            "aws_region": "us-east-1",
            "aws_credentials": {"type": "anonymous"},
        },
    )


def read(handle: tensorstore.TensorStore) -> Any:
    """All values."""
    return handle.read().result()


read_all(
    run,
    [
        Reader("TensorStore http", lambda link, array: http(link.url, array), read),
        Reader("TensorStore http, streamed form", lambda link, array: http(link.streamed_url, array), read),
        Reader("TensorStore s3", lambda link, array: s3(link.key, link, array), read),
        Reader("TensorStore s3, streamed form", lambda link, array: s3(f"{link.key}-s", link, array), read),
    ],
    report,
)
report.done()
