"""Programs that copy: rclone (http and S3 remotes, whole folders) and curl (one file, whole, by range and resumed)."""

import os
import pathlib
import subprocess
import tempfile
from urllib.parse import quote

from checks import Link, Report, asked, wait_for_revoke

run, report = asked(), Report()
scratch = tempfile.TemporaryDirectory(prefix="offprint-copies-")


def called(*arguments: str) -> None:
    """Runs a program; its last words are the error."""
    # The machine's own AWS settings (a certificate bundle, keys) are none of this test's business.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False, env=environment)
    if done.returncode != 0:
        last = " ".join(done.stderr.split())[-200:]
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {last}")


def fresh_folder() -> pathlib.Path:
    """An empty folder that goes when the program ends."""
    return pathlib.Path(tempfile.mkdtemp(dir=scratch.name))


def rclone(link: Link, remote: list[str], source: str) -> str | None:
    """A copy of everything below the link, against the disk."""
    out = fresh_folder()
    called("rclone", "copy", "--config", "", "--retries", "1", "--low-level-retries", "1", *remote, source, str(out))
    copied = {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*") if file.is_file()}
    expected = link.files()
    wrong = sorted(path for path in copied.keys() | expected.keys() if copied.get(path) != expected.get(path))
    return None if not wrong and copied else f"{len(copied)} files copied, {len(expected)} on disk; wrong: {wrong[:3]}"


def rclone_http(link: Link) -> str | None:
    """By the HTML indexes."""
    return rclone(link, ["--http-url", f"{link.url}/"], ":http:")


def rclone_s3(link: Link, source: str, *options: str) -> str | None:
    """By either listing. Its Go SDK does not follow a 302, so the bucket is the streamed form."""
    remote = ["--s3-provider", "Other", "--s3-endpoint", run.data_url, *options]
    return rclone(link, remote, f":s3:{link.key}-s/{source}")


def a_file(link: Link) -> tuple[str, str, bytes]:
    """The largest file that the link reaches: its two URLs and its bytes."""
    if link.kind == "file":
        return link.url, link.streamed_url, link.on_disk.read_bytes()
    path, data = max(link.files().items(), key=lambda item: len(item[1]))
    return f"{link.url}/{quote(path)}", f"{link.streamed_url}/{quote(path)}", data


def curl(url: str, data: bytes) -> str | None:
    """Whole; then half of it thrown away and resumed; then the middle alone."""
    out = fresh_folder() / "file"
    called("curl", "-fsSL", "-o", str(out), url)
    if out.read_bytes() != data:
        return "the whole file differs from the disk"
    out.write_bytes(data[: len(data) // 2])
    called("curl", "-fsSL", "-C", "-", "-o", str(out), url)
    if out.read_bytes() != data:
        return "the resumed file differs from the disk"
    first, last = len(data) // 3, 2 * len(data) // 3
    called("curl", "-fsSL", "-r", f"{first}-{last}", "-o", str(out), url)
    return None if out.read_bytes() == data[first : last + 1] else "the range differs from the disk"


if run.mode == "across":
    wait_for_revoke()
for link in run.links:
    url, streamed_url, data = a_file(link)
    checks = [
        (f"curl -fL: {link.name}, whole, resumed, range", lambda: curl(url, data)),
        (f"curl, streamed form: {link.name}, whole, resumed, range", lambda: curl(streamed_url, data)),
    ]
    if link.kind != "file":
        checks += [
            (f"rclone, http remote: {link.name}, whole folder", lambda: rclone_http(link)),
            # Without a slash it is asked for as an object first: a redirect to the index would be copied as one.
            (f"rclone, S3 remote as it comes: {link.name}, no slash", lambda: rclone_s3(link, link.prefix)),
            (f"rclone, S3 remote, ListObjectsV2: {link.name}", lambda: rclone_s3(link, f"{link.prefix}/", "--s3-list-version", "2")),
        ]
    for what, act in checks:
        if run.mode == "read":
            report.check(what, act)
        else:
            report.refused(what, act)
scratch.cleanup()
report.done()
