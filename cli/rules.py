"""`osteon rules test`: which routing rule hits a DICOM file, why, and what follows from it."""

from collections.abc import Sequence
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Leave

if TYPE_CHECKING:
    from dicom_node.routing.image import Origin
    from dicom_node.routing.rules import Decision, RoutedImage, Rule, RuleTrial


def add_commands(app: typer.Typer) -> None:
    rules = typer.Typer(help="The routing rules of osteon.toml.", no_args_is_help=True)
    rules.command("test")(test)
    app.add_typer(rules, name="rules")


def test(
    file: Annotated[Path, typer.Argument(help="A DICOM file, as a modality would send it.")],
    calling_ae: Annotated[str, typer.Option(help="AE title of the sender.")] = "",
    called_ae: Annotated[str, typer.Option(help="AE title it calls; unset: our own.")] = "",
    address: Annotated[str, typer.Option(help="IP address of the sender.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> int:
    """Say which routing rule hits a file and why; nothing is sent or kept."""
    from cli.assembly import routing_rules
    from cli.node import read_settings
    from dicom_node.routing.image import Origin

    caller = _checked_address(address)
    settings = read_settings("rules test")
    origin = Origin(calling_ae, called_ae or settings.ae_title, caller)
    return try_rules(routing_rules(settings), file, origin, as_json=as_json)


def _checked_address(address: str) -> str:
    """No rule on addresses holds for what is none: a slip would look like a miss."""
    try:
        return str(ip_address(address)) if address else ""
    except ValueError as error:
        raise Leave(Exit.USAGE, f"--address: {address} is no IP address") from error


def try_rules(rules: Sequence["Rule"], file: Path, origin: "Origin", *, as_json: bool) -> int:
    """Hold the rules against the file and print what they say."""
    from cli.output import print_json
    from dicom_node.routing.own_rule import self_test_rule
    from dicom_node.routing.rules import decide, explain

    image = _read(file, origin)
    decision = decide((self_test_rule(origin.called_ae_title), *rules), image)
    trials = explain(rules, image)
    refusal = _refusal(image)
    if as_json:
        print_json(_document(file, decision, trials, refusal))
        return Exit.DONE
    for line in (*_decision_lines(file, decision, refusal), *_trial_lines(decision, trials)):
        typer.echo(line)
    return Exit.DONE


def _read(file: Path, origin: "Origin") -> "RoutedImage":
    from dicom_node.header_reading import NotUnderstood
    from dicom_node.routing.image import read_routed_image

    try:
        return read_routed_image(file, origin)
    except NotUnderstood as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"{file}: {error}") from error
    except OSError as error:
        raise Leave(Exit.INPUT_UNREADABLE, f"{file}: {error.strerror}") from error


def _refusal(image: "RoutedImage") -> str | None:
    """Why the node does not analyse the image whatever its rules say; None where it would."""
    from dicom_node.contexts import not_analysed_reason
    from model.coverage import reason_not_covered

    by_class = not_analysed_reason(image.sop_class) if image.sop_class else None
    return by_class or reason_not_covered(image.modality, image.body_part)


def _document(
    file: Path, decision: "Decision", trials: Sequence["RuleTrial"], refusal: str | None
) -> dict[str, Any]:
    return {
        "file": str(file),
        "rule": decision.rule,
        "why": decision.why,
        "analyse": decision.analyse and refusal is None,
        "reason": decision.reason or refusal,
        "priority": decision.priority.name.lower(),
        "destinations": decision.destinations,
        "trials": [
            {"rule": trial.rule, "hits": trial.hits, "conditions": _conditions(trial)}
            for trial in trials
        ],
    }


def _conditions(trial: "RuleTrial") -> list[dict[str, Any]]:
    return [asdict(condition) for condition in trial.conditions]


def _decision_lines(file: Path, decision: "Decision", refusal: str | None) -> list[str]:
    reason = decision.reason or refusal
    destinations = decision.destinations
    named = "all" if destinations is None else ", ".join(destinations) or "none"
    decider = "no rule hits" if decision.rule is None else f"rule '{decision.rule}' decides"
    return [
        f"{file}: {decider}",
        "  analysed: yes" if reason is None else f"  analysed: no, {reason}",
        f"  priority: {decision.priority.name.lower()}",
        f"  destinations: {named}",
    ]


def _trial_lines(decision: "Decision", trials: Sequence["RuleTrial"]) -> list[str]:
    return [
        f"rules[{position}] '{trial.rule}' {_verdict(decision, trial)}: {'; '.join(trial.why)}"
        for position, trial in enumerate(trials, start=1)
    ]


def _verdict(decision: "Decision", trial: "RuleTrial") -> str:
    if not trial.hits:
        return "does not hit"
    return "hits" if trial.rule == decision.rule else "would hit, but comes after the one that does"
