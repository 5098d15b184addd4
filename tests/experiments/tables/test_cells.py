from experiments.tables import cells


def test_a_table_is_markdown():
    expected = "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert cells.table(["a", "b"], [("1", "2")]) == expected


def test_intervals_and_counts_stay_in_one_line_of_a_narrow_column():
    cell = "0.548 (0.533–0.563), n = 4,115; +5.3 (+3.0 to +7.5); – of it"
    last = cells.table(["a"], [(cell,)]).splitlines()[-1]
    assert last.replace("\N{WORD JOINER}", "").replace("\N{NO-BREAK SPACE}", " ") == f"| {cell} |"
    assert "(0.533–\N{WORD JOINER}0.563)" in last
    assert "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}4,115" in last
    assert "(+3.0\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}+7.5)" in last
    assert "– of it" in last


def test_accuracies_come_with_interval_count_and_mark(make_record):
    full = make_record("resnet")
    assert cells.accuracy(full, "all") == "0.700 (0.633–0.759), n = 200"
    held = make_record("resnet", time_budget="10m", epochs_run=3.2)
    assert cells.accuracy(held, "all", with_n=False) == "0.700 (0.633–0.759)†"
    assert cells.accuracy(None, "all") == "not run"


def test_only_a_training_that_its_time_ended_is_cut_short(make_record):
    assert not cells.cut_short(make_record("resnet", epochs_run=4.0))
    assert not cells.cut_short(make_record("resnet", time_budget="10m"))
    assert cells.cut_short(make_record("resnet", time_budget="10m", epochs_run=9.9))


def test_small_figures_are_written_short():
    assert cells.points(0.0526, (0.03, -0.004)) == "+5.3 (+3.0 to -0.4)"
    assert cells.points(-0.1) == "-10.0"
    assert [cells.p_value(p) for p in (0.0004, 0.0292, 1.0)] == ["< 0.001", "0.029", "1"]
    assert cells.protocol_name("random") == "random"
    assert cells.protocol_name("balanced") == "balanced, **leaks**"
