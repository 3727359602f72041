"""JSON Schema (draft-07) of specs, libraries, recipes and weight maps, for editors that know YAML."""

from archgen.schema.document import file_schema, general_schema, schema_text
from archgen.schema.keys import DESCRIPTIONS

__all__ = ["DESCRIPTIONS", "file_schema", "general_schema", "schema_text"]
