"""Every error S3 can answer: ONE table of codes, and the exception that carries one.

Rules: this file alone knows which HTTP status a code has. Messages are for the client: no
internals, no secrets. A code that is not in the table is a programmer's error.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from coordinator.auth.errors import AuthError
from metadata import errors as metadata_errors
from metadata.errors import MetadataError

CODES: Final[Mapping[str, tuple[int, str]]] = {
    # who asks -------------------------------------------------------------------
    "AccessDenied": (403, "Access Denied"),
    "AccessForbidden": (403, "CORSResponse: This CORS request is not allowed."),
    "AccountProblem": (403, "There is a problem with your account."),
    "AllAccessDisabled": (403, "All access to this resource has been disabled."),
    "AuthorizationHeaderMalformed": (400, "The authorization header you provided is invalid."),
    "AuthorizationQueryParametersError": (400, "The authorization query parameters are invalid."),
    "CredentialsNotSupported": (400, "This request does not support credentials."),
    "ExpiredToken": (400, "The provided token has expired."),
    "InvalidAccessKeyId": (
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    "InvalidPayer": (403, "All access to this object has been disabled."),
    "InvalidSecurity": (403, "The provided security credentials are not valid."),
    "InvalidToken": (400, "The provided token is malformed or otherwise not valid."),
    "MissingSecurityHeader": (400, "Your request is missing a required header."),
    "NotSignedUp": (403, "Your account is not signed up."),
    "RequestTimeTooSkewed": (
        403,
        "The difference between the request time and the current time is too large.",
    ),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    "TokenRefreshRequired": (400, "The provided token must be refreshed."),
    "UnauthorizedAccess": (403, "You are not authorized to do that."),
    # the body -------------------------------------------------------------------
    "BadDigest": (400, "The Content-MD5 or checksum you specified did not match what we received."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed size."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size."),
    "IncompleteBody": (
        400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    ),
    "InvalidChunkSizeError": (403, "Only the last chunk is allowed to have a size less than 8 KB."),
    "InvalidDigest": (400, "The Content-MD5 or checksum value that you specified is not valid."),
    "MalformedTrailerError": (
        400,
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema.",
    ),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "MissingRequestBodyError": (400, "Request body is empty."),
    "RequestTimeout": (
        400,
        "Your socket connection to the server was not read from or written to within the timeout "
        "period.",
    ),
    "XAmzContentSHA256Mismatch": (
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    # the request ------------------------------------------------------------------
    "AccessControlListNotSupported": (400, "The bucket does not allow ACLs"),
    "AmbiguousGrantByEmailAddress": (400, "The email address is associated with several accounts."),
    "BadRequest": (400, "Bad Request"),
    "ConditionalRequestConflict": (
        409,
        "A conflicting conditional operation is under way on this resource. Please retry.",
    ),
    "CrossLocationLoggingProhibited": (403, "Cross-location logging is not allowed."),
    "ExpiredObjectDeleteMarker": (400, "The delete marker has expired."),
    "IllegalLocationConstraintException": (
        400,
        "The location constraint is incompatible for the region specific endpoint this request "
        "was sent to.",
    ),
    "IllegalVersioningConfigurationException": (
        400,
        "The versioning configuration specified in the request is not valid.",
    ),
    "IncorrectNumberOfFilesInPostRequest": (
        400,
        "POST requires exactly one file upload per request.",
    ),
    "InlineDataTooLarge": (400, "The inline data exceeds the maximum allowed size."),
    "InvalidAddressingHeader": (400, "You must specify the Anonymous role."),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidBucketAclWithObjectOwnership": (
        400,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting.",
    ),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidBucketOwnerAWSAccountID": (
        400,
        "The value of the expected bucket owner parameter must be an AWS account ID.",
    ),
    "InvalidBucketState": (409, "The request is not valid for the current state of the bucket."),
    "InvalidEncryptionAlgorithmError": (
        400,
        "The encryption request that you specified is not valid.",
    ),
    "InvalidHost": (400, "The host headers provided in the request are incorrect."),
    "InvalidLocationConstraint": (400, "The specified location (Region) constraint is not valid."),
    "InvalidObjectState": (
        403,
        "The operation is not valid for the current state of the object.",
    ),
    "InvalidPart": (
        400,
        "One or more of the specified parts could not be found. The part might not have been "
        "uploaded, or the specified entity tag might not have matched the part's entity tag.",
    ),
    "InvalidPartNumber": (416, "The requested part number is not satisfiable."),
    "InvalidPartOrder": (
        400,
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
    ),
    "InvalidPolicyDocument": (
        400,
        "The content of the form does not meet the conditions specified in the policy document.",
    ),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRedirectLocation": (
        400,
        "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
    ),
    "InvalidRequest": (400, "Invalid Request"),
    "InvalidRetentionPeriod": (400, "The retention period specified is not valid."),
    "InvalidSOAPRequest": (400, "The SOAP request body is not valid."),
    "InvalidStorageClass": (400, "The storage class you specified is not valid."),
    "InvalidTag": (400, "The tag provided was not a valid tag."),
    "InvalidTargetBucketForLogging": (400, "The target bucket for logging does not exist."),
    "InvalidURI": (400, "Couldn't parse the specified URI."),
    "KeyTooLongError": (400, "Your key is too long."),
    "KMS.DisabledException": (400, "The request was rejected because the key is not enabled."),
    "KMS.InvalidStateException": (400, "The key's state is not valid for this request."),
    "KMS.NotFoundException": (400, "The specified key does not exist."),
    "MalformedACLError": (
        400,
        "The XML you provided was not well-formed or did not validate against our published "
        "schema.",
    ),
    "MalformedPOSTRequest": (
        400,
        "The body of your POST request is not well-formed multipart/form-data.",
    ),
    "MalformedPolicy": (400, "Policy has invalid resource."),
    "MalformedXML": (
        400,
        "The XML you provided was not well-formed or did not validate against our published "
        "schema.",
    ),
    "MaxMessageLengthExceeded": (400, "Your request was too large."),
    "MaxPostPreDataLengthExceededError": (
        400,
        "Your POST request fields preceding the upload file were too large.",
    ),
    "MetadataTooLarge": (
        400,
        "Your metadata headers exceed the maximum allowed metadata size.",
    ),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingAttachment": (400, "A SOAP attachment was expected, but none was found."),
    "NoLoggingStatusForKey": (400, "There is no such thing as a logging status subresource."),
    "RequestHeaderSectionTooLarge": (
        400,
        "The request header and query parameters used to make the request exceed the maximum "
        "allowed size.",
    ),
    "RequestIsNotMultiPartContent": (
        400,
        "A bucket POST request must be of the enclosure-type multipart/form-data.",
    ),
    "ServerSideEncryptionConfigurationNotFoundError": (
        404,
        "The server-side encryption configuration was not found.",
    ),
    "TooManyBuckets": (400, "You have attempted to create more buckets than allowed."),
    "TooManyParts": (400, "Too many parts were specified."),
    "UnexpectedContent": (400, "This request does not support content."),
    "UnresolvableGrantByEmailAddress": (
        400,
        "The email address you provided does not match any account on record.",
    ),
    "UserKeyMustBeSpecified": (
        400,
        "The bucket POST must contain the specified field name.",
    ),
    # what is there, and what is not ---------------------------------------------------
    "BucketAlreadyExists": (
        409,
        "The requested bucket name is not available. The bucket namespace is shared by all users "
        "of the system. Select a different name and try again.",
    ),
    "BucketAlreadyOwnedByYou": (
        409,
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
    "BucketHasAccessPointsAttached": (409, "The bucket has access points attached."),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty."),
    "NoSuchAccessPoint": (404, "The specified access point does not exist."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist"),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist"),
    "NoSuchConfiguration": (404, "The specified configuration does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist"),
    "NoSuchObjectLockConfiguration": (
        404,
        "The specified object does not have an ObjectLock configuration.",
    ),
    "NoSuchPublicAccessBlockConfiguration": (
        404,
        "The public access block configuration was not found",
    ),
    "NoSuchTagSet": (404, "The TagSet does not exist"),
    "NoSuchUpload": (
        404,
        "The specified multipart upload does not exist. The upload ID might be invalid, or the "
        "multipart upload might have been aborted or completed.",
    ),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NoSuchWebsiteConfiguration": (
        404,
        "The specified bucket does not have a website configuration",
    ),
    "ObjectLockConfigurationNotFoundError": (
        404,
        "Object Lock configuration does not exist for this bucket",
    ),
    "OperationAborted": (
        409,
        "A conflicting conditional operation is currently in progress against this resource. "
        "Try again.",
    ),
    "OwnershipControlsNotFoundError": (404, "The bucket ownership controls were not found"),
    "ReplicationConfigurationNotFoundError": (
        404,
        "The replication configuration was not found",
    ),
    "RestoreAlreadyInProgress": (409, "Object restore is already in progress."),
    # redirects and conditions ------------------------------------------------------------
    "NotModified": (304, "Not Modified"),
    "PermanentRedirect": (301, "The bucket must be addressed using the specified endpoint."),
    "PreconditionFailed": (
        412,
        "At least one of the pre-conditions you specified did not hold",
    ),
    "Redirect": (307, "Temporary redirect."),
    "TemporaryRedirect": (307, "You are being redirected to the bucket while DNS updates."),
    # this server ------------------------------------------------------------------------
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InsufficientStorage": (507, "There is not enough free space for this request."),
    "NotImplemented": (
        501,
        "A header or operation you provided implies functionality that is not implemented",
    ),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SlowDown": (503, "Please reduce your request rate."),
    "Busy": (503, "The service is unavailable. Try again later."),
}
"""Code -> (HTTP status, message unless the raiser has a better one)."""


class S3Error(Exception):
    """An answer other than success.

    `extra` are further elements of the XML document (names as S3 writes them), `headers` further
    response headers, `resource` the path in the document (None: the request's own).
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        resource: str | None = None,
        extra: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, default = CODES[code]
        self.code = code
        self.message = default if message is None else message
        self.resource = resource
        self.extra: Mapping[str, str] = extra or {}
        self.headers: Mapping[str, str] = headers or {}
        super().__init__(f"{code}: {self.message}")

    @property
    def has_body(self) -> bool:
        """Whether an answer with this status may carry a document at all."""
        return self.status != HTTPStatus.NOT_MODIFIED


def from_auth_error(error: AuthError) -> S3Error:
    """The same as an answer."""
    return S3Error(error.code, error.message, extra=error.extra)


_METADATA_CODES: Final[Mapping[type[MetadataError], str]] = {
    metadata_errors.MetadataUnavailable: "ServiceUnavailable",
    metadata_errors.NoSuchBucket: "NoSuchBucket",
    metadata_errors.BucketNotEmpty: "BucketNotEmpty",
    metadata_errors.NoSuchKey: "NoSuchKey",
    metadata_errors.NoSuchUpload: "NoSuchUpload",
    metadata_errors.PreconditionFailed: "PreconditionFailed",
    metadata_errors.PartsChanged: "InvalidPart",
    metadata_errors.ObjectLocked: "AccessDenied",
    metadata_errors.ObjectLockNeedsVersioning: "InvalidBucketState",
    metadata_errors.NoObjectLock: "InvalidRequest",
}


_METADATA_MESSAGES: Final[Mapping[type[MetadataError], str]] = {
    metadata_errors.ObjectLocked: "Access Denied because object protected by object lock.",
    metadata_errors.ObjectLockNeedsVersioning: (
        "Object Lock needs a bucket whose versioning is enabled, and stays so"
    ),
    metadata_errors.NoObjectLock: "Bucket is missing Object Lock Configuration",
}
"""Where the code alone says too little."""


def from_metadata_error(
    error: MetadataError, *, bucket: str = "", key: str = "", caller_id: str = ""
) -> S3Error:
    """What a refused look-up or mutation means to an S3 client.

    `bucket` and `key` appear in the document; `caller_id` tells BucketAlreadyOwnedByYou from
    BucketAlreadyExists. An error that no S3 request can cause becomes InternalError.
    """
    if isinstance(error, metadata_errors.BucketExists):
        is_own = bool(caller_id) and error.owner_id == caller_id
        code = "BucketAlreadyOwnedByYou" if is_own else "BucketAlreadyExists"
        return S3Error(code, extra={"BucketName": bucket})
    code = _METADATA_CODES.get(type(error), "InternalError")
    extra = {}
    if code in ("NoSuchBucket", "BucketNotEmpty"):
        extra["BucketName"] = bucket
    elif code == "NoSuchKey":
        extra["Key"] = key
    return S3Error(code, _METADATA_MESSAGES.get(type(error)), extra=extra)
