"""The ledger: nothing of who did what is lost to a kill, and counts add up."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

from localcloud.iam.credentials import ADMINISTRATOR, CredentialStore
from localcloud.iam.ledger import LEDGER_FILE, CallRecord, Ledger, RolePolicy, read_ledger

ROLE = "arn:aws:iam::000000000000:role/reader"
COUNT = """
import sys, pathlib, time
from localcloud.iam.ledger import CallRecord, Ledger
ledger = Ledger(pathlib.Path(sys.argv[1]))
ledger.record([CallRecord("reader", "sqs", "SendMessage")])
ledger.record([CallRecord("reader", "sqs", "SendMessage")])
ledger.record([CallRecord("reader", "sqs", "ReceiveMessage")])
print("counted", flush=True)
time.sleep(60)
"""


def test_what_is_new_should_be_in_the_file_when_a_process_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "counted\n"
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    calls = read_ledger(tmp_path / LEDGER_FILE).calls
    assert calls[CallRecord("reader", "sqs", "SendMessage")] in (1, 2)
    assert calls[CallRecord("reader", "sqs", "ReceiveMessage")] == 1


def test_counts_of_many_threads_and_of_two_lives_should_add_up(tmp_path: Path) -> None:
    call = CallRecord("reader", "sqs", "SendMessage")
    for _ in range(2):
        ledger = Ledger(tmp_path)
        ledger.start()
        threads = [
            threading.Thread(target=lambda book=ledger: [book.record([call]) for _ in range(200)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ledger.stop()
    assert read_ledger(tmp_path / LEDGER_FILE).calls == {call: 1600}


def test_grants_should_be_those_of_the_last_template(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    old, new = (RolePolicy(ROLE, "Reader", name, "{}") for name in ("old", "new"))
    ledger.replace_role_policies([old])
    ledger.replace_role_policies([new])
    ledger.stop()
    assert read_ledger(tmp_path / LEDGER_FILE).role_policies == (new,)


def test_a_key_should_be_the_same_after_a_new_start_and_another_for_each_session(
    tmp_path: Path,
) -> None:
    callers = CredentialStore(tmp_path)
    first, other = callers.issue(ROLE, "a"), callers.issue(ROLE, "b")
    assert callers.issue(ROLE, "a") == first
    assert len({first.access_key, other.access_key}) == len({first.secret, other.secret}) == 2
    callers.close()
    again = CredentialStore(tmp_path)
    assert again.issue(ROLE, "a") == first == again.find(first.access_key)
    assert again.issue("", "whoever") == ADMINISTRATOR
    again.close()
