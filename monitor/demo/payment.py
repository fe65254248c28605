"""The payment stand-in: takes test cards, moves no money, and declines when its switch says so."""

import secrets
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

from monitor.demo.switches import Switches

#: The test card that is always declined, as payment providers publish one.
DECLINED_CARD = "4000000000000002"
_REMEMBERED = 10_000


class Charge(BaseModel):
    """What the shop asks the provider for. `amount` is in cents."""

    amount: int
    currency: str
    card: str
    reference: str


def payment_app(switches: Switches, key: str) -> FastAPI:
    """The provider's API: `POST /charges` with the shop's key; the same Idempotency-Key charges once."""
    app = FastAPI(title="Payment stand-in", openapi_url=None)
    known: dict[str, dict[str, Any]] = {}

    @app.post("/charges", status_code=201)
    def charge(
        wanted: Charge,
        authorization: Annotated[str, Header()] = "",
        idempotency_key: Annotated[str, Header()] = "",
    ) -> dict[str, Any]:
        if not secrets.compare_digest(authorization.encode(), f"Bearer {key}".encode()):
            raise HTTPException(401, "this key is not known here")
        if idempotency_key in known:
            return known[idempotency_key]
        answer = _decide(wanted, switches)
        if idempotency_key:
            known[idempotency_key] = answer
            while len(known) > _REMEMBERED:
                known.pop(next(iter(known)))
        return answer

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _decide(wanted: Charge, switches: Switches) -> dict[str, Any]:
    declined = switches.broken("declined") or wanted.card.replace(" ", "") == DECLINED_CARD
    outcome = {"status": "declined", "reason": "do_not_honour"} if declined else {"status": "succeeded"}
    return {"id": f"ch_{secrets.token_hex(8)}", "amount": wanted.amount, "currency": wanted.currency, **outcome}
