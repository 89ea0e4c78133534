"""What the library says, in the words of a command line: options in place of arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["with_options"]

# What the library calls an argument is an option here.
_ARGUMENTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bcascade=True\b"), "--cascade"),
    (re.compile(r"\bcascade=False\b"), "--no-cascade"),
    (re.compile(r"\bprune=True\b"), "--prune"),
    (re.compile(r"\bme=(?=['\"])"), "--me "),
    (re.compile(r"^(me|protect)(?=: | must be )"), r"--\1"),
    (re.compile(r"\bprotect names (?=['\"])"), "--protect names "),
    (re.compile(r"\bmax_removals=(?=\d)"), "--max-removals "),
    (re.compile(r"\ballow_(admins|self|unresolved)\b"), r"--allow-\1"),
    (re.compile(r"\ballow_last_admin\b"), "--allow-last-admin"),
    (re.compile(r"\ballow_unreadable_groups\b"), "--allow-unreadable-groups"),
    (re.compile(r"^accounts=(?=\d)"), "--accounts "),
    (re.compile(r"\ballow_unknown_roles\b"), "--allow-unknown-roles"),
    (re.compile(r"\badmin_roles\b"), "--admin-role"),
    (re.compile(r"\ballow_lost_orgs names\b"), "--allow-lost-orgs-of names"),
    (re.compile(r"\ballow_lost_orgs\b"), "--allow-lost-orgs"),
    (re.compile(r"\bon_different_role\b"), "--on-different-role"),
    (re.compile(r"\bfrom_domain\b"), "--from"),
    (re.compile(r"\bto_domain\b"), "--to"),
    (re.compile(r"^role_after\b"), "--role-after"),
    (re.compile(r"\brole=(?= |,|\.|;|:|$)"), "--role"),
    (re.compile(r"\bemail_column\b"), "--email-column"),
    (re.compile(r"^columns(?=: )"), "--column"),
    (re.compile(r"^lasting(?= must be )"), "--for"),
    (re.compile(r"^until(?= must be | is )"), "--until"),
    (re.compile(r"^ending_within(?= must be )"), "--ending-within"),
    (re.compile(r"\bcolumns(?= is for tables | says that the email )"), "--column"),
    (re.compile(r"\bfile_format\b"), "--format"),
    (re.compile(r"\bprepared_by\b"), "--prepared-by"),
    (
        re.compile(r"; delete_sso_user\(.*?\) would delete the account$"),
        "; this command does not delete the account",
    ),
    (re.compile(r"^(timeout|deadline)( must be a number of seconds above 0), or None\b"), r"--\1\2"),
    (re.compile(r", and max_age is (?=\d)"), ", and --max-age is "),
    (re.compile(r"^base_url argument:"), "--base-url:"),
    (re.compile(r"^region argument:"), "--region:"),
    (re.compile(r"^token argument:"), "the profile's token:"),
    (re.compile(r"^(proxy: .*); use https://, or allow_http=True$"), r"\1; use https://"),
    (re.compile(r"^proxy:"), "--proxy:"),
    (re.compile(r"^verify:"), "--ca-file:"),
    (re.compile(r"^cert:"), "--client-cert:"),
    (re.compile(r"\bverify=(?= |$)"), "--ca-file"),
    (re.compile(r"\bcert=(?= |$)"), "--client-cert"),
    (re.compile(r"\(from (the argument )?proxy\)"), "(from --proxy)"),
    (re.compile(r"\bGive region or base_url\b"), "Give --region or --base-url"),
    (re.compile(r"\bPass OAuthClientCredentials or a BearerToken, or set "), "Set "),
    (re.compile(r" \(token= or SNYK_TOKEN\)"), " (SNYK_TOKEN)"),
    (re.compile(r" \(region=, base_url= or SNYK_API\)"), " (--region, --base-url or SNYK_API)"),
    (re.compile(r" \(max_response_bytes\)"), ""),
    (re.compile(r", which on_decode_error='skip' leaves out"), ""),
    (re.compile(r"\bas base_url or in SNYK_API\b"), "as --base-url or in SNYK_API"),
)
_COLUMNS = re.compile(r"\bcolumns=\{(.*?)\}")
_COLUMN = re.compile(r'"(\w+)": "([^"]*)"')
_QUOTED = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)""")


def with_options(text: str) -> str:
    """What the library says, with its arguments as they are called here: `--allow-self` for `allow_self`.

    What stands in quotation marks is somebody's, and stays.
    """
    text = _COLUMNS.sub(lambda found: " ".join(_as_column(*pair) for pair in _COLUMN.findall(found[1])), text)
    for argument, option in _ARGUMENTS:
        quoted = [found.span() for found in _QUOTED.finditer(text)]
        text = argument.sub(lambda found: _replaced(found, option, quoted), text)  # noqa: B023 - called at once
    return text


def _replaced(found: re.Match[str], option: str, quoted: Sequence[tuple[int, int]]) -> str:
    within = any(begin < found.start() < end for begin, end in quoted)
    return found[0] if within else found.expand(option)


def _as_column(field: str, heading: str) -> str:
    return f'--column "{field}={heading}"'
