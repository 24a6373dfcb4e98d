"""Studies are made of like neighbours alone, and the rules are told apart where they differ."""

from benchmarks.study_combination import HAND, JudgedImage, compare_rules, make_studies, passed


def _image(
    number: int, probability: float, fractured: bool = False, group: str = ""
) -> JudgedImage:
    group = group or str(number // 2)
    return JudgedImage(number, (group,), group, fractured, probability)


def test_only_consecutive_images_of_one_kind_make_a_study() -> None:
    images = [_image(number, 0.1, group=group) for number, group in enumerate("aaabbcdddd")]
    del images[7]  # of the four d, the second
    made = [[image.number for image in study] for study in make_studies(images, 2)]
    assert made == [[0, 1], [3, 4], [8, 9]]


def test_a_break_in_one_image_of_two_is_what_the_highest_finds_and_the_mean_dilutes() -> None:
    broken = [[_image(2 * n, 0.9, True), _image(2 * n + 1, 0.05)] for n in range(20)]
    whole = [[_image(2 * n, 0.5), _image(2 * n + 1, 0.5)] for n in range(20, 40)]
    found = {one.rule: one for one in compare_rules([*broken, *whole])}
    assert found["highest"].auroc.value == 1
    assert found["highest"].sensitivity == 1
    assert found["mean"].auroc.value == 0
    assert found["mean"].against_highest.high < 0
    assert found["highest"].against_highest.value == 0


def test_a_whole_study_raises_no_alarm_only_if_none_of_its_images_does() -> None:
    quiet = [JudgedImage(n, ("a", HAND), "a", False, 0.1) for n in (0, 1)]
    loud = [
        JudgedImage(2, ("a", HAND), "a", False, 0.1),
        JudgedImage(3, ("a", HAND), "a", False, 0.3),
    ]
    leg = [JudgedImage(n, ("a", "0 1 0 0"), "a", False, 0.1) for n in (4, 5)]
    broken = [JudgedImage(n, ("a", HAND), "a", True, 0.1) for n in (6, 7)]
    found = passed([quiet, loud, leg, broken], 0.3)
    assert found == {"all": "2 of 3, 67 %", "hands": "1 of 2, 50 %"}
