"""Checks which partitions of the table each function may read and write."""

import copy
import unittest

from iam import TABLE, allows
from roles import FUNCTIONS, PERMISSIONS, actions, statements
from stack import of_type

LEADING_KEYS = "dynamodb:LeadingKeys"
READS = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
WRITES = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
EVERYTHING = [
    *READS,
    *WRITES,
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLSelect",
    "dynamodb:PartiQLUpdate",
    "dynamodb:Query",
    "dynamodb:Scan",
]
ORG = "ORG#org_01JACME0000000000000000000"
# Partitions that only `admin` accesses, and keys of partitions that do not exist.
FOREIGN = ["SLUG#acme", "AUDIT#org_01JACME0000000000000000000", "OTHER#1", "ORG", ""]
# The partitions whose items each function reads and writes.
OWN = {
    "api": {"PACK#", "VERSION#", "NAME#", "QUOTA#", "RATE#"},
    "builder": {"PACK#", "VERSION#", "NAME#", "QUOTA#"},
    "requeue": {"PACK#", "VERSION#", "QUOTA#"},
}
INDEXES = {
    "org-packs": ["ORG#org_1#org", "ORG#org_1#community"],
    "org-names": ["ORG#org_1#org#tools"],
    "community-packs": ["COMMUNITY"],
    "community-names": ["COMMUNITY#tools"],
    "community-versions": ["COMMUNITY#tools#1.0.0"],
    "due": [str(shard) for shard in range(8)],
}


def may(binary, action, *keys, resource=TABLE, policy=None):
    context = {LEADING_KEYS: list(keys)} if keys else {}
    return allows(policy or statements(binary), action, resource, context)


class Partitions(unittest.TestCase):
    def test_every_recorded_call_is_allowed(self):
        for binary in FUNCTIONS:
            for call in PERMISSIONS["calls"][binary]:
                if not call.startswith("DynamoDB."):
                    continue
                access, partition = call.rsplit(" ", 1)
                resource = f"{TABLE}/index/{access.split(' ')[1]}" if "Query" in access else TABLE
                for key in INDEXES["due"] if partition == "number" else [partition]:
                    for action in actions(call):
                        self.assertTrue(may(binary, action, key, resource=resource), f"{binary}: {call}")

    def test_a_function_reads_and_writes_only_its_own_partitions(self):
        every = set().union(*OWN.values())
        for binary in FUNCTIONS:
            for partition in every:
                for action in [*READS, *WRITES]:
                    allowed = may(binary, action, f"{partition}1")
                    needed = partition in OWN[binary] and (action != "dynamodb:BatchGetItem" or binary == "api")
                    self.assertEqual(allowed, needed, f"{binary}: {action} {partition}")

    def test_only_the_api_reads_orgs_and_keys_and_no_function_writes_them(self):
        for binary in FUNCTIONS:
            for action in EVERYTHING:
                allowed = may(binary, action, ORG)
                self.assertEqual(allowed, binary == "api" and action in READS, f"{binary}: {action}")

    def test_no_function_accesses_other_partitions(self):
        for binary in FUNCTIONS:
            for action in EVERYTHING:
                for key in FOREIGN:
                    self.assertFalse(may(binary, action, key), f"{binary}: {action} {key}")

    def test_one_foreign_key_denies_a_request_with_several_keys(self):
        for binary in FUNCTIONS:
            self.assertTrue(may(binary, "dynamodb:GetItem", "PACK#1", "VERSION#1"))
            self.assertFalse(may(binary, "dynamodb:GetItem", "PACK#1", "SLUG#acme"))

    def test_a_request_without_a_partition_key_is_denied(self):
        """Holds for a scan, and for every other request whose keys IAM does not know."""
        resources = [TABLE, *(f"{TABLE}/index/{index}" for index in INDEXES)]
        for binary in FUNCTIONS:
            for action in EVERYTHING:
                for resource in resources:
                    self.assertFalse(may(binary, action, resource=resource), f"{binary}: {action} {resource}")

    def test_queries_name_the_partitions_of_their_index(self):
        (table,) = of_type("AWS::DynamoDB::Table").values()
        self.assertEqual({each["IndexName"] for each in table["Properties"]["GlobalSecondaryIndexes"]}, set(INDEXES))
        for binary in FUNCTIONS:
            for index, keys in INDEXES.items():
                resource = f"{TABLE}/index/{index}"
                reads = binary == ("requeue" if index == "due" else "api")
                for key in keys:
                    self.assertEqual(may(binary, "dynamodb:Query", key, resource=resource), reads, f"{binary}: {index}")
                for key in ["PACK#1", "8", "10", "SLUG#acme", "COMMUNITIES"]:
                    self.assertFalse(may(binary, "dynamodb:Query", key, resource=resource), f"{binary}: {index} {key}")

    def test_both_conditions_are_necessary(self):
        """Shows that these tests notice a missing condition."""
        for removed, key in [("Null", None), ("ForAllValues:StringLike", "SLUG#acme")]:
            policy = copy.deepcopy(list(statements("builder")))
            for statement in policy:
                statement.get("Condition", {}).pop(removed, None)
            keys = [key] if key else []
            self.assertTrue(may("builder", "dynamodb:PutItem", *keys, policy=policy), removed)


if __name__ == "__main__":
    unittest.main()
