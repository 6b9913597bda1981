"""A stack in an emulated AWS account, and a shell for the commands in the documents."""

import http.client
import json
import os
import subprocess
import urllib.parse

import boto3
from samcli.yamlhelper import yaml_parse

from console import Shell
from emulator import BUILT, CREDENTIALS, ROOT, adapt, connect_routes, ministack, registry

# The stack name in the section `default` of samconfig.toml.
STACK = "pack-upload-dev"


class Deployment:
    """The stack in an emulated account, and the operations of the rehearsal."""

    def __init__(self, work):
        self.work = work
        self.registry, self.address = registry(work)
        self.ministack, self.port = ministack(work)
        endpoint = f"http://localhost:{self.port}"
        os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL=endpoint, SAM_CLI_TELEMETRY="0", SAM_CLI_POLL_DELAY="1")
        self.template = adapt(yaml_parse((BUILT / "template.yaml").read_text()), self.port)
        self.shell = Shell(ROOT, dict(os.environ))
        # Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS.
        self.shell.run('aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }')

    def sam(self, *arguments, succeeds=True):
        config = ["--config-file", ROOT / "samconfig.toml"]
        done = subprocess.run(["sam", *arguments, *config], cwd=self.work, text=True, capture_output=True)
        output = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        assert (done.returncode == 0) == succeeds, f"sam {arguments} returned {done.returncode}:\n{output}"

    def deploy_template(self, template, succeeds=True, **parameters):
        """Deploys a template with these parameters and the address of the registry."""
        path = BUILT / "rehearsal.json"
        path.write_text(json.dumps(template))
        parameters = {"Registry": f"{self.address}/packs", **parameters}
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        self.sam("deploy", "--template-file", path, "--parameter-overrides", *overrides, succeeds=succeeds)

    def deploy(self, **parameters):
        """Deploys the stack with these parameters."""
        self.deploy_template(self.template, **parameters)
        connect_routes(STACK)
        (stack,) = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def request(self, method, path, headers=None):
        """Sends a request to the API. Returns the status and the body of the response."""
        connection = http.client.HTTPConnection("localhost", self.port)
        prefix = urllib.parse.urlsplit(self.url).path
        connection.request(method, prefix + path, headers={"authorization": f"Bearer {self.key}", **(headers or {})})
        response = connection.getresponse()
        return response.status, json.load(response)

    def pack(self, name, version="1.0.0", size=100):
        """Writes a pack with a file of `size` random bytes, and returns the path of its directory."""
        folder = self.work / f"{name}-{version}"
        (folder / "data").mkdir(parents=True)
        (folder / "pack.yaml").write_text(f"name: {name}\nversion: {version}\ndescription: A rehearsal.\n")
        (folder / "data/random").write_bytes(os.urandom(size))
        return folder

    def upload(self, folder):
        """Uploads a pack and returns its record once it is built."""
        variables = 'PACKS_URL="$URL" EVERSHELL_API_KEY="$KEY"'
        command = f"timeout 120 packs push --format json {folder} 2>{self.work}/packs.log"
        return json.loads(self.shell.run(f"{variables} {command} || {{ cat {self.work}/packs.log; false; }}"))

    def begin_upload(self, folder):
        """Uploads a pack and returns the body of the response: its queued record, or an error."""
        tar = f"tar -cf - -C {folder} . | gzip"
        curl = 'curl -sS -F archive=@- -H "Authorization: Bearer $KEY" "$URL/v1/packs/upload"'
        return json.loads(self.shell.run(f"{tar} | {curl}"))

    def status(self, pack):
        return self.request("GET", f"/v1/packs/{pack}")[1].get("build_status")

    def inspect(self, record):
        """Returns the digest that skopeo prints for a record's image, or None if the image does not exist."""
        command = ["skopeo", "inspect", "--tls-verify=false", "--format={{.Digest}}", f"docker://{record['image_ref']}"]
        done = subprocess.run(command, text=True, capture_output=True)
        if "manifest unknown" in done.stderr or "name unknown" in done.stderr:
            return None
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def environment(self, function):
        """Returns the environment variables of a function's live version."""
        name = self.outputs[f"{function}FunctionName"]
        client = boto3.client("lambda")
        return client.get_function_configuration(FunctionName=name, Qualifier="live")["Environment"]["Variables"]

    def live_version(self, function):
        name = self.outputs[f"{function}FunctionName"]
        return boto3.client("lambda").get_alias(FunctionName=name, Name="live")["FunctionVersion"]

    def logs(self, group):
        events = boto3.client("logs").filter_log_events(logGroupName=self.outputs[group])["events"]
        return "\n".join(event["message"] for event in events)

    def stop(self):
        self.shell.stop()
        self.ministack.stop()
        self.registry.stop()
