"""Lesson 00: images as arrays, the backward pass of (x + y) z, and why fully connected nets do not fit images."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from course_utils.contract import Case, Draw, Example, case, example, exercise

LESSON = "00_start_here"


# Every number says where it stands: row, column, channel.
_IMAGE = [[[11, 12], [21, 22], [31, 32]], [[41, 42], [51, 52], [61, 62]]]  # (2, 3, 2)
_BATCH = [[[[11, 21, 31], [41, 51, 61]], [[12, 22, 32], [42, 52, 62]]]]  # (1, 2, 2, 3)


@exercise(LESSON, examples=[example(_BATCH, _IMAGE)])
def to_nchw(image):
    return np.stack([np.stack([image[..., channel] for channel in range(image.shape[2])])])


@to_nchw.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("square colour image", draw.array(4, 4, 3))
    yield case("image taller than wide", draw.array(draw.size(5, 7), 2, 3))
    yield case("gray image (one channel)", draw.array(3, 4, 1))
    yield case("image with transparency (four channels)", draw.array(2, 3, 4))
    yield case("one pixel", draw.array(1, 1, 3))
    for _ in draw.repeats(4):
        yield case("random size", draw.array(draw.size(2, 6), draw.size(2, 6), draw.int(2, 4)))
    yield case("image wider than tall", draw.array(2, draw.size(4, 6), 3))


@to_nchw.mistake(
    "Your values stay in the order in which they lie in memory (reshape does that): red, green and blue of one pixel "
    "become three neighbours in a row. The axes must change places, and every value must move with its pixel."
)
def reshaped_in_place_of_transposed(right, image):
    height, width, channels = image.shape
    return image.reshape(1, channels, height, width)


@to_nchw.mistake(
    "Channels come first, but rows and columns have changed places too: the picture lies on its side. "
    "`.T` reverses all axes; here the rows must stay in front of the columns."
)
def rows_and_columns_exchanged(right, image):
    return right(image.swapaxes(0, 1))


@to_nchw.mistake(
    "The channels are in the right place. What is missing is the batch axis in front: "
    "one image is a batch of one, so the result has four axes and the first has length 1."
)
def batch_axis_missing(right, image):
    return right(image)[0]


@to_nchw.mistake(
    "The batch axis of length 1 stands last. The order of the axes is N, C, H, W, so the batch axis stands first."
)
def batch_axis_last(right, image):
    return right(image)[0][..., None]


@to_nchw.mistake(
    "The batch axis is there, but the channels still stand last: this is N, H, W, C. "
    "The channels belong between the batch axis and the rows."
)
def channels_still_last(right, image):
    return image[None]


@to_nchw.mistake(
    "You added the batch axis first and then moved the channels by one place only: the order is now N, H, C, W. "
    "The channels must pass the columns and the rows."
)
def channels_behind_the_rows(right, image):
    return image.swapaxes(1, 2)[None]


@to_nchw.mistake(
    "The axes are right, but the channels come in reverse order: red and blue are exchanged. "
    "Keep the order in which they came (some libraries, OpenCV for one, store blue first)."
)
def channels_reversed(right, image):
    return right(image)[:, ::-1]


@to_nchw.mistake(
    "The layout is right, but the values are divided by 255. Only the axes change here: every value stays what it is."
)
def values_divided_by_255(right, image):
    return right(image) / 255


@exercise(
    LESSON,
    parts=("f", "df_dx", "df_dy", "df_dz"),
    examples=[example((-12.0, -4.0, -4.0, 3.0), -2.0, 5.0, -4.0), example((0.0, 3.0, 3.0, 0.0), 1.0, -1.0, 3.0)],
)
def backprop_add_mul(x, y, z):
    inputs = np.array([x, y, z], dtype=complex)
    steps = inputs + 1e-20j * np.eye(3)  # a complex step in each input: its imaginary part is the slope, to all digits
    f, *gradients = ((v[0] + v[1]) * v[2] for v in (inputs, *steps))
    return float(f.real), *(float(g.imag / 1e-20) for g in gradients)


@backprop_add_mul.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("z is negative", 3.0, 2.0, -5.0)
    yield case("z is zero", 3.0, 2.0, 0.0)
    yield case("z is one", 4.0, -1.5, 1.0)
    yield case("x + y is negative", -4.0, 1.0, 2.0)
    yield case("whole numbers (int)", 2, 3, 4)
    for _ in draw.repeats(6):
        yield case("random", *map(float, draw.array(3)))


@backprop_add_mul.mistake(
    "The addition passes the gradient of its output on to both inputs, as it is. Yours stops at the addition: you "
    "gave the gradient of q = x + y with respect to x, not of f. The chain rule multiplies the two."
)
def chain_rule_stops_at_the_sum(right, x, y, z):
    f, _, _, df_dz = right(x, y, z)
    return f, 1.0, 1.0, df_dz


@backprop_add_mul.mistake(
    "At a product each input gets the *other* factor: df/dz is the value of q, and df/dq is the value of z. "
    "You gave them the wrong way round."
)
def factors_exchanged(right, x, y, z):
    f, df_dx, _, df_dz = right(x, y, z)
    return f, df_dz, df_dz, df_dx


@backprop_add_mul.mistake(
    "You shared the gradient out between x and y, half to each. An addition does not share: if x grows by 1, "
    "q grows by 1, and so it does for y. Each input gets the whole gradient."
)
def gradient_halved_at_the_sum(right, x, y, z):
    f, df_dx, df_dy, df_dz = right(x, y, z)
    return f, df_dx / 2, df_dy / 2, df_dz


@backprop_add_mul.mistake(
    "You treated the addition like a multiplication: x got a factor y, and y got a factor x. "
    "The slope of q = x + y is 1 in x and 1 in y, whatever their values."
)
def sum_treated_as_product(right, x, y, z):
    f, df_dx, df_dy, df_dz = right(x, y, z)
    return f, y * df_dx, x * df_dy, df_dz


@backprop_add_mul.mistake(
    "The backward pass starts with df/df = 1. Yours starts with the value of f, so every gradient is f times too large."
)
def backward_pass_starts_with_f(right, x, y, z):
    f, *gradients = right(x, y, z)
    return f, *(f * g for g in gradients)


@backprop_add_mul.mistake(
    "Your gradients are right, and f is not: it is x + y·z. In Python, as on paper, the product comes first, "
    "so the sum needs brackets."
)
def brackets_missing_in_f(right, x, y, z):
    return x + y * z, *right(x, y, z)[1:]


@backprop_add_mul.mistake(
    "All of this is right for another function, x + y·z. Here the sum comes first: f is (x + y) times z."
)
def gradients_of_x_plus_yz(right, x, y, z):
    return x + y * z, 1.0, z, y


@backprop_add_mul.mistake(
    "All gradients have the wrong sign. A gradient points to where f grows; the minus sign "
    "belongs to the descent step that a training loop makes later."
)
def sign_of_a_descent_step(right, x, y, z):
    f, *gradients = right(x, y, z)
    return f, *(-g for g in gradients)


@backprop_add_mul.mistake(
    "The gradients are right, but they stand in the order in which the backward pass finds them, z first. "
    "Return them in the order of the arguments: x, y, z."
)
def gradients_in_reverse_order(right, x, y, z):
    f, df_dx, df_dy, df_dz = right(x, y, z)
    return f, df_dz, df_dy, df_dx


@backprop_add_mul.mistake("The four numbers are right, but f comes first: return f, df_dx, df_dy, df_dz in this order.")
def f_comes_last(right, x, y, z):
    f, *gradients = right(x, y, z)
    return *gradients, f


@exercise(
    LESSON,
    examples=[
        Example(case("worked example", [3, 4, 2]), 26),
        Example(case("worked example", [2, 1]), 3),
        Example(case("no layer at all", [5]), 0),
    ],
    requires=lambda sizes: len(sizes) >= 1 and min(sizes) >= 1,
)
def mlp_parameters(sizes):
    widths = np.array(sizes)
    return int(widths[:-1] @ widths[1:] + widths[1:].sum())


@mlp_parameters.cases
def _(draw: Draw) -> Iterator[Case]:
    yield case("one layer", [draw.int(2, 9), draw.int(2, 9)])
    yield case("layers of equal width", [4, 4, 4])
    yield case("layers of one unit", [3, 1, 1])
    yield case("narrow in the middle", [8, 2, 8])
    yield case("a small image", [28 * 28, 100, 10])
    yield case("sizes in a tuple", (draw.int(4, 9), 3, 2))
    yield case("no layer at all", (draw.int(2, 9),))
    for _ in draw.repeats(5):
        yield case("random", [draw.int(2, 60) for _ in range(draw.size(3, 5))])


@mlp_parameters.mistake(
    "You counted the weights and left out the biases. A unit has one weight for each of its inputs, and a bias besides."
)
def biases_forgotten(right, sizes):
    return right(sizes) - sum(sizes[1:])


@mlp_parameters.mistake(
    "Your biases go with the inputs of each layer. A bias belongs to a unit that computes something, "
    "so a layer has as many biases as outputs."
)
def bias_for_each_input(right, sizes):
    return right(sizes) - sum(sizes[1:]) + sum(sizes[:-1])


@mlp_parameters.mistake("You gave each layer a single bias. Every unit of a layer has a bias of its own.")
def one_bias_a_layer(right, sizes):
    return right(sizes) - sum(sizes[1:]) + len(sizes) - 1


@mlp_parameters.mistake(
    "You counted one bias for the whole network. Every unit that computes something has a bias of its own."
)
def one_bias_for_all(right, sizes):
    return right(sizes) - sum(sizes[1:]) + 1


@mlp_parameters.mistake(
    "You counted a bias as a unit more on both sides of a layer, so the bias of the next layer gets weights too. "
    "A bias is fed by nothing: only the side of the inputs is one longer."
)
def bias_on_both_sides(right, sizes):
    return right(sizes) + sum(sizes[:-1]) + len(sizes) - 1


@mlp_parameters.mistake(
    "You gave the input units a bias each. The first size is the data: it computes nothing and has no parameters."
)
def bias_for_the_input_units(right, sizes):
    return right(sizes) + sizes[0]


@mlp_parameters.mistake("The biases of the last layer are missing. Output units have biases just as hidden ones do.")
def no_bias_in_the_last_layer(right, sizes):
    return right(sizes) - (sizes[-1] if len(sizes) > 1 else 0)


@mlp_parameters.mistake(
    "The last layer is missing: n sizes have n − 1 gaps between them, and each gap is a layer. "
    "Look at where your loop ends."
)
def last_layer_missing(right, sizes):
    return right(sizes[:-1])


@mlp_parameters.mistake(
    "The first layer is missing: it leads from the first size, the input, to the second. "
    "Look at where your loop begins."
)
def first_layer_missing(right, sizes):
    return right(sizes[1:])


@mlp_parameters.mistake(
    "You multiplied all sizes with each other. Only neighbours are connected: count each layer on its own, "
    "then add them up."
)
def all_sizes_multiplied(right, sizes):
    return math.prod(sizes)


@mlp_parameters.mistake(
    "You counted the units. Parameters sit on the connections between units, and one bias on each unit."
)
def units_counted(right, sizes):
    return sum(sizes)
