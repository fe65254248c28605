"""Backups: could the shop be rebuilt from them, how fast, and how much would be lost?"""

from dashboards.board import Board, Row, Variable
from dashboards.panel import GREEN, RED, YELLOW, Query, series, stat, timeline

_FILTER = 'backup=~"$backup"'
#: 0 fail, 1 pass, 2 inconclusive: one number a backup, for colours. A failure stands until a pass, whatever came since.
_VERDICT = Query(
    f'sum by (backup) (backup_verification_outcome{{{_FILTER}, outcome="pass"}})'
    f' + 2 * sum by (backup) (backup_verification_outcome{{{_FILTER}, outcome="inconclusive"}})'
    f' * (1 - max by (backup) (backup_verification_outcome{{{_FILTER}, outcome="fail"}}))',
    "{{backup}}",
)
_WORDS = (("0", "fail", RED), ("1", "pass", GREEN), ("2", "inconclusive", YELLOW))
_COLOURS = ((None, RED), (1, GREEN), (2, YELLOW))

BOARD = Board(
    uid="shopwatch-backups",
    title="Shopwatch / Backups",
    description="Every backup is restored for real, on a schedule. This is what came of it.",
    variables=(Variable("backup", "backup_verifications_total", "backup"),),
    rows=(
        Row(
            "Now",
            (
                stat("Last verdict", _VERDICT, mappings=_WORDS, thresholds=_COLOURS),
                stat("Age of the newest backup", Query(f"backup_age_seconds{{{_FILTER}}}", "{{backup}}"), unit="s"),
                stat(
                    "Since the last good restore",
                    Query(f"time() - backup_last_success_timestamp_seconds{{{_FILTER}}}", "{{backup}}"),
                    unit="s",
                ),
                stat(
                    "Until a verdict is overdue",
                    Query(f"backup_verification_due_timestamp_seconds{{{_FILTER}}} - time()", "{{backup}}"),
                    unit="s",
                    thresholds=((None, RED), (0, GREEN)),
                ),
                timeline("Verdicts over time", _VERDICT, mappings=_WORDS, thresholds=_COLOURS, width=24),
            ),
        ),
        Row(
            "How fast would we be back?",
            (
                series(
                    "Time to the first question answered (RTO)",
                    Query(f"backup_rto_seconds{{{_FILTER}}}", "{{backup}}"),
                    Query(f"backup_target_rto_seconds{{{_FILTER}}}", "{{backup}} target"),
                    unit="s",
                ),
                series(
                    "Phases of a verification",
                    Query(f"backup_restore_seconds{{{_FILTER}}}", "{{backup}} {{phase}}"),
                    unit="s",
                ),
            ),
        ),
        Row(
            "How much would be lost?",
            (
                series(
                    "Age of the newest backup (RPO)",
                    Query(f"backup_age_seconds{{{_FILTER}}}", "{{backup}}"),
                    Query(f"backup_target_rpo_seconds{{{_FILTER}}}", "{{backup}} target"),
                    unit="s",
                ),
                series(
                    "Rows restored, and rows recorded at backup time",
                    Query(f"backup_rows{{{_FILTER}}}", "{{backup}} {{table}}"),
                    Query(f"backup_recorded_rows{{{_FILTER}}}", "{{backup}} {{table}} recorded"),
                ),
                series("Size of the backup", Query(f"backup_size_bytes{{{_FILTER}}}", "{{backup}}"), unit="bytes"),
                series(
                    "Verifications by verdict",
                    Query(
                        f"sum by (backup, outcome) (increase(backup_verifications_total{{{_FILTER}}}[1d]))",
                        "{{backup}} {{outcome}}",
                    ),
                    help="In the last 24 hours.",
                ),
            ),
        ),
    ),
)
