"""The API's answers, asked in this process with the quick model."""

import io
import json
import sys
import tempfile
import threading
import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from PIL import Image
from starlette.testclient import TestClient

from fer_ensemble import explain, predict_faces
from fer_ensemble.serving import Limits, create_app
from fer_ensemble.serving import model_descriptions as descriptions


def encode(array, kind=".png"):
    return cv2.imencode(kind, array)[1].tobytes()


def animate(frames):
    out, first, *others = io.BytesIO(), *map(Image.fromarray, frames)
    first.save(out, "GIF", save_all=True, append_images=others, duration=100)
    return out.getvalue()


def claim(width, height):
    """A PNG's head that claims any size."""
    head = b"IHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\0\0\0\0"
    start = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + head + zlib.crc32(head).to_bytes(4)
    return start + bytes(4) + b"IDAT" + bytes(4)


@pytest.fixture(scope="module")
def photo():
    image = pytest.importorskip("skimage.data").astronaut()[:300, :, ::-1]
    return encode(image, ".jpg")


@pytest.fixture(scope="module")
def face(faces):
    return encode(faces[0][0])


@pytest.fixture(scope="module")
def app():
    return create_app(["fast"], limits=Limits(body_bytes=4_000_000, pictures=12))


@pytest.fixture(scope="module")
def client(app):
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def limits(app, monkeypatch):
    """Other bounds, for one test."""

    def change(**bounds):
        service = app.state.service
        changed = replace(service.limits, **bounds)
        monkeypatch.setattr(service, "limits", changed)
        monkeypatch.setattr(service.load, "_limits", changed)

    return change


def send(client, *pictures, **options):
    files = [("any", (f"{n}.png", picture)) for n, picture in enumerate(pictures)]
    return client.post("/v1/predict", files=files, params=options)


def send_raw(client, picture, **options):
    kind = {"Content-Type": "application/octet-stream"}
    return client.post("/v1/predict", content=picture, headers=kind, params=options)


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def metric(client, line):
    lines = client.get("/metrics").text.splitlines()
    return float(next((text.split()[-1] for text in lines if text.startswith(line + " ")), 0))


def test_rows_have_the_labels_that_predict_gives_them(client, photo, face):
    expected = predict_faces([photo, face], "fast", coverage=0.95)
    answer = send(client, photo, face, coverage=0.95).json()
    assert answer["columns"] == expected.columns
    assert [row["labels"] for row in answer["rows"]] == ["|".join(row.labels) for row in expected]
    options = {"coverage": 0.9, "set_method": "aps", "class_conditional": True}
    row = send(client, face, **options).json()["rows"][0]
    assert row["labels"] == "|".join(predict_faces(face, "fast", **options)[0].labels)
    assert code(send(client, face, coverage=1)) == (422, "bad_parameter")


def test_a_model_without_held_out_faces_refuses_sets_alone(client, app, face, monkeypatch):
    monkeypatch.setattr(app.state.service.models["fast"], "answers", None)
    assert send(client, face).status_code == 200
    answer = send(client, face, coverage=0.9)
    assert code(answer) == (422, "bad_parameter")
    assert "no held-out faces" in answer.json()["error"]["message"]
    assert client.get("/v1/models").json()["models"][0]["label_sets"] is None


def test_rows_are_those_of_predict(client, photo, face, faces):
    video = b"\0\0\0\x18ftypmp42" + bytes(99)
    pictures = [photo, face, b"no picture", b"", animate(faces[0][:3]), claim(9000, 9000)]
    answer = send(client, *pictures, video).json()
    expected = predict_faces(pictures, "fast")
    assert answer["columns"] == expected.columns
    assert [row["path"][0] for row in answer["rows"]] == list("012344456")
    for row, prediction in zip(answer["rows"], expected, strict=False):
        assert list(row) == answer["columns"]
        for name in ("frame", "time", "face", "x", "y", "width", "height", "face_score", "label"):
            assert row[name] == getattr(prediction, name)
        found = [row[f"p_{name}"] for name in expected.class_names]
        if prediction.probabilities is None:
            assert found == [None] * 7
        else:
            assert found == pytest.approx(list(prediction.probabilities.values()), abs=1e-6)
            assert row["confidence"] == max(found)
    by_status = [row["status"] for row in answer["rows"]]
    assert by_status[:4] == ["ok", "ok", "unreadable", "empty"]
    assert by_status[4:] == ["ok", "ok", "ok", "too_large", "unreadable"]
    assert "at most 50 million" in answer["rows"][7]["reason"]
    assert "send frames" in answer["rows"][8]["reason"]


def explained(client, *pictures, accept="application/json", **options):
    files = [("any", (f"{n}.png", picture)) for n, picture in enumerate(pictures)]
    kind = {"Accept": accept}
    return client.post("/v1/explain", files=files, params=options, headers=kind)


def test_a_face_is_explained_in_numbers_and_as_a_picture(client, photo, face, faces):
    answer = explained(client, face, label="sad").json()
    [expected] = explain(faces[0][:1], "fast", label="sad")
    assert (answer["model"], answer["label"]) == ("fast", "sad")
    assert answer["probability"] == pytest.approx(expected.probability, abs=1e-6)
    np.testing.assert_allclose(answer["map"], expected.map, atol=1e-3)
    assert [voice["name"] for voice in answer["members"]] == ["fast_cnn"]
    assert answer["landmarks"] == []
    drawn = explained(client, animate(faces[0][:3]), accept="image/png", frame=2)
    assert drawn.headers["content-type"] == "image/png"
    picture = cv2.imdecode(np.frombuffer(drawn.content, np.uint8), 1)
    assert picture.shape == explain(faces[0][2:3], "fast")[0].draw().shape


def test_what_cannot_be_explained_is_refused(client, photo, face):
    assert code(explained(client, photo, face)) == (413, "too_many_pictures")
    assert code(explained(client, photo, face=1)) == (422, "no_such_face")
    assert "1 were found" in explained(client, photo, face=1).text
    assert code(explained(client, face, label="calm")) == (422, "bad_parameter")
    assert code(explained(client, face, face=-1)) == (422, "bad_parameter")
    assert code(explained(client, b"no picture")) == (415, "unreadable")
    assert code(explained(client, claim(9000, 9000))) == (413, "picture_too_large")


def test_one_picture_may_be_the_body(client, face):
    answer = send_raw(client, face, name="../anna.png")
    assert [row["path"] for row in answer.json()["rows"]] == ["../anna.png"]
    image = client.post("/v1/predict", content=face, headers={"Content-Type": "image/png"})
    assert [row["path"] for row in image.json()["rows"]] == ["picture"]
    assert image.json()["rows"][0]["label"] == answer.json()["rows"][0]["label"]


def test_options_are_those_of_predict(client, photo):
    assert send(client, photo, min_confidence=1).json()["rows"][0]["status"] == "unsure"
    assert send(client, photo, detector="skip").json()["rows"][0]["x"] is None
    assert send(client, photo, min_face=200).json()["rows"][0]["status"] == "no_face"
    assert send(client, photo, min_score=0.99).json()["rows"][0]["status"] == "no_face"
    turned = encode(np.rot90(cv2.imdecode(np.frombuffer(photo, np.uint8), 1), 2))
    assert "turning" in send(client, turned).json()["rows"][0]["reason"]
    assert "turning" not in send(client, turned, turn=False).text
    two = encode(np.hstack([cv2.imdecode(np.frombuffer(photo, np.uint8), 1)] * 2))
    assert len(send(client, two).json()["rows"]) == 2
    [row] = send(client, two, max_faces=1).json()["rows"]
    assert "1 smaller face left out" in row["reason"]
    # The settings of one request are not those of the next.
    assert len(send(client, two).json()["rows"]) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"model": "better"},
        {"detector": "yunet:/etc/passwd"},
        {"min_confidence": "nan"},
        {"min_confidence": 1.1},
        {"min_score": "1e400"},
        {"min_face": "9" * 5000},
        {"max_faces": 0},
        {"turn": "perhaps"},
        {"name": "a" * 2000},
    ],
)
def test_a_wrong_parameter_is_named(client, face, options):
    answer = send_raw(client, face, **options)
    assert code(answer) == (422, "bad_parameter")
    assert answer.json()["error"]["message"].startswith(next(iter(options)))
    assert len(answer.json()["error"]["message"]) < 300


def test_pictures_that_cannot_be_read_have_rows_in_the_error(client):
    answer = send(client, b"text", b"")
    assert code(answer) == (415, "unreadable")
    assert [row["status"] for row in answer.json()["rows"]] == ["unreadable", "empty"]
    assert code(send_raw(client, claim(9000, 9000))) == (413, "picture_too_large")
    assert send_raw(client, encode(np.zeros((99, 99), np.uint8))).status_code == 200  # no face


def test_too_much_is_refused(client, face, faces, limits):
    assert code(send(client, *[face] * 13)) == (413, "too_many_pictures")
    assert code(send(client, animate(faces[0][:7]), animate(faces[0][:7])))[0] == 413
    assert send(client, *[face] * 12).status_code == 200
    assert code(send_raw(client, bytes(4_000_001))) == (413, "body_too_large")
    chunks = (bytes(500_000) for _ in range(9))
    assert code(send_raw(client, chunks)) == (413, "body_too_large")
    limits(waiting_bytes=2000)
    busy = send_raw(client, bytes(2001))
    assert (code(busy), busy.headers["Retry-After"]) == ((503, "busy"), "1")
    limits(seconds=1e-6)
    assert code(send_raw(client, face)) == (504, "took_too_long")
    limits(requests=1, seconds=60)
    with client.app.state.service.load.working():
        assert code(send_raw(client, face)) == (503, "busy")
    assert send_raw(client, face).status_code == 200
    assert metric(client, "fer_requests_in_work") == metric(client, "fer_body_bytes") == 0


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"a", 415),
        ("application/x-www-form-urlencoded", b"a", 415),
        ("video/mp4", b"a", 415),
        ("", b"a", 415),
        ("multipart/form-data", b"--b--", 400),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 400),
        ("multipart/form-data; boundary=b", b"--c\r\n", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data", 400),
        ("multipart/form-data; boundary=b", b"--b\r\na: " + b"b" * 99_999, 400),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"a: b\r\n" * 999, 400),
        (f"multipart/form-data; boundary={'b' * 999}", b"--b--\r\n", 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"; filename=""\r\n\r\n\r\n--b--\r\n',
            400,
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfast\r\n--b--\r\n',
            400,
        ),
    ],
)
def test_other_bodies_are_refused(client, kind, body, status):
    answer = client.post("/v1/predict", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, bool(answer.json()["error"]["message"])) == (status, True)


def test_a_compressed_body_is_not_unpacked(client, face):
    headers = {"Content-Type": "image/png", "Content-Encoding": "gzip"}
    answer = client.post("/v1/predict", content=face, headers=headers)
    assert code(answer) == (415, "unsupported_coding")


def test_nothing_is_written_and_nothing_opened_by_a_name(client, face, monkeypatch):
    opened = []
    watching = True
    sys.addaudithook(lambda event, _: watching and event == "open" and opened.append(event))
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", None)
    large = encode(np.random.default_rng(0).integers(0, 256, (1100, 1100), np.uint8))
    assert len(large) > 2**20
    pictures = [("a", ("/etc/passwd", face)), ("b", ("../../x", large))]
    assert client.post("/v1/predict?detector=skip", files=pictures).status_code == 200
    with open("/dev/null"):
        watching = False
    assert opened == ["open"]


def test_nothing_is_said_of_what_was_sent(client, face, monkeypatch, caplog, capfd):
    body = b"--b\r\nsecret: secret" + b"\r\n" * 9 + b"secret"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    with caplog.at_level("INFO"):
        client.post("/v1/predict", files=[("a", ("secret.png", face)), ("a", ("b", b"secret"))])
        client.post("/v1/predict?name=secret&min_face=secret", content=body, headers=kind)
        client.post("/v1/predict", content=body, headers=kind)

    def fail(*_, **__):
        raise RuntimeError("secret")

    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr("fer_ensemble.serving.predicting_requests.label_faces", fail)
    answer = send_raw(client, face, name="secret")
    assert code(answer) == (500, "internal")
    out, err = capfd.readouterr()
    assert err.startswith("Error in /v1/predict: RuntimeError in test_api.py, line ")
    own = [record.getMessage() for record in caplog.records if record.name[:5] != "httpx"]
    assert "secret" not in "".join([*own, answer.text, out, err])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_the_server_answers_to_the_names_of_this_machine(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200
    own = {"Host": host, "Origin": f"http://{host}"}
    assert client.get("/health", headers=own).status_code == 200


@pytest.mark.parametrize("host", ["evil.org", "evil.org:8000", "localhost.evil.org", "", "[::1"])
def test_the_server_does_not_answer_to_other_names(client, host):
    for path in ("/health", "/", "/v1/predict"):
        assert code(client.get(path, headers={"Host": host})) == (421, "unknown_host")


@pytest.mark.parametrize("origin", ["https://evil.org", "null", "http://localhost:1", ""])
def test_pages_of_others_may_not_ask(client, face, origin):
    headers = {"Origin": origin, "Content-Type": "image/png"}
    answer = client.post("/v1/predict", content=face, headers=headers)
    assert code(answer) == (403, "foreign_origin")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_names_and_sites_that_are_allowed_may():
    app = create_app(["fast"], hosts=["faces.example"], origins=["https://a.example"])
    with TestClient(app, "http://faces.example") as client:
        answer = client.get("/health", headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
        assert client.options("/v1/predict", headers=asked).status_code == 200
        assert client.get("/health", headers={"Origin": "https://b.example"}).status_code == 403
        assert client.get("/health", headers={"Host": "b.example"}).status_code == 421


def test_models_say_how_good_they_are_and_what_they_are_not_for(client):
    answer = client.get("/v1/models").json()
    [model] = answer["models"]
    assert (model["name"], model["default"], len(model["classes"])) == ("fast", True, 7)
    accuracy = model["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert (accuracy["split"], accuracy["n"]) == ("fer2013.zip, split public_test", 3589)
    assert model["limits"].startswith("Not for: Judging what somebody feels")
    assert answer["bounds"] == {"body_bytes": 4_000_000, "pictures": 12, "pixels": 50_000_000}
    assert client.get(model["card"]).text.startswith("# Model card")
    html = client.get(model["card"], headers={"Accept": "text/html"})
    assert "<table>" in html.text
    assert 'class="right"' in html.text
    assert "style" not in html.text
    assert code(client.get("/v1/models/..%2Fensemble/card")) == (404, "not_found")


def test_a_card_runs_nothing():
    html = descriptions.render_card("<script>x</script> [a](javascript:x) ![b](data:text/html,x)")
    assert "<script" not in html
    assert "href" not in html
    assert "src" not in html


def test_errors_of_addresses_are_json(client):
    assert code(client.get("/v1/nothing")) == (404, "not_found")
    answer = client.put("/health")
    assert code(answer) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("name", ["..%2Flimits.py", "../limits.py", "%2e%2e/server.py", "", "a.js"])
def test_only_files_of_the_page_are_served(client, name):
    assert client.get(f"/page/{name}").status_code == 404


def test_the_page_is_served_with_the_headers_that_bind_it(client):
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "camera=(self)" in page.headers["permissions-policy"]
    script = client.get("/page/main.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "no-cache"


def test_metrics_count_by_route_and_never_by_what_is_sent(client, face):
    before = metric(client, 'fer_pictures_total{status="ok"}')
    send(client, face, face)
    assert metric(client, 'fer_pictures_total{status="ok"}') == before + 2
    client.request("BREW", "/nothing/secret")
    client.get("/v1/models/secret/card")
    text = client.get("/metrics").text
    assert 'fer_requests_total{method="other",route="other",status="404"} ' in text
    assert 'route="/v1/models/{name}/card",status="404"' in text
    assert 'fer_batch_faces_count{model="fast"}' in text
    assert 'fer_faces_waiting{model="fast"} 0.0' in text
    assert "secret" not in text


def test_health_says_when_the_server_is_about_to_end(client, app, monkeypatch):
    assert client.get("/health").json()["status"] == "ok"
    monkeypatch.setattr(app.state.service, "stopping", True)
    assert client.get("/health").status_code == 503


def test_the_description_is_valid_and_true(client, photo):
    described = client.get("/openapi.json").json()
    validate(described)

    def check(answer, path, method):
        content = described["paths"][path][method]["responses"][str(answer.status_code)]["content"]
        schema = content["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        OAS31Validator(whole).validate(answer.json())
        with pytest.raises(Exception, match="required"):
            OAS31Validator(whole).validate({})

    check(send(client, photo, b"text"), "/v1/predict", "post")
    check(send(client, b"text"), "/v1/predict", "post")
    check(send_raw(client, photo, model="better"), "/v1/predict", "post")
    check(client.get("/v1/models"), "/v1/models", "get")
    check(client.get("/health"), "/health", "get")
    check(client.get("/health", headers={"Host": "evil.org"}), "/health", "get")
    body = described["paths"]["/v1/predict"]["post"]["requestBody"]["content"]
    assert {"multipart/form-data", "image/*", "application/octet-stream"} == body.keys()
    assert json.dumps(described).count("p_happy")


def test_two_models_of_one_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match="two models are called 'fast'"):
        create_app(["fast", tmp_path / "fast"])


def test_threads_are_there_while_the_application_runs_and_not_before_as_forks_lose_them(face):
    def of_ours():
        names = (thread.name for thread in threading.enumerate())
        return [name for name in names if name.startswith(("search ", "predict "))]

    others = of_ours()
    app = create_app(["fast"])
    assert of_ours() == others
    for _ in range(2):
        with TestClient(app, "http://localhost") as client:
            assert len(of_ours()) > len(others)
            assert send(client, face).status_code == 200
        assert of_ours() == others


def test_head_asks_what_get_may(client):
    for path in ("/", "/health", "/v1/models", "/metrics"):
        answer = client.head(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == client.get(path).headers["content-type"]
    assert client.head("/v1/predict").status_code == 405
