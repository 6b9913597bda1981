"""Checks template.yaml against rules that linters do not know. Run by tests/scripts/check-template."""

import json
import os
import pathlib
import re
import tomllib
import unittest

from samcli.yamlhelper import yaml_parse

from iam import as_list
from roles import FUNCTIONS, PERMISSIONS, actions, function, statements
from stack import RESOURCES, ROOT, TEMPLATE, of_type

METHODS = ["get", "put", "post", "delete", "options", "head", "patch"]


class Permissions(unittest.TestCase):
    def test_functions_have_exactly_the_permissions_that_their_calls_need(self):
        for binary in FUNCTIONS:
            needed = set(PERMISSIONS["lambda"]["logs"] + PERMISSIONS["lambda"]["tracing"])
            if binary == "builder":
                needed.update(PERMISSIONS["lambda"]["queue"])
            for call in PERMISSIONS["calls"][binary]:
                needed.update(actions(call))
            allowed = {action for statement in statements(binary) for action in as_list(statement["Action"])}
            self.assertEqual(needed, allowed, binary)

    def test_only_actions_without_resource_level_permissions_have_a_wildcard_resource(self):
        wildcard = {"ecr:GetAuthorizationToken", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
        for binary in FUNCTIONS:
            for statement in statements(binary):
                everywhere = "*" in as_list(statement["Resource"])
                self.assertEqual(everywhere, set(as_list(statement["Action"])) <= wildcard, statement["Sid"])

    def test_functions_can_access_only_their_indexes_and_prefixes(self):
        prefixes = {
            "${Settings.BucketArn}/staging/*",
            "${Settings.BucketArn}/uploads/*",
            "${Settings.BucketArn}/attestations/*",
            "${Settings.BucketArn}/attestation-keys/*",
            "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/packs/*",
        }
        for binary in FUNCTIONS:
            resources = [each for statement in statements(binary) for each in as_list(statement["Resource"])]
            texts = [each["Fn::Sub"] for each in resources if isinstance(each, dict) and "Fn::Sub" in each]
            prefix = "${Settings.TableArn}/index/"
            indexes = sorted(text.removeprefix(prefix) for text in texts if text.startswith(prefix))
            queried = {call.split(" ")[1] for call in PERMISSIONS["calls"][binary] if "Query" in call}
            self.assertEqual(indexes, sorted(queried))
            self.assertLessEqual({text for text in texts if "*" in text}, prefixes)

    def test_functions_have_no_other_roles_or_policies(self):
        roles = of_type("AWS::IAM::Role")
        # SAM adds this role, with the managed policy for CodeDeploy.
        del roles["CodeDeployServiceRole"]
        names = {"ProbeRole", "SettingsRole", "VersionCheckRole", "ApiRole", "BuilderRole", "RequeueRole"}
        self.assertEqual(names, set(roles))
        for role in roles.values():
            self.assertNotIn("ManagedPolicyArns", role["Properties"])
        self.assertFalse(of_type("AWS::IAM::Policy") or of_type("AWS::IAM::ManagedPolicy"))

    def test_declared_calls_match_those_recorded_by_cargo_test(self):
        """Needs the calls recorded by a run of all tests, with all tools installed."""
        seen = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "tmp/calls"
        if not seen.exists() and "REQUIRE_TOOLS" not in os.environ:
            self.skipTest("cargo test has not been run")
        for binary in FUNCTIONS:
            calls = sorted(path.name for path in (seen / binary).iterdir())
            hint = f"{binary}: if calls have changed since the last `cargo test`, remove {seen} and run all tests"
            self.assertEqual(sorted(PERMISSIONS["calls"][binary]), calls, hint)

    def test_declared_calls_match_the_code(self):
        """Checks the SDK operations that src/ calls, whether or not a test covers them."""
        declared = {call for calls in PERMISSIONS["calls"].values() for call in calls}
        for name in PERMISSIONS["actions"]:
            self.assertTrue(any(f"{call} ".startswith(f"{name} ") for call in declared), f"no function calls {name}")
        found = set()
        for path in [path for module in ["aws", "registry", "signing"] for path in ROOT.glob(f"src/{module}/**/*.rs")]:
            for method in re.findall(r"\b(?:client|ecr|secrets)\s*\.([a-z0-9_]+)\(\)", path.read_text()):
                found.add(method.title().replace("_", ""))
        operations = {call.partition(".")[2].partition(" ")[0] for call in declared if not call.startswith("Registry.")}
        self.assertEqual(operations, found)


class Edge(unittest.TestCase):
    distribution = RESOURCES["Edge"]["Properties"]["DistributionConfig"]

    def test_cloudfront_forwards_the_host_of_the_viewer_to_the_domain_of_the_same_name(self):
        hosts = {"Fn::Sub": "*.${TenantBaseDomain}"}
        self.assertEqual(self.distribution["Aliases"], [hosts])
        self.assertEqual(RESOURCES["TenantDomain"]["Properties"]["DomainName"], hosts)
        (origin,) = self.distribution["Origins"]
        self.assertEqual(origin["DomainName"], {"Fn::GetAtt": ["TenantDomain", "RegionalDomainName"]})
        behavior = self.distribution["DefaultCacheBehavior"]
        # Managed policies: "AllViewer", which forwards every header, and "CachingDisabled".
        self.assertEqual(behavior["OriginRequestPolicyId"], "216adef6-5c7f-47e4-b989-5492eafa07d3")
        self.assertEqual(behavior["CachePolicyId"], "4135ea2d-6df8-44a3-9df3-4b5a84be39ad")
        self.assertLessEqual({"GET", "POST", "PATCH", "DELETE"}, set(behavior["AllowedMethods"]))

    def test_cloudfront_sends_the_secret_in_the_header_that_the_api_reads(self):
        ((header,),) = [origin["OriginCustomHeaders"] for origin in self.distribution["Origins"]]
        self.assertEqual(header["HeaderValue"], {"Fn::Sub": "{{resolve:secretsmanager:${EdgeSecretArn}}}"})
        self.assertIn(f'"{header["HeaderName"]}"', (ROOT / "src/lambda/http/origin.rs").read_text())
        # While a secret is replaced, the API accepts the new one before CloudFront sends it.
        self.assertEqual(RESOURCES["Edge"]["DependsOn"], "ApiFunctionAliaslive")

    def test_the_api_requires_the_secret_and_has_no_url_of_its_own_once_the_hash_is_set(self):
        (server,) = RESOURCES["HttpApi"]["Properties"]["Body"]["servers"]
        disabled = server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]
        self.assertEqual(disabled, {"Fn::If": ["RequiresEdge", True, False]})
        variable = function("api")["Environment"]["Variables"]["ORIGIN_SECRET_SHA256"]
        self.assertEqual(variable["Fn::If"][:2], ["RequiresEdge", {"Ref": "EdgeSecretSha256"}])
        hashes = TEMPLATE["Parameters"]["EdgeSecretSha256"]
        self.assertEqual(hashes["Default"], "")
        for valid in ["", "0" * 64, f"{'0' * 64},{'f' * 64}"]:
            self.assertRegex(valid, hashes["AllowedPattern"])
        for invalid in ["0" * 63, f"{'0' * 64},", "the secret itself"]:
            self.assertNotRegex(invalid, hashes["AllowedPattern"])

    def test_the_web_acl_limits_the_rate_of_each_address(self):
        acl = RESOURCES["EdgeWebAcl"]
        self.assertEqual((acl["Condition"], acl["Properties"]["Scope"]), ("CreatesWebAcl", "CLOUDFRONT"))
        (rule,) = acl["Properties"]["Rules"]
        rate = rule["Statement"]["RateBasedStatement"]
        self.assertEqual((rate["AggregateKeyType"], rate["EvaluationWindowSec"]), ("IP", 300))
        self.assertEqual(rate["Limit"], {"Ref": "EdgeRequestsPerAddress"})
        self.assertEqual(rule["Action"]["Block"]["CustomResponse"]["ResponseCode"], 429)
        chosen = ["CreatesWebAcl", {"Fn::GetAtt": ["EdgeWebAcl", "Arn"]}, {"Ref": "EdgeWebAclArn"}]
        self.assertEqual(self.distribution["WebACLId"], {"Fn::If": chosen})

    def test_without_the_parameter_nothing_is_in_front_of_the_api(self):
        self.assertEqual(TEMPLATE["Parameters"]["EdgeSecretArn"]["Default"], "")
        is_empty = {"Fn::Equals": [{"Ref": "EdgeSecretArn"}, ""]}
        self.assertEqual(TEMPLATE["Conditions"]["HasEdge"], {"Fn::Not": [is_empty]})
        self.assertEqual(RESOURCES["Edge"]["Condition"], "HasEdge")
        self.assertIn({"Condition": "HasEdge"}, TEMPLATE["Conditions"]["CreatesWebAcl"]["Fn::And"])


class Queues(unittest.TestCase):
    def test_the_visibility_timeout_is_six_times_the_builders_timeout(self):
        for name in ["BuildQueue", "PurgeQueue"]:
            queue = RESOURCES[name]["Properties"]
            self.assertEqual(queue["VisibilityTimeout"], 6 * function("builder")["Timeout"])
            self.assertEqual(queue["RedrivePolicy"]["maxReceiveCount"], 5)

    def test_an_invalid_message_fails_alone(self):
        mappings = [mapping["Properties"] for mapping in of_type("AWS::Lambda::EventSourceMapping").values()]
        sources = sorted(mapping["EventSourceArn"]["Fn::GetAtt"][0] for mapping in mappings)
        self.assertEqual(sources, ["BuildQueue", "PurgeQueue"])
        for mapping in mappings:
            self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
            self.assertIn("MaximumConcurrency", mapping["ScalingConfig"])


class HttpApi(unittest.TestCase):
    api = RESOURCES["HttpApi"]["Properties"]["Body"]

    def test_the_routes_match_openapi_yaml(self):
        routes = {(path, method) for path, methods in self.api["paths"].items() for method in methods}
        described = yaml_parse((ROOT / "openapi.yaml").read_text())["paths"]
        declared = {(path, method) for path, methods in described.items() for method in methods if method in METHODS}
        self.assertEqual(declared | {("$default", "x-amazon-apigateway-any-method")}, routes)

    def test_cors_is_off_by_default(self):
        condition, enabled, otherwise = self.api["x-amazon-apigateway-cors"]["Fn::If"]
        self.assertEqual((condition, otherwise), ("AllowsCors", {"Ref": "AWS::NoValue"}))
        self.assertEqual(enabled["allowOrigins"], {"Ref": "CorsAllowOrigins"})
        self.assertEqual(TEMPLATE["Parameters"]["CorsAllowOrigins"]["Default"], "")

    def test_access_log_lines_are_json_with_the_request_id(self):
        stages = of_type("AWS::ApiGatewayV2::Stage")
        (stage,) = stages.values()
        line = json.loads(stage["Properties"]["AccessLogSettings"]["Format"])
        self.assertEqual(line["requestId"], "$context.requestId")
        self.assertIn("ThrottlingRateLimit", stage["Properties"]["DefaultRouteSettings"])
        self.assertIn("ThrottlingBurstLimit", stage["Properties"]["DefaultRouteSettings"])
        mapped = RESOURCES["TenantMapping"]["Properties"]["Stage"]["Ref"]
        self.assertIn(mapped, stages)

    def test_the_api_function_times_out_before_api_gateway(self):
        self.assertLess(function("api")["Timeout"], 30)


class Functions(unittest.TestCase):
    def test_the_code_reads_every_variable(self):
        code = "".join(path.read_text() for path in ROOT.glob("src/**/*.rs"))
        for binary in FUNCTIONS:
            for variable in function(binary)["Environment"]["Variables"]:
                if not variable.startswith(("LIMIT_", "ORG_")) and variable != "SETTINGS_HASH":
                    self.assertTrue(f'"{variable}"' in code, f"{binary} does not read {variable}")

    def test_an_empty_parameter_omits_its_variable(self):
        variables = function("api")["Environment"]["Variables"]
        sessions = ["SESSION_ISSUER", "SESSION_AUDIENCE", "SESSION_JWKS_URL"]
        for name in [*sessions, "CREDENTIAL_CACHE_MS", "TENANT_BASE_DOMAIN"]:
            self.assertEqual(variables[name]["Fn::If"][2], {"Ref": "AWS::NoValue"}, name)

    def test_limits_have_the_documented_defaults(self):
        """The code builds the names of these variables from the names of the limits."""
        configuration = (ROOT / "docs/configuration.md").read_text()
        documented = dict(re.findall(r"^\| `(LIMIT_\w+)` \| (\d+) \|", configuration, re.M))
        variables = function("api")["Environment"]["Variables"]
        limits = {name: value for name, value in variables.items() if name.startswith("LIMIT_")}
        self.assertEqual(len(limits), 6)
        for variable, value in limits.items():
            self.assertEqual(str(TEMPLATE["Parameters"][value["Ref"]]["Default"]), documented[variable], variable)
            self.assertEqual(function("builder")["Environment"]["Variables"][variable], value)

    def test_limits_for_orgs_have_the_documented_defaults(self):
        configuration = (ROOT / "docs/configuration.md").read_text()
        documented = dict(re.findall(r"^\| `(ORG_\w+)` \| (\d+) \|", configuration, re.M))
        variables = function("api")["Environment"]["Variables"]
        limits = {name: value["Ref"] for name, value in variables.items() if name.startswith("ORG_")}
        defaults = {name: str(TEMPLATE["Parameters"][parameter]["Default"]) for name, parameter in limits.items()}
        self.assertEqual(documented, defaults)

    def test_variables_contain_no_secrets(self):
        """Only CloudFront needs the value of a secret. The functions have its hash."""
        with_secrets = {name for name, each in RESOURCES.items() if "resolve:secretsmanager" in json.dumps(each)}
        self.assertEqual(with_secrets, {"Edge"})
        for binary in FUNCTIONS:
            for variable in function(binary)["Environment"]["Variables"]:
                self.assertNotRegex(variable, "PASSWORD|TOKEN|SECRET$")

    def test_logs_are_json_at_a_level_that_keeps_audit_lines_and_metrics_and_tracing_is_on(self):
        for binary in FUNCTIONS:
            logs = function(binary)["LoggingConfig"]
            self.assertEqual((logs["LogFormat"], logs["ApplicationLogLevel"]), ("JSON", "INFO"))
            self.assertEqual(function(binary)["TracingConfig"], {"Mode": "Active"})

    def test_a_panic_does_not_abort_the_function(self):
        """cargo-lambda sets `panic = "abort"` in release builds unless the profile sets it."""
        cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
        self.assertEqual(cargo["profile"]["release"]["panic"], "unwind")
        self.assertIs(cargo["workspace"]["metadata"]["lambda"]["build"]["no_default_features"], True)


def named(value):
    """Yields each list in `value` whose members have a `Sid` or an `Id`, as a pair of that key and the members.

    Replaces a conditional member with the value that it has if its condition holds.
    """
    if isinstance(value, list):
        members = [each["Fn::If"][1] if isinstance(each, dict) and "Fn::If" in each else each for each in value]
        for key in ["Sid", "Id"]:
            if any(isinstance(each, dict) and key in each for each in members):
                yield key, members
        for each in members:
            yield from named(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from named(each)


class Names(unittest.TestCase):
    def test_sids_and_ids_are_unique_within_their_list(self):
        """Checks policy statements, lifecycle rules, alarm metrics and targets. Each must have a Sid or an Id."""
        found = set()
        for resource, definition in RESOURCES.items():
            for key, members in named(definition.get("Properties", {})):
                names = [each.get(key) for each in members]
                self.assertNotIn(None, names, resource)
                self.assertEqual(len(names), len(set(names)), f"{resource}: {names}")
                found.add((definition["Type"], key))
        for kind in ["IAM::Role", "KMS::Key", "SQS::QueuePolicy", "S3::BucketPolicy"]:
            self.assertIn((f"AWS::{kind}", "Sid"), found)
        self.assertIn(("AWS::S3::Bucket", "Id"), found)

    def test_a_duplicate_is_found(self):
        statement = {"Fn::If": ["Signs", {"Sid": "Images"}, {"Ref": "AWS::NoValue"}]}
        ((key, members),) = named({"PolicyDocument": {"Statement": [statement, {"Sid": "Images"}]}})
        self.assertEqual((key, [each["Sid"] for each in members]), ("Sid", ["Images", "Images"]))


class Signing(unittest.TestCase):
    def test_the_keys_of_the_stack_are_retained_unless_their_creation_fails(self):
        for name, key in of_type("AWS::KMS::Key").items():
            self.assertEqual((key["DeletionPolicy"], key["UpdateReplacePolicy"]), ("RetainExceptOnCreate", "Retain"), name)

    def test_only_the_arn_of_a_key_is_accepted(self):
        """IAM does not apply a permission on an alias ARN to the alias's key."""
        for parameter in ["SigningKeyArn", "PreviousSigningKeyArn"]:
            pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"]
            self.assertRegex("arn:aws:kms:us-east-1:123456789012:key/0b1c", pattern)
            self.assertRegex("", pattern)
            self.assertNotRegex("arn:aws:kms:us-east-1:123456789012:alias/packs", pattern)

    def test_the_builder_may_sign_with_the_current_and_the_previous_key(self):
        (signatures,) = [statement for statement in statements("builder") if statement["Sid"] == "Signatures"]
        current, previous = signatures["Resource"]
        variable = function("builder")["Environment"]["Variables"]["SIGNING_KMS_KEY"]
        self.assertEqual(variable["Fn::If"][:2], ["Signs", current])
        no_value = {"Ref": "AWS::NoValue"}
        self.assertEqual(previous, {"Fn::If": ["HasPreviousSigningKey", {"Ref": "PreviousSigningKeyArn"}, no_value]})


class Storage(unittest.TestCase):
    def test_data_is_retained_when_the_stack_is_deleted(self):
        self.assertEqual(RESOURCES["Table"]["DeletionPolicy"], "Retain")
        self.assertEqual(RESOURCES["StagingBucket"]["DeletionPolicy"], "RetainExceptOnCreate")
        for name in ["Table", "StagingBucket"]:
            self.assertEqual(RESOURCES[name]["UpdateReplacePolicy"], "Retain")
        table = RESOURCES["Table"]["Properties"]
        self.assertTrue(table["DeletionProtectionEnabled"])
        self.assertTrue(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])

    def test_logs_outlive_the_stack(self):
        for name, group in of_type("AWS::Logs::LogGroup").items():
            # A failed first deployment leaves no log groups behind.
            self.assertEqual(group["DeletionPolicy"], "RetainExceptOnCreate", name)
            self.assertEqual(group["UpdateReplacePolicy"], "Retain", name)
            audits = name in [f"{binary.capitalize()}LogGroup" for binary in FUNCTIONS]
            days = "AuditRetentionDays" if audits else "LogRetentionDays"
            self.assertEqual(group["Properties"]["RetentionInDays"], {"Ref": days}, name)

    def test_web_pages_that_may_call_the_api_may_upload_to_the_bucket(self):
        condition, enabled, otherwise = RESOURCES["StagingBucket"]["Properties"]["CorsConfiguration"]["Fn::If"]
        self.assertEqual((condition, otherwise), ("AllowsCors", {"Ref": "AWS::NoValue"}))
        (rule,) = enabled["CorsRules"]
        self.assertEqual(rule["AllowedOrigins"], {"Ref": "CorsAllowOrigins"})
        self.assertEqual(rule["AllowedMethods"], ["PUT"])

    def test_an_existing_table_and_bucket_replace_those_of_the_stack(self):
        """Only `Settings` refers to the table and the bucket. Everything else gets their names from it."""
        settings = RESOURCES["Settings"]["Properties"]
        for name, resource in [("Table", "Table"), ("Bucket", "StagingBucket")]:
            condition = f"Creates{name}"
            self.assertEqual(RESOURCES[resource]["Condition"], condition)
            self.assertEqual(TEMPLATE["Conditions"][condition], {"Fn::Equals": [{"Ref": f"Existing{name}Name"}, ""]})
            names = [condition, {"Ref": resource}, {"Ref": f"Existing{name}Name"}]
            self.assertEqual(settings[f"{name}Name"], {"Fn::If": names})
            _, created, existing = settings[f"{name}Arn"]["Fn::If"]
            self.assertEqual(created, {"Fn::GetAtt": [resource, "Arn"]})
            self.assertIn(f"${{Existing{name}Name}}", existing["Fn::Sub"])
            others = json.dumps({key: each for key, each in RESOURCES.items() if key != "Settings"})
            for reference in [f'"Ref": "{resource}"', f'["{resource}"', f"${{{resource}}}", f"${{{resource}."]:
                self.assertNotIn(reference, others)


class Monitoring(unittest.TestCase):
    alarms = of_type("AWS::CloudWatch::Alarm")

    def test_every_alarm_notifies_the_topic_and_is_on_the_dashboard(self):
        topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
        dashboard = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        self.assertGreaterEqual(len(self.alarms), 5)
        for name, alarm in self.alarms.items():
            self.assertEqual(alarm["Properties"]["AlarmActions"], topic, name)
            self.assertEqual(alarm["Properties"]["OKActions"], topic, name)
            # The dashboard cannot refer to an alarm that may not exist.
            if "Condition" not in alarm:
                self.assertIn("${" + name + ".Arn}", dashboard)

    def test_the_dashboard_is_json_and_refers_to_existing_resources(self):
        body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        for name in re.findall(r"\$\{([A-Za-z]+)[.}]", body):
            self.assertIn(name, RESOURCES)
        self.assertTrue(json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"])

    def test_alarms_and_dashboard_use_only_metrics_that_exist(self):
        code = "".join(path.read_text() for path in ROOT.glob("src/**/*.rs"))
        written = set(re.findall(r'(?:\w\(\s*|count: |time: )"([A-Z]\w+)"', code))
        for log_filter in of_type("AWS::Logs::MetricFilter").values():
            written.update(each["MetricName"] for each in log_filter["Properties"]["MetricTransformations"])
        ours = {"Fn::Sub": "PackUpload/${AWS::StackName}"}
        dashboard = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        read = set(re.findall(r'"PackUpload/\$\{AWS::StackName\}", "(\w+)"', dashboard))
        for alarm in self.alarms.values():
            properties = alarm["Properties"]
            metrics = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each]
            for metric in [*metrics, properties]:
                if metric.get("Namespace") == ours:
                    read.add(metric["MetricName"])
        self.assertTrue(read)
        self.assertLessEqual(read, written)
        self.assertEqual(function("api")["Environment"]["Variables"]["METRICS_NAMESPACE"], ours)

    def test_only_the_429s_of_api_gateway_count_as_throttled_requests(self):
        (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
        line = json.loads(stage["Properties"]["AccessLogSettings"]["Format"])
        pattern = RESOURCES["ThrottledRequests"]["Properties"]["FilterPattern"]
        conditions = dict(re.findall(r'\$\.(\w+) = "([^"]+)"', pattern))
        # API Gateway logs a hyphen for a variable without a value.
        self.assertEqual(conditions, {"status": "429", "integrationLatencyMs": "-"})
        self.assertLessEqual(set(conditions), set(line))

    def test_every_suppressed_check_has_a_reason(self):
        template = yaml_parse((ROOT / "template.yaml").read_text())
        for name, resource in template["Resources"].items():
            for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                self.assertGreater(len(skip["comment"]), 20, name)


if __name__ == "__main__":
    unittest.main()
