# Jupyter behind Gantry's proxy: who may come in was decided there, and shows by a secret that only the proxy adds. It is
# not Jupyter's own token, which Jupyter would write into its pages.
import hmac
import json

from notebook.auth.login import LoginHandler

with open(".jupyter.json", encoding="utf-8") as file:
    SECRET = json.load(file)["token"]


class OnlyTheProxy(LoginHandler):
    @classmethod
    def get_user(cls, handler):
        if not hmac.compare_digest(handler.request.headers.get("X-Gantry-Notebook", ""), SECRET):
            return None
        handler._token_authenticated = True  # the proxy has looked at Origin, so no cookie of Jupyter's own is needed
        handler._user_id = "gantry"
        return "gantry"

    @classmethod
    def get_login_available(cls, settings):
        return False

    @classmethod
    def validate_security(cls, app, ssl_options=None):
        """It would warn that anybody may come in."""


c = get_config()  # noqa: F821
c.NotebookApp.login_handler_class = OnlyTheProxy
c.NotebookApp.token = ""
c.NotebookApp.password = ""
c.NotebookApp.quit_button = False
c.NotebookApp.terminals_enabled = True
c.NotebookApp.open_browser = False
c.NotebookApp.webbrowser_open_new = 0
