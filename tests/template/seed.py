"""The first user of a table and that user's token, as rows: what whoever runs a deployment makes before anybody can call its API.

Written by hand, as crates/table/src/users.rs reads them, so that this test needs no binary but the functions. Whoever changes those rows
in a way that older ones do not fit sees it here.
"""

import base64
import hashlib
import secrets
import time
import uuid

LIFE_MILLIS = 24 * 3600 * 1000
SCOPES = ["read", "links", "datasets", "admin"]


def base32(data):
    return base64.b32encode(data).decode().rstrip("=").lower()


def new_id(kind):
    """An id: its kind's letter, then a UUID of version 7 (RFC 9562)."""
    millis = int(time.time() * 1000)
    bits = (millis << 80) | (7 << 76) | (secrets.randbits(12) << 64) | (2 << 62) | secrets.randbits(62)
    return kind + base32(uuid.UUID(int=bits).bytes)


def first_token(cloud, table):
    """Makes an administrator in the table and gives the text of that administrator's token."""
    user, token, now = new_id("u"), new_id("t"), int(time.time() * 1000)
    text = "offprint_" + base32(secrets.token_bytes(20))
    digest = base32(hashlib.sha256(text.encode()).digest())
    facts = {"needs": {"L": []}, "version": {"N": "1"}}
    items = [
        {"pk": {"S": "U#"}, "sk": {"S": "#"}, "user": {"S": user}},
        {
            "pk": {"S": f"U#{user}"},
            "sk": {"S": "#"},
            **facts,
            "id": {"S": user},
            "name": {"S": "Ada"},
            "administrator": {"BOOL": True},
            "standing": {"S": "active"},
        },
        {
            "pk": {"S": f"T#{digest}"},
            "sk": {"S": "#"},
            **facts,
            "id": {"S": token},
            "hash": {"S": digest},
            "owner": {"S": user},
            "label": {"S": "test"},
            "scopes": {"L": [{"S": scope} for scope in SCOPES]},
            "until": {"N": str(now + LIFE_MILLIS)},
            "made": {"N": str(now)},
        },
        {"pk": {"S": f"U#{user}"}, "sk": {"S": f"T#{token}"}, "hash": {"S": digest}},
    ]
    client = cloud.client("dynamodb")
    for item in items:
        client.put_item(TableName=table, Item=item)
    return text
