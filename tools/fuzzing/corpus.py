"""What cases are made from: examples, specs, fragments of YAML, and words of the language."""

from __future__ import annotations

from functools import cache

from tools.fuzzing.promises import ROOT, SPECS

HEAD = b"archgen: 1\nname: n\ninput: {channels: 3, grid: 8}\n"
FRAGMENTS = (
    b"",
    b"\n",
    b"[[[[[[[[",
    b"{{{{",
    b"- - - - -\n",
    b"? a\n: b\n",
    b"&a [*a, *a]",
    b"a: &x {b: *x}\n",
    b"<<: {a: 1}\n",
    b"!!python/object:os.system x",
    b"!!binary aGk=\n",
    b"%YAML 1.2\n---\na: 1\n...\n",
    b"--- a\n--- b\n",
    b'"\\uD800"',
    b'"\\x00\\u0085\\U0010FFFF"',
    b"|\n  text\n   more\n",
    b">-\n  text\n\n  more\n",
    b"\xff\xfea\x00:\x001\x00",
    b"\xef\xbb\xbfarchgen: 1\n",
    HEAD + b"network: []\n",
    HEAD + b"network:\n  - conv: {filters: 8, kernel: 3, padding: same}\n    repeat: 3\n",
    HEAD + b"blocks: {a: {body: [b]}, b: {body: [a]}}\nnetwork: [a]\n",
    b"archgen: 1\nblocks:\n  a:\n    params: {k: int}\n    variants: {v: {k: 3}}\n    body: []\n",
)
WORDS = b"""archgen name source input channels grid height width use defaults blocks network params
    variants require inputs outputs body expect alternatives allow id from repeat when errata note
    field printed why kind reading contradiction set concat residual add multiply split conv pool
    max_pool avg_pool global_avg_pool linear dropout flatten norm act scale identity upsample pad
    conv_transpose stochastic_depth lrn l2_normalize channel_shuffle layer group prelu factor extra
    filters kernel stride padding dilation groups bias batch relu softmax same valid none in here i
    in.channels in.grid here.channels int float bool type min max default doc variant shortcut
    training_only loss_weight true false null ~ 0 1 -1 3 1x7 0x7 1e309 .inf .nan -.INF 0o17 1e-3
    99999999999999999999 9223372036854775808 ceil_div( make_divisible( round_to( // % == <= and or
    not if else ( ) __init__ self lambda import 1//0 a/b {same: [1, <<: *a &a !!str !t | > >- |+2 ?
    - : , # @ ` ' " [ ] { } [] {} --- ... %TAG \\ \\u2028 {max: AG301 AG403 ../ /dev/zero"""
TOKENS = (
    *WORDS.split(),
    b"\n",
    b"\n  ",
    b"\n- ",
    b": ",
    b"\t",
    b"\r",
    b"\r\n",
    b"\x00",
    b"\x1b[31m",
    b"\x7f",
    b"\x85",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"\xcc\x81",
    b"\xe5\x90\x8d",
    b"\xff\xfe",
)


@cache
def corpus() -> tuple[bytes, ...]:
    """Small valid and invalid texts; the specs of this project come once each."""
    examples = sorted((ROOT / "archgen" / "explanations").glob("*/*.yaml"))
    return (*(path.read_bytes() for path in examples), *FRAGMENTS)


@cache
def specs() -> tuple[bytes, ...]:
    """The specs of this project."""
    return tuple(path.read_bytes() for path in sorted(SPECS.rglob("*.yaml")))
