"""A set of sizes: those of some remainders, from a smallest one on, and how it reads."""

from __future__ import annotations

from typing import NamedTuple


class LegalSizes(NamedTuple):
    """Sizes n with n modulo `modulus` in `remainders`, from `smallest` to `largest` (None: no end).

    The sizes in `tested` were tried one by one; `is_proved` says that the rest follows from them, and
    that no other size is legal.
    """

    smallest: int
    largest: int | None
    modulus: int
    remainders: tuple[int, ...]
    is_proved: bool
    tested: tuple[int, int]

    def __contains__(self, size: object) -> bool:
        if not isinstance(size, int) or size < self.smallest:
            return False
        is_below = self.largest is None or size <= self.largest
        return is_below and size % self.modulus in self.remainders

    def __str__(self) -> str:
        text = self._range()
        return (
            text if self.is_proved else f"{text} (tried from {self.tested[0]} to {self.tested[1]})"
        )

    def _range(self) -> str:
        first, last = self.smallest, self.largest
        if first == last:
            return f"{first} only"
        span = f"{first} and up" if last is None else f"{first} to {last}"
        if self.modulus == 1:
            return span
        if self.remainders == (0,):
            multiples = f"multiples of {self.modulus}"
            return multiples if (first, last) == (self.modulus, None) else f"{multiples}, {span}"
        *most, final = map(str, self.remainders)
        listed = f"{', '.join(most)} or {final}" if most else final
        is_list = last is not None and self.modulus > last
        return listed if is_list else f"{listed} modulo {self.modulus}, {span}"
