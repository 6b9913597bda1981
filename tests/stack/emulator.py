"""An emulated AWS account (ministack) and a registry (docker-registry), both on loopback."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import boto3

ROOT = pathlib.Path(__file__).parents[2]
BUILT = ROOT / ".aws-sam/build"
# ministack allows everything with this access key, and enforces IAM policies for all others.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait(condition, what, seconds=60):
    """Waits until the condition returns a truthy value, and returns that value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s: {what}")


def responds(url):
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Process:
    """A server and the processes that it starts. Their output goes to a file."""

    def __init__(self, command, url, log, env=None):
        self.command, self.url, self.log, self.env = command, url, log, env
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait(lambda: responds(self.url) or self.process.poll() is not None, f"{self.url} responds")
        assert self.process.poll() is None, f"{self.command[0]} ended: see {self.log}"
        return self

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)
            self.process = None


def registry(work):
    """Returns a registry that allows deletions, and its address."""
    address = f"127.0.0.1:{free_port()}"
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(work / "registry")}, "delete": {"enabled": True}},
        "http": {"addr": address},
    }
    (work / "registry.yml").write_text(json.dumps(config))
    command = ["docker-registry", "serve", work / "registry.yml"]
    return Process(command, f"http://{address}/v2/", work / "registry.log"), address


def ministack(work):
    """Returns the emulator and its port. The emulator runs each function under the function's own role."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {
        **CREDENTIALS,
        "AUTH": "true",
        # The functions use this endpoint.
        "AWS_ENDPOINT_URL": f"http://localhost:{port}",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        # With an IP address, the host names of buckets would be invalid.
        "MINISTACK_HOST": "localhost",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(work),
    }
    url = f"http://localhost:{port}/_ministack/health"
    python = pathlib.Path(shutil.which("ministack")).with_name("python")
    command = [python, ROOT / "tests/stack/leading_keys.py"]
    return Process(command, url, work / "ministack.log", env), port


def adapt(template, port):
    """Adapts the template that `sam build` wrote to what ministack supports."""
    resources = template["Resources"]
    # These policies require TLS, which ministack does not support.
    del resources["QueuePolicy"], resources["StagingBucketPolicy"]
    for resource in resources.values():
        properties = resource.get("Properties", {})
        # ministack has no CodeDeploy. Without this property, CloudFormation moves the alias at once.
        properties.pop("DeploymentPreference", None)
        # ministack has no metric math. Let an alarm that would use it watch only its first metric.
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in properties:
            stat = next(each["MetricStat"] for each in properties.pop("Metrics") if "MetricStat" in each)
            properties |= {**stat["Metric"], "Statistic": stat["Stat"], "Period": stat["Period"]}
        # ministack passes the value of a template parameter as text instead of a number.
        for event in properties.get("Events", {}).values():
            if event["Type"] == "SQS":
                event["Properties"]["ScalingConfig"] = {"MaximumConcurrency": 2}
    url = template["Outputs"]["Url"]
    # Not every resolver knows the subdomains of localhost.
    url["Value"] = {"Fn::Sub": f"http://localhost:{port}/_aws/execute-api/${{HttpApi}}"}
    return template


def connect_routes(stack):
    """Routes all requests to the alias of the API function, because ministack ignores the API's definition."""
    resources = boto3.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    client = boto3.client("apigatewayv2")
    if client.get_routes(ApiId=ids["HttpApi"])["Items"]:
        return
    integration = client.create_integration(
        ApiId=ids["HttpApi"],
        IntegrationType="AWS_PROXY",
        IntegrationUri=ids["ApiFunctionAliaslive"],
        PayloadFormatVersion="2.0",
    )
    client.create_route(
        ApiId=ids["HttpApi"], RouteKey="$default", Target=f"integrations/{integration['IntegrationId']}"
    )
