"""The one error of this package: a document that can't be a policy or an access control list."""


class PolicyError(Exception):
    """The document is malformed, or asks for what no policy can say. The text is for its author."""
