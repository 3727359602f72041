"""The training recipe as data: what a `recipe:` mapping may say, checked without loading torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from archgen.train.part import Part
from archgen.train.preparation import Preparation, implied

MOST_STEPS = (
    10**12
)  # more than any run takes: with the images of each, numbers that a computer counts
MOST_EPOCHS = 10**9
MOST_IMAGES = 10**6  # of a batch
MAX_SEED = 10**18 - 1  # a file has whole numbers of 18 digits
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
LearningRate = Annotated[
    float, Field(gt=0.0, description="the highest learning rate; the schedule scales it")
]
WeightDecay = Annotated[
    float,
    Field(ge=0.0, description="L2 decay of convolution and linear weights; never of anything else"),
]
WarmupSteps = Annotated[
    int,
    Field(
        ge=0, le=MOST_STEPS, description="steps over which the rate first rises linearly to `lr`"
    ),
]


class SGD(Part):
    """Stochastic gradient descent; `weight_decay` is added to the gradient."""

    name: Literal["sgd"]
    lr: LearningRate
    momentum: Fraction = Field(0.9, description="share of the last move that is kept")
    nesterov: bool = Field(False, description="look ahead along the momentum (Nesterov)")
    weight_decay: WeightDecay = 0.0


class AdamW(Part):
    """Adam with decoupled weight decay: each step takes `lr * weight_decay` off the weights."""

    name: Literal["adamw"]
    lr: LearningRate
    beta1: Fraction = Field(0.9, description="decay of the mean gradient")
    beta2: Fraction = Field(0.999, description="decay of the mean squared gradient")
    eps: float = Field(1e-8, gt=0.0, description="added to the root of the mean square")
    weight_decay: WeightDecay = 0.0


class RMSProp(Part):
    """RMSProp in PyTorch's form, which is not TensorFlow's.

    Here the mean square starts at 0, `eps` is added outside the root, and the rate multiplies
    the step after the momentum. At the paper's `eps` of 1.0 the two differ visibly: `rmsprop_tf`
    is the paper's.
    """

    name: Literal["rmsprop"]
    lr: LearningRate
    decay: Fraction = Field(0.9, description="decay of the mean squared gradient")
    momentum: Fraction = Field(0.0, description="share of the last move that is kept")
    eps: float = Field(1e-8, gt=0.0, description="added to the root of the mean square")
    weight_decay: WeightDecay = 0.0


class RMSPropTF(Part):
    """RMSProp in TensorFlow's form, the paper's: its defaults are those of the released code.

    The mean square starts at 1, `eps` is added inside the root, and the rate multiplies the step
    before the momentum.
    """

    name: Literal["rmsprop_tf"]
    lr: LearningRate
    decay: Fraction = Field(0.9, description="decay of the mean squared gradient")
    momentum: Fraction = Field(0.9, description="share of the last move that is kept")
    eps: float = Field(1.0, gt=0.0, description="added to the mean square, inside the root")
    weight_decay: WeightDecay = 0.0


class Constant(Part):
    """The same rate from the warm-up to the end."""

    name: Literal["constant"]
    warmup_steps: WarmupSteps = 0


class Cosine(Part):
    """Half a cosine from the full rate down to `floor` times it at the last step's end."""

    name: Literal["cosine"]
    warmup_steps: WarmupSteps = 0
    floor: Fraction = Field(0.0, description="share of `lr` that is left at the end")


class Staircase(Part):
    """The rate is multiplied by `factor` once every `epochs` epochs, at once and not gradually."""

    name: Literal["staircase"]
    warmup_steps: WarmupSteps = 0
    factor: float = Field(0.94, gt=0.0, le=1.0, description="what each stair multiplies by")
    epochs: float = Field(2.0, gt=0.0, le=1e9, description="epochs between two stairs")


SinglePhase: TypeAlias = Constant | Cosine | Staircase


class TwoPhase(Part):
    """A very low rate at first, then at once another schedule, which counts steps from its own start.

    He et al. (arXiv:1512.03385, section 4.2) start their deepest network so; Inception-v4's authors
    tried it against instability (section 3.3).
    """

    name: Literal["two_phase"]
    low_lr: LearningRate = Field(
        description="the rate of the first phase; of the same batch as `lr`"
    )
    low_steps: int = Field(ge=1, le=MOST_STEPS, description="length of the first phase in steps")
    then: SinglePhase = Field(discriminator="name", description="the schedule of the second phase")


Optimizer = Annotated[SGD | AdamW | RMSProp | RMSPropTF, Field(discriminator="name")]
Schedule = Annotated[Constant | Cosine | Staircase | TwoPhase, Field(discriminator="name")]


Precision: TypeAlias = Literal["auto", "float32", "bf16", "fp16"]


class EMA(Part):
    """Averaged weights, which evaluation and the final weights then use.

    They warm up as TensorFlow's do: update t keeps min(decay, (1 + t) / (10 + t)) of the average.
    """

    decay: Fraction = Field(0.9999, description="share of the average that each update keeps")


class Augment(Part):
    """Random changes to the training images; test images are never changed at random.

    A preset crops, mirrors and colours whole images in training, and implies the preparation of that
    name. `inception_tf` follows TensorFlow's laws, `torchvision` those of its reference scripts,
    without colour.
    """

    preset: Literal["inception_tf", "torchvision"] | None = Field(
        None, description="prepare images as this library does, instead of `flip` and the like"
    )
    flip: bool = Field(False, description="mirror half of the images, drawn anew each epoch")
    crop_padding: int = Field(
        0, ge=0, le=256, description="shift by up to this many pixels; black comes in at the edge"
    )

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if self.preset is not None and (self.flip or self.crop_padding):
            raise ValueError(
                f"the preset `{self.preset}` crops and mirrors by itself; "
                "leave out `flip` and `crop_padding`, or the preset"
            )
        return self


class Recipe(Part):
    """How to train one network: everything but the network, the data and the seed of one run."""

    optimizer: Optimizer = Field(description="how a gradient becomes a change of the weights")
    schedule: Schedule = Field(
        Constant(name="constant"), description="how the learning rate changes over the run"
    )
    batch: int = Field(ge=1, le=MOST_IMAGES, description="images a step, on all devices together")
    lr_for_batch: int | None = Field(
        None,
        ge=1,
        le=MOST_IMAGES,
        description="the batch that the rates are meant for: another `batch` scales them linearly; "
        "without it they are taken as they are",
    )
    accumulate: int = Field(
        1,
        ge=1,
        le=MOST_IMAGES,
        description="parts that a batch is computed in, one by one, to save memory",
    )
    clip_norm: float | None = Field(
        None, gt=0.0, description="longest that the gradient of all weights together may be"
    )
    steps: int | None = Field(None, ge=1, le=MOST_STEPS, description="length of the run in steps")
    epochs: int | None = Field(
        None, ge=1, le=MOST_EPOCHS, description="length of the run in epochs instead"
    )
    label_smoothing: Fraction = Field(
        0.0, description="probability spread evenly over all classes instead of the true one"
    )
    ema: EMA | None = Field(None, description="average the weights, and evaluate the average")
    precision: Precision = Field(
        "auto",
        description="what products compute in; auto is bf16 where a GPU has it, else float32",
    )
    compile: bool = Field(False, description="let torch.compile make the network faster")
    activation_checkpointing: bool = Field(
        False, description="blocks compute their activations twice, to save memory"
    )
    deterministic: bool = Field(
        False, description="take only algorithms that repeat bit by bit, on a GPU too"
    )
    augment: Augment = Field(Augment(), description="random changes to the training images")
    preparation: Preparation | None = Field(
        None,
        description="how images become what the network sees; what it leaves out is as the preset of "
        "`augment` implies, or plain",
    )
    on_bad: Literal["error", "skip"] = Field(
        "error", description="refuse images that cannot be read, or train on others instead"
    )
    max_bad: Fraction = Field(0.001, description="share of the images that `skip` may leave out")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="seed of a run that names none of its own")
    eval_every: int | None = Field(
        None,
        ge=1,
        le=MOST_STEPS,
        description="steps between evaluations; without it only the end is evaluated",
    )

    @model_validator(mode="before")
    @classmethod
    def _prepares_as_the_preset_implies(cls, value: Any) -> Any:  # noqa: ANN401  # as written
        if not isinstance(value, dict) or not isinstance(value.get("preparation"), dict):
            return value
        augment = value.get("augment")
        preset = augment.get("preset") if isinstance(augment, dict) else None
        return {
            **value,
            "preparation": {
                **implied(preset).model_dump(exclude_unset=True),
                **value["preparation"],
            },
        }

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("a recipe says either `steps` or `epochs`, and not both")
        return self

    @model_validator(mode="after")
    def _saves_activations_in_one_way(self) -> Self:
        if self.compile and self.activation_checkpointing:
            raise ValueError(
                "`compile` and `activation_checkpointing` do not go together, since torch.compile "
                "cannot leave the statistics of batch norms alone in a second pass; drop one"
            )
        return self

    @property
    def prepared(self) -> Preparation:
        """How images become what the network sees."""
        return implied(self.augment.preset) if self.preparation is None else self.preparation
