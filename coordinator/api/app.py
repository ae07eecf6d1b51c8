"""Puts the API together: one FastAPI app from the coordinator's parts.

Rules: FastAPI routes, validates and describes; who may come in and what an error looks like is the
gate's business. Everything arrives as an argument.
"""

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final, NoReturn

from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security.http import HTTPBase
from starlette.exceptions import HTTPException
from starlette.routing import Route

from coordinator.api.buckets import router as bucket_routes
from coordinator.api.cluster import router as cluster_routes
from coordinator.api.docs import router as docs_routes
from coordinator.api.encryption_keys import router as encryption_key_routes
from coordinator.api.gate import PREFIX, Gate
from coordinator.api.grants import router as grant_routes
from coordinator.api.healing import Healing
from coordinator.api.health import router as health_routes
from coordinator.api.info import router as info_routes
from coordinator.api.models import ErrorDocument
from coordinator.api.nodes import router as node_routes
from coordinator.api.objects import router as object_routes
from coordinator.api.repairs import router as repair_routes
from coordinator.api.services import Services
from coordinator.api.users import router as user_routes
from coordinator.api.verify import router as verify_routes
from coordinator.auth.accounts import Accounts
from coordinator.cluster import Cluster
from coordinator.metrics import Metrics
from coordinator.objects import Objects
from coordinator.settings import CoordinatorSettings

ABOUT: Final = (
    "The JSON API of a Trilith cluster. Authenticate with access key and secret as HTTP Basic (over"
    " TLS or loopback only), or sign requests with AWS Signature Version 4 (service s3). Health and"
    " /_metrics need no credentials: they hold no secrets and no names but the nodes'."
)

FAMILIES: Final = (
    object_routes,
    info_routes,
    bucket_routes,
    cluster_routes,
    node_routes,
    repair_routes,
    verify_routes,
    user_routes,
    grant_routes,
    encryption_key_routes,
)

_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "model": ErrorDocument,
        "description": "refused; in plain text by HTTP's own rules, before the request got here",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    },
    "5XX": {"model": ErrorDocument, "description": "failed"},
    # FastAPI would describe its own shape of a validation error here.
    422: {"model": ErrorDocument, "description": "a parameter or a field is not valid"},
}


def create_api(
    *,
    objects: Objects,
    accounts: Accounts,
    cluster: Cluster,
    healing: Healing,
    metrics: Metrics,
    settings: CoordinatorSettings,
    clock: Callable[[], float] = time.time,
) -> FastAPI:
    """The app for every path that starts with `/_`. `clock` gives seconds since the epoch."""
    release = version("trilith")
    services = Services(objects, accounts, cluster, healing, metrics, settings, release, clock)
    app = FastAPI(
        title="Trilith",
        description=ABOUT,
        version=release,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    # The scheme is only described here: the gate has let the request in already.
    described = Security(HTTPBase(scheme="basic", auto_error=False))
    for family in FAMILIES:
        app.include_router(family, prefix=PREFIX, responses=_ERRORS, dependencies=[described])
    app.include_router(docs_routes, prefix=PREFIX)
    app.include_router(health_routes)
    app.add_exception_handler(HTTPException, _leave_to_gate)
    app.add_exception_handler(RequestValidationError, _leave_to_gate)
    app.add_middleware(Gate, services=services)
    return app


async def _leave_to_gate(request: Request, error: Exception) -> NoReturn:
    """FastAPI answers these itself unless told otherwise; the gate answers all errors."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        # Starlette names the methods of the first route at this path only.
        error.headers = {"allow": ", ".join(sorted(_methods(request.scope["path"])))}
    raise error


def _methods(path: str) -> set[str]:
    """What can be done at this path."""
    families = ((PREFIX, family) for family in (*FAMILIES, docs_routes))
    return {
        method
        for prefix, family in (*families, ("", health_routes))
        for route in family.routes
        if isinstance(route, Route) and path.startswith(prefix)
        if route.path_regex.match(path.removeprefix(prefix))
        for method in route.methods or ()
    }
