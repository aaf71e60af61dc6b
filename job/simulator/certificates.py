"""Private certificate authorities, and server certificates, valid and invalid."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OLD_FORMS = frozenset({"no_key_usage", "no_key_identifiers", "constraints_not_critical", "empty_subject"})
"""How certificates of older clusters differ from RFC 5280, which Python 3.13 and later demand by default."""


class Authority(NamedTuple):
    """A certificate authority."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    pem: bytes
    """Its certificate."""


def authority(common_name: str, forms: Collection[str] = ()) -> Authority:
    """Makes a new authority; clients that receive its certificate trust it.

    Args:
        forms: any of `OLD_FORMS`.
    """
    key, name = ec.generate_private_key(ec.SECP256R1()), _name(common_name)
    public = key.public_key()
    is_critical = "constraints_not_critical" not in forms
    builder = _builder(name, name, public).add_extension(x509.BasicConstraints(True, None), critical=is_critical)
    if "no_key_usage" not in forms:
        builder = builder.add_extension(_SIGNS_CERTIFICATES, critical=True)
    if "no_key_identifiers" not in forms:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    return Authority(name, key, certificate.public_bytes(serialization.Encoding.PEM))


def server_certificate(issuer: Authority, *hosts: str, expired: bool = False, forms: Collection[str] = ()) -> bytes:
    """A new key and its certificate for the hosts (addresses or names), as one PEM.

    Args:
        forms: any of `OLD_FORMS`.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    subject = x509.Name([]) if "empty_subject" in forms else _name("kube-apiserver")
    builder = _builder(subject, issuer.name, key.public_key(), expired=expired).add_extension(names, critical=False)
    if "no_key_identifiers" not in forms:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    certificate = builder.sign(issuer.key, hashes.SHA256())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()) + certificate.public_bytes(encoding)


_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, *, expired: bool = False
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=-1 if expired else 365))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
