"""What Schemathesis should not try."""

import schemathesis

SEALED = "#/components/schemas/SealedBody"


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Requests with plain bodies only: no key, so every envelope would be rejected for the same reason."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                alternatives = content["schema"].get("anyOf", [])
                plain = [one for one in alternatives if one.get("$ref") != SEALED]
                if len(plain) == 1:
                    content["schema"] = plain[0]


@schemathesis.hook
def filter_body(context, body):
    """No wrong password for the user of the checks, who would have to wait before the next login."""
    return not (isinstance(body, dict) and body.get("username") == "schemathesis")
