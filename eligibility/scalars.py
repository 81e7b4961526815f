"""Types of single values in a request: texts, numbers, codes, with their bounds."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypeAliasType

from eligibility.codes import COUNTRIES, LANGUAGE_TAG, REGIONS

MOST_USERS: Final = 2**53 - 1
MOST_ENTRIES: Final = 100
LONGEST_TEXT: Final = 500
LONGEST_DESCRIPTION: Final = 10_000


@dataclass(frozen=True)
class _OneOf:
    """Checks a text against a standard's codes; `fault` is the type of the error that refuses it."""

    codes: frozenset[str]
    fault: str

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            core_schema.literal_schema(sorted(self.codes)),
            custom_error_type=self.fault,
            custom_error_message="not in the list",
        )


def _exact(value: object) -> object:
    """Turn a number with a fraction or an exponent into the whole number it is, never expanding it."""
    if not isinstance(value, (Decimal, float)):
        return value
    number = Decimal(value)
    if not number.is_nan() and (
        number.is_infinite() or (number and number.adjusted() > len(str(MOST_USERS)))
    ):
        return MOST_USERS + 1 if number > 0 else -1
    if number.is_nan() or number != int(number):
        raise PydanticCustomError("not_whole", "not a whole number")
    return int(number)


def _generation(value: str, info: ValidationInfo[Any]) -> str:
    if value not in info.context.generations:
        raise PydanticCustomError("generation", "no such generation")
    return value


def _purpose(value: str, info: ValidationInfo[Any]) -> str:
    if value not in info.context.purposes:
        raise PydanticCustomError("purpose", "no such purpose")
    return value


_NO_NUL = r"^[^\x00]*$"
Country = TypeAliasType("Country", Annotated[str, _OneOf(COUNTRIES, "country")])
Region = TypeAliasType("Region", Annotated[str, _OneOf(REGIONS, "region")])
Text = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=_NO_NUL)]
Description = Annotated[str, Field(max_length=LONGEST_DESCRIPTION, pattern=_NO_NUL)]
Language = Annotated[str, Field(pattern=LANGUAGE_TAG)]
Users = Annotated[int, Field(ge=0, le=MOST_USERS), BeforeValidator(_exact)]
Generation = Annotated[str, AfterValidator(_generation)]
Purpose = Annotated[str, AfterValidator(_purpose)]
Entries = Field(max_length=MOST_ENTRIES)
SomeEntries = Field(min_length=1, max_length=MOST_ENTRIES)
