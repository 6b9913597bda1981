"""Runs `sam local` with the backends of a running `local`. Run by tests/scripts/sam-local, which documents its use."""

import errno
import ipaddress
import json
import os
import pathlib
import signal
import subprocess
import sys
import urllib.parse

import docker
from samcli.yamlhelper import yaml_parse

from relay import Relay

ROOT = pathlib.Path(__file__).parents[2]
BUILT = ROOT / ".aws-sam/build"
# The host's name in containers. Docker Desktop defines it. On Linux, `--add-host` adds it.
HOST = "host.docker.internal"
SERVICES = {"s3": "S3", "dynamodb": "DYNAMODB", "sqs": "SQS"}


def from_container(url):
    return urllib.parse.urlsplit(url)._replace(netloc=f"{HOST}:{port(url)}").geturl()


def port(url):
    return urllib.parse.urlsplit(url).port


def environment(local):
    """Returns the content of env.json: for each function, the variables that select the backends of `local`."""
    shared = {
        "TABLE_NAME": local["table_name"],
        **{f"AWS_ENDPOINT_URL_{name}": from_container(local["endpoints"][key]) for key, name in SERVICES.items()},
    }
    staging = {"STAGING_BUCKET": local["staging_bucket"]}
    queues = {"BUILD_QUEUE_URL": local["build_queue_url"], "PURGE_QUEUE_URL": local["purge_queue_url"]}
    # Image names contain the registry's loopback address, because the host and the builder in `local` use them too. In
    # a container, loopback is the container itself, so the HTTP proxy for this address is the registry.
    registry = {"REGISTRY": local["registry"]}
    proxy = {"http_proxy": from_container(f"http://{local['registry']}"), "no_proxy": HOST}
    return {
        "ApiFunction": {**shared, **staging, **queues, **registry},
        "BuilderFunction": {**shared, **staging, **registry, **proxy, "REGISTRY_AUTH": "none"},
        "RequeueFunction": {**shared, **queues},
    }


def template(variables):
    """Returns the template that `sam build` wrote, with two additions.

    It declares the variables, because `sam local` sets only declared variables. It also declares binary media types,
    because `sam local` otherwise passes bodies as text. A deployed HTTP API does not need these media types.
    """
    built = yaml_parse((BUILT / "template.yaml").read_text())
    for function, names in variables.items():
        properties = built["Resources"][function]["Properties"]
        properties.setdefault("Environment", {}).setdefault("Variables", {}).update(dict.fromkeys(names, ""))
    definition = built["Resources"]["HttpApi"]["Properties"]["DefinitionBody"]
    definition["x-amazon-apigateway-binary-media-types"] = ["*/*"]
    return built


def start_relays(local):
    """Makes the backends, which listen on loopback, reachable from containers.

    On Linux, a container reaches the host at the address of Docker's bridge, which is not reachable from outside. A
    relay listens on this address for each backend. With Docker Desktop, the host does not have the address and needs
    no relay.
    """
    bridge = docker.from_env().networks.get("bridge").attrs["IPAM"]["Config"][0]
    # If no gateway is configured, Docker uses the first address.
    address = bridge.get("Gateway") or str(next(ipaddress.ip_network(bridge["Subnet"]).hosts()))
    try:
        for url in [*local["endpoints"].values(), f"http://{local['registry']}"]:
            Relay(address, port(url))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise


def sam_local(arguments, **more):
    # Use the credentials of the embedded backends, not the caller's.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables |= {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
    files = ["--template", BUILT / "local.json", "--env-vars", BUILT / "env.json"]
    command = ["sam", "local", *arguments, *files, "--add-host", f"{HOST}:host-gateway"]
    return subprocess.run(command, env=variables, **more)


def invoke_each_event(options):
    """Sends each file in events/ to the function that handles it, and prints the start of the response."""
    functions = dict.fromkeys(("build-batch", "build-job", "purge-job"), "BuilderFunction")
    functions["requeue"] = "RequeueFunction"
    for event in sorted((ROOT / "events").glob("*.json")):
        function = functions.get(event.stem, "ApiFunction")
        invoked = sam_local(["invoke", function, "--event", event, *options], capture_output=True, text=True)
        result = json.loads(invoked.stdout or "null") if invoked.returncode == 0 else {"errorType": "SAM"}
        if isinstance(result, dict) and "errorType" in result:
            sys.exit(f"{event.stem}: {result}\n{invoked.stderr}")
        if function == "ApiFunction":
            print(f"{event.stem}: {result['statusCode']} {result['body'][:100]}")
        else:
            print(f"{event.stem}: {json.dumps(result)}")


def main(arguments):
    document = pathlib.Path(os.environ.get("DATA_DIR", ROOT / ".local")) / "local.json"
    try:
        local = json.loads(document.read_text())
    except FileNotFoundError:
        sys.exit(f"{document} does not exist: start `cargo run` first, or set DATA_DIR to its data directory")
    variables = environment(local)
    (BUILT / "env.json").write_text(json.dumps(variables, indent=2))
    (BUILT / "local.json").write_text(json.dumps(template(variables), indent=2))
    start_relays(local)
    # Ctrl-C must reach only SAM, which then stops its containers.
    signal.signal(signal.SIGINT, lambda *_: None)
    if arguments[:1] == ["events"]:
        invoke_each_event(arguments[1:])
    else:
        sys.exit(sam_local(arguments).returncode)


main(sys.argv[1:])
