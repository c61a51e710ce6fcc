"""What is asked of a language model, whichever server it has: the parameters that its targets share."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from fairtrial.model.secret import Secret
from fairtrial.systems.services.load.words import Share, Words
from fairtrial.systems.services.targets.language.lengths import Length


class Generation(Words):
    """Parameters of every target that is a language model."""

    server: Literal["attach", "embedded"] = Field(
        default="attach", description="attach: to the url; embedded: start one for the trials."
    )
    url: str | None = Field(default=None, description="http://HOST:PORT of the server; the routes' base may follow.")
    api_key: Secret | None = Field(default=None, description="{secret: NAME}, sent as a bearer's token.")
    model: str = Field(min_length=1, description="The model, as the server names it.")
    operation: Literal["chat", "completion"] = "chat"
    stream: bool = Field(default=True, description="Without a stream there is neither TTFT nor TPOT.")
    prompt_tokens: Length = Field(
        default=Length(constant=128), description="Words of a prompt; common ones, which are one token each."
    )
    output_tokens: Length = Field(default=Length(constant=64), description="Most tokens of an answer.")
    prompts: str | None = Field(
        default=None, description="A file of prompts instead: a text a line, or JSON with prompt or messages."
    )
    temperature: float = Field(default=0.0, ge=0, le=10)
    cache: Literal["cold", "warm"] = Field(
        default="cold", description="cold: every prompt begins with words of its own; warm: few prompts, asked before."
    )
    cold_limit: Share = Field(
        default=0.1, description="Cold: most of the prompts' tokens that may come from the server's cache."
    )
    distinct: int = Field(default=8, ge=1, description="Warm: how many prompts there are (unless a file has them).")
    salt: Literal["system", "user"] = Field(
        default="system", description="Cold chats: where the words of its own stand; some templates know no system."
    )
    keep_alive: bool | None = Field(
        default=None, description="A connection serves many requests; unless given, as the server is found to do it."
    )
    body: dict[str, Any] = Field(default={}, description="Further fields of every request, as they are.")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("an address is http://HOST:PORT")
        if parts.username or parts.password:
            raise ValueError("an address holds neither user nor password: a key is given as api_key")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _reachable(self) -> Generation:
        if self.server == "attach" and self.url is None:
            raise ValueError("server: attach needs the url")
        if self.server == "embedded" and self.url is not None:
            raise ValueError("server: embedded starts its own: leave the url out, or say server: attach")
        settings = getattr(self, "settings", None)
        if self.server == "attach" and settings is not None and settings.model_dump(exclude_none=True):
            raise ValueError("settings are those of an embedded server; one that is attached to has its own")
        return self
