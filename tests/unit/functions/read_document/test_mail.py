from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from chalicelib.errors import Unsupported
from functions.read_document import mail
from functions.read_document.pages import Extract

HEAD = b"From: ann@example.org\r\nTo: bob@example.org\r\nSubject: Gates\r\n"


def text_of(found: Extract) -> str:
    return found.pages[0].text


def body(kind: bytes, content: bytes, more: bytes = b"") -> bytes:
    return HEAD + b"Content-Type: " + kind + b"\r\n" + more + b"\r\n" + content


def multipart(kind: str, *parts: bytes) -> bytes:
    lines = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts)
    return body(f'multipart/{kind}; boundary="x"'.encode(), lines + b"--x--\r\n")


PLAIN = b"Content-Type: text/plain\r\n\r\nThe plain text."
HTML = b"Content-Type: text/html\r\n\r\n<p>The <b>rich</b> text.</p>"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (body(b"text/plain; charset=iso-8859-1", b"caf\xe9"), "café"),
        (body(b"text/plain; charset=no-such", "café".encode()), "café"),
        (body(b"text/plain; charset=utf-8", b"caf\xe9 au lait, s'il vous pla\xeet."), "café au"),
        (body(b"text/html", b"<p>Hello <i>you</i></p>"), "Hello you"),
        (body(b"text/plain", b"Y2Fm6Q==", b"Content-Transfer-Encoding: base64\r\n"), "caf"),
        (body(b"nonsense", b"still text"), "still text"),
        (multipart("alternative", PLAIN, HTML), "The plain text."),
        (multipart("alternative", HTML), "The rich text."),
        (multipart("alternative", PLAIN.replace(b"The plain text.", b" "), HTML), "The rich text."),
        (multipart("mixed", PLAIN, HTML), "The plain text.\n\nThe rich text."),
    ],
    ids=[
        "latin-1", "unknown charset", "wrong charset", "html", "base64", "no type",
        "alternative", "html only", "empty plain", "mixed",
    ],
)  # fmt: skip
def test_the_text_of_a_mail_should_be_read(written: bytes, shown: str) -> None:
    text = text_of(mail.extract(written))
    assert text.startswith("Gates\n\nFrom: ann@example.org\nTo: bob@example.org")
    assert shown in text


def test_of_alternatives_only_one_should_be_read() -> None:
    assert "rich" not in text_of(mail.extract(multipart("alternative", PLAIN, HTML)))


def test_files_should_get_a_name_of_their_own_or_one_by_their_kind() -> None:
    parts = [
        b'Content-Type: text/csv; name="..\\\\..\\\\a.csv"\r\n\r\na,b',
        b"Content-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\n%PDF-",
        b"Content-Type: message/rfc822\r\n\r\nSubject: Keys / doors\r\n\r\nBehind the door.",
        b'Content-Type: text/plain\r\nContent-Disposition: attachment; filename=".."\r\n\r\nx',
        b"Content-Type: application/pgp-signature\r\n\r\nsigned",
    ]
    found = mail.extract(multipart("mixed", PLAIN, *parts))
    assert [file.name for file in found.attachments] == [
        "a.csv", "attachment-2.pdf", "Keys - doors.eml", "attachment-4.txt",
    ]  # fmt: skip
    assert found.attachments[0].read() == b"a,b"
    assert b"Behind the door." in found.attachments[2].read()
    assert "Attachments: a.csv, attachment-2.pdf" in text_of(found)


def test_pictures_within_the_text_and_encrypted_parts_should_be_told() -> None:
    picture = b"Content-Type: image/png\r\nContent-ID: <logo>\r\n\r\nPNG"
    secret = b"Content-Type: application/pkcs7-mime\r\n\r\nsecret"
    found = mail.extract(multipart("related", HTML, picture, secret))
    assert found.attachments == ()
    assert "encrypted" in found.notices[0]
    assert "1 pictures" in found.notices[1]


@pytest.mark.parametrize(
    "header",
    [
        b"From: =?x?q?=?=\r\n",
        b"Date: yesterday\r\n",
        b"To: <<,;>\r\n",
        b"Subject: \xff\xfe\r\n",
        b"Content-Type: text/plain; charset*=x'\r\n",
        b"Content-Disposition: attachment; filename*=\r\n",
    ],
)
def test_headers_that_no_program_writes_should_not_stop_the_text(header: bytes) -> None:
    assert mail.extract(header + HEAD + b"\r\nThe text.").pages


def test_a_mail_of_too_many_parts_should_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MAX_PARTS", 2)
    with pytest.raises(Unsupported, match="parts; the limit is 2"):
        mail.extract(multipart("mixed", PLAIN, PLAIN, PLAIN))
    monkeypatch.setattr(mail, "MAX_LINES", 2)
    with pytest.raises(Unsupported, match="lines; the limit is 2"):
        mail.extract(HEAD)


def test_a_mail_that_the_standard_library_writes_should_be_read_back() -> None:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = "Überlauf — " + "lang " * 40
    message["From"] = '"Müller, Jürgen" <jm@example.org>'
    message.set_content("Grüße.\n")
    text = text_of(mail.extract(message.as_bytes()))
    assert text.startswith("Überlauf — lang lang")
    assert "Müller, Jürgen" in text
    assert text.endswith("Grüße.")
