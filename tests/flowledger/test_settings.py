"""Settings: what the environment may say, and what is told when it says it wrongly."""

import re
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.settings import Settings, SettingsError, reference_page

FLAGS = {
    "FLOWLEDGER_RATE_LIMIT": "rate_limit",
    "FLOWLEDGER_WEBHOOK_ALLOW_PRIVATE": "webhook_allow_private",
    "FLOWLEDGER_DEPLOY_ALLOW_FILE_REPOS": "deploy_allow_file_repos",
    "FLOWLEDGER_DEV": "dev",
}


def faults(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        Settings.read(environ)
    return caught.value.faults


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.read({})
    assert settings.data == Path("var").absolute()
    assert settings.database_url is None
    assert settings.access_seconds == 900
    assert settings.refresh_seconds == 604_800
    assert settings.webhook_schedule[:3] == (0, 5, 300)
    assert (settings.log_level, settings.log_format) == ("info", None)
    assert [field for field in FLAGS.values() if getattr(settings, field)] == ["rate_limit"]


def test_names_of_other_programs_are_passed_over() -> None:
    assert Settings.read({"PATH": "/bin", "POSTGRES_DBNAME": "x"}) == Settings.read({})


def test_every_setting_is_read_from_its_variable() -> None:
    settings = Settings.read(
        {
            "DATABASE_URL": "postgresql://app:pw@db/flow",
            "DATABASE_ADMIN_URL": "postgresql:///flow?host=/run/pg",
            "FLOWLEDGER_ADMIN_PASSWORD": "a, b",
            "FLOWLEDGER_BROKER_URL": "amqp://guest:guest@rabbit:5672/",
            "FLOWLEDGER_FILES_URL": "s3://bucket/a/prefix",
            "FLOWLEDGER_PUBLIC_URL": "https://flow.example.com/base/",
            "FLOWLEDGER_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8",
            "FLOWLEDGER_CORS_ORIGINS": "https://a.example.com/,http://localhost:3000",
            "FLOWLEDGER_SMTP_URL": "smtp://mail:25",
            "FLOWLEDGER_POLL_SECONDS": "0.05",
            "FLOWLEDGER_WEBHOOK_SCHEDULE": "0, 0.1,2",
            "FLOWLEDGER_LOG_LEVEL": "DEBUG",
            "FLOWLEDGER_LOG_FORMAT": "console",
        },
        Path("/somewhere"),
    )
    assert settings.database_url == "postgresql://app:pw@db/flow"
    assert settings.database_admin_url == "postgresql:///flow?host=/run/pg"
    assert settings.admin_password == "a, b"
    assert settings.files_url == "s3://bucket/a/prefix"
    assert settings.public_url == "https://flow.example.com/base"
    assert settings.trusted_proxies == (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"))
    assert settings.cors_origins == ("https://a.example.com", "http://localhost:3000")
    assert settings.poll_seconds == 0.05
    assert settings.webhook_schedule == (0, 0.1, 2)
    assert (settings.log_level, settings.log_format) == ("debug", "console")


@pytest.mark.parametrize(("variable", "field"), FLAGS.items())
@pytest.mark.parametrize(("text", "meaning"), [("on", True), ("1", True), ("TRUE", True), ("off", False), ("0", False)])
def test_a_switch_is_turned_by_the_usual_words(variable: str, field: str, text: str, meaning: bool) -> None:
    assert getattr(Settings.read({variable: text}), field) is meaning


def test_the_given_folder_beats_the_variable() -> None:
    environ = {"FLOWLEDGER_DATA": "/from/environment"}
    assert Settings.read(environ).data == Path("/from/environment")
    assert Settings.read(environ, Path("/given")).data == Path("/given")


def test_the_places_of_files_are_below_the_data_folder() -> None:
    settings = Settings.read({}, Path("/d"))
    assert settings.keys == Path("/d/keys")
    assert settings.checkpoints == Path("/d/checkpoints.log")
    assert settings.postgres == Path("/d/postgres")
    assert settings.run == Path("/d/run")
    assert settings.files == Path("/d/files")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.read({"DATABASE_URL": "", "FLOWLEDGER_POLL_SECONDS": " "}) == Settings.read({})


def test_all_faulty_variables_are_named_at_once() -> None:
    found = faults(
        {
            "DATABASE_URL": "mysql://x",
            "FLOWLEDGER_DEV": "perhaps",
            "FLOWLEDGER_POLL_SECONDS": "0",
            "FLOWLEDGER_LOG_LEVEL": "loud",
            "FLOWLEDGER_ACCESS_SECONDS": "1.5",
        }
    )
    assert found.keys() == {
        "DATABASE_URL",
        "FLOWLEDGER_DEV",
        "FLOWLEDGER_POLL_SECONDS",
        "FLOWLEDGER_LOG_LEVEL",
        "FLOWLEDGER_ACCESS_SECONDS",
    }
    assert "whole number" in found["FLOWLEDGER_ACCESS_SECONDS"]


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("FLOWLEDGER_TRUSTED_PROXIES", "localhost"),
        ("FLOWLEDGER_WEBHOOK_SCHEDULE", ","),
        ("FLOWLEDGER_WEBHOOK_SCHEDULE", "1,-2"),
        ("FLOWLEDGER_POLL_SECONDS", "nan"),
        ("FLOWLEDGER_DRAIN_SECONDS", "inf"),
        ("FLOWLEDGER_PUBLIC_URL", "flow.example.com"),
        ("FLOWLEDGER_PUBLIC_URL", "https://flow.example.com/?a=1"),
        ("FLOWLEDGER_CORS_ORIGINS", "https://a.example.com/path"),
        ("FLOWLEDGER_BROKER_URL", "kafka://x"),
        ("FLOWLEDGER_FILES_URL", "ftp://bucket"),
        ("FLOWLEDGER_FILES_URL", "s3://"),
        ("FLOWLEDGER_FILES_URL", "s3://key:secret@bucket"),
        ("FLOWLEDGER_FILES_URL", "s3://bucket?region=x"),
        ("FLOWLEDGER_FILES_URL", "file://host/srv/files"),
        ("FLOWLEDGER_FILES_URL", "file:///"),
        ("FLOWLEDGER_SMTP_URL", "smtp://"),
        ("DATABASE_URL", "postgresql://h:notaport/x"),
    ],
)
def test_a_value_that_cannot_be_is_refused(variable: str, text: str) -> None:
    assert faults({variable: text}).keys() == {variable}


def test_an_unknown_variable_of_ours_is_refused_with_the_nearest_name() -> None:
    found = faults({"FLOWLEDGER_ADMIN_PASWORD": "x"})
    assert "FLOWLEDGER_ADMIN_PASSWORD" in found["FLOWLEDGER_ADMIN_PASWORD"]


def test_the_test_suites_own_variables_are_no_faults() -> None:
    assert Settings.read({"FLOWLEDGER_REQUIRE_SERVICES": "1"}) == Settings.read({})


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABASE_URL": "mysql://user:hunter22@host/x"},
        {"FLOWLEDGER_BROKER_URL": "hunter22"},
        {"FLOWLEDGER_SMTP_URL": "http://me:hunter22@host"},
    ],
)
def test_a_fault_does_not_quote_what_may_be_a_secret(environ: dict[str, str]) -> None:
    assert "hunter22" not in str(faults(environ))


def test_the_repr_shows_no_secret() -> None:
    settings = Settings.read(
        {
            "DATABASE_URL": "postgresql://app:hunter22@db/flow",
            "FLOWLEDGER_ADMIN_PASSWORD": "hunter22",
            "FLOWLEDGER_SMTP_URL": "smtp://me:hunter22@mail",
        }
    )
    assert "hunter22" not in repr(settings)
    assert "hunter22" not in f"{settings}"


@given(st.lists(st.floats(0, 1e6).map(lambda wait: round(wait, 3)), min_size=1))
def test_a_schedule_is_read_as_it_is_written(waits: list[float]) -> None:
    environ = {"FLOWLEDGER_WEBHOOK_SCHEDULE": ",".join(map(str, waits))}
    assert Settings.read(environ).webhook_schedule == tuple(waits)


@given(st.dictionaries(st.sampled_from(sorted(FLAGS)) | st.text(min_size=1), st.text()))
def test_any_environment_gives_settings_or_the_one_error(environ: dict[str, str]) -> None:
    faults: dict[str, str] | None = None
    try:
        Settings.read(environ)
    except SettingsError as error:
        faults = error.faults
    assert faults is None or (faults and faults.keys() <= environ.keys())


def test_a_setting_says_that_it_is_not_in_use_just_as_long_as_nothing_uses_it() -> None:
    sources = (Path(__file__).parents[2] / "flowledger").rglob("*.py")
    used = {name for source in sources for name in re.findall(r"\bsettings\.(\w+)", source.read_text())}
    rows = [line.split("|")[1:4:2] for line in reference_page().splitlines()[2:]]
    unused = {name.strip(" `").lower().removeprefix("flowledger_") for name, says in rows if "Not in use yet" in says}
    assert unused == set(Settings.__struct_fields__) - used - {"data"}


def test_the_reference_page_has_a_line_for_every_setting() -> None:
    page = reference_page()
    lines = page.splitlines()
    assert len(lines) == 2 + len(Settings.__struct_fields__)
    assert "| `FLOWLEDGER_REFRESH_SECONDS` | `604800` |" in page
    assert "| `FLOWLEDGER_WEBHOOK_SCHEDULE` | `0,5,300,1800," in page
    assert "| `DATABASE_URL` |  |" in page
