import re
from difflib import SequenceMatcher

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from bot.commands.deploy_line_parser import parse
from bot.commands.deploy_options import COMMAND, OPTIONS, Kind, options_help, to_line
from bot.commands.deploy_text import LineErrors, TextDeploy, read
from bot.domain.command_line import DASHES
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rules import RULES, Rule
from bot.domain.schemas import AutoscalingPolicy
from tests.commands.slack_text import escape
from tests.domain.request.test_draft import DRAFTS, FULL
from tests.domain.request.test_rules import GOOD, TARGETS, rule_id


def answer(text: str) -> TextDeploy | LineErrors:
    """Read a line in a channel with two targets."""
    return read(text, targets=TARGETS, default_target="staging", tag="k7wq")


def deployed(text: str) -> TextDeploy:
    """Read a line that has no slips."""
    outcome = answer(text)
    assert isinstance(outcome, TextDeploy)
    return outcome


def told(text: str) -> list[str | None]:
    """Read a line that has slips: their sentences, and the corrected line last."""
    outcome = answer(text)
    assert isinstance(outcome, LineErrors)
    return [
        *(field_error.sentences for field_error in outcome.field_errors),
        outcome.corrected_line,
    ]


def test_a_model_and_a_gpu_are_enough() -> None:
    """The shortest line that deploys something."""
    outcome = deployed("meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100")
    assert outcome.request == DeployRequest(
        target="staging",
        model="meta-llama/Llama-3.1-8B-Instruct",
        name="llama-3-1-8b-instruct-k7wq",
        instance_option_id="zfTutSiLn0Hq",
        autoscaling=AutoscalingPolicy(),
    )
    assert not outcome.yes


def test_every_field_can_be_typed() -> None:
    """A line with every option reaches every field of the create body."""
    outcome = deployed(
        "meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100 --autoscale 0..3 --cooldown 600"
        " --for 8h --name my-llama --to prod --revision main --comment 'first try'"
        " --max-batch-size 64"
        " --max-input-length 4096 --max-token-count=2560 --max-context-length 8192"
        " --no-skip-special-tokens --no-add-special-tokens --content-logging"
        " --queue-timeout-ms 30000 --queue-backpressure-metric TTFT_MS"
        " --queue-backpressure-threshold 0.5 --yes"
    )
    assert outcome.request == FULL
    assert outcome.yes


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("--replicas 2", "replicas", "2"),
        ("--replicas=2", "replicas", "2"),
        ("--REPLICAS 2", "replicas", "2"),
        ("\N{EM DASH}replicas 2", "replicas", "2"),
        ("\N{EN DASH}replicas=2", "replicas", "2"),
        ("\N{EN DASH}-replicas 2", "replicas", "2"),
        ("--comment “it’s a — fine — day”", "comment", "it’s a — fine — day"),
        ("--comment '“quoted”'", "comment", "“quoted”"),
        ('--comment="—gpu"', "comment", "—gpu"),
        ("--comment '--yes'", "comment", "--yes"),
        ("--name ''", "name", None),
        ("--autoscale 0..3", "max_replicas", "3"),
        ("--autoscale 0..3", "scaling", "auto"),
        ("--autoscale 0…3", "max_replicas", "3"),
        ("--autoscale 0...3", "max_replicas", "3"),
        ("--autoscale 0-3", "max_replicas", "3"),
        ("--autoscale ..3", "min_replicas", None),
        ("--autoscale 1..", "max_replicas", None),
        ("--min-replicas 1 --max-replicas 2", "max_replicas", "2"),
        ("--cooldown 60", "scaling", "auto"),
        ("--for 8h", "lifetime", "8h"),
        ("--for '2 days'", "lifetime", "2 days"),
        ("--no-content-logging", "content_logging", False),
        ("--comment 'for <@U1|ann>, R&amp;D'", "comment", "for @ann, R&D"),
    ],
)
def test_options_are_understood_the_way_people_write_them(
    *, line: str, field: str, value: str | bool | None
) -> None:
    """Equals signs, capitals, a phone's dashes and quotes, and Slack's markup are no obstacle."""
    assert getattr(deployed(f"org/name --gpu H100 {line}").draft, field) == value


@pytest.mark.parametrize(
    "line",
    [
        "<https://huggingface.co/org/name/tree/v2> --gpu H100",
        "--gpu H100 <https://huggingface.co/org/name/tree/v2|huggingface.co/org/name/tree/v2>",
        "org/name --gpu H100 --revision v2",
        "--gpu 'NVIDIA H100' --revision v2 \"org/name\"",
    ],
)
def test_the_model_may_be_pasted_and_stand_anywhere(line: str) -> None:
    """A page's address means the model and its revision."""
    request = deployed(line).request
    assert (request.model, request.revision) == ("org/name", "v2")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "org/name --gpu H100 --for 8",
            [
                "`8` isn't a duration. Write `8h`, `2d` or `90m`. Did you mean `8h`?",
                "/friendli-deploy org/name --gpu H100 --for 8h",
            ],
        ),
        (
            "org/name --gpu H100 --for 1s",
            [
                "`1s` isn't a duration. Write `8h`, `2d` or `90m`. Did you mean `1h`?",
                "/friendli-deploy org/name --gpu H100 --for 1h",
            ],
        ),
        (
            "org/name --gpu H100 --for 5m",
            [
                "`5m` is too short. The shortest lifetime is `30m`. Did you mean `30m`?",
                "/friendli-deploy org/name --gpu H100 --for 30m",
            ],
        ),
        (
            "org/name --gpu H100 --for 1 year",
            [
                "`year` belongs to no option. Put a value of several words in quotes.",
                "`1 year` isn't a duration. Write `8h`, `2d` or `90m`. Did you mean `1h`?",
                "/friendli-deploy org/name --gpu H100 --for 1h",
            ],
        ),
        (
            "org/name --gpu H100 --ttl=1000d",
            [
                "I don't know the option `--ttl`. Did you mean `--for`?",
                (
                    "`1000d` is too long. The longest lifetime is `90d`, and you can extend it"
                    " later."
                    " Did you mean `90d`?"
                ),
                "/friendli-deploy org/name --gpu H100 --for=90d",
            ],
        ),
        (
            "org/name --gpu 2xh10",
            [
                (
                    "I don't know the GPU `h10`. Friendli has A100, H100, H200 and B200. Did you"
                    " mean `H100`?"
                ),
                "/friendli-deploy org/name --gpu 2xH100",
            ],
        ),
        (
            "org/name --gpus 2xH100",
            [
                "I don't know the option `--gpus`. Did you mean `--gpu`?",
                "/friendli-deploy org/name --gpu 2xH100",
            ],
        ),
        (
            "org/name -gpu=2xH100",
            [
                "I don't know the option `-gpu`. Did you mean `--gpu`?",
                "/friendli-deploy org/name --gpu=2xH100",
            ],
        ),
        (
            "org/name —instance 2xH100 --target prod",
            [
                "I don't know the option `—instance`. Did you mean `--gpu`?",
                "I don't know the option `--target`. Did you mean `--to`?",
                "/friendli-deploy org/name --gpu 2xH100 --to prod",
            ],
        ),
        (
            "org/name --gpu H100 --zone eu-1 --replicas 2",
            [
                "I don't know the option `--zone`.",
                "/friendli-deploy org/name --gpu H100 --replicas 2",
            ],
        ),
        (
            "--zone org/name --gpu H100",
            ["I don't know the option `--zone`.", "/friendli-deploy org/name --gpu H100"],
        ),
        (
            "--model org/name --gpu H100",
            [
                "Write the model without an option.",
                "/friendli-deploy org/name --gpu H100",
            ],
        ),
        (
            "--gpu H100 --model=org/name",
            [
                "Write the model without an option.",
                "/friendli-deploy --gpu H100 org/name",
            ],
        ),
        (
            "org/name --replicas 2 --gpu",
            [
                "`--gpu` needs a value, such as `2xH100`.",
                None,
            ],
        ),
        (
            "org/name --gpu H100 --replicas= --to prod",
            [
                "`--replicas` needs a value, such as `1`.",
                None,
            ],
        ),
        (
            "org/name --gpu H100 --name --to prod",
            [
                "`--name` needs a value, such as `my-llama`.",
                None,
            ],
        ),
        (
            "org/name --gpu H100 --replicas two --to prod",
            [
                ("Replicas must be a whole number in digits only, such as 2. You wrote `two`."),
                None,
            ],
        ),
        (
            "org/name --gpu H100 --autoscale 3",
            [
                "`3` isn't a range. Write MIN..MAX, such as `0..3`. Did you mean `0..3`?",
                "/friendli-deploy org/name --gpu H100 --autoscale 0..3",
            ],
        ),
        (
            "org/name --gpu H100 --autoscale on --yes",
            [
                "`on` isn't a range. Write MIN..MAX, such as `0..3`.",
                None,
            ],
        ),
        (
            "org/name --gpu H100 --autoscale 3..1",
            [
                ("Maximum replicas (`1`) can't be below minimum replicas (`3`)."),
                "/friendli-deploy org/name --gpu H100 --autoscale 1..3",
            ],
        ),
        (
            "org/name --gpu H100 --replicas 2 --autoscale 0..3",
            [
                "Replicas are either fixed or autoscaled, not both. Choose one.",
                None,
            ],
        ),
        (
            "org/name --gpu H100 --yes=no --skip-special-tokens=false --content-logging=true",
            [
                "`--yes` takes no value.",
                "`--skip-special-tokens` takes no value.",
                "`--content-logging` takes no value.",
                ("/friendli-deploy org/name --gpu H100 --no-skip-special-tokens --content-logging"),
            ],
        ),
        (
            "org/name other/model --gpu H100",
            [
                "You named two models, `org/name` and `other/model`. Deploy one at a time.",
                "/friendli-deploy org/name --gpu H100",
            ],
        ),
        (
            "org/name --gpu H100 --replicas 2 please",
            [
                "`please` belongs to no option.",
                "/friendli-deploy org/name --gpu H100 --replicas 2",
            ],
        ),
        (
            "--comment my first try org/name --gpu 2 H100",
            [
                "`first` belongs to no option. Put a value of several words in quotes.",
                "Write the instance as one word. Did you mean `2xH100`?",
                '/friendli-deploy --comment "my first try" org/name --gpu 2xH100',
            ],
        ),
        (
            "org/name --gpu nvidia H100 x 2 --to prod --yes",
            [
                "Write the instance as one word. Did you mean `2xH100`?",
                "/friendli-deploy org/name --gpu 2xH100 --to prod",
            ],
        ),
        (
            "org/name --gpu 2 h10",
            [
                "Write the instance as one word.",
                (
                    "I don't know the GPU `h10`. Friendli has A100, H100, H200 and B200. Did you"
                    " mean `H100`?"
                ),
                "/friendli-deploy org/name --gpu 2xH100",
            ],
        ),
        (
            "org/name --gpu H100 please",
            ["`please` belongs to no option.", "/friendli-deploy org/name --gpu H100"],
        ),
        *(
            (
                f"org/name --gpu H100 --replicas{typed} --to prod",
                [
                    "`--replicas` takes one number. A range is `--autoscale 1..3`.",
                    "/friendli-deploy org/name --gpu H100 --autoscale 1..3 --to prod",
                ],
            )
            for typed in (" 1-3", "=1..3", " 1–3", " 1:3")
        ),
        (
            "org/name --gpu H100 --foo 3",
            ["I don't know the option `--foo`.", "/friendli-deploy org/name --gpu H100"],
        ),
        (
            "org/name --gpu H100 --fo 3h",
            [
                "I don't know the option `--fo`. Did you mean `--for`?",
                "/friendli-deploy org/name --gpu H100 --for 3h",
            ],
        ),
        (
            "org/name --gpu A100 --gpu H100",
            ["`--gpu` is given twice.", "/friendli-deploy org/name --gpu H100"],
        ),
        (
            "org/name --gpu H100 --content-logging --no-content-logging",
            [
                "`--content-logging` is given twice.",
                "/friendli-deploy org/name --gpu H100 --no-content-logging",
            ],
        ),
        (
            "org/name --gpu H100 --autoscale 0..3 --max-replicas 5",
            [
                "`--max-replicas` conflicts with `--autoscale`.",
                "/friendli-deploy org/name --gpu H100 --autoscale 0..3",
            ],
        ),
        (
            'org/name --comment "hello --gpu h10',
            [
                'A quote is never closed: `"hello --gpu h10`.',
                '/friendli-deploy org/name --comment "hello" --gpu 1xH100',
            ],
        ),
        (
            "org/name --comment don't ask --gpu H100",
            [
                "A quote is never closed: `don't ask --gpu H100`.",
                '/friendli-deploy org/name --comment "don\'t ask" --gpu H100',
            ],
        ),
        (
            "org/name --gpu H100 --to prd",
            [
                (
                    "I don't know the target `prd`. This channel has `staging` and `prod`."
                    " Did you mean `prod`?"
                ),
                "/friendli-deploy org/name --gpu H100 --to prod",
            ],
        ),
        (
            "https://hf.co/org/name.git/tree/v2 --gpu H100",
            [
                (
                    "`https://hf.co/org/name.git/tree/v2` ends in .git, which model names can't."
                    " Did you mean `org/name`?"
                ),
                "/friendli-deploy org/name --gpu H100 --revision v2",
            ],
        ),
        (
            "gpt2 --gpu H100",
            [
                (
                    "`gpt2` isn't a full model name. Write org/name, such as"
                    " `meta-llama/Llama-3.1-8B-Instruct`."
                ),
                None,
            ],
        ),
        (
            "org/name --gpu H100 --revision 0e9e39f",
            [
                (
                    "`0e9e39f` looks like a shortened commit hash. Write all 40 characters, or a"
                    " branch."
                ),
                None,
            ],
        ),
        (
            "--gpu H100 --yes",
            [
                "Name the model as org/name, such as `meta-llama/Llama-3.1-8B-Instruct`.",
                None,
            ],
        ),
        (
            "org/name --yes --to prod",
            [
                "Choose an instance, such as `2xH100`.",
                None,
            ],
        ),
        (
            "",
            [
                "Name the model as org/name, such as `meta-llama/Llama-3.1-8B-Instruct`.",
                "Choose an instance, such as `2xH100`.",
                None,
            ],
        ),
        (
            "org/name   —gpu 2xh10  --comment “it’s  fine” --replicas 0 --nmae x",
            [
                "I don't know the option `--nmae`. Did you mean `--name`?",
                (
                    "I don't know the GPU `h10`. Friendli has A100, H100, H200 and B200. Did you"
                    " mean `H100`?"
                ),
                "Replicas must be 1 or more. You wrote `0`.",
                (
                    "/friendli-deploy org/name   —gpu 2xH100  --comment “it’s  fine”"
                    " --replicas 1 --name x"
                ),
            ],
        ),
    ],
)
def test_each_slip_is_told_with_a_line_to_paste(line: str, said: list[str | None]) -> None:
    """The mistakes, the nearest choices, and the line corrected with all else as it was typed."""
    assert told(line) == said


def test_a_corrected_line_asks_before_it_deploys() -> None:
    """What nobody typed is never deployed without a look at it, so `--yes` is left out."""
    assert told("org/name --gpu h10 --yes")[-1] == "/friendli-deploy org/name --gpu 1xH100"


def test_what_was_understood_is_kept_for_the_form() -> None:
    """A line with mistakes still fills a form: corrected, or else as it was typed."""
    outcome = answer("org/name --gpu h10 --replicas 2 --comment 'closed late")
    assert isinstance(outcome, LineErrors)
    assert outcome.draft == DeployDraft(
        model="org/name", gpu="1xH100", replicas="2", scaling="fixed", comment="closed late"
    )
    outcome = answer("org/name --gpu h10 --replicas two")
    assert isinstance(outcome, LineErrors)
    assert outcome.draft == DeployDraft(
        model="org/name", gpu="h10", replicas="two", scaling="fixed"
    )


@pytest.mark.parametrize("rule", RULES, ids=rule_id)
def test_every_rule_is_told_for_text_as_well(rule: Rule) -> None:
    """The table's words are the line's words, and what can be mended is."""
    line = to_line(GOOD.model_copy(update=rule.bad)).removeprefix(COMMAND)
    if rule.field == "scaling":
        line += " --max-replicas 3"
    if not rule.bad.get(rule.field, "x"):
        assert len(told(line)) == 2
        return
    outcome = answer(escape(line))
    assert isinstance(outcome, LineErrors)
    assert len(outcome.field_errors) == 1
    if outcome.corrected_line is not None:
        deployed(escape(outcome.corrected_line.removeprefix(COMMAND)))


@given(DRAFTS)
def test_a_draft_written_as_a_line_reads_back_as_the_same_draft(draft: DeployDraft) -> None:
    """Whatever was typed, the canonical line means exactly that, also after Slack escaped it."""
    line = to_line(draft)
    assert line.startswith(COMMAND)
    parsed = parse(line.removeprefix(COMMAND))
    assert parsed.field_errors == []
    meant = draft.effective() if draft.named_scaling else draft
    assert parsed.draft == meant
    outcome = answer(escape(line.removeprefix(COMMAND)))
    assert outcome.draft == meant


def test_the_canonical_line_is_the_one_a_person_would_type() -> None:
    """Options stand in the order of the help, ranges are ranges, and quotes are rare."""
    assert to_line(FULL.draft(), yes=True) == (
        "/friendli-deploy meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100 --autoscale 0..3"
        ' --cooldown 600 --for 8h --name my-llama --to prod --revision main --comment "first try"'
        " --max-batch-size 64 --max-input-length 4096 --max-token-count 2560"
        " --max-context-length 8192 --no-skip-special-tokens --no-add-special-tokens"
        " --content-logging --queue-timeout-ms 30000 --queue-backpressure-metric TTFT_MS"
        " --queue-backpressure-threshold 0.5 --yes"
    )
    assert to_line(DeployDraft(model="org/name", gpu="H100", replicas="2", cooldown="9")) == (
        "/friendli-deploy org/name --gpu H100 --replicas 2"
    )
    assert to_line(DeployDraft(min_replicas="a", max_replicas="2")) == (
        "/friendli-deploy --min-replicas a --max-replicas 2"
    )


_WORDS = st.one_of(
    st.text(max_size=8),
    st.sampled_from([f"--{option.name}" for option in OPTIONS]),
    st.sampled_from(
        ["org/name", "hf.co/o/m/tree/v2", "H100", "2", "1-3", "0..3", "8h", "--foo", "--gpus"]
    ),
    st.sampled_from(["=", '"', "'", "“", "—", "--yes=no", "--yess", "--ttl", "--replica"]),
)
# Other names of an option.
_TYPED_AS = {
    "autoscale": {"replicas"},
    "gpu": {"instance"},
    "to": {"target"},
    "for": {"lifetime", "ttl", "duration"},
    "min-replicas": {"min"},
    "max-replicas": {"max"},
}


@settings(max_examples=400)
@given(st.lists(_WORDS, max_size=12).map(" ".join))
@example("org/name --gpu h10 --yes")
@example("org/name --replicas 1-3 --gpu 2 h100 --foo 3 --yess")
@example("https://hf.co/org/name.git/tree/v2 --gpu H100")
def test_a_corrected_line_is_valid_and_means_what_was_typed(line: str) -> None:
    """It has no errors, asks first, and has no option that wasn't typed in some form."""
    outcome = answer(line)
    if isinstance(outcome, TextDeploy):
        return
    assert outcome.field_errors
    if outcome.corrected_line is None:
        return
    meant = deployed(escape(outcome.corrected_line.removeprefix(COMMAND)))
    assert not meant.yes
    corrected = parse(outcome.corrected_line.removeprefix(COMMAND))
    assert [name for name in corrected.spans if not _was_typed(name, line)] == []


def _was_typed(option: str, line: str) -> bool:
    """Whether a line has an option by its name, a beginning, another name, or nearly."""
    typed = re.findall(rf"[-{DASHES}]([a-z][\w-]*)", line.lower())
    typed += ["revision"] if "/tree/" in line else []
    return any(
        option.startswith(word)
        or word in _TYPED_AS.get(option, ())
        or SequenceMatcher(None, word.removeprefix("no-"), option).ratio() >= 0.75
        for word in typed
    )


def test_every_field_has_exactly_one_option_of_its_own() -> None:
    """The table covers the draft, whose instance has two ways; the model needs no option."""
    single = [option.fields[0] for option in OPTIONS if len(option.fields) == 1]
    assert sorted(single) == sorted([*(set(DeployDraft.model_fields) - {"model"}), "gpu"])
    assert [option.name for option in OPTIONS if len(option.fields) != 1] == ["autoscale", "yes"]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_table_agrees_with_the_drafts_types(option: object) -> None:
    """Switches set flags, everything else sets texts with a valid example."""
    (found,) = [each for each in OPTIONS if each is option]
    annotations = [str(DeployDraft.model_fields[field].annotation) for field in found.fields]
    if found.kind is Kind.SWITCH:
        assert all("bool" in annotation for annotation in annotations)
    elif found.kind is Kind.CHOICE:
        assert all(choice in annotations[0] for choice in found.choices)
        for choice in found.choices:
            deployed(f"org/name --gpu H100 --{found.name} {choice}")
    elif found.kind is not Kind.FLAG:
        assert all("str" in annotation for annotation in annotations)
        beside = " --queue-backpressure-threshold 5" if "metric" in found.name else ""
        beside += " --queue-backpressure-metric TTFT_MS" if "threshold" in found.name else ""
        beside += "" if "gpu" in found.fields else " --gpu H100"
        deployed(f"org/name --{found.name} '{found.example}'{beside}")


def test_replicas_and_autoscaling_share_defaults_with_the_form() -> None:
    """A bare range means what the form's first values mean."""
    assert deployed("org/name --gpu H100 --autoscale 0..1").request.autoscaling == (
        AutoscalingPolicy(min_replica=0, max_replica=1, cooldown_period=300)
    )


@pytest.mark.parametrize(
    ("line", "scaling"),
    [
        ("", "friendli"),
        ("--scaling fixed", "fixed"),
        ("--scaling Auto", "auto"),
        ("--replicas 2", "fixed"),
        ("--autoscale 0..2", "auto"),
        ("--to prod", "auto"),
    ],
)
def test_scaling_is_what_the_line_says_or_its_target_s(line: str, scaling: str) -> None:
    """The target's setting holds where the line says nothing."""
    read_ = read(
        f"org/name --gpu H100 {line}",
        targets=TARGETS,
        default_target="staging",
        scalings={"staging": "friendli"},
    )
    assert isinstance(read_, TextDeploy)
    assert read_.request.draft().scaling == scaling


@pytest.mark.parametrize(
    ("line", "sentence", "corrected"),
    [
        (
            "--scaling frendli",
            "`frendli` isn't valid. Choose `auto`, `fixed`, `friendli`. Did you mean `friendli`?",
            "--scaling friendli",
        ),
        (
            "--scaling friendli --replicas 2",
            "`--scaling friendli` conflicts with `--replicas`.",
            "--replicas 2",
        ),
        (
            "--scaling fixed --autoscale 0..2",
            "`--scaling fixed` conflicts with `--autoscale`.",
            "--autoscale 0..2",
        ),
    ],
)
def test_a_scaling_that_is_none_or_contradicts_the_numbers(
    line: str, sentence: str, corrected: str
) -> None:
    """The corrected line keeps the numbers that were typed."""
    line, corrected = (f"org/name --gpu H100 {part}" for part in (line, corrected))
    assert told(line) == [sentence, f"{COMMAND} {corrected}"]


def test_an_instance_can_be_named_by_its_id_alone() -> None:
    """Any id passes, is written back the same way, and one that the table knows has its GPU."""
    unlisted = deployed("org/name --instance-id Ab3dEf6hIj9k").request
    assert unlisted.instance_option_id == "Ab3dEf6hIj9k"
    assert "--instance-id Ab3dEf6hIj9k" in to_line(unlisted.draft())
    assert deployed("org/name --instance-id TwD5AqnBSVN0").request.draft().gpu == "1xH100"
    assert told("org/name --instance-id 'no id'") == [
        (
            "`no id` isn't an instance option id. Use letters, digits, - and _, at most 36"
            " characters."
        ),
        None,
    ]
    assert told("org/name --gpu H100 --instance-id x") == [
        "`--instance-id` conflicts with `--gpu`.",
        f"{COMMAND} org/name --gpu H100",
    ]


def test_the_help_names_every_option() -> None:
    """Help is made from the table."""
    assert options_help() == snapshot("""\
`--gpu INSTANCE`  count and type of GPUs per replica
`--instance-id ID`  an instance option that `--gpu` doesn't know, by its id
`--scaling auto|fixed|friendli`  friendli: Friendli decides (default: the target's setting)
`--replicas N`  a fixed number of replicas
`--autoscale MIN..MAX`  autoscaling range; with 0, the endpoint can sleep
`--min-replicas N`  only the minimum of autoscaling
`--max-replicas N`  only the maximum of autoscaling
`--cooldown SECONDS`  idle seconds before scaling down (default 300)
`--for TIME`  lifetime, such as 8h, 2d or 90m
`--name NAME`  endpoint name (default: from the model)
`--to TARGET`  one of this channel's targets
`--revision REVISION`  branch or full commit hash
`--comment TEXT`  comment on the first version
`--max-batch-size N`  most requests in a batch
`--max-input-length TOKENS`  longest input
`--max-token-count TOKENS`  the engine's max token count (default 2560)
`--max-context-length TOKENS`  longest input and output together
`--[no-]skip-special-tokens`  skip special tokens in the output (default on)
`--[no-]add-special-tokens`  add special tokens to the input (default on)
`--[no-]content-logging`  log request and response bodies (default: Friendli decides)
`--queue-timeout-ms MILLISECONDS`  longest wait of a request in the queue
`--queue-backpressure-metric METRIC`  backpressure metric, such as TTFT_MS
`--queue-backpressure-threshold NUMBER`  value above which the queue rejects requests
`--anyway`  deploy a model although the check on the Hugging Face Hub fails
`--yes`  deploy without a confirmation\
""")
