"""Every code archgen can report, in one place: a code is permanent and never used for anything else.

AG0xx YAML, AG1xx names and settings, AG2xx expressions and params, AG3xx shapes, AG4xx references
and cycles, AG5xx expectations, AG6xx provenance and errata, AG7xx weights, AG8xx emission, AG9xx training.
`archgen explain CODE` shows what a rule means, with a failing and a mended example.
"""

from archgen.diagnostics import Rule, Severity

# AG0xx: the YAML itself
UNREADABLE = Rule("AG001", "unreadable", "the file cannot be read as a UTF-8 text")
YAML_SYNTAX = Rule("AG002", "yaml-syntax", "the text is not YAML")
DUPLICATE_KEY = Rule("AG003", "duplicate-key", "a mapping has the same key twice")
YAML_FEATURE = Rule("AG004", "yaml-feature", "tags, merge keys and several documents are refused")
LIMIT = Rule("AG005", "limit", "the file or the network is larger than archgen accepts")
UNQUOTED_EXPRESSION = Rule(
    "AG006", "unquoted-expression", "YAML splits this expression at its comma"
)
WRONG_TYPE = Rule("AG007", "wrong-type", "a value has the wrong type")
MERGE_CONFLICT = Rule("AG008", "merge-conflict", "the file holds a merge that is not resolved")

# AG1xx: names and settings
UNKNOWN_KEY = Rule("AG101", "unknown-key", "a key that archgen does not know")
MISSING_KEY = Rule("AG102", "missing-key", "a key that must be there")
UNKNOWN_OP = Rule("AG103", "unknown-op", "a step names neither an op nor a block")
NOT_ONE_OP = Rule(
    "AG104", "not-one-op", "a step has exactly one op or block beside its reserved keys"
)
UNKNOWN_SETTING = Rule("AG105", "unknown-setting", "an op or block has no such setting")
MISSING_SETTING = Rule("AG106", "missing-setting", "a setting without a default is not given")
BAD_VALUE = Rule("AG107", "bad-value", "a setting's value is not one it can take")
BAD_NAME = Rule("AG108", "bad-name", "a name that cannot be an identifier of the emitted module")
NAME_TAKEN = Rule("AG109", "name-taken", "two parts of one list have the same name")
NEWER_LANGUAGE = Rule("AG110", "newer-language", "the spec is written in a newer language")
WRONG_KIND = Rule("AG111", "wrong-kind", "the file is of another kind than the command needs")
REPEATED_JOIN = Rule("AG112", "repeated-join", "only a block or a plain op can be repeated")
AMBIGUOUS_PADDING = Rule(
    "AG113", "ambiguous-padding", "`same` padding that libraries read differently"
)
STRIDE_NOT_WRITTEN = Rule("AG114", "stride-not-written", "a pool must state its stride")
SET_MISSES = Rule("AG115", "set-misses", "a `--set` or `alternatives` entry names no single param")
DEFAULT_MISSES = Rule("AG116", "default-misses", "`defaults` names no op or no setting")

# AG2xx: expressions and params
EXPRESSION_SYNTAX = Rule("AG201", "expression-syntax", "an expression that cannot be read")
UNKNOWN_NAME = Rule("AG202", "unknown-name", "an expression uses a name that is not in scope")
TRUE_DIVISION = Rule("AG203", "true-division", "`/` in a slot that takes whole numbers")
EXPRESSION_VALUE = Rule("AG204", "expression-value", "an expression has no value of the right type")
PARAM_TYPE = Rule("AG205", "param-type", "a param's type or default cannot be read")
UNKNOWN_VARIANT = Rule("AG206", "unknown-variant", "a block has no variant of this name")
REQUIREMENT = Rule("AG207", "requirement", "a `require` of the block does not hold")

# AG3xx: shapes
GRIDS_DIFFER = Rule("AG301", "grids-differ", "branches of a join end on different grids")
CHANNELS_DIFFER = Rule("AG302", "channels-differ", "an addition of different channel counts")
RESIDUAL_MISMATCH = Rule("AG303", "residual-mismatch", "body and shortcut of a residual differ")
INPUT_TOO_SMALL = Rule(
    "AG304", "input-too-small", "a window is larger than the grid it slides over"
)
GROUPS = Rule("AG305", "groups", "channels cannot be divided among the groups")
NEEDS_GRID = Rule("AG306", "needs-grid", "an op that needs a grid got a vector")
SPLIT_MISMATCH = Rule("AG307", "split-mismatch", "the parts of a split do not add up to its input")
STRIDE_DROPS_ROWS = Rule(
    "AG308",
    "stride-drops-rows",
    "a strided layer ignores the last rows or columns",
    Severity.WARNING,
)
BIAS_BEFORE_NORM = Rule(
    "AG309", "bias-before-norm", "a batch norm cancels the bias before it", Severity.WARNING
)
REPEATED_ACTIVATION = Rule(
    "AG310", "repeated-activation", "an activation that was just applied", Severity.WARNING
)
SIZES_NARROWER = Rule(
    "AG311",
    "sizes-narrower",
    "the network does not take every input size that `sizes` states",
    Severity.WARNING,
)
SPATIAL_RESULT = Rule(
    "AG312",
    "spatial-result",
    "the network ends on a 1x1 grid where a vector is meant",
    Severity.WARNING,
)
STACKED_LINEAR = Rule(
    "AG313", "stacked-linear", "linear layers with nothing between are one", Severity.WARNING
)
ACTIVATION_BEFORE_LOSS = Rule(
    "AG314",
    "activation-before-loss",
    "the network ends on an activation, and cross-entropy takes what goes into it",
    Severity.WARNING,
)

# AG4xx: references and cycles
UNKNOWN_REFERENCE = Rule("AG401", "unknown-reference", "`from` names nothing in sight")
RECURSION = Rule("AG402", "recursion", "a block contains itself")
UNUSED_STEP = Rule(
    "AG403", "unused-step", "nothing reads the output of this step", Severity.WARNING
)
UNUSED_BLOCK = Rule("AG404", "unused-block", "a block is never used", Severity.WARNING)
UNUSED_PARAM = Rule("AG405", "unused-param", "a param is never used", Severity.WARNING)
UNKNOWN_LIBRARY = Rule("AG406", "unknown-library", "`use` names a file that cannot be used")
WRONG_INPUTS = Rule("AG407", "wrong-inputs", "an op or block takes another number of inputs")
UNUSED_LIBRARY = Rule("AG408", "unused-library", "a library is never used", Severity.WARNING)
IDENTICAL_BRANCHES = Rule(
    "AG409", "identical-branches", "two branches of a join are the same steps", Severity.WARNING
)
UNUSED_ALLOW = Rule("AG410", "unused-allow", "an `allow` acknowledges no finding", Severity.WARNING)
UNKNOWN_BASE = Rule("AG411", "unknown-base", "`extends` names a file that cannot be extended")
EDIT_MISSES = Rule("AG412", "edit-misses", "an edit hits no place of the base, or several")
IDLE_EDIT = Rule("AG413", "idle-edit", "an edit changes nothing")
UNUSED_INPUT = Rule("AG414", "unused-input", "nothing reads an input of a block", Severity.WARNING)
DROPPED_BRANCH = Rule(
    "AG415",
    "dropped-branch",
    "`when` leaves out every step of a branch, which is then the identity",
    Severity.WARNING,
)
WHEN_OF_SEVERAL = Rule(
    "AG416", "when-of-several", "`when` would drop inputs of a step that reads several values"
)
TEXT_DIRECTION = Rule(
    "AG419",
    "text-direction",
    "a character that shows the line in another order than it is read",
    Severity.WARNING,
)
AMBIGUOUS_INPUT = Rule("AG417", "ambiguous-input", "`in` alone in a block that has several inputs")

# AG5xx: expectations
EXPECTATION = Rule("AG501", "expectation", "an `expect` does not hold")
BUDGET = Rule("AG502", "budget", "a bound on params or MACs is exceeded")

# AG6xx: provenance and errata
ERRATUM_COMPILES = Rule(
    "AG601", "erratum-compiles", "the printed value of a contradiction compiles"
)
READING_FAILS = Rule("AG602", "reading-fails", "the printed variant of a reading does not compile")
ERRATUM_FIELD = Rule("AG603", "erratum-field", "an erratum names no setting of its step")
READING_SOURCE = Rule("AG604", "reading-source", "a reading must name another source")
ALTERNATIVE_FAILS = Rule("AG605", "alternative-fails", "an alternative does not compile")

# AG7xx: weights; from AG710 on about checkpoints, which have no lines to point at
BAD_MAP = Rule("AG701", "bad-map", "a line of a weight map cannot be read")
UNKNOWN_LAYER = Rule("AG702", "unknown-layer", "a weight map names a layer that its network lacks")
MAPPED_TWICE = Rule("AG703", "mapped-twice", "a weight map names a layer twice")
UNMAPPED_LAYER = Rule("AG704", "unmapped-layer", "a weight map leaves out a layer of its network")
UNREADABLE_WEIGHTS = Rule("AG710", "unreadable-weights", "a file holds no tensors that can be read")
MISSING_TENSOR = Rule("AG711", "missing-tensor", "a checkpoint lacks what the network needs")
EXTRA_TENSOR = Rule("AG712", "extra-tensor", "a checkpoint holds what the network has no place for")
WRONG_SHAPE = Rule("AG713", "wrong-shape", "a tensor of a checkpoint has another shape than ours")
NOT_FINITE = Rule("AG714", "not-finite", "a tensor of a checkpoint holds NaN or infinity")
FOREIGN_TENSOR = Rule("AG715", "foreign-tensor", "a tensor of a checkpoint holds no real numbers")
AMBIGUOUS = Rule("AG717", "ambiguous-layers", "nothing says which layers of a checkpoint are which")
UNKEPT = Rule("AG716", "unkept", "what the other side needs is not in these weights")

# AG9xx: training
BAD_RECIPE = Rule("AG901", "bad-recipe", "a training recipe cannot be read")
BAD_PREPARATION = Rule("AG902", "bad-preparation", "a preparation of images cannot be read")

RULES: tuple[Rule, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Rule)
)

# findings that one edit of padding, stride, kernel, groups or filters may end
MENDED_BY_SHAPE: tuple[Rule, ...] = (
    GRIDS_DIFFER,
    CHANNELS_DIFFER,
    RESIDUAL_MISMATCH,
    INPUT_TOO_SMALL,
    GROUPS,
    EXPECTATION,
)
