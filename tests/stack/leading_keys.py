"""Runs ministack with the condition key dynamodb:LeadingKeys, which ministack itself lacks. Without the key, ministack
would deny every DynamoDB request of the functions, because their policies require the key.

ministack checks each write of a transaction on its own, but with the condition keys of the whole request. So a write is
denied here unless one statement allows the partitions of all writes.
"""

import json

from ministack.app import main
from ministack.core import iam_actions

service_context = iam_actions.dynamodb_service_context


def leading_keys(request):
    """Returns the partition keys in a request: those of the table, or that of the index that it queries."""
    if "KeyConditionExpression" in request:
        value = request["KeyConditionExpression"].split()[2]
        return list(request["ExpressionAttributeValues"][value].values())
    keys = [request]
    keys += [{"Key": key} for table in request.get("RequestItems", {}).values() for key in table.get("Keys", [])]
    keys += [write for item in request.get("TransactItems", []) for write in item.values()]
    items = [each.get("Key") or each.get("Item") or {} for each in keys]
    return [item["pk"]["S"] for item in items if "pk" in item]


def with_leading_keys(body):
    keys = leading_keys(json.loads(body or b"{}"))
    return {**service_context(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}


iam_actions.dynamodb_service_context = with_leading_keys
main()
