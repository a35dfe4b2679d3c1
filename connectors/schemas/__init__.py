"""The JSON Schemas (2020-12) of what sources answer, as last understood: one file a source, by its name.

They say what a connector relies on. Members that it does not use are left open: a source may add some.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from connectors.strict import Unexpected


def check(source: str, value: object, definition: str = "") -> None:
    """Pass if the value obeys the source's schema, or the definition of that name in it.

    :raises Unexpected: naming the place in the schema, which is ours to quote as the value is not.
    """
    try:
        _validator(source, definition).validate(value)
    except ValidationError as error:
        place = "/".join(str(part) for part in error.schema_path)
    except (ValueError, RecursionError):  # what no JSON text of ours can hold, such as endless nesting
        place = ""
    else:
        return
    raise Unexpected(f"the answer does not obey its schema at {place or 'its root'}")


@cache
def _validator(source: str, definition: str) -> Draft202012Validator:
    schema = json.loads(files(__name__).joinpath(f"{source}.json").read_bytes())
    if definition:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    # Patterns run in linear time: none of them may be made to backtrack by what a source writes.
    return Draft202012Validator(schema, validate_formats=True, pattern_options=RegexOptions())
