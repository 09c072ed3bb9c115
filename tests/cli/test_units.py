import pytest

from tcaffe.cli.units import bytes_, count, parse_bytes, percent, ratio, seconds


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (7_580_000, "7.23 MiB"),
        (102_400, "100 KiB"),
        (1023 * 1024, "1023 KiB"),
        (1024 * 1024 - 1, "1.00 MiB"),
        (2**40, "1.00 TiB"),
    ],
)
def test_bytes(size: int, text: str) -> None:
    assert bytes_(size) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (999, "999"), (1820, "1.82 K"), (3_860_000_000, "3.86 G")])
def test_count(number: int, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [(0.0000012, "1.20 us"), (0.0123, "12.3 ms"), (0.9999, "1.00 s"), (1.5, "1.50 s"), (125, "2 min 5 s")],
)
def test_seconds(time: float, text: str) -> None:
    assert seconds(time) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GiB", 2**31), ("512 MB", 512_000_000), ("1.5g", 3 * 2**29), ("64k", 65536), ("1048576", 1048576), ("10B", 10)],
)
def test_sizes_that_people_type(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "two", "-1", "1e9", "2 GiBs", "1" * 5000, "٣"])
def test_what_is_no_size(text: str) -> None:
    if text == "٣":
        assert parse_bytes(text) == 3  # a digit is a digit
        return
    with pytest.raises(ValueError, match="is not a size"):
        parse_bytes(text)


def test_shares() -> None:
    assert (percent(3, 8), percent(1, 0)) == ("37.5 %", "-")
    assert (ratio(47, 10), ratio(1, 0)) == ("4.70x", "-")
