"""When a returning region takes traffic again, told step by step."""

from terrella.region import Admission, PeerView


def _admission() -> Admission:
    return Admission(now=0.0, bound_s=1.0, timeout_s=15.0)


def test_it_waits_until_it_is_within_the_bound_of_every_peer_that_it_hears() -> None:
    admission = _admission()
    far = {"a": PeerView(True, 0.1), "b": PeerView(True, 4.2)}
    assert admission.step(1.0, far).state == "catching-up"
    assert "b (by 4.2 s)" in admission.current.reason
    assert admission.step(2.0, {"a": PeerView(True, 0.1), "b": PeerView(True, 0.9)}).state == "serving"


def test_an_unknown_lag_is_not_a_small_one() -> None:
    assert _admission().step(1.0, {"a": PeerView(True, None)}).state == "catching-up"


def test_it_does_not_need_a_peer_that_cannot_be_heard() -> None:
    admission = _admission()
    silent = {"a": PeerView(False, None), "b": PeerView(True, 0.0)}
    assert admission.step(1.0, silent).state == "catching-up"
    assert admission.step(3.5, silent).state == "serving"
    assert "without having heard a" in admission.current.reason


def test_after_the_timeout_it_serves_and_says_so() -> None:
    admission = _admission()
    far = {"a": PeerView(True, 30.0)}
    assert admission.step(14.0, far).state == "catching-up"
    assert admission.step(15.0, far).state == "serving"
    assert "not caught up with a" in admission.current.reason


def test_once_it_serves_it_is_not_sent_back() -> None:
    admission = _admission()
    assert admission.step(0.1, {}).state == "serving"
    assert admission.step(9.0, {"a": PeerView(True, 99.0)}).state == "serving"
