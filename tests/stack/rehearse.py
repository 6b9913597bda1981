"""Deploys the stack to an emulated AWS account and operates it. Run by tests/scripts/rehearse."""

import base64
import contextlib
import io
import json
import os
import pathlib
import signal
import sys
import tempfile
import time
import urllib.error
import zipfile
from unittest import mock

import boto3
import botocore.exceptions

from console import Document
from deployment import STACK, Deployment
from emulator import ROOT, wait

FUNCTIONS = ["Api", "Builder", "Requeue"]
STARTED = time.monotonic()


def step(text):
    print(f"==> {time.monotonic() - STARTED:3.0f} s: {text}", flush=True)


def allowed(operation, **arguments):
    """Returns whether IAM allows an operation."""
    try:
        operation(**arguments)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return False
        raise
    return True


class Rehearsal(Deployment):
    def __init__(self, work):
        super().__init__(work)
        self.deploy_md = Document(ROOT / "docs/deploy.md", self.shell)
        self.runbook_md = Document(ROOT / "docs/runbook.md", self.shell)

    def run(self):
        step("start the registry and the emulator")
        self.registry.start()
        self.ministack.start()
        self.failed_first_deployment()
        step("sam deploy")
        self.deploy()
        self.deploy_md.skip("Deployment", "this script installs, builds and deploys with the emulator's settings")
        self.first_pack()
        self.probe()
        self.large_pack()
        self.delete()
        self.investigate()
        self.org_limits()
        self.registry_outage()
        self.update_and_roll_back()
        self.missing_permission()
        self.partitions()
        self.take_down()
        self.lost_image()
        self.replace_signing_key()
        self.restore()
        self.uninstall_and_adopt()
        self.cloudfront()
        # The last step, because it leaves broken code behind.
        self.version_check()
        self.deploy_md.skip("Upgrading", "it deploys several stacks")
        for heading in ["Test events", "cargo-lambda", "SAM", "SAM"]:
            self.deploy_md.skip(heading, "it needs a local run instead of a stack")
        self.deploy_md.finish()
        self.runbook_md.finish()
        step("done")

    def failed_first_deployment(self):
        """Deploys a stack whose last resource cannot be created. The next deployment must succeed nevertheless."""
        step("a first deployment that fails")
        resources = self.template["Resources"]
        # SQS retains messages for at least one minute.
        broken = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 1}}
        broken["DependsOn"] = ["Dashboard", *(f"{function}Function" for function in FUNCTIONS)]
        self.deploy_template({**self.template, "Resources": {**resources, "Broken": broken}}, succeeds=False)
        cloudformation = boto3.client("cloudformation")
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        assert stack["StackStatus"] == "ROLLBACK_COMPLETE", stack
        self.sam("delete", "--no-prompts")
        groups = boto3.client("logs").describe_log_groups()["logGroups"]
        assert not [group for group in groups if STACK in group["logGroupName"]], groups
        buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
        assert not [name for name in buckets if STACK in name], buckets
        dynamodb = boto3.client("dynamodb")
        # On AWS, the next table would get a different name.
        (table,) = dynamodb.list_tables()["TableNames"]
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=table)

    def first_pack(self):
        step("first org, key and pack")
        self.deploy_md.run("After the deployment")
        self.deploy_md.skip("After the deployment", "this script uses the `admin` that is on PATH")
        self.deploy_md.run("After the deployment")
        self.url, self.key = self.shell.run('echo "$URL $KEY"').split()
        _, listed = self.request("GET", "/v1/packs")
        (record,) = listed["packs"]
        wait(lambda: self.status(record["id"]) == "ready", "the build of the first pack")
        assert self.inspect(record) == record["image_digest"], "skopeo shows another digest"
        self.shell.run(f"PACK={record['id']} REQUEST=none TRACE=none")
        self.deploy_md.run("After the deployment")
        boto3.client("cloudformation").update_termination_protection(StackName=STACK, EnableTerminationProtection=False)

    def probe(self):
        """Runs the code of the function Probe in this process, with a secret in the emulator."""
        step("probe")
        code = self.template["Resources"]["Probe"]["Properties"]["Code"]["ZipFile"]
        secrets = boto3.client("secretsmanager")
        secret = secrets.create_secret(Name="probe", SecretString=self.key)["ARN"]
        module = {}
        with mock.patch.dict(os.environ, URL=self.url, KEY_SECRET_ARN=secret):
            exec(code, module)
            module["handler"]({}, None)
            secrets.put_secret_value(SecretId=secret, SecretString="sk_revoked")
            try:
                module["handler"]({}, None)
            except urllib.error.HTTPError as error:
                assert error.code == 401, error
            else:
                raise AssertionError("the probe does not notice that its key is not accepted")

    def large_pack(self):
        step("a large pack")
        record = self.upload(self.pack("large", size=6_000_000))
        assert self.inspect(record) == record["image_digest"], "skopeo shows another digest"

    def delete(self):
        step("delete a pack")
        record = self.upload(self.pack("short-lived"))
        assert self.inspect(record)
        assert self.request("DELETE", f"/v1/packs/{record['id']}") == (200, {"status": "deleted"})
        assert self.inspect(record) is None, "the image still exists"
        assert self.request("GET", f"/v1/packs/{record['id']}")[0] == 404

    def investigate(self):
        step("find out what happened")
        for _ in range(5):
            self.runbook_md.run("Find out what happened")

    def org_limits(self):
        step("the limits of an org")
        self.runbook_md.run("An org reaches a limit")
        shown = self.runbook_md.run("An org reaches a limit")
        # The second command restores the configured value, which is not printed.
        assert shown.count("uploads_per_minute  300\n") == 1, shown

    def registry_outage(self):
        step("the registry is down")
        sqs = boto3.client("sqs")
        queue, dead = self.outputs["BuildQueueUrl"], self.outputs["DeadLetterQueueUrl"]
        # Otherwise, the queue would deliver the job only every twelve minutes.
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
        # The job is due again after a second, instead of an hour.
        self.set_requeue_after(1_000)
        self.registry.stop()
        record = self.begin_upload(self.pack("outage"))

        def dead_letters():
            attributes = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])
            return int(attributes["Attributes"]["ApproximateNumberOfMessages"])

        wait(dead_letters, "the job becomes a dead letter", 90)
        assert self.status(record["id"]) == "queued"
        assert record["id"] in self.runbook_md.run("DeadLetters")
        self.runbook_md.skip("DeadLetters", "the emulator has no StartMessageMoveTask")
        step("the registry is up again")
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "720"})
        self.registry.start()
        # The schedule would do this within five minutes.
        client = boto3.client("lambda")
        event = (ROOT / "events/requeue.json").read_bytes()
        done = client.invoke(FunctionName=self.outputs["RequeueFunctionName"], Qualifier="live", Payload=event)
        assert "FunctionError" not in done, done["Payload"].read()
        wait(lambda: "job sent again" in self.logs("RequeueLogs"), "requeue sends the job")
        wait(lambda: self.status(record["id"]) == "ready", "the build after the outage")
        assert self.inspect(record) == record["image_digest"]
        self.set_requeue_after(3_600_000)

    def set_requeue_after(self, milliseconds):
        for function in ["Api", "Requeue"]:
            self.shell.run(f"set_variable $(out {function}FunctionName) REQUEUE_AFTER_MS {milliseconds}")
            assert self.environment(function)["REQUEUE_AFTER_MS"] == str(milliseconds)

    def update_and_roll_back(self):
        step("change a parameter")
        before = {function: self.live_version(function) for function in FUNCTIONS}
        self.deploy(LimitEntries="7000")
        for function in FUNCTIONS:
            assert self.environment(function)["LIMIT_ENTRIES"] == "7000", f"{function} has no new version"
        self.upload(self.pack("updated"))
        step("roll back")
        self.runbook_md.run("Roll back")
        variables = " ".join(f"{function.upper()}_VERSION={version}" for function, version in before.items())
        self.runbook_md.run("Roll back", before=variables)
        for function in FUNCTIONS:
            assert self.environment(function)["LIMIT_ENTRIES"] == "10000", f"{function} was not rolled back"
        self.upload(self.pack("rolled-back"))

    def cloudfront(self):
        """Deploys CloudFront. The emulator has no org hosts, so this requests a document that every host serves."""
        step("CloudFront in front of the API")
        arn, sha256 = self.deploy_md.run("CloudFront").split()[:2]
        secret = self.shell.run('echo "$ORIGIN_SECRET"').strip()
        certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
        self.deploy(
            TenantBaseDomain="packs.example.com",
            TenantCertificateArn=certificate,
            EdgeSecretArn=arn,
            EdgeSecretSha256=sha256,
        )
        (distribution,) = boto3.client("cloudfront").list_distributions()["DistributionList"]["Items"]
        assert distribution["DomainName"] == self.outputs["EdgeTarget"]
        assert distribution["Aliases"]["Items"] == ["*.packs.example.com"]
        assert ":global/webacl/" in distribution["WebACLId"], distribution["WebACLId"]
        (origin,) = distribution["Origins"]["Items"]
        (header,) = origin["CustomHeaders"]["Items"]
        assert header == {"HeaderName": "x-origin-secret", "HeaderValue": secret}
        document = "/v1/openapi.json"
        assert self.request("GET", document)[1]["error"]["code"] == "permission_denied"
        assert self.request("GET", document, {"x-origin-secret": secret})[0] == 200
        assert secret not in self.logs("ApiLogs")
        # This block is for other regions. It creates the web ACL that the stack creates itself in us-east-1.
        assert ":global/webacl/" in self.deploy_md.run("CloudFront")

    def version_check(self):
        """Runs the code of VersionCheck on the real functions, with a mock of CodeDeploy, which the emulator lacks."""
        step("check versions before they get traffic")
        code = self.template["Resources"]["VersionCheck"]["Properties"]["Code"]["ZipFile"]
        codedeploy = mock.Mock()
        services = {"lambda": boto3.client("lambda"), "codedeploy": codedeploy}

        def result():
            module = {}
            with mock.patch("boto3.client", services.get), contextlib.redirect_stdout(io.StringIO()):
                exec(code, module)
                module["handler"]({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}, None)
            return codedeploy.put_lifecycle_event_hook_execution_status.call_args.kwargs["status"]

        for function in FUNCTIONS:
            name = self.outputs[f"{function}FunctionName"]
            os.environ[f"{function.upper()}_VERSION"] = f"{name}:{self.live_version(function)}"
        # The API requires the origin secret, which the check does not have.
        os.environ["API_STATUS"] = "403"
        assert result() == "Succeeded"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            bootstrap = zipfile.ZipInfo("bootstrap")
            bootstrap.external_attr = 0o755 << 16
            file.writestr(bootstrap, "#!/bin/sh\nexit 1\n")
        name = self.outputs["BuilderFunctionName"]
        services["lambda"].update_function_code(FunctionName=name, ZipFile=archive.getvalue())
        broken = services["lambda"].publish_version(FunctionName=name)["Version"]
        os.environ["BUILDER_VERSION"] = f"{name}:{broken}"
        assert result() == "Failed", "a version that cannot start passes the check"

    def missing_permission(self):
        """Shows that the emulator enforces the roles: without one permission, an upload fails."""
        step("remove a permission")
        iam = boto3.client("iam")
        name, policy, granted = self.policy("Api")
        role = {"RoleName": name, "PolicyName": policy}
        reduced = {**granted, "Statement": [each for each in granted["Statement"] if each["Sid"] != "Staging"]}
        assert len(reduced["Statement"]) == len(granted["Statement"]) - 1
        iam.put_role_policy(**role, PolicyDocument=json.dumps(reduced))
        failed = self.begin_upload(self.pack("denied"))
        assert failed["error"]["code"] == "unavailable", failed
        assert "s3:PutObject" in self.logs("ApiLogs"), "the upload failed for another reason"
        iam.put_role_policy(**role, PolicyDocument=json.dumps(granted))
        self.upload(self.work / "denied-1.0.0")

    def policy(self, function):
        """Returns the name of a function's role, the name of its policy, and the policy as it was deployed."""
        role = boto3.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=f"{function}Role"
        )["StackResourceDetail"]["PhysicalResourceId"]
        name = function.lower()
        document = boto3.client("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        return role, name, document

    def partitions(self):
        """Checks what each function's policy allows an IAM user to do with an org, a key, a record and another item."""
        step("access the partitions of the table")
        iam = boto3.client("iam")
        iam.create_user(UserName="rehearsal")
        access = iam.create_access_key(UserName="rehearsal")["AccessKey"]
        table = boto3.resource(
            "dynamodb", aws_access_key_id=access["AccessKeyId"], aws_secret_access_key=access["SecretAccessKey"]
        ).Table(self.outputs["TableName"])
        org = f"ORG#{self.request('GET', '/v1/packs')[1]['packs'][0]['org_id']}"
        keys = {"org": (org, "ORG"), "key": (org, "KEY#0"), "other": ("OTHER#1", "OTHER")}
        for function in FUNCTIONS:
            _, _, document = self.policy(function)
            iam.put_user_policy(UserName="rehearsal", PolicyName="function", PolicyDocument=json.dumps(document))
            for name, (pk, sk) in {**keys, "record": ("PACK#1", "PACK")}.items():
                key = {"pk": pk, "sk": sk}
                reads, writes = name == "record" or function == "Api" and name != "other", name == "record"
                assert allowed(table.get_item, Key=key) == reads, f"{function} reads: {name}"
                assert allowed(table.delete_item, Key=key) == writes, f"{function} deletes: {name}"
                assert allowed(table.put_item, Item=key) == writes, f"{function} writes: {name}"
            assert not allowed(table.scan), f"{function} scans"
        table.delete_item(Key={"pk": "PACK#1", "sk": "PACK"})

    def take_down(self):
        step("quarantine, restore and delete a pack")
        record = self.upload(self.pack("quarantined"))
        pack = ("pack_01J…", record["id"])
        self.runbook_md.run("Quarantine or delete packs", replace=[("REGISTRY_AUTH=ecr", "REGISTRY_AUTH=none")])
        self.runbook_md.run("Quarantine a pack", replace=[pack])
        assert self.inspect(record) is None, "the image of a quarantined pack still exists"
        assert self.begin_upload(self.work / "quarantined-1.0.0")["error"]["code"] == "pack_quarantined"
        self.runbook_md.run("Quarantine a pack", replace=[pack])
        wait(lambda: self.status(record["id"]) == "ready", "the build of the restored pack")
        assert self.inspect(record) == record["image_digest"]
        self.runbook_md.run("Delete a pack", replace=[pack])
        assert self.inspect(record) is None, "the image still exists"
        assert self.request("GET", f"/v1/packs/{record['id']}")[0] == 404
        step("references")
        record = self.upload(self.pack("in-use"))
        self.shell.run(f"PACK={record['id']} REFERENCE=role/1; admin pack pin $PACK $REFERENCE")
        status, refused = self.request("DELETE", f"/v1/packs/{record['id']}")
        assert (status, refused["error"]["code"]) == (409, "pack_in_use")
        assert "REF#role/1" in self.runbook_md.run("Delete a pack")
        assert self.request("DELETE", f"/v1/packs/{record['id']}")[0] == 200

    def lost_image(self):
        step("a lost image")
        record = self.upload(self.pack("lost"))
        image = record["image_ref"].rpartition(":")[0]
        self.shell.run(f"skopeo delete --tls-verify=false docker://{image}@{record['image_digest']}")
        assert self.inspect(record) is None
        self.shell.run(f"PACK={record['id']}")
        self.runbook_md.run("Lost images")
        wait(lambda: self.status(record["id"]) == "ready", "the rebuild of the lost image")
        assert self.inspect(record) == record["image_digest"]

    def replace_signing_key(self):
        step("replace the signing key")
        (old,) = self.attestation_keys()
        record = self.upload(self.pack("signed"))
        old_version = self.live_version("Builder")
        command = ("sam deploy --parameter-overrides", "echo")
        output = self.runbook_md.run("Replace the signing key", replace=[command])
        self.deploy(**dict(parameter.split("=") for parameter in output.splitlines()[-1].split()))
        self.upload(self.pack("signed-with-the-new-key"))
        assert len(self.attestation_keys()) == 2
        # While the alias moves to the new version, the old version still signs with the old key.
        new_version = self.live_version("Builder")
        assert new_version != old_version
        self.shell.run(f"move $(out BuilderFunctionName) {old_version}")
        assert self.upload(self.pack("signed-with-the-old-key"))["attested"]
        self.shell.run(f"move $(out BuilderFunctionName) {new_version}")
        replace = [("<SHA-256>", base64.b64decode(old).hex()), ("pack_01J…", record["id"])]
        self.runbook_md.run("Replace the signing key", replace=replace)
        wait(lambda: self.status(record["id"]) == "ready", "the rebuild with the new key")
        _, rebuilt = self.request("GET", f"/v1/packs/{record['id']}")
        assert rebuilt["image_digest"] == record["image_digest"]
        assert rebuilt["attestation_digest"] != record["attestation_digest"]
        self.removed_key = old

    def attestation_keys(self):
        """Returns the hints of the published keys: their SHA-256 in base64."""
        return [key["hint"] for key in self.request("GET", "/v1/attestation-keys")[1]["keys"]]

    def restore(self):
        step("restore the table from a backup")
        self.deploy_md.run("Restoring")
        self.deploy(ExistingTableName="pack-upload-restored")
        assert self.environment("Api")["TABLE_NAME"] == "pack-upload-restored"
        self.upload(self.pack("restored"))
        # The new version of the API has not cached the keys. The earlier one may still return the removed key.
        keys = self.attestation_keys()
        assert len(keys) == 1 and self.removed_key not in keys, "the old key is still published"

    def uninstall_and_adopt(self):
        step("sam delete")
        before = self.request("GET", "/v1/packs")
        bucket = self.outputs["StagingBucketName"]
        self.sam("delete", "--no-prompts")
        step("adopt the table and the bucket")
        self.deploy(ExistingTableName="pack-upload-restored", ExistingBucketName=bucket)
        self.url = self.outputs["Url"]
        self.shell.run(f"URL={self.url}")
        assert self.request("GET", "/v1/packs") == before, "packs have changed"
        self.upload(self.pack("adopted"))


def main():
    # Exit on SIGTERM, so that the servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        rehearsal = Rehearsal(pathlib.Path(folder))
        try:
            rehearsal.run()
        finally:
            rehearsal.stop()


main()
