"""Asks with OpenFeature's SDK for Python, of which only the address is ours. Says what it was told, as JSON."""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

address, key = sys.argv[1:]
api.set_provider(OFREPProvider(address, headers_factory=lambda: {"Authorization": f"Bearer {key}"}))
client = api.get_client()
first = EvaluationContext("ext:first", {"team": "ops"})


def told(details):
    return [details.value, details.reason, details.variant, details.error_code]


print(
    json.dumps(
        {
            "feature": told(client.get_boolean_details("inventory", False, first)),
            "limit": told(client.get_integer_details("plants", 0, first)),
            "boolean": told(client.get_boolean_details("beta", False, first)),
            "text": told(client.get_string_details("banner", "none", first)),
            "json": told(client.get_object_details("layout", {}, first)),
            "nobody": told(client.get_boolean_details("dealt", False, EvaluationContext())),
            "missing": told(client.get_boolean_details("nothing", True, first)),
        }
    )
)
