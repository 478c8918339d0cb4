"""A labelled image through a strided convolution, in chunks, with coordinates for what comes out.

Needs ``pip install 'fastconv[dask]' xarray``.
"""

from __future__ import annotations

import numpy as np

import fastconv

try:
    import xarray as xr
except ImportError as error:
    raise ImportError(
        "fastconv/examples/xarray_strides.py needs xarray: pip install 'fastconv[dask]' xarray"
    ) from error


STRIDE, SIZE = 4, 5


def smooth(image):
    """(..., H, W) to (..., H/4, W/4), each output the mean of 5 x 5 pixels around its own pixel."""
    planes = image.reshape(-1, 1, *image.shape[-2:])
    weight = np.full((1, 1, SIZE, SIZE), 1 / SIZE**2, image.dtype)
    y = fastconv.conv2d(
        planes, weight, stride=STRIDE, padding=SIZE // 2, padding_mode="replicate", threads=1
    )
    return y.reshape(*image.shape[:-2], *y.shape[-2:])


def main():
    rng = np.random.default_rng(0)
    days = xr.DataArray(
        rng.random((6, 120, 160), np.float32),
        dims=("day", "lat", "lon"),
        coords={"day": range(6), "lat": np.linspace(60, 40, 120), "lon": np.linspace(0, 30, 160)},
        name="temperature",
    ).chunk(day=2)
    coarse = xr.apply_ufunc(
        smooth,
        days,
        input_core_dims=[["lat", "lon"]],
        output_core_dims=[["lat", "lon"]],
        exclude_dims={"lat", "lon"},  # whose lengths change
        dask="parallelized",
        output_dtypes=[days.dtype],
        dask_gufunc_kwargs={"output_sizes": {"lat": 120 // STRIDE, "lon": 160 // STRIDE}},
    )
    # Output i stands at pixel i * stride, as `padding` is half of the filter.
    coarse = coarse.assign_coords(lat=days.lat[::STRIDE], lon=days.lon[::STRIDE])
    print(coarse)
    at = coarse.isel(day=1, lat=10, lon=7)
    around = days.isel(day=1, lat=slice(38, 43), lon=slice(26, 31)).mean()
    assert float(at.lat) == float(days.lat[40])
    assert abs(float(at) - float(around)) < 1e-5


if __name__ == "__main__":
    main()
