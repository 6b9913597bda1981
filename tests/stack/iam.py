"""Decides whether a policy of template.yaml allows a request, as IAM does.

See "Policy evaluation logic" and "Multivalued context keys" in the IAM user guide. Implements only what the policies of
the functions use: statements that allow, and the condition operators below.
"""

import fnmatch

TABLE = "Settings.TableArn"


def as_list(value):
    return value if isinstance(value, list) else [value]


def arn(resource):
    """Returns the resource of a statement as a string that contains the names of references, not their values."""
    if isinstance(resource, dict):
        ((function, value),) = resource.items()
        return ".".join(value) if function == "Fn::GetAtt" else value.replace("${", "").replace("}", "")
    return resource


def like(value, patterns):
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in as_list(patterns))


def holds(operator, values, expected):
    """Returns whether a condition holds. `values` are those of the request, or None if the key is missing."""
    if operator == "Null":
        return (values is None) == (expected == "true")
    if operator == "ForAllValues:StringLike":
        return all(like(value, expected) for value in values or [])
    raise NotImplementedError(operator)


def allows(statements, action, resource, context):
    """Returns whether one of the statements allows an action on a resource. `context` maps condition keys to values."""
    return any(
        like(action, statement["Action"])
        and like(resource, [arn(each) for each in as_list(statement["Resource"])])
        and all(
            holds(operator, context.get(key), expected)
            for operator, keys in statement.get("Condition", {}).items()
            for key, expected in keys.items()
        )
        for statement in statements
        if statement["Effect"] == "Allow"
    )
