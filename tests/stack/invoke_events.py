"""Sends every file in events/ to the functions that `sam build` built. Run by tests/scripts/invoke-events."""

import base64
import contextlib
import copy
import hashlib
import json
import os
import pathlib
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import samcli

ROOT = pathlib.Path(__file__).parents[2]
EMULATORS = pathlib.Path(samcli.__file__).parent / "local/rapid"
EMULATOR = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}[platform.machine()]
NAMESPACE = "PackUpload/events"
# How long to wait for a process to start or respond, in seconds.
TIMEOUT = 60


class Unexpected(Exception):
    """A response differs from the expected one, or a process failed."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def event(name):
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


@contextlib.contextmanager
def process(arguments, environment, output, cwd=ROOT):
    with subprocess.Popen(arguments, env=environment, stdout=output, stderr=output, cwd=cwd) as child:
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()


def wait(child, done):
    deadline = time.monotonic() + TIMEOUT
    while not done():
        if child.poll() is not None:
            raise Unexpected(f"{child.args[0]} exited with status {child.returncode}")
        if time.monotonic() > deadline:
            raise Unexpected(f"{child.args[0]} did not start within {TIMEOUT} s")
        time.sleep(0.05)


@contextlib.contextmanager
def local(folder):
    """Runs `local` and yields the content of its local.json."""
    document = folder / "data/local.json"
    # Remove the caller's variables that select other backends.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "REGISTRY"))}
    command = [ROOT / "target/debug/local", "--listen", "127.0.0.1:0", "--data-dir", folder / "data"]
    with (folder / "local.log").open("wb") as log, process(command, environment, log) as child:
        wait(child, document.exists)
        yield json.loads(document.read_text())


class Function:
    """A function that runs in the runtime interface emulator."""

    def __init__(self, binary, stack, folder, backends, **variables):
        self.binary = binary
        endpoints = backends["endpoints"]
        port, runtime = free_port(), free_port()
        self.log = folder / f"{binary}-{port}.log"
        self.url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local-secret",
            "AWS_LAMBDA_FUNCTION_NAME": binary,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "29",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "TABLE_NAME": "pack-upload",
            "STAGING_BUCKET": "pack-upload-staging",
            # Jobs go to the dead-letter queues, because `local` does not process them there. The scenario itself passes
            # jobs to the builder.
            "BUILD_QUEUE_URL": f"{endpoints['sqs']}/000000000000/pack-upload-builds-dead",
            "PURGE_QUEUE_URL": f"{endpoints['sqs']}/000000000000/pack-upload-purges-dead",
            "PURGE_WAIT_MS": "100",
            "REGISTRY": backends["registry"],
            "METRICS_NAMESPACE": NAMESPACE,
            **{f"AWS_ENDPOINT_URL_{name.upper()}": url for name, url in endpoints.items()},
            **variables,
        }
        command = [
            EMULATORS / EMULATOR,
            *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime}"),
            "./bootstrap",
        ]
        log = stack.enter_context(self.log.open("wb"))
        built = ROOT / f".aws-sam/build/{binary.capitalize()}Function"
        child = stack.enter_context(process(command, environment, log, built))
        wait(child, lambda: is_open(port))

    def invoke(self, payload):
        request = urllib.request.Request(self.url, data=json.dumps(payload).encode())
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            result = json.loads(response.read() or "null")
        # The emulator responds with status 200 even if the function failed.
        if isinstance(result, dict) and "errorType" in result:
            raise Unexpected(f"{self.binary}: {result}")
        return result

    def metrics(self):
        """Returns the names of the metrics in the function's log."""
        names = set()
        for line in self.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                for directive in json.loads(line).get("_aws", {}).get("CloudWatchMetrics", []):
                    assert directive["Namespace"] == NAMESPACE
                    names.update(metric["Name"] for metric in directive["Metrics"])
        return names


def is_open(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def http(response):
    """Returns the status and the JSON body of a response to API Gateway."""
    body = response["body"] or ""
    if response["isBase64Encoded"]:
        body = base64.b64decode(body).decode()
    return response["statusCode"], json.loads(body)


def expect(what, found, expected):
    print(f"{what}: {json.dumps(found)}")
    if found != expected:
        raise Unexpected(f"{what}: expected {json.dumps(expected)}")


def expect_http(what, response, status):
    found, body = http(response)
    print(f"{what}: {found} {json.dumps(body)}")
    if found != status:
        raise Unexpected(f"{what}: expected {status}")
    return body


def scenario(api, builder, requeue, behind_proxy):
    invoked = set()

    def load(name):
        invoked.add(f"{name}.json")
        return event(name)

    expect("requeue, nothing pending", requeue.invoke(load("requeue")), None)
    record = expect_http("upload-http-api", api.invoke(load("upload-http-api")), 201)
    for name in ["upload-rest", "upload-rest-stage", "upload-function-url"]:
        again = expect_http(f"{name}, the same pack again", api.invoke(load(name)), 200)
        expect(f"{name}, its id", again["id"], record["id"])
    damaged = "upload-rest-text, damaged by a gateway without binary media types"
    expect_http(damaged, api.invoke(load("upload-rest-text")), 400)

    get = load("get")
    expect_http("get, a missing pack", api.invoke(get), 404)
    listed = expect_http("list", api.invoke(load("list")), 200)
    expect("list, ids", [pack["id"] for pack in listed["packs"]], [record["id"]])
    update = load("update")
    expect_http("update, a missing pack", api.invoke(update), 404)
    update["rawPath"] = update["requestContext"]["http"]["path"] = f"/v1/packs/{record['id']}"
    updated = expect_http("update, the pack", api.invoke(update), 200)
    expect("update, its visibility", updated["visibility"], "community")
    through_proxy = load("list-cloudfront")
    expect_http("list-cloudfront", behind_proxy.invoke(through_proxy), 200)
    del through_proxy["headers"]["x-origin-secret"]
    expect_http("list-cloudfront, without the origin secret", behind_proxy.invoke(through_proxy), 403)
    unknown = copy.deepcopy(get)
    unknown["rawPath"] = unknown["requestContext"]["http"]["path"] = "/v1/unknown"
    expect_http("get, an unknown route", api.invoke(unknown), 404)

    job, batch = load("build-job"), load("build-batch")
    no_failures = {"batchItemFailures": []}
    one_failure = {"batchItemFailures": [{"itemIdentifier": batch["Records"][1]["messageId"]}]}
    expect("build-job, for a missing pack", builder.invoke(job), no_failures)
    expect("build-batch, with an invalid job", builder.invoke(batch), one_failure)
    job["Records"][0]["body"] = json.dumps({"pack_id": record["id"], "attempt": 1})
    expect("build-job, for the pack", builder.invoke(job), no_failures)
    get["rawPath"] = get["requestContext"]["http"]["path"] = f"/v1/packs/{record['id']}"
    get["pathParameters"]["id"] = record["id"]
    built = expect_http("get, the pack", api.invoke(get), 200)
    expect("get, its build", built["build_status"], "ready")
    expect("get, its image", built["image_digest"], record["image_digest"])

    delete, purge = load("delete"), load("purge-job")
    expect_http("delete, a missing pack", api.invoke(delete), 404)
    delete["rawPath"] = delete["requestContext"]["http"]["path"] = f"/v1/packs/{record['id']}"
    expect_http("delete, the pack, before its purge", api.invoke(delete), 502)
    expect("purge-job, for a missing pack", builder.invoke(purge), no_failures)
    purge["Records"][0]["body"] = json.dumps({"purge": record["id"]})
    expect("purge-job, for the pack", builder.invoke(purge), no_failures)
    expect_http("delete, the pack, after its purge", api.invoke(delete), 404)

    missing = {path.name for path in (ROOT / "events").glob("*.json")} - invoked
    if missing:
        raise Unexpected(f"not invoked: {sorted(missing)}")


def check_metrics(function, metrics):
    expect(f"{function.binary}, metrics", sorted(function.metrics()), sorted(metrics))


def main():
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        backends = stack.enter_context(local(folder))
        functions = [Function(binary, stack, folder, backends) for binary in ["api", "builder", "requeue"]]
        api, builder, requeue = functions
        secret = event("list-cloudfront")["headers"]["x-origin-secret"]
        hashes = hashlib.sha256(secret.encode()).hexdigest()
        variables = {"TENANT_BASE_DOMAIN": "packs.example.com", "ORIGIN_SECRET_SHA256": hashes}
        behind_proxy = Function("api", stack, folder, backends, **variables)
        functions.append(behind_proxy)
        try:
            scenario(api, builder, requeue, behind_proxy)
            check_metrics(api, ["Uploads", "ArchiveSize", "StageTime", "ValidateTime", "WriteTime"])
            check_metrics(builder, ["Builds", "BuildTime", "Purges", "PurgeTime", "QueueAge"])
            check_metrics(requeue, ["DueJobs", "AbandonedBuilds", "OldestBuildAge"])
        except (Unexpected, urllib.error.URLError, KeyError) as error:
            for function in functions:
                print(f"--- {function.binary}\n{function.log.read_text(errors='replace')[-4000:]}", file=sys.stderr)
            sys.exit(f"failed: {error}")


main()
