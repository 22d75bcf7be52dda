"""Hold, conference and transfer with baresip and linphonec: what every side has recorded, compared. full_recordings.py has the other roles."""
from recordings import Bob, Lin, blind, conference, hold


def test_hold_baresip_that_calls(bench):
    hold(bench, Bob, False)


def test_hold_linphonec(bench):
    hold(bench, Lin, True)


def test_conference(bench):
    conference(bench)


def test_linphonec_is_sent_to_baresip(bench):
    blind(bench, Lin, Bob)
