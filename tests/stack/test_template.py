"""What template.yaml must say and no linter knows. Run by tests/scripts/check-template.

The template is looked at as SAM translates it, which is what CloudFormation gets.
"""

import json
import os
import pathlib
import re
import tomllib
import unittest

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

ROOT = pathlib.Path(__file__).parents[2]
METHODS = ["get", "put", "post", "delete", "options", "head", "patch"]
FUNCTIONS = ["api", "builder", "requeue"]


class NoManagedPolicies:
    """SAM asks for AWS's managed policies; none is used."""

    @staticmethod
    def load():
        return {}


def translated():
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = yaml_parse((ROOT / "template.yaml").read_text())
    # `sam build` puts an archive where the sources are.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(template, {}, NoManagedPolicies)


def as_list(value):
    return value if isinstance(value, list) else [value]


TEMPLATE = translated()
RESOURCES = TEMPLATE["Resources"]
PERMISSIONS = json.loads((ROOT / "tests/stack/permissions.json").read_text())


def of_type(kind):
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


def function(binary):
    return RESOURCES[f"{binary.capitalize()}Function"]["Properties"]


def statements(binary):
    """What a function's role allows; those under a condition too."""
    role = RESOURCES[function(binary)["Role"]["Fn::GetAtt"][0]]["Properties"]
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


class Permissions(unittest.TestCase):
    def test_a_function_may_do_what_its_calls_need_and_no_more(self):
        for binary in FUNCTIONS:
            needed = set(PERMISSIONS["lambda"]["logs"] + PERMISSIONS["lambda"]["tracing"])
            if binary == "builder":
                needed.update(PERMISSIONS["lambda"]["queue"])
            for call in PERMISSIONS["calls"][binary]:
                needed.update(PERMISSIONS["actions"][call])
            allowed = {action for statement in statements(binary) for action in as_list(statement["Action"])}
            self.assertEqual(needed, allowed, binary)

    def test_every_resource_is_named(self):
        unnamed = {"ecr:GetAuthorizationToken", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
        for binary in FUNCTIONS:
            for statement in statements(binary):
                everywhere = "*" in as_list(statement["Resource"])
                self.assertEqual(everywhere, set(as_list(statement["Action"])) <= unnamed, statement["Sid"])

    def test_only_its_own_indexes_and_no_more_than_a_prefix_are_open_to_a_function(self):
        prefixes = {"${StagingBucket.Arn}/staging/*", "${StagingBucket.Arn}/uploads/*", "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/packs/*"}
        for binary in FUNCTIONS:
            resources = [each for statement in statements(binary) for each in as_list(statement["Resource"]) if each != "*"]
            texts = [resource["Fn::Sub"] for resource in resources if "Fn::Sub" in resource]
            prefix = "${Table.Arn}/index/"
            indexes = sorted(text.removeprefix(prefix) for text in texts if text.startswith(prefix))
            queried = [call.partition(" ")[2] for call in PERMISSIONS["calls"][binary] if "Query" in call]
            self.assertEqual(indexes, sorted(queried))
            self.assertLessEqual({text for text in texts if "*" in text}, prefixes)

    def test_no_function_has_more_by_another_way(self):
        names = {f"{binary.capitalize()}Role" for binary in FUNCTIONS}
        self.assertEqual(names, set(of_type("AWS::IAM::Role")))
        for role in of_type("AWS::IAM::Role").values():
            self.assertNotIn("ManagedPolicyArns", role["Properties"])
        self.assertFalse(of_type("AWS::IAM::Policy") or of_type("AWS::IAM::ManagedPolicy"))

    def test_the_calls_are_those_that_the_tests_saw(self):
        """What `cargo test` kept of all calls that the functions made in it; a whole run of it, with every tool there."""
        seen = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "tmp/calls"
        if not seen.exists() and "REQUIRE_TOOLS" not in os.environ:
            self.skipTest("cargo test has not been run")
        for binary in FUNCTIONS:
            calls = sorted(path.name for path in (seen / binary).iterdir())
            hint = f"{binary}: remove {seen} and run all tests, if calls changed since"
            self.assertEqual(sorted(PERMISSIONS["calls"][binary]), calls, hint)

    def test_no_call_of_the_code_is_missing(self):
        """Every operation of an SDK client that src/ uses, by the name that its errors have, tested or not."""
        declared = {call for calls in PERMISSIONS["calls"].values() for call in calls}
        self.assertEqual(declared, set(PERMISSIONS["actions"]))
        found = set()
        for path in [*ROOT.glob("src/aws/**/*.rs"), *ROOT.glob("src/registry/*.rs")]:
            for name in re.findall(r'Error::(?:of|aws)\("([A-Z][A-Za-z]+)"\)|let failed = "([A-Z]\w+)"', path.read_text()):
                found.add("".join(name))
        operations = {call.partition(".")[2].partition(" ")[0] for call in declared if not call.startswith("Registry.")}
        self.assertEqual(operations, found)


class Queue(unittest.TestCase):
    def test_a_job_stays_hidden_for_six_times_the_builder_s_timeout(self):
        queue = RESOURCES["BuildQueue"]["Properties"]
        self.assertEqual(queue["VisibilityTimeout"], 6 * function("builder")["Timeout"])
        self.assertEqual(queue["RedrivePolicy"]["maxReceiveCount"], 5)

    def test_requeue_waits_until_the_queue_has_given_up(self):
        queue = RESOURCES["BuildQueue"]["Properties"]
        redelivery = queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]
        hour = re.search(r"resend_after: (hour),", (ROOT / "src/requeue.rs").read_text())
        self.assertIsNotNone(hour)
        self.assertLessEqual(redelivery, 3600)

    def test_one_bad_message_harms_none_beside_it(self):
        (mapping,) = of_type("AWS::Lambda::EventSourceMapping").values()
        self.assertEqual(mapping["Properties"]["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertIn("MaximumConcurrency", mapping["Properties"]["ScalingConfig"])


class Edge(unittest.TestCase):
    api = RESOURCES["HttpApi"]["Properties"]["Body"]

    def test_routes(self):
        routes = {(path, method) for path, methods in self.api["paths"].items() for method in methods}
        described = yaml_parse((ROOT / "openapi.yaml").read_text())["paths"]
        declared = {(path, method) for path, methods in described.items() for method in methods if method in METHODS}
        self.assertEqual(declared | {("$default", "x-amazon-apigateway-any-method")}, routes)

    def test_cors_is_off_unless_asked_for(self):
        condition, asked, otherwise = self.api["x-amazon-apigateway-cors"]["Fn::If"]
        self.assertEqual((condition, otherwise), ("AllowsCors", {"Ref": "AWS::NoValue"}))
        self.assertEqual(asked["allowOrigins"], {"Ref": "CorsAllowOrigins"})
        self.assertEqual(TEMPLATE["Parameters"]["CorsAllowOrigins"]["Default"], "")

    def test_a_line_of_the_access_log_is_json_with_the_request_id(self):
        stages = of_type("AWS::ApiGatewayV2::Stage")
        (stage,) = stages.values()
        line = json.loads(stage["Properties"]["AccessLogSettings"]["Format"])
        self.assertEqual(line["requestId"], "$context.requestId")
        self.assertIn("ThrottlingRateLimit", stage["Properties"]["DefaultRouteSettings"])
        self.assertIn("ThrottlingBurstLimit", stage["Properties"]["DefaultRouteSettings"])
        mapped = RESOURCES["TenantMapping"]["Properties"]["Stage"]["Ref"]
        self.assertIn(mapped, stages)

    def test_a_function_ends_before_api_gateway_gives_up(self):
        self.assertLess(function("api")["Timeout"], 30)


class Functions(unittest.TestCase):
    def test_every_variable_is_one_that_the_code_reads(self):
        code = "".join(path.read_text() for path in ROOT.glob("src/**/*.rs"))
        for binary in FUNCTIONS:
            for variable in function(binary)["Environment"]["Variables"]:
                self.assertIn(f'"{variable}"', code, binary)

    def test_a_parameter_left_empty_leaves_its_variable_out(self):
        variables = function("api")["Environment"]["Variables"]
        for name in ["SESSION_ISSUER", "SESSION_AUDIENCE", "SESSION_JWKS_URL", "CREDENTIAL_CACHE_MS", "TENANT_BASE_DOMAIN"]:
            self.assertEqual(variables[name]["Fn::If"][2], {"Ref": "AWS::NoValue"}, name)

    def test_no_secret_is_in_a_variable(self):
        self.assertNotIn("resolve:secretsmanager", json.dumps(TEMPLATE))
        for binary in FUNCTIONS:
            for variable in function(binary)["Environment"]["Variables"]:
                self.assertNotRegex(variable, "PASSWORD|TOKEN|SECRET$")

    def test_logs_are_json_and_traces_are_on(self):
        for binary in FUNCTIONS:
            self.assertEqual(function(binary)["LoggingConfig"]["LogFormat"], "JSON")
            self.assertEqual(function(binary)["TracingConfig"], {"Mode": "Active"})

    def test_a_panic_does_not_abort(self):
        """cargo-lambda sets `panic = "abort"` for a release build unless the profile says otherwise."""
        cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
        self.assertEqual(cargo["profile"]["release"]["panic"], "unwind")
        self.assertIs(cargo["package"]["metadata"]["lambda"]["build"]["no_default_features"], True)


class StoredIssuer(unittest.TestCase):
    def test_data_outlives_the_stack(self):
        for name in ["Table", "StagingBucket"]:
            self.assertEqual(RESOURCES[name]["DeletionPolicy"], "Retain")
            self.assertEqual(RESOURCES[name]["UpdateReplacePolicy"], "Retain")
        table = RESOURCES["Table"]["Properties"]
        self.assertTrue(table["DeletionProtectionEnabled"])
        self.assertTrue(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])

    def test_the_table_is_the_one_that_local_runs_have(self):
        """The indexes and their keys, against what `local` creates."""
        local = (ROOT / "src/local/dynamodb.rs").read_text()
        for index in RESOURCES["Table"]["Properties"]["GlobalSecondaryIndexes"]:
            self.assertIn(f'"{index["IndexName"]}"', local)
            for key in index["KeySchema"]:
                self.assertIn(f'"{key["AttributeName"]}"', local)


class Watched(unittest.TestCase):
    alarms = of_type("AWS::CloudWatch::Alarm")

    def test_each_alarm_goes_to_the_topic_and_is_on_the_dashboard(self):
        topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
        dashboard = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        self.assertGreaterEqual(len(self.alarms), 5)
        for name, alarm in self.alarms.items():
            self.assertEqual(alarm["Properties"]["AlarmActions"], topic, name)
            self.assertEqual(alarm["Properties"]["OKActions"], topic, name)
            self.assertIn("${" + name + ".Arn}", dashboard)

    def test_the_dashboard_is_json_and_names_what_there_is(self):
        body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        for name in re.findall(r"\$\{([A-Za-z]+)[.}]", body):
            self.assertIn(name, RESOURCES)
        self.assertTrue(json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"])

    def test_every_metric_of_ours_is_one_that_somebody_writes(self):
        code = "".join(path.read_text() for path in ROOT.glob("src/**/*.rs"))
        written = {match for match in re.findall(r'(?:\.(?:count|bytes|milliseconds|seconds)|measured)\(\s*"(\w+)"', code)}
        for log_filter in of_type("AWS::Logs::MetricFilter").values():
            written.update(each["MetricName"] for each in log_filter["Properties"]["MetricTransformations"])
        ours = {"Fn::Sub": "PackUpload/${AWS::StackName}"}
        read = set(re.findall(r'"PackUpload/\$\{AWS::StackName\}", "(\w+)"', json.loads(json.dumps(
            RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]))))
        for alarm in self.alarms.values():
            properties = alarm["Properties"]
            metrics = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each]
            for metric in [*metrics, properties]:
                if metric.get("Namespace") == ours:
                    read.add(metric["MetricName"])
        self.assertTrue(read)
        self.assertLessEqual(read, written)
        self.assertEqual(function("api")["Environment"]["Variables"]["METRICS_NAMESPACE"], ours)

    def test_each_suppression_says_why(self):
        template = yaml_parse((ROOT / "template.yaml").read_text())
        for name, resource in template["Resources"].items():
            for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                self.assertGreater(len(skip["comment"]), 20, name)


if __name__ == "__main__":
    unittest.main()
