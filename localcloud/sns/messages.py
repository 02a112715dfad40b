"""Messages that SNS sends: documents for queues and HTTP endpoints, events for functions.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from localcloud.clock import utc
from localcloud.moto.sns_patches import ConfirmationRequest, Notification

PATH = "/_headrace/sns"
"""The path of the addresses that messages name, under the local cloud's own."""
CERTIFICATE = "SimpleNotificationService.pem"

_NOTIFICATION_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION_FIELDS = (
    *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
)
_HASHES: Mapping[str, type[hashes.SHA1 | hashes.SHA256]] = {"1": hashes.SHA1, "2": hashes.SHA256}
_LIFETIME = timedelta(days=3650)


class Signer:
    """Signs messages by a key of this data folder, which is made for the first of them.

    https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
    """

    def __init__(self, folder: Path) -> None:
        """Keep the key in `folder`."""
        self._file = folder / "key.pem"

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        if self._file.exists():
            found = serialization.load_pem_private_key(self._file.read_bytes(), None)
            assert isinstance(found, rsa.RSAPrivateKey), "the folder has a key of ours"
            return found
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._file.touch(mode=0o600)
        self._file.write_bytes(text)
        return key

    @cached_property
    def certificate(self) -> bytes:
        """Return the certificate that verifies the signatures, as PEM."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + _LIFETIME)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    def sign(self, text: str, version: str) -> str:
        """Return the signature of `text` as base64; version 1 is by SHA1, 2 by SHA256."""
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), _HASHES[version]())
        return base64.b64encode(signature).decode()


class MessageFormats:
    """Writes the messages of SNS."""

    def __init__(self, endpoint_url: str, signer: Signer) -> None:
        """Name addresses under `endpoint_url`."""
        self._base = f"{endpoint_url}{PATH}"
        self._signer = signer

    def notification(self, sent: Notification, moment: float) -> dict[str, Any]:
        """Return the document of a notification."""
        document: dict[str, Any] = {
            "Type": "Notification",
            "MessageId": sent.message_id,
            "TopicArn": sent.topic_arn,
            **({"Subject": sent.subject} if sent.subject else {}),
            "Message": sent.message,
            "Timestamp": _timestamp(moment),
        }
        document |= self._signature(document, _NOTIFICATION_FIELDS, sent.signature_version)
        document["UnsubscribeURL"] = self._address(
            Action="Unsubscribe", SubscriptionArn=sent.subscription_arn
        )
        if sent.attributes:
            document["MessageAttributes"] = dict(sent.attributes)
        return document

    def confirmation(self, sent: ConfirmationRequest, moment: float) -> dict[str, Any]:
        """Return the document that asks an HTTP endpoint to confirm."""
        document: dict[str, Any] = {
            "Type": "SubscriptionConfirmation",
            "MessageId": sent.message_id,
            "Token": sent.token,
            "TopicArn": sent.topic_arn,
            "Message": f"You have chosen to subscribe to the topic {sent.topic_arn}.\nTo confirm "
            "the subscription, visit the SubscribeURL included in this message.",
            "SubscribeURL": self._address(
                Action="ConfirmSubscription", TopicArn=sent.topic_arn, Token=sent.token
            ),
            "Timestamp": _timestamp(moment),
        }
        return document | self._signature(document, _CONFIRMATION_FIELDS, sent.signature_version)

    def lambda_event(self, sent: Notification, moment: float) -> dict[str, Any]:
        """Return the event of a function, which spells two members of its own way."""
        document = {"Subject": None, "MessageAttributes": {}, **self.notification(sent, moment)}
        document["SigningCertUrl"] = document.pop("SigningCertURL")
        document["UnsubscribeUrl"] = document.pop("UnsubscribeURL")
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": sent.subscription_arn,
            "Sns": document,
        }
        return {"Records": [record]}

    def _signature(
        self, document: Mapping[str, Any], fields: tuple[str, ...], version: str
    ) -> dict[str, str]:
        text = "".join(f"{name}\n{document[name]}\n" for name in fields if name in document)
        return {
            "SignatureVersion": version,
            "Signature": self._signer.sign(text, version),
            "SigningCertURL": f"{self._base}/{CERTIFICATE}",
        }

    def _address(self, **query: str) -> str:
        return f"{self._base}?{urlencode(query)}"


def _timestamp(moment: float) -> str:
    return utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")
