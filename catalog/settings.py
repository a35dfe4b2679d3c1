"""What the operator of the buyers' site sets: environment variables with the prefix ``SEKISHO_CATALOG_``."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "SEKISHO_CATALOG_"


class CatalogSettings(BaseSettings):
    """Every setting, its meaning and its default. A secret may stand in a file that ``…_FILE`` names."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    api_url: str = Field("http://127.0.0.1:8000", description="Sekisho's address, whose feed is followed")
    database_url: SecretStr = Field(
        SecretStr("sqlite:///sekisho-catalog.db"),
        description="Where the site keeps its index: sqlite:///FILE or postgresql://…",
    )
    database_url_file: str = Field("", description="File with the database URL, which has a password")
    public_url: str = Field("", description="The site's own address, for canonical links and JSON-LD")
    follow: bool = Field(True, description="Whether this process follows the feed; one that does is enough")
    wait_seconds: int = Field(20, ge=1, le=60, description="How long the feed may hold a question back")
    timeout_seconds: float = Field(10.0, gt=0, description="How long an answer of Sekisho may take")

    def database(self) -> str:
        """The database's URL, from its file where one is named."""
        if self.database_url_file:
            with open(self.database_url_file, encoding="utf-8") as file:  # noqa: PTH123 - a plain read
                url = file.read().strip()
        else:
            url = self.database_url.get_secret_value()
        return url.replace("postgresql://", "postgresql+psycopg://", 1)
