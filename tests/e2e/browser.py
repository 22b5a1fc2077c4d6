"""A client as a browser is one: it keeps cookies and sends the session's CSRF token with writes. (server.py's own
requests carry the token instead, as a script does.)"""
import http.client
import json
import urllib.parse


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def detail(self):
        return self.json().get("detail", "")

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:500]!r}"


class Client:
    def __init__(self, port, host="127.0.0.1", context=None):
        self.port, self.host, self.context = port, host, context
        self.cookies = {}
        self.csrf = None

    def connection(self, timeout=60):
        if self.context:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def headers(self, method, body, headers):
        own = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
        if body is not None:
            own["Content-Type"] = "application/json"
        if self.csrf and method not in ("GET", "HEAD"):
            own["X-CSRF-Token"] = self.csrf
        return {k: v for k, v in {**own, **(headers or {})}.items() if v is not None}

    def ask(self, method, path, body=None, headers=None, raw=None, timeout=60):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        connection = self.connection(timeout)
        try:
            connection.request(method, path, data, self.headers(method, data, headers))
            response = connection.getresponse()
            answer = Answer(response, response.read())
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            if value and "Max-Age=0" not in cookie:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body, **more):
        return self.ask("POST", path, body, **more)

    def open(self, url):
        """Open the printed address; afterwards writes are allowed."""
        parts = urllib.parse.urlsplit(url)
        answer = self.get(f"{parts.path}?{parts.query}")
        assert answer.status == 303 and answer.headers["Location"] == "/", answer
        return self.learn()

    def login(self, user, password):
        answer = self.post("/api/v1/session", {"user": user, "password": password})
        assert answer.status == 200, answer
        self.csrf = answer.json()["csrf"]
        return self

    def learn(self, **more):
        answer = self.get("/api/v1/session", **more)
        assert answer.status == 200, answer
        self.csrf = answer.json()["csrf"]
        return self
