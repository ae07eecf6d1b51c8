"""An identity provider on loopback, by http or by https with a certificate authority of its own.

Rules: it listens on a port from the system, in a thread of this process, and ends with its context;
what it answers are the documents by path. The certificates are made for it: the chain that it shows
is its own certificate and its authority's.
"""

import hashlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(slots=True)
class Reply:
    """One answer."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ProviderServer:
    """`url` is without a path; `replies` are by path; `asked` are the paths asked for."""

    url: str
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    """Its clients may go away half-way, as they do from what they don't trust."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextmanager
def serving(tls: ssl.SSLContext | None = None, host: str = "localhost") -> Iterator[ProviderServer]:
    """A provider that answers until the context is left."""
    known = ProviderServer("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append(self.path)
            reply = known.replies.get(self.path, Reply(b"", 404))
            self.send_response(reply.status)
            for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(_Server):
        def finish_request(self, request: Any, client_address: Any) -> None:
            # Here, not where connections are accepted: a handshake must hold nobody else up.
            if tls is None:
                super().finish_request(request, client_address)
                return
            with tls.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)  # type: ignore[arg-type]

    with Server(("127.0.0.1", 0), Handler) as server:
        known.url = f"{'http' if tls is None else 'https'}://{host}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that no system knows."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def thumbprint(self) -> str:
        """SHA-1 of its certificate, as IAM takes it."""
        shown = self.certificate.public_bytes(serialization.Encoding.DER)
        return hashlib.sha1(shown, usedforsecurity=False).hexdigest()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _described(subject: str, issuer: str) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def make_authority(name: str = "An authority") -> Authority:
    """A new one, self-signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    described = _described(name, name).public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        described.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate)


def server_tls(
    signer: Authority, folder: Path, *, shown: Authority | None = None, host: str = "localhost"
) -> ssl.SSLContext:
    """A server's side of TLS. Its certificate is `signer`'s; behind it stands that of `shown`, who
    is the same unless told."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = signer.certificate.subject.rfc4514_string().removeprefix("CN=")
    own = (
        _described(host, issuer)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(signer.key, hashes.SHA256())
    )
    above = (shown or signer).certificate
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{own.serial_number}.pem"
    path.write_bytes(private + own.public_bytes(pem) + above.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
