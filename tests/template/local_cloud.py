"""A local cloud for one test run, and the template deployed to it.

The cloud is ministack: real protocols, roles and policies enforced, the CDN's behaviours followed, functions run as processes.
What it lacks and what stands in for it:

- The condition key `dynamodb:LeadingKeys`, the raw path of a Function URL, and streamed bytes: see ministack_bridged.py.
- There is no DNS for its host names and no TLS, so requests go to its one port on 127.0.0.1, name the host in `Host`, and say
  `X-Forwarded-Proto: https`.
- Streamed answers reach the caller only when they are complete.
- The policies' rights to write logs, to read the table's stream and to send dead letters are not enforced.
- A stream's partial failures, bisection and number of tries are not followed: a batch whose function answers is done, one whose function fails is tried again.
"""

import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse

import boto3

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENVS = ROOT / "tests" / ".venv"
REGION = "us-east-1"


def free_port():
    """A TCP port on loopback that nothing listened on a moment ago."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Answer:
    """One HTTP answer, read whole. Header names in lower case."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:600]!r}"


def request(url, method="GET", headers=None, body=None, via=None):
    """One request, no redirect followed. `via` is the (host, port) to connect to instead of the one that the URL names."""
    parts = urllib.parse.urlsplit(url)
    host, port = via or (parts.hostname, parts.port or 80)
    connection = http.client.HTTPConnection(host, port, timeout=60)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", parts.netloc)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()


class MailServer:
    """A mail server on loopback (tests/services/mail.py). A context manager: it ends with the block."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="offprint-mails-"))
        command = [VENVS / "mail" / "bin" / "python", ROOT / "tests" / "services" / "mail.py", self.folder]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"smtp://127.0.0.1:{int(self.process.stdout.readline())}"
        return self

    def __exit__(self, *_):
        self.process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_for(self, count, secs):
        """The mails that it took, once there are so many."""
        deadline = time.monotonic() + secs
        while len(found := sorted(self.folder.glob("*.eml"), key=lambda file: int(file.stem))) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} mails came, not {count}")
            time.sleep(0.2)
        # A long header or line goes on in the next one.
        return [file.read_text(encoding="utf-8").replace("\n ", " ").replace("=\n", "") for file in found]


class Cloud:
    """One running ministack. A context manager: it and the functions that it started end with the block."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="offprint-cloud-"))
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "SAM_CLI_TELEMETRY": "0",
        }
        self.log = open(self.folder / "ministack.log", "wb")
        self.process = subprocess.Popen(
            [VENVS / "cloud" / "bin" / "python", HERE / "ministack_bridged.py"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                **self.environment,
                "AUTH": "true",
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(self.port),
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                "S3_DATA_DIR": str(self.folder / "s3"),
                "TMPDIR": str(self.folder),
            },
        )
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # The functions are children of ministack in the session that was made for it: the group is ours alone.
        for signal in (15, 9):
            try:
                os.killpg(self.process.pid, signal)
                self.process.wait(5)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                request(f"{self.endpoint}/_ministack/health")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"ministack did not start:\n{self.log_text()}") from None
                time.sleep(0.2)

    def client(self, service):
        """A boto3 client with the rights of the account's root."""
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def log_text(self):
        self.log.flush()
        return (self.folder / "ministack.log").read_text(errors="replace")

    def deploy(self, template, stack, **parameters):
        """Deploys a template whose code is built, with `sam deploy`, and gives the stack's outputs."""
        bucket = "sam-artifacts"
        s3 = self.client("s3")
        if bucket not in [found["Name"] for found in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=bucket)
        command = [VENVS / "bin" / "sam", "deploy", "--template-file", template, "--stack-name", stack, "--s3-bucket", bucket]
        command += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar", "--region", REGION]
        command += ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
        ran = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"sam deploy failed:\n{ran.stdout}\n{ran.stderr}")
        described = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}

    def first_token(self, table):
        """Makes the first user of a table, as whoever runs a deployment does, and gives the text of that administrator's token."""
        command = [os.environ["OFFPRINT"], "admin", "bootstrap", "--table", table, "--table-endpoint", self.endpoint, "--region", REGION]
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"no first token:\n{ran.stdout}\n{ran.stderr}")
        return ran.stdout.strip()

    def call(self, url, method="GET", headers=None, body=None):
        """Calls a Function URL or the CDN, by the host name in the URL."""
        url = "http:" + url.removeprefix("https:")
        return request(url, method, {"X-Forwarded-Proto": "https", **(headers or {})}, body, via=("127.0.0.1", self.port))
