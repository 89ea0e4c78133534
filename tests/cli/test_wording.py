"""What the library says, in the words of the command line: options in place of arguments."""

from __future__ import annotations

import pytest

from groups_sdk.cli._wording import with_options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "nothing was sent (allow_last_admin permits it)",
            "nothing was sent (--allow-last-admin permits it)",
        ),
        ("(allow_self permits it)", "(--allow-self permits it)"),
        ("(allow_unknown_roles permits it)", "(--allow-unknown-roles permits it)"),
        ("(allow_admins permits it)", "(--allow-admins permits it)"),
        ("or name them in allow_unresolved", "or name them in --allow-unresolved"),
        ("give max_removals=12", "give --max-removals 12"),
        ("max_removals must be a whole number", "max_removals must be a whole number"),
        ("name it with admin_roles", "name it with --admin-role"),
        ("me='ada' was not found", "--me 'ada' was not found"),
        ("me must be an email address", "--me must be an email address"),
        ("protect: 'a@x.com b@x.com' has two addresses", "--protect: 'a@x.com b@x.com' has two addresses"),
        ("protect names 'ada', who is not a member", "--protect names 'ada', who is not a member"),
        ("allow_unresolved names 'ada'", "--allow-unresolved names 'ada'"),
        ("ada.csv lists nobody: prune=True would remove", "ada.csv lists nobody: --prune would remove"),
        ("or give everybody one role with role=", "or give everybody one role with --role"),
        ("and role= gives one to everybody", "and --role gives one to everybody"),
        ("email_column must be the heading", "--email-column must be the heading"),
        ("'x', but columns says that the email is in", "'x', but --column says that the email is in"),
        ("columns: 'x' is not one of email, role", "--column: 'x' is not one of email, role"),
        ("x.txt: columns is for tables and lists", "x.txt: --column is for tables and lists"),
        ("or file_format must say what it is", "or --format must say what it is"),
        ("prepared_by must be a string", "--prepared-by must be a string"),
        ("it is larger than 1000 bytes (max_response_bytes)", "it is larger than 1000 bytes"),
        (
            "proxy: with plain http, the proxy would read the token; use https://, or allow_http=True",
            "--proxy: with plain http, the proxy would read the token; use https://",
        ),
        ("pass it as cert=", "pass it as --client-cert"),
        ("pass it as verify= or name its file", "pass it as --ca-file or name its file"),
        ("no API tokens. Pass OAuthClientCredentials or a BearerToken, or set X", "no API tokens. Set X"),
        (
            "a token (token= or SNYK_TOKEN) and the address of the API (region=, base_url= or SNYK_API)",
            "a token (SNYK_TOKEN) and the address of the API (--region, --base-url or SNYK_API)",
        ),
        ("the columns 'a' and 'b' both give the email", "the columns 'a' and 'b' both give the email"),
        ("made with cascade=True: with prune=True", "made with --cascade: with --prune"),
        ("made with cascade=False", "made with --no-cascade"),
        (
            'say which is which: columns={"email": "E-Mail", "role": "Die Rolle"}',
            'say which is which: --column "email=E-Mail" --column "role=Die Rolle"',
        ),
        ("fame='x' overprune=True", "fame='x' overprune=True"),
    ],
)
def test_arguments_of_the_library_are_named_as_options(text: str, expected: str) -> None:
    assert with_options(text) == expected


def test_what_is_in_quotation_marks_is_somebody_s() -> None:
    assert with_options("'allow_self' is not known (allow_self permits it)") == (
        "'allow_self' is not known (--allow-self permits it)"
    )
    assert with_options('me="allow_self" is not found') == '--me "allow_self" is not found'
