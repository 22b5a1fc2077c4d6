"""A step of gantry-imaging run on a job file made by hand: what the engine would have written."""
import json
import os
import pathlib
import subprocess


class Steps:
    def __init__(self, g):
        self.g, self.n = g, 0
        self.program = os.environ.get("GANTRY_IMAGING", str(pathlib.Path(g.program).parent / "gantry-imaging"))

    def __call__(self, tool, outputs=None, ok=True, **params):
        """Values of the result; without `ok` the one line that says why not. `outputs`: id -> path."""
        self.n += 1
        folder = self.g.base / f"attempt{self.n}"
        folder.mkdir()
        text = lambda value: [str(v) for v in value] if isinstance(value, list) else str(value) if isinstance(value, os.PathLike) else value
        first = next((text(v) for v in params.values() if isinstance(v, (list, os.PathLike))), "/none")
        outputs = [{"name": k, "kind": "file", "final": str(v), "staging": str(v)} for k, v in (outputs or {}).items()]
        job = {"tool": tool, "params": {k: text(v) for k, v in params.items()}, "outputs": outputs, "threads": 2,
               "inputs": [{"path": first[0] if isinstance(first, list) else first}], "like": str(self.g.base)}
        (folder / "job.json").write_text(json.dumps(job))
        done = subprocess.run([self.program, "run", str(folder)], env=self.g.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
        assert (done.returncode == 0) == ok, done
        if ok:
            return json.loads((folder / "values.json").read_text())
        return json.loads((folder / "failure.json").read_text())["message"]
