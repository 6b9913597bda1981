"""Runs `sam local` on the backends of a running `local`. Run by tests/scripts/sam-local, which says how."""

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
# By this name a container finds the machine that it runs on: Docker Desktop's own, given to Linux's Docker too.
HOST = "host.docker.internal"
SERVICES = {"s3": "S3", "dynamodb": "DYNAMODB", "sqs": "SQS"}


def seen_from_a_container(url):
    return urllib.parse.urlsplit(url)._replace(netloc=f"{HOST}:{port(url)}").geturl()


def port(url):
    return urllib.parse.urlsplit(url).port


def environment(local):
    """The content of `env.json`: for each function, the variables that lead it to the backends of `local`."""
    shared = {
        "TABLE_NAME": local["table_name"],
        **{f"AWS_ENDPOINT_URL_{name}": seen_from_a_container(local["endpoints"][key]) for key, name in SERVICES.items()},
    }
    staging = {"STAGING_BUCKET": local["staging_bucket"]}
    queue = {"BUILD_QUEUE_URL": local["build_queue_url"]}
    # Images keep the name by which they are found on this machine, which `local`'s own builder needs too. In a container
    # that is an address of the container's, so that the registry is made a proxy of itself.
    registry = {"REGISTRY": local["registry"]}
    proxy = {"http_proxy": seen_from_a_container(f"http://{local['registry']}"), "no_proxy": HOST}
    return {
        "ApiFunction": {**shared, **staging, **queue, **registry},
        "BuilderFunction": {**shared, **staging, **registry, **proxy, "REGISTRY_AUTH": "none"},
        "RequeueFunction": {**shared, **queue},
    }


def template(variables):
    """What `sam build` made, as `sam local` wants it: it passes on only variables that the template has, and takes a
    body for text unless told otherwise, which API Gateway's HTTP API does not."""
    built = yaml_parse((BUILT / "template.yaml").read_text())
    for function, names in variables.items():
        properties = built["Resources"][function]["Properties"]
        properties.setdefault("Environment", {}).setdefault("Variables", {}).update(dict.fromkeys(names, ""))
    definition = built["Resources"]["HttpApi"]["Properties"]["DefinitionBody"]
    definition["x-amazon-apigateway-binary-media-types"] = ["*/*"]
    return built


def open_a_way(local):
    """Containers of Docker on Linux cannot reach what listens on loopback alone, so each backend is reached by the
    address of Docker's bridge too: by containers, and by nobody from outside. Docker Desktop has no such address on this
    machine, and a way of its own."""
    bridge = docker.from_env().networks.get("bridge").attrs["IPAM"]["Config"][0]
    # The first address, unless Docker was told another.
    address = bridge.get("Gateway") or str(next(ipaddress.ip_network(bridge["Subnet"]).hosts()))
    try:
        for url in [*local["endpoints"].values(), f"http://{local['registry']}"]:
            Relay(address, port(url))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise


def sam_local(arguments, **more):
    # The credentials of the embedded backends, and nobody's own.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables |= {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
    files = ["--template", BUILT / "local.json", "--env-vars", BUILT / "env.json"]
    return subprocess.run(["sam", "local", *arguments, *files, "--add-host", f"{HOST}:host-gateway"], env=variables, **more)


def invoke_each_event(options):
    """Every file of events/, each with the function that it is for. Prints the beginning of each answer."""
    functions = {"build-batch": "BuilderFunction", "build-job": "BuilderFunction", "requeue": "RequeueFunction"}
    for event in sorted((ROOT / "events").glob("*.json")):
        function = functions.get(event.stem, "ApiFunction")
        invoked = sam_local(["invoke", function, "--event", event, *options], capture_output=True, text=True)
        answer = json.loads(invoked.stdout or "null") if invoked.returncode == 0 else {"errorType": "SAM"}
        if isinstance(answer, dict) and "errorType" in answer:
            sys.exit(f"{event.stem}: {answer}\n{invoked.stderr}")
        if function == "ApiFunction":
            print(f"{event.stem}: {answer['statusCode']} {answer['body'][:100]}")
        else:
            print(f"{event.stem}: {json.dumps(answer)}")


def main(arguments):
    document = pathlib.Path(os.environ.get("DATA_DIR", ROOT / ".local")) / "local.json"
    try:
        local = json.loads(document.read_text())
    except FileNotFoundError:
        sys.exit(f"{document} is not there: start `cargo run` first, or name its data folder by DATA_DIR")
    variables = environment(local)
    (BUILT / "env.json").write_text(json.dumps(variables, indent=2))
    (BUILT / "local.json").write_text(json.dumps(template(variables), indent=2))
    open_a_way(local)
    # Ctrl-C is for SAM, which then stops its containers.
    signal.signal(signal.SIGINT, lambda *_: None)
    if arguments[:1] == ["events"]:
        invoke_each_event(arguments[1:])
    else:
        sys.exit(sam_local(arguments).returncode)


main(sys.argv[1:])
