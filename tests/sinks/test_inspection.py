"""What a dataset shows before a run: commits that its views lack."""

from __future__ import annotations

import pytest
from sinks.conftest import OnBigQuery
from sinks.test_recent_views import Killed, killed
from warehouse import Read, run_of

from job.sinks.bigquery.inspection import lost_commits
from job.sinks.bigquery.recent import RecentViews


def test_a_commit_that_views_lack_is_named_until_the_next_run_has_mended_it(
    on_bigquery: OnBigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_bigquery.publish("first", run_of(1, Read("a", ["x"], ["p1"])))
    assert lost_commits(on_bigquery.open(), 6) == []
    with monkeypatch.context() as patched:
        patched.setattr(RecentViews, "_write", killed)
        with pytest.raises(Killed):
            on_bigquery.publish("run-2", run_of(2, Read("a", ["x"], ["p2"])))
    assert [commit.run_id for commit in lost_commits(on_bigquery.open(), 6)] == ["run-2"]
    on_bigquery.publish("run-3", run_of(3, Read("a", ["x"], ["p3"])))
    assert lost_commits(on_bigquery.open(), 6) == []
