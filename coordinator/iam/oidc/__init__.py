"""Web identities: tokens that an OpenID Connect provider signed, and how they are checked."""
