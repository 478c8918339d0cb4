"""The public surface: every name, with the order, defaults and kinds of its arguments."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re

import numpy as np
import pytest

import fastconv
from fastconv._docs import parameters_of, sections_of

# Signatures as the contract writes them; {n} stands for 1 and 2. Keyword-only arguments that many
# functions share are appended to each line of a group.
ELEMENTWISE = "threads=None, out=None"
SPATIAL = ELEMENTWISE + ", data_format='channels_first'"
MULTIPLIES = SPATIAL + ", precision=None"
ALL_THREE = "threads=None, data_format='channels_first', precision=None"
SHAPES = "data_format='channels_first'"
POOL = "kernel_size, stride=None, padding=0"
CONV = "stride=1, padding=0, dilation=1, groups=1"
TRANSPOSED = "stride=1, padding=0, groups=1, dilation=1"
MASK = "output_mask=(True, True, True), activation=None, output=None"
COUNT = "count_include_pad=True, divisor_override=None"

FUNCTIONS = {
    MULTIPLIES: f"""
        conv{{n}}d(input, weight, bias=None, {CONV}, *, padding_mode='zeros', activation=None,
            residual=None, algorithm='auto')
        conv_transpose{{n}}d(input, weight, bias=None, stride=1, padding=0, output_padding=0,
            groups=1, dilation=1, *, output_size=None, activation=None, algorithm='auto')
        """,
    SPATIAL: f"""
        max_pool{{n}}d(input, {POOL}, dilation=1, ceil_mode=False, return_indices=False)
        min_pool{{n}}d(input, {POOL}, dilation=1, ceil_mode=False, return_indices=False)
        avg_pool{{n}}d(input, {POOL}, ceil_mode=False, {COUNT}, *, dilation=1)
        sum_pool{{n}}d(input, {POOL}, ceil_mode=False, *, dilation=1)
        lp_pool{{n}}d(input, norm_type, kernel_size, stride=None, ceil_mode=False, *, padding=0,
            dilation=1)
        adaptive_avg_pool{{n}}d(input, output_size)
        adaptive_max_pool{{n}}d(input, output_size, return_indices=False)
        prelu(x, /, weight)
        global_avg_pool{{n}}d(input)
        global_max_pool{{n}}d(input)
        global_sum_pool{{n}}d(input)
        max_unpool{{n}}d(input, indices, {POOL}, output_size=None)
        unfold(input, kernel_size, dilation=1, padding=0, stride=1)
        fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1)
        batch_norm(input, running_mean, running_var, weight=None, bias=None, eps=1e-05, *,
            activation=None)
        """,
    ELEMENTWISE: """
        add(a, b, *, activation=None)
        relu(x, /)
        relu6(x, /)
        leaky_relu(x, /, negative_slope=0.01)
        sigmoid(x, /)
        tanh(x, /)
        silu(x, /)
        gelu(x, /, approximate='none')
        hardsigmoid(x, /)
        hardswish(x, /)
        elu(x, /, alpha=1.0)
        softplus(x, /)
        softmax(x, /, axis=-1)
        """,
    SHAPES: f"""
        conv_output_shape(input_shape, weight_shape, {CONV})
        conv_transpose_output_shape(input_shape, weight_shape, stride=1, padding=0,
            output_padding=0, groups=1, dilation=1, *, output_size=None)
        pool_output_shape(input_shape, {POOL}, dilation=1, ceil_mode=False)
        """,
    "": """
        resolve_padding(padding, length, kernel, stride=1, dilation=1)
        receptive_field(layers)
        set_num_threads(n)
        get_num_threads()
        set_threading(name)
        threading()
        supported_isas()
        isa()
        set_isa(name)
        show_config(mode='stdout')
        clear_pool()
        get_include()
        get_cmake_dir()
        tune(plan, seconds=0.5)
        threads(n)
        precision(mode)
        """,
}

GRADIENTS = {
    "threads=None, data_format='channels_first'": """
        batch_norm(input, grad_output, running_mean, running_var, weight=None, bias=None,
            eps=1e-05, *, activation=None, output=None)
        """,
    MULTIPLIES: f"""
        conv{{n}}d_input(input_size, weight, grad_output, {CONV}, *, padding_mode='zeros')
        conv{{n}}d_weight(input, weight_size, grad_output, {CONV}, *, padding_mode='zeros')
        conv_transpose{{n}}d_input(input_size, weight, grad_output, {TRANSPOSED})
        conv_transpose{{n}}d_weight(input, weight_size, grad_output, {TRANSPOSED})
        """,
    ALL_THREE: f"""
        conv{{n}}d(input, weight, grad_output, {CONV}, *, padding_mode='zeros', {MASK})
        conv_transpose{{n}}d(input, weight, grad_output, {TRANSPOSED}, *, {MASK})
        """,
    SPATIAL: f"""
        conv{{n}}d_bias(grad_output)
        prelu(grad_output, x, weight)
        conv_transpose{{n}}d_bias(grad_output)
        max_pool{{n}}d_input(grad_output, indices, input_size)
        min_pool{{n}}d_input(grad_output, indices, input_size)
        adaptive_max_pool{{n}}d_input(grad_output, indices, input_size)
        max_unpool{{n}}d_input(grad_output, indices)
        avg_pool{{n}}d_input(grad_output, input_size, {POOL}, ceil_mode=False, {COUNT}, *,
            dilation=1)
        sum_pool{{n}}d_input(grad_output, input_size, {POOL}, ceil_mode=False, *, dilation=1)
        adaptive_avg_pool{{n}}d_input(grad_output, input_size, output_size=None)
        global_avg_pool{{n}}d_input(grad_output, input_size)
        global_sum_pool{{n}}d_input(grad_output, input_size)
        global_max_pool{{n}}d_input(grad_output, input)
        lp_pool{{n}}d_input(grad_output, input, output, norm_type, kernel_size, stride=None,
            ceil_mode=False, *, padding=0, dilation=1)
        unfold_input(grad_output, input_size, kernel_size, dilation=1, padding=0, stride=1)
        fold_input(grad_output, kernel_size, dilation=1, padding=0, stride=1)
        """,
    ELEMENTWISE: """
        relu(grad_output, x)
        relu6(grad_output, x)
        leaky_relu(grad_output, x, negative_slope=0.01)
        sigmoid(grad_output, x)
        tanh(grad_output, x)
        silu(grad_output, x)
        gelu(grad_output, x, approximate='none')
        hardsigmoid(grad_output, x)
        hardswish(grad_output, x)
        elu(grad_output, x, alpha=1.0)
        softplus(grad_output, x)
        softmax(grad_output, x, axis=-1)
        """,
}

PLANS = {
    "threads=None, data_format='channels_first', precision=None": f"""
        Conv{{n}}dPlan(input_shape, weight, bias=None, {CONV}, *, padding_mode='zeros',
            activation=None, algorithm='auto')
        ConvTranspose{{n}}dPlan(input_shape, weight, bias=None, stride=1, padding=0,
            output_padding=0, groups=1, dilation=1, *, output_size=None, activation=None,
            algorithm='auto')
        """
}

STREAM = "channels, batch=1, data_format='channels_first', threads=1, dtype=np.float32"
STREAMS = {
    STREAM: """
        ConvStream1d(weight, bias=None, stride=1, dilation=1, groups=1, *, activation=None,
            align='causal', algorithm='auto')
        ConvTransposeStream1d(weight, bias=None, stride=1, groups=1, dilation=1, *,
            activation=None, algorithm='auto')
        MaxPoolStream1d(kernel_size, stride=None, dilation=1, *, align='causal')
        AvgPoolStream1d(kernel_size, stride=None, *, dilation=1, divisor_override=None,
            align='causal')
        """,
    MULTIPLIES: """
        causal_conv1d(input, weight, bias=None, state=None, *, stride=1, dilation=1, groups=1,
            activation=None)
        """,
}

LAYERS = """
    Conv{n}d ConvTranspose{n}d MaxPool{n}d MinPool{n}d AvgPool{n}d SumPool{n}d LPPool{n}d
    AdaptiveAvgPool{n}d AdaptiveMaxPool{n}d GlobalAvgPool{n}d GlobalMaxPool{n}d BatchNorm{n}d
    Flatten Linear Dense ReLU LeakyReLU PReLU Sigmoid Tanh SiLU GELU Hardswish Hardsigmoid ELU
    Softplus Softmax Dropout Dropout{n}d Residual Concat Sequential Upsample Reshape Unflatten
    GroupNorm LayerNorm SoftmaxCrossEntropy BCEWithLogits MSE SGD Adam fit
    StepLR MultiStepLR ExponentialLR CosineLR LambdaLR ReduceLROnPlateau EarlyStopping
    """

POSITIONAL = {
    "Conv{n}d": "in_channels out_channels kernel_size stride padding dilation groups bias"
    " padding_mode",
    "ConvTranspose{n}d": "in_channels out_channels kernel_size stride padding output_padding groups"
    " bias dilation",
    "Linear": "in_features out_features bias",
    "BatchNorm{n}d": "eps momentum",
    "Dropout": "p rng",
    "ReLU": "inplace",
    "LeakyReLU": "negative_slope inplace",
    "ELU": "alpha inplace",
    "Flatten": "start_dim end_dim",
    "Unflatten": "dim unflattened_size",
    "Upsample": "size scale_factor mode align_corners",
    "GroupNorm": "num_groups num_channels eps affine",
    "LayerNorm": "normalized_shape eps elementwise_affine bias",
    "Concat": "branches",
    "SoftmaxCrossEntropy": "weight label_smoothing",
    "BCEWithLogits": "weight",
    "StepLR": "optimizer step_size gamma",
    "PReLU": "num_parameters init",
    "Residual": "layer shortcut",
    "SGD": "parameters lr momentum weight_decay",
    "fit": "model x y",
}


def each_n(text):
    """The text once for every number of axes that it speaks of."""
    return [text.replace("{n}", n) for n in ("1", "2")] if "{n}" in text else [text]


def parsed(line, shared):
    """The name and signature that a line of the tables stands for."""
    name, arguments = re.fullmatch(r"(\w+)\((.*)\)", line).groups()
    if shared:
        star = "" if "*," in arguments else "*, "
        arguments = ", ".join(filter(None, [arguments, star + shared]))
    scope: dict[str, object] = {"np": np}
    exec(f"def {name}({arguments}): ...", scope)
    return name, inspect.signature(scope[name])


def rows(table):
    """Every (name, signature) of a table."""
    for shared, text in table.items():
        for line in re.sub(r"\n {12}", " ", text).split("\n"):
            if line.strip():
                for each in each_n(line.strip()):
                    yield parsed(each, shared)


def expand(names):
    return {each for name in names.split() for each in each_n(name)}


def arguments_of(signature):
    """Arguments as data: in order if they may be positional, in any order if not."""
    parameters = signature.parameters.values()
    kind = inspect.Parameter
    positional = [
        (p.name, p.kind, p.default) for p in parameters if p.kind is not kind.KEYWORD_ONLY
    ]
    named = {p.name: p.default for p in parameters if p.kind is kind.KEYWORD_ONLY}
    return positional, named


def modules():
    names = [m.name for m in pkgutil.walk_packages(fastconv.__path__, "fastconv.")]
    return [name for name in names if name.rpartition(".")[2] not in ("__main__", "_native")]


def names_an_extra(error):
    return "pip install 'fastconv[" in str(error)


def is_there(module, name):
    """Whether the module has the name, or says which extra brings it."""
    try:
        return hasattr(module, name)
    except ImportError as error:
        return names_an_extra(error)


def imported(name):
    if name.startswith("fastconv.interfaces.scipy_signal"):
        pytest.importorskip("scipy", reason="scipy is an extra, and its examples call it")
    if name.startswith("fastconv.interfaces."):
        try:
            return importlib.import_module(name)
        except ImportError as error:
            if not names_an_extra(error):
                raise
            pytest.skip(str(error))
    if name == "fastconv.demo_plot":
        pytest.importorskip("matplotlib", reason="the demo's picture is drawn by Matplotlib")
    return importlib.import_module(name)


ROWS = [
    pytest.param(module, name, signature, id=f"{module}.{name}")
    for module, table in (
        ("fastconv", FUNCTIONS | PLANS),
        ("fastconv", STREAMS),
        ("fastconv.grad", GRADIENTS),
    )
    for name, signature in rows(table)
]


@pytest.mark.parametrize(("module", "name", "signature"), ROWS)
def test_signature_is_the_documented_one(module, name, signature):
    function = getattr(importlib.import_module(module), name)
    assert arguments_of(inspect.signature(function)) == arguments_of(signature)


@pytest.mark.parametrize(("module", "name", "signature"), ROWS)
def test_docstring_tells_everything(module, name, signature):
    doc = inspect.getdoc(getattr(importlib.import_module(module), name))
    wanted = {"Examples"}
    wanted |= {"Parameters", "Raises"} if signature.parameters else set()
    wanted |= (
        {"Returns"}
        if not re.match(r"[A-Z]\w+(Plan|Stream1d)|(set|clear)_|threads|precision", name)
        else set()
    )
    found = set(re.findall(r"^(\w+)\n-+$", doc, re.MULTILINE))
    assert wanted <= found
    assert doc.split("\n")[0].endswith((".", ":"))


@pytest.mark.parametrize("module", ["fastconv", "fastconv.grad", "fastconv.nn"])
def test_every_argument_is_explained_in_its_docstring(module):
    public = vars(importlib.import_module(module))
    unexplained = []
    for name in importlib.import_module(module).__all__:
        if not callable(public.get(name)):
            continue
        entries = parameters_of(sections_of(public[name].__doc__).get("Parameters", ""))
        for argument in inspect.signature(public[name]).parameters:
            entry = entries.get(argument) or entries.get(f"*{argument}", "")
            if not re.search(r"\n    \w|\n    [`(]", entry) or "As in `" in entry:
                unexplained.append(f"{name}: {argument}")
    assert unexplained == []


def test_all_names_what_is_public():
    documented = {name for table in (FUNCTIONS | PLANS, STREAMS) for name, _ in rows(table)}
    documented |= {"__version__", "grad", "interfaces", "nn", "reference"}
    assert set(fastconv.__all__) == documented


def test_all_of_grad_names_what_is_public():
    assert set(fastconv.grad.__all__) == {name for name, _ in rows(GRADIENTS)}


def test_all_of_nn_holds_every_layer():
    assert expand(LAYERS) <= set(fastconv.nn.__all__)


@pytest.mark.parametrize("names", POSITIONAL)
def test_positional_arguments_of_layers(names):
    for name in each_n(names):
        positional, _ = arguments_of(inspect.signature(getattr(fastconv.nn, name)))
        assert " ".join(argument for argument, *_ in positional) == POSITIONAL[names]


@pytest.mark.parametrize("name", ["fastconv", *modules()])
def test_all_exists_once(name):
    module = imported(name)
    listed = getattr(module, "__all__", [])
    assert len(set(listed)) == len(listed)
    assert not [each for each in listed if not is_there(module, each)]


@pytest.mark.parametrize("name", ["fastconv", *modules()])
def test_examples_of_the_docstrings(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(imported(name), optionflags=doctest.ELLIPSIS)
    assert failed == 0


def test_version_is_the_installed_one():
    from importlib.metadata import version

    assert fastconv.__version__ == version("fastconv")
