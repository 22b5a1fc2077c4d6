"""Debugging a job in a notebook (REQUIREMENTS O1, O2, K6): opened as a task, reached through the server with the rights of
the session, its cells run in a kernel over a proxied WebSocket, its script saved back, killed."""
import http.client
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import uuid

import cohort
import pytest
import runner
import server as running
from browser import Client

websocket = pytest.importorskip("websocket", reason="python3-websocket is not installed")
pytestmark = pytest.mark.skipif(not shutil.which("jupyter-notebook"), reason="jupyter-notebook is not installed")

PASSWORD = "a long enough one"
BASH = 'echo "image ${f1##*/} of $DPXpid, $n1, $s1"\necho "$1" > $o1\ncat $o1'
PYTHON = "print('file', \"$f1\".rsplit('/', 1)[-1], $n1 + 1, '<$s1>')\nopen('$o1', 'w').write('x')"
OCTAVE = "printf('file %s %g\\n', input1{1}(end-9:end), n1)"


def job(name, tool, script):
    return {"id": name, "tool": "script." + tool, "args": {"script": script, "f1": {"FILE": "T1w.nii.gz"}, "n1": {"NUMERIC": 0.5},
        "s1": {"STRING": "it's $odd"}, "o1": {"OUT": "out/name.txt TAG(seen)"}}}


# A program with flags, a list, a default, and something that is not given.
TOOL = {"name": "lab.say", "tool-version": "1", "schema-version": "0.5", "description": "says its words",
    "command-line": "printf '%s\\n' [FILE] [LEVEL] [QUIET] [NONE] [OUT] [WORDS]", "inputs": [
        {"id": "file", "name": "file", "type": "File", "value-key": "[FILE]"},
        {"id": "level", "name": "level", "type": "Number", "value-key": "[LEVEL]", "command-line-flag": "-f", "default-value": 0.5, "optional": True},
        {"id": "quiet", "name": "quiet", "type": "Flag", "value-key": "[QUIET]", "command-line-flag": "-q", "optional": True},
        {"id": "none", "name": "none", "type": "String", "value-key": "[NONE]", "command-line-flag": "-n", "optional": True},
        {"id": "out", "name": "out", "type": "String", "value-key": "[OUT]"},
        {"id": "words", "name": "words", "type": "String", "list": True, "list-separator": ",", "value-key": "[WORDS]", "command-line-flag": "-w", "command-line-flag-separator": "="}],
    "custom": {"gantry": {"version": 1}}}
SAY = {"id": "say", "tool": "lab.say", "args": {"file": {"FILE": "T1w.nii.gz"}, "quiet": {"LOGICAL": True}, "none": {"STRING": ""}, "out": {"OUT": "o.txt"}, "words": ["a b", "c"]}}


class Lab:
    """A study, a batch of three languages, a server with accounts, and a browser for each person."""

    def __init__(self, program, base):
        self.g = runner.Gantry(program, base)
        self.study = cohort.study(self.g.data, "P01", "S1", convention=1)
        self.g.ok("init", "--name", "lab")
        self.g.ok("scan")
        self.batch = self.g.batch("strip", job("bet", "bash", BASH), job("stat", "python", PYTHON), job("show", "matlab", OCTAVE), level="study")
        tools = self.g.home / "tools"
        tools.mkdir(exist_ok=True)
        (tools / "say.json").write_text(json.dumps(TOOL))
        for name, role in (("anna", "admin"), ("olaf", "operator"), ("otto", "operator"), ("vera", "viewer")):
            self.g.ok("user", "add", name, "--role", role, stdin=PASSWORD + "\n")
        self.serve()

    def serve(self, *args):
        self.server = running.Server(self.g, *args)
        self.people = {name: Client(self.server.port).login(name, PASSWORD) for name in ("anna", "olaf", "otto", "vera")}
        self.origin = f"http://127.0.0.1:{self.server.port}"

    def open(self, job, who="olaf", batch="strip"):
        studies = self.people[who].get("/api/v1/studies?project=1&level=study").json()["items"]
        answer = self.people[who].post("/api/v1/tasks/jupyter", {"project": 1, "batch": batch, "job": job, "item": studies[0]["id"]})
        assert answer.status == 201, answer
        made = answer.json()
        assert made["url"] == f"jupyter/{made['task']}/"
        self.ready(made["task"], who)
        return made["task"]

    def ready(self, task, who="olaf"):
        """The page of a notebook that starts says so and follows by itself; then it leads to the notebook."""
        def look():
            answer = self.people[who].get(f"/jupyter/{task}/", headers={"Accept": "text/html"})
            assert answer.status == 303 or (answer.status == 503 and answer.headers["Refresh"] == "1"), answer
            return answer.headers["Location"] if answer.status == 303 else None
        assert runner.wait_for(look, "the notebook is ready", 60) == f"/jupyter/{task}/notebooks/notebook.ipynb"

    def kernel(self, task, who="olaf"):
        made = self.ask("POST", task, "api/kernels", {"name": "python3"}, who)
        assert made.status == 201, made
        return Kernel(self, task, made.json()["id"], who)

    def ask(self, method, task, path, body=None, who="olaf", **headers):
        return self.people[who].ask(method, f"/jupyter/{task}/{path}", body, {"Origin": self.origin, "X-CSRF-Token": None, **headers})

    def cells(self, task):
        document = self.ask("GET", task, "api/contents/notebook.ipynb").json()["content"]
        return {cell["metadata"].get("gantry", "text"): "".join(cell["source"]) for cell in document["cells"]}

    def socket(self, task, kernel, who="olaf", origin=None, cookie=True):
        client = self.people[who]
        return websocket.create_connection(f"ws://127.0.0.1:{self.server.port}/jupyter/{task}/api/kernels/{kernel}/channels?session_id=x",
            timeout=60, origin=origin or self.origin, suppress_origin=origin == "",
            cookie="; ".join(f"{k}={v}" for k, v in client.cookies.items()) if cookie else None)

    def state(self, task):
        return next(row for row in self.g.json("ps", "--all") if row["id"] == task)

    def kill(self, task, who="olaf"):
        assert self.people[who].post(f"/api/v1/tasks/{task}/kill", {}).status == 200
        runner.wait_for(lambda: self.state(task)["state"] == "cancelled", "it is killed", 30)


class Kernel:
    def __init__(self, lab, task, ident, who):
        self.ident = ident
        self.socket = lab.socket(task, ident, who)

    def run(self, code):
        """What a cell prints."""
        header = {"msg_id": uuid.uuid4().hex, "username": "x", "session": "x", "msg_type": "execute_request", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        self.socket.send(json.dumps({"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content, "buffers": []}))
        said = ""
        while True:
            message = json.loads(self.socket.recv())
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            if message["msg_type"] == "stream":
                said += message["content"]["text"]
            elif message["msg_type"] == "error":
                said += "\n".join(message["content"]["traceback"])
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return said


@pytest.fixture(scope="module")
def lab(program):
    base = tempfile.mkdtemp(prefix="gantry-e2e-")
    lab = Lab(program, base)
    yield lab
    lab.server.stop()
    lab.g.run("kill", "--all")
    lab.g.kill_all()
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="module")
def bash(lab):
    return lab.open("bet")


def test_cells(lab, bash):
    """O1: the first cell has the job's resolved variables, the next its script as it was written; both run."""
    cells = lab.cells(bash)
    assert cells["script"] == "%%bash\n" + BASH and "\nn1=0.5\n" in cells["variables"]
    assert f"f1='{lab.study['t1']}'" in cells["variables"] and "s1='it'\\''s $odd'" in cells["variables"]
    kernel = lab.kernel(bash)
    assert kernel.run(cells["variables"]) == "Overwriting vars.sh\n"
    assert kernel.run(cells["script"]) == f"image T1w.nii.gz of P01, 0.5, it's $odd\n{lab.study['t1']}\n"
    assert kernel.run("%%bash\nexit 3") == "exit 3\n"
    assert kernel.run("%%bash\nn1=7; echo $n1 $(bash -c 'echo ${n1:-none}')") == "7 none\n"
    assert not list(lab.g.data.rglob("name.txt")) or all(".gantry" in str(p) for p in lab.g.data.rglob("name.txt"))
    # more than any buffer on the way, in both directions
    assert kernel.run(f"x = {'y' * 300000!r}; print(len(x), x[:200000] + x[200000:])") == "300000 " + "y" * 300000 + "\n"


def test_grid(lab, bash):
    """O2: it is listed as running until it is killed, and says where it is."""
    row = lab.state(bash)
    assert row["state"] == "running" and row["tool"] == "jupyter.notebook"
    listed = lab.people["olaf"].get("/api/v1/tasks?project=1").json()["tasks"]
    assert [(one["id"], one["notebook"], one["psid"]) for one in listed] == [(bash, True, "P01#S1")]
    assert f"notebook at /jupyter/{bash}/" in lab.g.ok("ps").out


def test_rights(lab, bash):
    """O1, DESIGN 8: only who opened it, no admin either; nothing of another site, no secret on any page, no cookie of ours passed on."""
    assert lab.ask("GET", bash, "api/contents", who="anna").status == 403
    assert lab.ask("GET", bash, "api/contents", who="otto").status == 403
    assert lab.ask("GET", bash, "api/contents", who="vera").status == 403
    assert Client(lab.server.port).get(f"/jupyter/{bash}/api/contents").status == 401
    assert lab.ask("GET", 4711, "api/contents").status == 404
    assert lab.ask("POST", bash, "api/kernels", {}, Origin="http://evil.example").status == 403
    assert lab.ask("POST", bash, "api/kernels", {}, **{"Sec-Fetch-Site": "cross-site"}).status == 403
    assert lab.people["olaf"].get(f"/jupyter/{bash}/api/contents", headers={"Host": "evil.example"}).status == 403
    kernel = lab.kernel(bash)
    for who, options in (("otto", {}), ("vera", {}), ("olaf", {"origin": "http://evil.example"}), ("olaf", {"origin": ""}), ("olaf", {"cookie": False})):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            lab.socket(bash, kernel.ident, who, **options)
        assert refused.value.status_code in (401, 403)
    page = lab.ask("GET", bash, "notebooks/notebook.ipynb")
    folder = next(lab.g.data.glob(f".gantry/attempts/*/{bash}.1"))
    secret = json.loads((folder / ".jupyter.json").read_text())
    assert page.status == 200 and secret["token"].encode() not in page.body and not page.headers["Set-Cookie"]
    assert os.stat(folder / ".jupyter.json").st_mode & 0o777 == 0o600
    assert lab.ask("GET", bash, "files/.jupyter.json").status in (403, 404)
    assert lab.ask("GET", bash, "api/contents/..%2f..%2f..%2f..%2fetc").status in (400, 403, 404)


def test_behind(lab, bash):
    """What a program in Jupyter's place is sent (no cookie of ours, no token, no foreign header), and what becomes of an answer
    that is none, half of one, or a redirect to elsewhere."""
    folder = next(lab.g.data.glob(f".gantry/attempts/*/{bash}.1"))
    place = (folder / ".jupyter.json").read_text()
    (folder / ".jupyter.json").write_text(json.dumps({"socket": "fake", "token": "0" * 64}))
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nX-Odd: 1\r\n\r\nhi", b"nothing like it\r\n\r\n", b"",
        b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000 + b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nshort"]
    asked = []

    def serve():
        for answer in answers:
            connection = listener.accept()[0]
            asked.append(connection.recv(65536).decode())
            try:
                connection.sendall(answer)
            except OSError:
                pass  # it was not listened to to its end
            connection.close()

    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(folder)
        listener.bind("fake")
        os.chdir(here)
        listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        good = lab.ask("PUT", bash, "x?a=b%20c", {"k": 1}, **{"X-Forwarded-For": "1.2.3.4"})
        assert good.status == 200 and good.body == b"hi" and not good.headers["Set-Cookie"] and not good.headers["X-Odd"]
        assert lab.ask("GET", bash, "x").status == 500
        assert lab.ask("GET", bash, "x").status == 503
        moved = lab.ask("GET", bash, "x")
        assert moved.status == 302 and not moved.headers["Location"]
        assert lab.ask("GET", bash, "x").status == 500
        assert lab.ask("GET", bash, "x").status == 500
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            lab.ask("GET", bash, "x")
        thread.join(30)
    (folder / ".jupyter.json").write_text(place)
    head = asked[0].lower()
    assert head.startswith(f"put /jupyter/{bash}/x?a=b%20c http/1.0\r\nhost: localhost\r\n") and head.endswith('\r\n\r\n{"k": 1}')
    assert not any(word in head for word in ("cookie", "authorization", "origin", "forwarded", "csrf"))
    assert lab.ask("GET", bash, "api/contents").status == 200


def test_save(lab, bash):
    """The script cell, as the notebook was last saved, goes back into the batch; not over what somebody else has changed."""
    document = lab.ask("GET", bash, "api/contents/notebook.ipynb").json()
    script = next(cell for cell in document["content"]["cells"] if cell["metadata"].get("gantry") == "script")
    script["source"] = "%%bash\n" + BASH + "\necho more"
    put = lab.ask("PUT", bash, "api/contents/notebook.ipynb", {"type": "notebook", "format": "json", "content": document["content"]})
    assert put.status == 200, put
    # a notebook with pictures is longer than the 8 MiB that the API takes
    long = {"type": "file", "format": "text", "content": "x" * (12 << 20)}
    assert lab.ask("PUT", bash, "api/contents/long.txt", long).status == 201
    save = lambda who="olaf", **body: lab.people[who].post(f"/api/v1/tasks/{bash}/jupyter/save", body)
    assert save("vera").status == 403 and save("otto").status == 403
    answer = save()
    assert answer.status == 200 and answer.json() == {"batch": "strip", "job": "bet", "changed": True}, answer
    now = lambda: json.loads(lab.g.ok("batch", "show", "strip").out)["jobs"][0]["args"]["script"]
    assert now() == BASH + "\necho more"
    assert save().json()["changed"] is False
    lab.g.batch("strip", job("bet", "bash", "echo another"), job("stat", "python", PYTHON), job("show", "matlab", OCTAVE), level="study")
    refused = save()
    assert refused.status == 409 and "changed since the notebook was opened" in refused.detail
    assert save(force=True).json()["changed"] and now() == BASH + "\necho more"


def test_engine_restart(lab, bash):
    """O2: the engine ends, or dies, with a socket open; the notebook lives, the next engine finds it and the page reaches it again;
    its kernels are as they were."""
    kernel = lab.kernel(bash)
    assert kernel.run("kept = 41") == ""
    assert lab.server.stop() == 0
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        while True:
            kernel.socket.recv()
    lab.serve()
    lab.ready(bash)
    os.kill(lab.server.pid, signal.SIGKILL)
    lab.server.stop()
    lab.serve()
    lab.ready(bash)
    again = Kernel(lab, bash, kernel.ident, "olaf")
    assert again.run("print(kept + 1)") == "42\n"


def test_kill(lab, bash):
    """O2: killed like any job: Jupyter and its kernels end, an open socket is closed, the page says that it has ended."""
    kernel = lab.kernel(bash)
    lab.kill(bash)
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        while True:
            kernel.socket.recv()
    assert lab.ask("GET", bash, "api/contents", Accept="text/html").status == 410
    left = [p for p in os.listdir("/proc") if p.isdigit() and f"{bash}.1" in _cwd(p) and str(lab.g.data) in _cwd(p)]
    assert not left


def _cwd(pid):
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def test_languages(lab):
    """O1, M3, M5: `$f1` of Python is what it is in the job, in code and in quotes; MATLAB's are cell arrays; a cell may change them."""
    task = lab.open("stat")
    cells = lab.cells(task)
    assert cells["script"] == PYTHON
    kernel = lab.kernel(task)
    assert kernel.run(cells["variables"]) == ""
    assert kernel.run(cells["script"]) == "file T1w.nii.gz 1.5 <it's $odd>\n"
    assert kernel.run("n1 = 4") == ""
    assert kernel.run("print($n1, f1 == $f1, '$1' == f1) # $n1\nprint('$x', 'n=$n1;')") == "4 True True\n$x n=4;\n"
    lab.kill(task)
    if shutil.which("octave-cli") or shutil.which("octave"):
        task = lab.open("show")
        cells = lab.cells(task)
        assert cells["script"] == "%%octave\n" + OCTAVE
        assert "file T1w.nii.gz 0.5" in lab.kernel(task).run(cells["script"])
        lab.kill(task)


def test_program(lab):
    """O1: an external tool opens with its command line as a person would type it; it is no script to save back."""
    task = lab.open("say", batch={"gantry": 1, "name": "saying", "level": "study", "jobs": [SAY]})
    cells = lab.cells(task)
    assert cells["script"] == """%%bash\nprintf '%s\\n' "${file[@]}" -f '0.5' -q "${out[@]}" -w="$(IFS=','; echo "${words[*]}")\""""
    out = next(lab.g.data.glob(f".gantry/attempts/*/{task}.1")) / "out" / "o.txt"
    assert lab.kernel(task).run(cells["script"]) == f"{lab.study['t1']}\n-f\n0.5\n-q\n{out}\n-w=a b,c\n"
    assert "is no script of your own" in lab.people["olaf"].post(f"/api/v1/tasks/{task}/jupyter/save", {}).detail
    lab.kill(task)


def test_asked_wrongly(lab):
    """One clear line: several jobs and none named, a step, a viewer, Jupyter that is not there."""
    item = lab.people["olaf"].get("/api/v1/studies?project=1&level=study").json()["items"][0]["id"]
    post = lambda body, who="olaf": lab.people[who].post("/api/v1/tasks/jupyter", {"project": 1, "item": item, **body})
    assert "say which (--phase JOB)" in post({"batch": "strip"}).detail
    assert "opens a script or a program; job 'nothing' is noop" in post({"batch": {"gantry": 1, "name": "n", "level": "study", "jobs": [{"id": "nothing", "tool": "noop"}]}}).detail
    assert "has no job 'nix'" in post({"batch": "strip", "job": "nix"}).detail
    assert post({"batch": "strip", "job": "bet"}, "vera").status == 403
    lab.server.stop()
    refused = lab.g.run("run", "strip", "--mode", "jupyter", "--phase", "bet")
    assert refused.rc == 2 and "a notebook is reached through the server, and none runs here: start it with `gantry serve`" in refused.err
    empty = lab.g.base / "bin"
    empty.mkdir()
    for program in ("bash", "env", "sh"):
        (empty / program).symlink_to(shutil.which(program))
    path, lab.g.env["PATH"] = lab.g.env["PATH"], str(empty)
    lab.serve()
    assert post({"batch": "strip", "job": "bet"}).detail == "jupyter-notebook is not installed on this machine (Debian: apt-get install jupyter-notebook)"
    lab.g.env["PATH"] = path
    doctor = {row["what"]: row for row in lab.g.run("doctor", "--json", env={"PATH": str(empty)}).json()}
    assert doctor["jupyter"]["state"] == "note" and "apt-get install jupyter-notebook" in doctor["jupyter"]["fix"]
