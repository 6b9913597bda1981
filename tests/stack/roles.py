"""The roles of the functions in template.yaml, and the calls that the functions make."""

import json

from stack import RESOURCES, ROOT

FUNCTIONS = ["api", "builder", "requeue"]
PERMISSIONS = json.loads((ROOT / "tests/stack/permissions.json").read_text())


def function(binary):
    return RESOURCES[f"{binary.capitalize()}Function"]["Properties"]


def statements(binary):
    """Yields the statements of a function's role, including conditional ones."""
    role = RESOURCES[function(binary)["Role"]["Fn::GetAtt"][0]]["Properties"]
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions(call):
    """Returns the actions that a call needs. Most of them depend only on the operation in its name."""
    name = call
    while name not in PERMISSIONS["actions"]:
        name = name[: name.rindex(" ")]
    return PERMISSIONS["actions"][name]
