"""What the library says, in the words of a command line: options in place of arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["with_options"]

# What the library calls an argument is an option here. Compiled when they are needed: only some errors need them.
_ARGUMENTS: tuple[tuple[str, str], ...] = (
    (r"\bcascade=True\b", "--cascade"),
    (r"\bcascade=False\b", "--no-cascade"),
    (r"\bprune=True\b", "--prune"),
    (r"\bme=(?=['\"])", "--me "),
    (r"^(me|protect)(?=: | must be )", r"--\1"),
    (r"\bprotect names (?=['\"])", "--protect names "),
    (r"\bmax_removals=(?=\d)", "--max-removals "),
    (r"\ballow_(admins|self|unresolved)\b", r"--allow-\1"),
    (r"\ballow_last_admin\b", "--allow-last-admin"),
    (r"\ballow_unreadable_groups\b", "--allow-unreadable-groups"),
    (r"^accounts=(?=\d)", "--accounts "),
    (r"\ballow_unknown_roles\b", "--allow-unknown-roles"),
    (r"\badmin_roles\b", "--admin-role"),
    (r"\ballow_lost_orgs names\b", "--allow-lost-orgs-of names"),
    (r"\ballow_lost_orgs\b", "--allow-lost-orgs"),
    (r"\bon_different_role\b", "--on-different-role"),
    (r"\bfrom_domain\b", "--from"),
    (r"\bto_domain\b", "--to"),
    (r"^role_after\b", "--role-after"),
    (r"\brole=(?= |,|\.|;|:|$)", "--role"),
    (r"\bemail_column\b", "--email-column"),
    (r"^columns(?=: )", "--column"),
    (r"^lasting(?= must be )", "--for"),
    (r"^until(?= must be | is )", "--until"),
    (r"^ending_within(?= must be )", "--ending-within"),
    (r"\bcolumns(?= is for tables | says that the email )", "--column"),
    (r"\bfile_format\b", "--format"),
    (r"\bprepared_by\b", "--prepared-by"),
    (
        r"; delete_sso_user\(.*?\) would delete the account$",
        "; this command does not delete the account",
    ),
    (r"^(timeout|deadline)( must be a number of seconds above 0), or None\b", r"--\1\2"),
    (r", and max_age is (?=\d)", ", and --max-age is "),
    (r"^base_url argument:", "--base-url:"),
    (r"^region argument:", "--region:"),
    (r"^token argument:", "the profile's token:"),
    (r"^(proxy: .*); use https://, or allow_http=True$", r"\1; use https://"),
    (r"^proxy:", "--proxy:"),
    (r"^verify:", "--ca-file:"),
    (r"^cert:", "--client-cert:"),
    (r"\bverify=(?= |$)", "--ca-file"),
    (r"\bcert=(?= |$)", "--client-cert"),
    (r"\(from (the argument )?proxy\)", "(from --proxy)"),
    (r"\bGive region or base_url\b", "Give --region or --base-url"),
    (r"\bPass OAuthClientCredentials or a BearerToken, or set ", "Set "),
    (r" \(token= or SNYK_TOKEN\)", " (SNYK_TOKEN)"),
    (r" \(region=, base_url= or SNYK_API\)", " (--region, --base-url or SNYK_API)"),
    (r" \(max_response_bytes\)", ""),
    (r", which on_decode_error='skip' leaves out", ""),
    (r"\bas base_url or in SNYK_API\b", "as --base-url or in SNYK_API"),
)
_COLUMNS = r"\bcolumns=\{(.*?)\}"
_COLUMN = r'"(\w+)": "([^"]*)"'
_QUOTED = r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)"""


def with_options(text: str) -> str:
    """What the library says, with its arguments as they are called here: `--allow-self` for `allow_self`.

    What stands in quotation marks is somebody's, and stays.
    """
    text = re.sub(_COLUMNS, _as_columns, text)
    for argument, option in _ARGUMENTS:
        quoted = [found.span() for found in re.finditer(_QUOTED, text)]
        text = re.sub(argument, lambda found: _replaced(found, option, quoted), text)  # noqa: B023 - called at once
    return text


def _replaced(found: re.Match[str], option: str, quoted: Sequence[tuple[int, int]]) -> str:
    within = any(begin < found.start() < end for begin, end in quoted)
    return found[0] if within else found.expand(option)


def _as_columns(found: re.Match[str]) -> str:
    pairs = re.findall(_COLUMN, found[1])
    return " ".join(f'--column "{field}={heading}"' for field, heading in pairs)
