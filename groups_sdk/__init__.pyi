"""The public names, and where they are defined: for type checkers, and for `__init__.py` at a name's first use."""

from groups_sdk._arguments import (
    OnDecodeError as OnDecodeError,
)
from groups_sdk._arguments import (
    SortBy as SortBy,
)
from groups_sdk._arguments import (
    SortOrder as SortOrder,
)
from groups_sdk._base_urls import (
    Region as Region,
)
from groups_sdk._client import (
    AsyncGroupsClient as AsyncGroupsClient,
)
from groups_sdk._credentials import (
    ApiToken as ApiToken,
)
from groups_sdk._credentials import (
    BearerToken as BearerToken,
)
from groups_sdk._credentials import (
    Credentials as Credentials,
)
from groups_sdk._credentials import (
    OAuthClientCredentials as OAuthClientCredentials,
)
from groups_sdk._credentials import (
    SnykCliCredentials as SnykCliCredentials,
)
from groups_sdk._deprecations import (
    ApiDeprecationWarning as ApiDeprecationWarning,
)
from groups_sdk._http.call_summary import (
    CallSummary as CallSummary,
)
from groups_sdk._http.observers import (
    Wait as Wait,
)
from groups_sdk._http.rate_limit import (
    RateLimit as RateLimit,
)
from groups_sdk._http.retries import (
    RetryEvent as RetryEvent,
)
from groups_sdk._http.retries import (
    RetryPolicy as RetryPolicy,
)
from groups_sdk._pagination import (
    AsyncPaginator as AsyncPaginator,
)
from groups_sdk._pagination import (
    AsyncReadAhead as AsyncReadAhead,
)
from groups_sdk._pagination import (
    DecodeProblem as DecodeProblem,
)
from groups_sdk._pagination import (
    Page as Page,
)
from groups_sdk._responses import (
    ApiResponse as ApiResponse,
)
from groups_sdk._responses import (
    Headers as Headers,
)
from groups_sdk._sync.client import (
    GroupsClient as GroupsClient,
)
from groups_sdk._sync.pagination import (
    Paginator as Paginator,
)
from groups_sdk._sync.pagination import (
    ReadAhead as ReadAhead,
)
from groups_sdk._version import __version__ as __version__
from groups_sdk.access import (
    Action as Action,
)
from groups_sdk.access import (
    DeletionReport as DeletionReport,
)
from groups_sdk.access import (
    DeletionResult as DeletionResult,
)
from groups_sdk.access import (
    DeletionStatus as DeletionStatus,
)
from groups_sdk.access import (
    ExportResult as ExportResult,
)
from groups_sdk.access import (
    MemberChange as MemberChange,
)
from groups_sdk.access import (
    NotInSnyk as NotInSnyk,
)
from groups_sdk.access import (
    OffboardingReport as OffboardingReport,
)
from groups_sdk.access import (
    OffboardingResult as OffboardingResult,
)
from groups_sdk.access import (
    OffboardingStatus as OffboardingStatus,
)
from groups_sdk.access import (
    Outcome as Outcome,
)
from groups_sdk.access import (
    Plan as Plan,
)
from groups_sdk.access import (
    Progress as Progress,
)
from groups_sdk.access import (
    Review as Review,
)
from groups_sdk.access import (
    ReviewDiff as ReviewDiff,
)
from groups_sdk.access import (
    ReviewedMember as ReviewedMember,
)
from groups_sdk.access import (
    ReviewTotals as ReviewTotals,
)
from groups_sdk.access import (
    RoleCount as RoleCount,
)
from groups_sdk.access import (
    Status as Status,
)
from groups_sdk.errors import (
    AmbiguousMatchError as AmbiguousMatchError,
)
from groups_sdk.errors import (
    ApiError as ApiError,
)
from groups_sdk.errors import (
    BadRequestError as BadRequestError,
)
from groups_sdk.errors import (
    ClientClosedError as ClientClosedError,
)
from groups_sdk.errors import (
    ConfigurationError as ConfigurationError,
)
from groups_sdk.errors import (
    ConflictError as ConflictError,
)
from groups_sdk.errors import (
    ConnectionFailedError as ConnectionFailedError,
)
from groups_sdk.errors import (
    DeadlineExceededError as DeadlineExceededError,
)
from groups_sdk.errors import (
    DecodeError as DecodeError,
)
from groups_sdk.errors import (
    ErrorObject as ErrorObject,
)
from groups_sdk.errors import (
    FileAccessError as FileAccessError,
)
from groups_sdk.errors import (
    ForbiddenError as ForbiddenError,
)
from groups_sdk.errors import (
    GoneError as GoneError,
)
from groups_sdk.errors import (
    GroupsError as GroupsError,
)
from groups_sdk.errors import (
    IncompleteListingError as IncompleteListingError,
)
from groups_sdk.errors import (
    InterruptedChangeError as InterruptedChangeError,
)
from groups_sdk.errors import (
    InvalidArgumentError as InvalidArgumentError,
)
from groups_sdk.errors import (
    JournalError as JournalError,
)
from groups_sdk.errors import (
    MemberNotFoundError as MemberNotFoundError,
)
from groups_sdk.errors import (
    NotFoundError as NotFoundError,
)
from groups_sdk.errors import (
    PaginationError as PaginationError,
)
from groups_sdk.errors import (
    PlanError as PlanError,
)
from groups_sdk.errors import (
    ProtectedMemberError as ProtectedMemberError,
)
from groups_sdk.errors import (
    RateLimitedError as RateLimitedError,
)
from groups_sdk.errors import (
    RequestTimeoutError as RequestTimeoutError,
)
from groups_sdk.errors import (
    RoleChoiceError as RoleChoiceError,
)
from groups_sdk.errors import (
    ServerError as ServerError,
)
from groups_sdk.errors import (
    StalePlanError as StalePlanError,
)
from groups_sdk.errors import (
    TransportError as TransportError,
)
from groups_sdk.errors import (
    UnauthorizedError as UnauthorizedError,
)
from groups_sdk.models import (
    Group as Group,
)
from groups_sdk.models import (
    GroupMembership as GroupMembership,
)
from groups_sdk.models import (
    Org as Org,
)
from groups_sdk.models import (
    OrgMembership as OrgMembership,
)
from groups_sdk.models import (
    Role as Role,
)
from groups_sdk.models import (
    SsoConnection as SsoConnection,
)
from groups_sdk.models import (
    SsoUser as SsoUser,
)
from groups_sdk.models import (
    User as User,
)
