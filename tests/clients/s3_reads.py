"""Anonymous, path-style S3 clients on the data origin: s3fs and obstore's S3Store under zarr-python, and botocore by itself."""

from typing import Any

import botocore.session
import obstore
import s3fs
import zarr
from botocore import UNSIGNED
from botocore.config import Config
from checks import Array, Link, Reader, Report, asked, read_all
from obstore.store import S3Store

zarr.config.set({"async.concurrency": 64})
run, report = asked(), Report()


def open_s3fs(bucket: str, link: Link, array: Array, settings: dict[str, Any]) -> zarr.Array:
    """zarr-python on s3fs."""
    files = s3fs.S3FileSystem(
        anon=True,
        asynchronous=True,
        endpoint_url=run.data_url,
        skip_instance_cache=True,
        config_kwargs={"s3": {"addressing_style": "path"}, **settings},
    )
    store = zarr.storage.FsspecStore(files, read_only=True, path=f"{bucket}/{link.prefix}")
    return zarr.open_array(store, path=array.path, mode="r")


def open_s3fs_redirected(link: Link, array: Array) -> zarr.Array:
    """By redirect. By default botocore adds `x-amz-checksum-mode`, which S3 refuses beside a signed URL that did not sign it; this setting stops it."""
    return open_s3fs(link.key, link, array, {"response_checksum_validation": "when_required"})


def open_s3fs_streamed(link: Link, array: Array) -> zarr.Array:
    """By the streamed form, with nothing but the defaults."""
    return open_s3fs(f"{link.key}-s", link, array, {})


def s3_store(link: Link) -> S3Store:
    """obstore's S3 store, at the dataset."""
    return S3Store(
        link.key,
        prefix=link.prefix,
        endpoint=run.data_url,
        region="us-east-1",
        skip_signature=True,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def open_obstore(link: Link, array: Array) -> zarr.Array:
    """zarr-python on obstore's S3Store."""
    return zarr.open_array(zarr.storage.ObjectStore(s3_store(link), read_only=True), path=array.path, mode="r")


def botocore_client() -> object:
    """What boto3 and the AWS command line stand on. It follows no redirect: its User-Agent gets it the streamed form."""
    return botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=run.data_url,
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def whole_dataset(link: Link, bucket: str) -> str | None:
    """Lists every object, asks each for its length, gets it, and compares with the disk."""
    client, expected = botocore_client(), link.files()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{link.prefix}/", PaginationConfig={"PageSize": 7})
    listed = {entry["Key"].removeprefix(f"{link.prefix}/"): entry["Size"] for page in pages for entry in page.get("Contents", [])}
    if listed != {path: len(data) for path, data in expected.items()}:
        return f"lists {len(listed)} objects, on disk {len(expected)}; only one side has {sorted(set(listed) ^ set(expected))[:3]}"
    for path, data in expected.items():
        got = client.get_object(Bucket=bucket, Key=f"{link.prefix}/{path}")["Body"].read()
        if got != data:
            return f"{path} differs from the disk"
    path, data = max(expected.items(), key=lambda item: len(item[1]))
    length = client.head_object(Bucket=f"{link.key}-s", Key=f"{link.prefix}/{path}")["ContentLength"]
    return None if length == len(data) else f"{path} has the length {length}, on disk {len(data)}"


def obstore_listing(link: Link) -> str | None:
    """obstore's listing of the dataset, against the disk."""
    listed = {entry["path"]: entry["size"] for batch in obstore.list(s3_store(link)) for entry in batch}
    expected = {path: len(data) for path, data in link.files().items()}
    return None if listed == expected else f"lists {len(listed)} objects, on disk {len(expected)}"


read_all(
    run,
    [
        Reader("s3fs", open_s3fs_redirected, lambda handle: handle[...]),
        Reader("s3fs, streamed form", open_s3fs_streamed, lambda handle: handle[...]),
        Reader("obstore S3Store", open_obstore, lambda handle: handle[...]),
    ],
    report,
)
for link in run.zarr_links:
    for bucket, form in ((link.key, "link"), (f"{link.key}-s", "streamed form")):
        what = f"botocore, unsigned, {form}: {link.name}, every object"
        if run.mode == "read":
            report.check(what, lambda: whole_dataset(link, bucket))
        else:
            path = next(iter(link.files()))
            report.refused(what, lambda: botocore_client().get_object(Bucket=bucket, Key=f"{link.prefix}/{path}"))
    if run.mode == "read":
        report.check(f"obstore S3Store: {link.name}, listing", lambda: obstore_listing(link))
report.done()
