"""Runs ministack 1.5.33 with three things added that it lacks and that our template rests on.

1. The condition key `dynamodb:LeadingKeys`. ministack never sets it, and `ForAllValues` on an absent key is a yes, so the condition in
   serve's policy would go untested. Here each request's partition keys are read from its body and given to ministack's own evaluation.
   Each part of a transaction is judged as what it does to its one item, so by its own key
   (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
2. The raw path. A Function URL hands over path and query as they were sent; ministack decodes the one and writes the other anew.
3. Streamed answers of bytes. ministack takes every answer of a custom runtime for text, and breaks on what is not UTF-8.
"""

import contextvars
import json
import re
import types

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import lambda_svc

PARTITION_KEYS = {"pk", "gsi1pk", "gsi2pk"}
PRELUDE_END = b"\0" * 8
sent = contextvars.ContextVar("sent")
# What is put into the context beside the condition keys: the keys of each part that is still to be judged.
PARTS = "offprint:parts"
context_of = iam_actions.dynamodb_service_context
enforce = iam_evaluator.enforce
event_of = lambda_svc._build_function_url_event
dispatch = app._handle_special_data_plane_request


def keys_of_query(request):
    """The partition key that a key condition pins with `name = :value`, names and values substituted."""
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    pinned = re.findall(r"(#?\w+)\s*=\s*(:\w+)", request.get("KeyConditionExpression") or "")
    return [values[value] for name, value in pinned if names.get(name, name) in PARTITION_KEYS]


def keys_of(request):
    """The partition keys of one DynamoDB request, or of one part of a transaction."""
    if "RequestItems" in request:
        found = [key["pk"] for table in request["RequestItems"].values() for key in table.get("Keys", [])]
    elif "KeyConditionExpression" in request:
        found = keys_of_query(request)
    else:
        found = [(request.get("Key") or request.get("Item") or {}).get("pk", {})]
    return [value["S"] for value in found if "S" in value]


def with_leading_keys(body):
    context, request = context_of(body), json.loads(body or b"{}")
    if "TransactItems" in request:
        context[PARTS] = iter([keys_of(member) for part in request["TransactItems"] for member in part.values()])
    elif keys := keys_of(request):
        context["dynamodb:LeadingKeys"] = keys
    return context


def enforce_each(*args, service_context=None, **named):
    if service_context and PARTS in service_context:
        service_context = {**service_context, "dynamodb:LeadingKeys": next(service_context[PARTS])}
    return enforce(*args, service_context=service_context, **named)


async def with_what_was_sent(*args, raw_path=None, raw_query_string="", **named):
    sent.set((raw_path, raw_query_string))
    return await dispatch(*args, raw_path=raw_path, raw_query_string=raw_query_string, **named)


def with_raw_path(*args, **named):
    event = event_of(*args, **named)
    event["rawPath"], event["rawQueryString"] = sent.get()
    return event


def loads_of_runtime(text, **named):
    """What the Runtime API does with an answer: a streamed one, known by the zeros after its prelude, stays as it is."""
    return text if isinstance(text, bytes) and PRELUDE_END in text else json.loads(text, **named)


if __name__ == "__main__":
    iam_actions.dynamodb_service_context = with_leading_keys
    iam_evaluator.enforce = enforce_each
    lambda_svc._build_function_url_event = with_raw_path
    app._handle_special_data_plane_request = with_what_was_sent
    lambda_runtime.json = types.SimpleNamespace(**{**vars(json), "loads": loads_of_runtime})
    app.main()
