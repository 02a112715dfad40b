"""Who meets the candidate: always the same end users, and as many as the share says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.rollouts.assignment import assign_arm, end_user_position

USERS = [f"user {n}" for n in range(10_000)]
names = st.text(max_size=40)
shares = st.floats(0, 100, allow_nan=False)


@given(names, names, names, shares, shares)
def test_an_end_user_should_stay_in_the_arm_while_the_share_rises(
    salt: str, tenant: str, caller: str, first: float, second: float
) -> None:
    position = end_user_position(salt, tenant, caller)
    assert position == end_user_position(salt, tenant, caller)
    assert 0 <= position < 1
    if assign_arm(min(first, second), position) == "candidate":
        assert assign_arm(max(first, second), position) == "candidate"
    assert assign_arm(0, position) == "live"
    assert assign_arm(100, position) == "candidate"


def test_shares_of_10_000_end_users_should_be_within_a_point() -> None:
    for salt in ("rollout-a", "rollout-b"):
        positions = [end_user_position(salt, "acme", user) for user in USERS]
        for share in (1, 5, 25, 50, 75):
            arms = [assign_arm(share, position) for position in positions]
            assert abs(100 * arms.count("candidate") / len(arms) - share) <= 1


def test_arms_of_two_rollouts_should_have_nothing_to_do_with_each_other() -> None:
    both = first = 0
    for user in USERS:
        in_first = assign_arm(20, end_user_position("rollout-a", "acme", user)) == "candidate"
        in_second = assign_arm(20, end_user_position("rollout-b", "acme", user)) == "candidate"
        first += in_first
        both += in_first and in_second
    assert abs(100 * both / first - 20) <= 3, "a fifth of those of the first, as of all others"
    apart = [end_user_position("rollout-a", tenant, USERS[0]) for tenant in ("acme", "other")]
    assert apart[0] != apart[1], "tenants whose end users have the same names are told apart"
