from textwrap import wrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rule import listed
from bot.domain.request.rules import LABELS, RULES, FieldError, Rule, check
from bot.domain.schemas import AutoscalingPolicy, QueueBackpressureMetricKind
from tests.domain.request.test_draft import DRAFTS, FULL

TARGETS = ("staging", "prod")
GOOD = DeployDraft(model="meta-llama/Llama-3.1-8B-Instruct", gpu="2xH100")


def checked(draft: DeployDraft) -> DeployRequest | tuple[FieldError, ...]:
    """Check a draft in a channel with two targets."""
    return check(draft, targets=TARGETS, default_target="staging", tag="k7wq")


def passed(**typed: str | bool | None) -> DeployRequest:
    """Check a good draft with these changes, which must pass."""
    answer = checked(GOOD.model_copy(update=typed))
    assert isinstance(answer, DeployRequest)
    return answer


def field_errors(**typed: str | bool | None) -> tuple[FieldError, ...]:
    """Check a good draft with these changes, which must not pass."""
    answer = checked(DeployDraft.model_validate({**GOOD.model_dump(by_alias=False), **typed}))
    assert isinstance(answer, tuple)
    return answer


def rule_id(rule: Rule) -> str:
    """Name a rule in a test's id."""
    return f"{rule.field}: {rule.valid}"


def shown(text: str) -> str:
    """Shorten a long example."""
    return text if len(text) < 60 else f"{text[:8]}… ({len(text)} characters)"


def table() -> str:
    """Render the table: field and rule, the example, the words; long lines are wrapped."""
    lines = []
    for rule in RULES:
        said = field_errors(**rule.bad)[0].sentences
        bad = ", ".join(f"{field}={shown(text)!r}" for field, text in rule.bad.items())
        lines += [f"{LABELS[rule.field]}: {rule.valid}", f"  {bad}"]
        lines += wrap(
            said, 90, initial_indent="  > ", subsequent_indent="    ", break_on_hyphens=False
        )
    return "\n".join(lines)


def test_the_whole_table_reads_like_this(capsys: pytest.CaptureFixture[str]) -> None:
    """Every rule: the field, what is valid, an example that isn't, and what is said about it."""
    print(table())  # noqa: T201 - the printed table is what is under test
    assert capsys.readouterr().out == snapshot("""\
Target: the name of one of the channel's targets
  target='prd'
  > I don't know the target `prd`. This channel has `staging` and `prod`. Did you mean
    `prod`?
Model: needed
  model=''
  > Name the model as org/name, such as `meta-llama/Llama-3.1-8B-Instruct`.
Model: org/name, or the address of the model's page on huggingface.co
  model='https://huggingface.co/datasets/org/name'
  > `https://huggingface.co/datasets/org/name` isn't a model page on huggingface.co. Paste
    its address, or write org/name.
Model: two parts with one slash between them
  model='gpt2'
  > `gpt2` isn't a full model name. Write org/name, such as
    `meta-llama/Llama-3.1-8B-Instruct`.
Model: letters, digits, - _ and .
  model='org/na me'
  > `org/na me` has a character that model names can't have. Use only letters, digits,
    `-`, `_` and dots. Did you mean `org/name`?
Model: at most 96 characters in each part
  model='org/nnnn… (101 characters)'
  > `org/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…` is too long. Each part
    of a model name has at most 96 characters.
Model: no part begins or ends with - or . or has -- or .. in it
  model='org/name-'
  > `org/name-` isn't a model name. Parts can't start or end with `-` or `.`, or contain
    `--` or `..`. Did you mean `org/name`?
Model: doesn't end in .git
  model='org/name.git'
  > `org/name.git` ends in .git, which model names can't. Did you mean `org/name`?
Endpoint name: more than spaces
  name='  '
  > Endpoint name has only spaces. Type a name, or leave it empty to derive it from the
    model.
Endpoint name: one line, no control, direction or zero-width characters
  name='one\\ntwo'
  > Endpoint name has a line break or an invisible character. Write it on one line.
Endpoint name: no word of Latin letters and others that look like them
  name='llаma'
  > `llаma` mixes Latin letters with look-alikes from another script. Write each word in
    one script.
Endpoint name: at most 100 characters
  name='xxxxxxxx… (101 characters)'
  > Endpoint name is 101 characters long; the limit is 100.
Instance: needed
  gpu=''
  > Choose an instance, such as `2xH100`.
Instance: COUNTxGPU with a GPU that Friendli has
  gpu='2xh10'
  > I don't know the GPU `h10`. Friendli has A100, H100, H200 and B200. Did you mean
    `H100`?
Instance: COUNTxGPU with a count that Friendli has
  gpu='3xH100'
  > No instance has `3` GPUs. Choose 1, 2, 4 or 8. Did you mean `4xH100`?
Instance: letters, digits, - and _ behind id:
  gpu='id:no id'
  > `no id` isn't an instance option id. Use letters, digits, - and _, at most 36
    characters.
Scaling: fixed replicas or autoscaling
  replicas='2', max_replicas='3'
  > Replicas are either fixed or autoscaled, not both. Choose one.
Replicas: a whole number, 1 or more
  replicas='1,000'
  > Replicas must be a whole number in digits only, such as 2. You wrote `1,000`.
Replicas: a whole number, 1 or more
  replicas='0'
  > Replicas must be 1 or more. You wrote `0`.
Replicas: at most 9 digits
  replicas='1000000000'
  > Replicas can have at most 9 digits. You wrote `1000000000`.
Minimum replicas: a whole number, 0 or more, at most 10
  min_replicas='1,000'
  > Minimum replicas must be a whole number in digits only, such as 0. You wrote `1,000`.
Minimum replicas: a whole number, 0 or more, at most 10
  min_replicas='11'
  > Minimum replicas must be from 0 to 10. You wrote `11`.
Maximum replicas: a whole number, 1 or more, at most 10
  max_replicas='1,000'
  > Maximum replicas must be a whole number in digits only, such as 3. You wrote `1,000`.
Maximum replicas: a whole number, 1 or more, at most 10
  max_replicas='11'
  > Maximum replicas must be from 1 to 10. You wrote `11`.
Maximum replicas: not below the minimum
  min_replicas='3', max_replicas='1'
  > Maximum replicas (`1`) can't be below minimum replicas (`3`).
Cool-down: a whole number of seconds, 1 or more
  cooldown='1,000'
  > Cool-down must be a whole number of seconds in digits only, such as 300. You wrote
    `1,000`.
Cool-down: a whole number of seconds, 1 or more
  cooldown='0'
  > Cool-down must be 1 or more. You wrote `0`.
Cool-down: at most 9 digits
  cooldown='1000000000'
  > Cool-down can have at most 9 digits. You wrote `1000000000`.
Lifetime: a duration
  lifetime='8'
  > `8` isn't a duration. Write `8h`, `2d` or `90m`. Did you mean `8h`?
Lifetime: not too short
  lifetime='5m'
  > `5m` is too short. The shortest lifetime is `30m`. Did you mean `30m`?
Lifetime: not too long
  lifetime='1000d'
  > `1000d` is too long. The longest lifetime is `90d`, and you can extend it later. Did
    you mean `90d`?
Revision: not a shortened commit hash
  revision='0e9e39f'
  > `0e9e39f` looks like a shortened commit hash. Write all 40 characters, or a branch.
Revision: not nearly a commit hash
  revision='0e9e39f249a16976918f6564b8830bc894c8965O'
  > `0e9e39f249a16976918f6564b8830bc894c8965O` looks like a commit hash, but isn't one. A
    hash has exactly 40 characters from 0–9 and a–f.
Revision: at most 255 characters
  revision='xxxxxxxx… (256 characters)'
  > Revision is 256 characters long; the limit is 255.
Revision: a branch that git allows, or a commit hash of 40 characters
  revision='my branch'
  > `my branch` isn't a valid branch name. Branch names can't contain spaces, quotes, ..
    or @{, or any of ~ ^ : ? * [ \\; no part starts with . or ends with .lock.
Version comment: one line, no control, direction or zero-width characters
  comment='one\\ntwo'
  > Version comment has a line break or an invisible character. Write it on one line.
Version comment: at most 500 characters
  comment='xxxxxxxx… (501 characters)'
  > Version comment is 501 characters long; the limit is 500.
Max batch size: a whole number, 1 or more
  max_batch_size='1,000'
  > Max batch size must be a whole number in digits only, such as 64. You wrote `1,000`.
Max batch size: a whole number, 1 or more
  max_batch_size='0'
  > Max batch size must be 1 or more. You wrote `0`.
Max batch size: at most 9 digits
  max_batch_size='1000000000'
  > Max batch size can have at most 9 digits. You wrote `1000000000`.
Max input length: a whole number of tokens, 1 or more
  max_input_length='1,000'
  > Max input length must be a whole number of tokens in digits only, such as 4096. You
    wrote `1,000`.
Max input length: a whole number of tokens, 1 or more
  max_input_length='0'
  > Max input length must be 1 or more. You wrote `0`.
Max input length: at most 9 digits
  max_input_length='1000000000'
  > Max input length can have at most 9 digits. You wrote `1000000000`.
Max token count: a whole number of tokens, 1 or more
  max_token_count='1,000'
  > Max token count must be a whole number of tokens in digits only, such as 2560. You
    wrote `1,000`.
Max token count: a whole number of tokens, 1 or more
  max_token_count='0'
  > Max token count must be 1 or more. You wrote `0`.
Max token count: at most 9 digits
  max_token_count='1000000000'
  > Max token count can have at most 9 digits. You wrote `1000000000`.
Max context length: a whole number of tokens, 1 or more
  max_context_length='1,000'
  > Max context length must be a whole number of tokens in digits only, such as 8192. You
    wrote `1,000`.
Max context length: a whole number of tokens, 1 or more
  max_context_length='0'
  > Max context length must be 1 or more. You wrote `0`.
Max context length: at most 9 digits
  max_context_length='1000000000'
  > Max context length can have at most 9 digits. You wrote `1000000000`.
Queue time-out: a whole number of milliseconds, 1 or more
  queue_timeout_ms='1,000'
  > Queue time-out must be a whole number of milliseconds in digits only, such as 30000.
    You wrote `1,000`.
Queue time-out: a whole number of milliseconds, 1 or more
  queue_timeout_ms='0'
  > Queue time-out must be 1 or more. You wrote `0`.
Queue time-out: at most 9 digits
  queue_timeout_ms='1000000000'
  > Queue time-out can have at most 9 digits. You wrote `1000000000`.
Backpressure metric: one of the API's metrics
  queue_backpressure_metric='TTFT', queue_backpressure_threshold='500'
  > I don't know the backpressure metric `TTFT`. Friendli has TPOT_MS, TTFT_MS,
    REQUEST_COUNT, WORKSPACE_UTILIZATION and QUEUED_PREFILL_TOKENS. Did you mean
    `TTFT_MS`?
Backpressure metric: needed with a threshold
  queue_backpressure_threshold='500'
  > A backpressure threshold needs a metric, such as `TTFT_MS`.
Backpressure threshold: needed with a metric
  queue_backpressure_metric='TTFT_MS'
  > The backpressure metric `TTFT_MS` needs a threshold, such as 500.
Backpressure threshold: a number in digits, with a dot for decimals
  queue_backpressure_metric='TTFT_MS', queue_backpressure_threshold='0,8'
  > Backpressure threshold must be a number, such as 500 or 0.8. You wrote `0,8`.
Backpressure threshold: more than 0
  queue_backpressure_metric='TTFT_MS', queue_backpressure_threshold='0'
  > Backpressure threshold must be more than 0.
""")


@pytest.mark.parametrize("rule", RULES, ids=rule_id)
def test_each_rules_example_breaks_that_rule_and_no_other(rule: Rule) -> None:
    """An example gets exactly one slip: its own rule's words on its own field."""
    answer = field_errors(**rule.bad)
    parsed = ParsedDraft(GOOD.model_copy(update=rule.bad), TARGETS)
    assert answer == (rule.field_error(parsed),)
    assert answer[0].field == rule.field


@pytest.mark.parametrize("rule", RULES, ids=rule_id)
def test_what_would_mend_a_slip_does(rule: Rule) -> None:
    """A draft with the mend applied passes."""
    field_error = field_errors(**rule.bad)[0]
    if field_error.suggest_fix is None:
        assert field_error.nearest is None
    else:
        assert passed(**{**rule.bad, **field_error.suggest_fix}).name


@pytest.mark.parametrize("rule", RULES, ids=rule_id)
def test_words_are_short_plain_sentences(rule: Rule) -> None:
    """Words end in a full stop or a suggestion, fit under a field, and don't shout."""
    said = field_errors(**rule.bad)[0].sentences
    assert said.endswith((".", "?"))
    assert len(said) <= 200
    assert "!" not in said
    assert "error" not in said.lower()


def test_every_field_has_a_label_and_every_text_a_rule() -> None:
    """No field of a draft is forgotten by the table."""
    assert tuple(LABELS) == tuple(DeployDraft.model_fields)
    switches = {"skip_special_tokens", "add_special_tokens", "content_logging", "anyway"}
    assert {rule.field for rule in RULES} == set(LABELS) - switches


def test_all_slips_are_said_at_once_in_the_order_of_the_form() -> None:
    """A person mends everything in one go; no field gets two sentences."""
    answer = field_errors(
        target="prd", model="gpt2", gpu="h10", name="x" * 101, replicas="0", comment="c" * 501
    )
    assert [field_error.field for field_error in answer] == [
        "target",
        "model",
        "name",
        "gpu",
        "replicas",
        "comment",
    ]


def test_nothing_typed_asks_for_the_model_and_the_instance() -> None:
    """Only these two have no default."""
    answer = checked(DeployDraft())
    assert isinstance(answer, tuple)
    assert [field_error.field for field_error in answer] == ["model", "gpu"]


def test_a_model_and_an_instance_are_enough() -> None:
    """Everything else has a default."""
    assert passed() == DeployRequest(
        target="staging",
        model="meta-llama/Llama-3.1-8B-Instruct",
        name="llama-3-1-8b-instruct-k7wq",
        instance_option_id="zfTutSiLn0Hq",
        autoscaling=AutoscalingPolicy(),
    )


def test_autoscaling_defaults_to_one_replica_that_may_sleep() -> None:
    """From 0 to 1 replica, with five minutes to cool down."""
    assert passed(scaling="auto").autoscaling == AutoscalingPolicy(
        min_replica=0, max_replica=1, cooldown_period=300
    )


def test_a_minimum_alone_raises_the_maximum() -> None:
    """The maximum's default is never below the minimum."""
    assert passed(min_replicas="2").autoscaling == AutoscalingPolicy(
        min_replica=2, max_replica=2, cooldown_period=300
    )


def test_everything_typed_arrives() -> None:
    """Each field of a full draft is in the request."""
    draft = FULL.draft()
    assert checked(draft) == FULL
    assert {field for field, value in draft if value is None} == {"replicas", "anyway"}


def test_what_the_other_scaling_kept_is_not_checked() -> None:
    """Numbers that are hidden in the form can't keep it from being sent."""
    assert passed(scaling="fixed", replicas="2", max_replicas="99", cooldown="x").replicas == 2
    assert passed(scaling="auto", replicas="many", max_replicas="2").autoscaling


def test_a_pasted_page_gives_the_model_and_its_revision() -> None:
    """The revision in an address counts unless one was typed."""
    page = "https://huggingface.co/org/name/tree/v2"
    assert (passed(model=page).model, passed(model=page).revision) == ("org/name", "v2")
    assert passed(model=page, revision="main").revision == "main"


def test_mending_a_pasted_page_keeps_its_revision() -> None:
    """The mend names the model and the revision apart."""
    (field_error,) = field_errors(model="https://huggingface.co/org/name.git/tree/v2")
    assert field_error.suggest_fix == {"model": "org/name", "revision": "v2"}


def test_space_around_what_was_typed_does_not_matter() -> None:
    """Pasted spaces are not part of a value."""
    assert passed(name=" my llama ", replicas=" 2 ", target=" prod ", comment=" ").model_dump(
        include={"name", "replicas", "target", "comment"}
    ) == {"name": "my llama", "replicas": 2, "target": "prod", "comment": None}


@pytest.mark.parametrize("typed", ["TTFT_MS", "ttft_ms", "ttft-ms", "TTFT ms"])
def test_a_metric_may_be_typed_in_any_case(typed: str) -> None:
    """Case and separators of a metric don't matter."""
    request = passed(queue_backpressure_metric=typed, queue_backpressure_threshold="500")
    assert request.queue_backpressure_metric is QueueBackpressureMetricKind.TTFT_MS


@pytest.mark.parametrize(
    ("field", "typed", "suggested"),
    [
        ("replicas", "1,000", "1000"),
        ("replicas", "0", "1"),
        ("replicas", "-3", "1"),
        ("replicas", "two", None),
        ("replicas", "2.5", "2"),
        ("max_replicas", "12", "10"),
        ("max_replicas", "0", "1"),
        ("cooldown", "300s", "300"),
        ("max_batch_size", "4 096", "4096"),
        ("queue_backpressure_threshold", "80%", "80"),
        ("queue_backpressure_threshold", "0,8", "0.8"),
        ("queue_backpressure_threshold", "1,000", "1000"),
    ],
)
def test_a_number_is_mended_to_the_nearest_valid_one(
    field: str, typed: str, suggested: str | None
) -> None:
    """Thousands' commas and units are dropped, and what is out of range is moved to its end."""
    beside = {"queue_backpressure_metric": "TTFT_MS"} if "threshold" in field else {}
    (field_error,) = field_errors(**beside, **{field: typed})
    assert field_error.suggest_fix == (None if suggested is None else {field: suggested})


def test_a_number_of_too_many_digits_is_not_guessed_at() -> None:
    """Nobody is offered 999,999,999 replicas."""
    assert [field_error.suggest_fix for field_error in field_errors(replicas="9" * 5_000)] == [None]
    assert [
        field_error.suggest_fix for field_error in field_errors(replicas="1e9,999,999,999,999")
    ] == [{"replicas": "1"}]


def test_reversed_bounds_are_swapped() -> None:
    """Three to one means one to three."""
    (field_error,) = field_errors(min_replicas="3", max_replicas="1")
    assert field_error.suggest_fix == {"min_replicas": "1", "max_replicas": "3"}


def test_a_cool_down_beside_fixed_replicas_is_what_goes() -> None:
    """Fixed replicas stay when all that was said of autoscaling is its cool-down."""
    (field_error,) = field_errors(replicas="2", cooldown="60")
    assert (field_error.field, field_error.suggest_fix) == ("scaling", {"cooldown": None})


def test_an_unknown_instance_names_its_gpu_and_keeps_its_count() -> None:
    """The words are about the GPU, the mend about the whole instance."""
    (field_error,) = field_errors(gpu="8xh10")
    assert field_error.sentences == snapshot(
        "I don't know the GPU `h10`. Friendli has A100, H100, H200 and B200. Did you mean `H100`?"
    )
    assert field_error.suggest_fix == {"gpu": "8xH100"}
    (hopeless,) = field_errors(gpu="toaster")
    assert (hopeless.nearest, hopeless.suggest_fix) == (None, None)


def test_what_was_typed_can_not_break_out_of_the_words() -> None:
    """A backtick in a value leaves the sentence whole."""
    (field_error,) = field_errors(gpu="`*" * 5)
    assert field_error.words == snapshot(
        "I don't know the GPU `ˋ*ˋ*ˋ*ˋ*ˋ*`. Friendli has A100, H100, H200 and B200."
    )


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcdef"), "a, b, c, d, e and 1 more"),
    ],
)
def test_names_are_listed_as_in_a_sentence(names: list[str], sentence: str) -> None:
    """Long lists end in a count."""
    assert listed(names) == sentence


@settings(max_examples=300)
@given(DRAFTS)
def test_any_draft_is_either_a_request_or_slips(draft: DeployDraft) -> None:
    """Nothing that can be typed makes the rules fail, and slips stay one for each field."""
    answer = checked(draft)
    if isinstance(answer, tuple):
        assert 0 < len(answer) == len({field_error.field for field_error in answer})


@given(
    st.builds(
        DeployDraft,
        model=st.just("org/name"),
        gpu=st.sampled_from(["2xH100", "h200 x 4", "B200"]),
        name=st.text(max_size=100),
        comment=st.text(max_size=500),
        replicas=st.integers(1, 999_999_999).map(str),
        revision=st.sampled_from([None, "main", "refs/pr/1"]),
        skip_special_tokens=st.none() | st.booleans(),
        queue_backpressure_metric=st.just("tpot_ms"),
        queue_backpressure_threshold=st.decimals("0.000000001", 999_999_999, places=9).map(
            lambda number: f"{number:f}"
        ),
    )
)
def test_a_requests_draft_is_the_same_request_again(draft: DeployDraft) -> None:
    """Trying again asks for exactly what was asked for before."""
    answer = checked(draft)
    if isinstance(answer, DeployRequest):
        assert checked(answer.draft()) == answer
        assert len(answer.draft().to_json()) <= 1_960
