"""Checks how a deployment replaces the functions of template.yaml."""

import contextlib
import io
import json
import os
import re
import types
import unittest
from unittest import mock

from stack import RESOURCES, TEMPLATE, of_type

FUNCTIONS = ["ApiFunction", "BuilderFunction", "RequeueFunction"]


def parameters(value):
    """Returns the parameters that a value depends on, including those in conditions."""
    if isinstance(value, list):
        return set().union(*map(parameters, value))
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        if key == "Ref":
            found |= {inner} & set(TEMPLATE["Parameters"])
        elif key == "Fn::Sub":
            text = inner if isinstance(inner, str) else inner[0]
            found |= set(re.findall(r"\$\{(\w+)", text)) & set(TEMPLATE["Parameters"])
        elif key in ["Condition", "Fn::If"]:
            condition = inner if key == "Condition" else inner[0]
            found |= parameters(TEMPLATE["Conditions"][condition])
        found |= parameters(inner)
    return found


class Aliases(unittest.TestCase):
    def test_codedeploy_moves_each_alias_and_checks_the_version_first(self):
        for function in FUNCTIONS:
            update = RESOURCES[f"{function}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            self.assertEqual(update["BeforeAllowTrafficHook"], {"Ref": "VersionCheck"})
            group = RESOURCES[update["DeploymentGroupName"]["Ref"]]["Properties"]
            alarms = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
            self.assertEqual(alarms, ["FunctionErrorsAlarm", "ServerErrorsAlarm"])
            self.assertIn("DEPLOYMENT_STOP_ON_ALARM", group["AutoRollbackConfiguration"]["Events"])

    def test_everything_that_invokes_a_function_uses_its_alias(self):
        for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
            self.assertEqual(mapping["Properties"]["FunctionName"], {"Ref": "BuilderFunctionAliaslive"})
        (target,) = RESOURCES["RequeueFunctionSchedule"]["Properties"]["Targets"]
        self.assertEqual(target["Arn"], {"Ref": "RequeueFunctionAliaslive"})
        for methods in RESOURCES["HttpApi"]["Properties"]["Body"]["paths"].values():
            for route in methods.values():
                uri = route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                self.assertIn("${ApiFunctionAliaslive}", uri)

    def test_a_changed_parameter_publishes_new_versions(self):
        """The description of each version depends on every parameter that a function reads."""
        versions = of_type("AWS::Lambda::Version")
        self.assertEqual(len(versions), len(FUNCTIONS))
        for version in versions.values():
            self.assertEqual(version["Properties"]["Description"], {"Fn::GetAtt": ["Settings", "Hash"]})
            # A rollback needs the old version.
            self.assertEqual((version["DeletionPolicy"], version["UpdateReplacePolicy"]), ("Retain", "Retain"))
        # CloudFormation cannot publish a new version of an unchanged function, so each function has the hash too.
        for function in FUNCTIONS:
            variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]
            self.assertEqual(variables["SETTINGS_HASH"], {"Fn::GetAtt": ["Settings", "Hash"]})
        hashed = {value["Ref"] for value in RESOURCES["Settings"]["Properties"]["Values"]}
        read = set()
        for function in FUNCTIONS:
            read |= parameters(RESOURCES[function]["Properties"]["Environment"])
        self.assertEqual(read, hashed)

    def test_the_hash_depends_on_the_values(self):
        def settings_hash(values, table="table"):
            requests = []
            module = {}
            settings = {"Values": values, "TableName": table, "BucketName": "bucket"}
            exec(RESOURCES["SettingsFunction"]["Properties"]["Code"]["ZipFile"], module)
            event = {"ResourceProperties": settings, "ResponseURL": "https://example.com/?signature"}
            event |= {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Settings"}
            with mock.patch("urllib.request.urlopen", requests.append):
                module["handler"](event, None)
            response = json.loads(requests[0].data)
            self.assertEqual((response["Status"], response["RequestId"]), ("SUCCESS", "request"))
            self.assertEqual((response["Data"]["TableName"], response["Data"]["BucketName"]), (table, "bucket"))
            return response["Data"]["Hash"]

        self.assertEqual(settings_hash(["a", ""]), settings_hash(["a", ""]))
        self.assertNotEqual(settings_hash(["a", ""]), settings_hash(["", "a"]))
        self.assertNotEqual(settings_hash(["a"]), settings_hash(["a"], table="restored"))


class VersionCheck(unittest.TestCase):
    def result(self, failing=None, status=200, expected="200"):
        """Runs the hook and returns the result that it reports.

        `failing` is a version that fails, `status` is the status of the API's response, and `expected` is the status
        that the hook expects.
        """
        payloads = {"api": {"statusCode": status}, "builder": {"batchItemFailures": []}, "requeue": None}

        def invoke(FunctionName, Payload):  # noqa: N803 - names of the API
            json.loads(Payload)
            error = {"FunctionError": "Unhandled"} if FunctionName == failing else {}
            payload = {"errorType": "Runtime.ExitError"} if error else payloads[FunctionName]
            return {"Payload": io.BytesIO(json.dumps(payload).encode()), **error}

        client = mock.Mock(invoke=mock.Mock(side_effect=invoke))
        hook = RESOURCES["VersionCheck"]["Properties"]
        variables = {f"{name.upper()}_VERSION": name for name in payloads} | {"API_STATUS": expected}
        self.assertEqual(set(hook["Environment"]["Variables"]), set(variables))
        boto3 = types.SimpleNamespace(client=lambda service: client)
        with mock.patch.dict("sys.modules", boto3=boto3), mock.patch.dict(os.environ, variables):
            module = {}
            exec(hook["Code"]["ZipFile"], module)
            with contextlib.redirect_stdout(io.StringIO()):
                module["handler"]({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}, None)
        self.assertEqual(client.invoke.call_count, len(payloads))
        report = client.put_lifecycle_event_hook_execution_status.call_args.kwargs
        self.assertEqual((report["deploymentId"], report["lifecycleEventHookExecutionId"]), ("d-1", "e-1"))
        return report["status"]

    def test_succeeds_if_every_version_works(self):
        self.assertEqual(self.result(), "Succeeded")

    def test_fails_if_a_version_cannot_start(self):
        for version in ["api", "builder", "requeue"]:
            self.assertEqual(self.result(failing=version), "Failed")

    def test_fails_if_the_api_responds_with_an_error(self):
        self.assertEqual(self.result(status=500), "Failed")

    def test_expects_to_be_denied_if_the_api_requires_an_origin_secret(self):
        statuses = RESOURCES["VersionCheck"]["Properties"]["Environment"]["Variables"]["API_STATUS"]
        self.assertEqual(statuses, {"Fn::If": ["RequiresEdge", "403", "200"]})
        self.assertEqual(self.result(status=403, expected="403"), "Succeeded")
        self.assertEqual(self.result(status=200, expected="403"), "Failed")

    def test_codedeploy_may_invoke_the_hook(self):
        """The managed policy for CodeDeploy allows it to invoke only functions whose names have this prefix."""
        name = RESOURCES["VersionCheck"]["Properties"]["FunctionName"]["Fn::Sub"]
        self.assertTrue(name.startswith("CodeDeployHook_"))


if __name__ == "__main__":
    unittest.main()
