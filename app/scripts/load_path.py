"""Register the host's own paths in Sage: `py3/bin/python app/scripts/load_path.py`."""

from app.sage_paths import register_paths

ANY = (
    "/login.ui",
    "/login.dspy",
    "/logout.dspy",
    "/whoami.dspy",
    "/bricks/**",
    "/favicon.svg",
    "/favicon.ico",
)
LOGINED = ("/", "/index.ui", "/dashboard.ui", "/appbase/get_code.dspy")

if __name__ == "__main__":
    register_paths("pipeline_app", any_=ANY, logined=LOGINED)
