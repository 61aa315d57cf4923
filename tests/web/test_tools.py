"""What agents have to work with, as people see it."""

from __future__ import annotations

from tests.conftest import ServedStudio, StartStudio


def test_every_tool_is_told_of_with_its_limits_and_who_may_use_it(studio: ServedStudio) -> None:
    with studio.client(studio.make_token("viewer")) as viewer:
        told = viewer.get("/api/tools").json()
    tools = {tool["name"]: tool for tool in told["tools"]}
    assert tools["suggest"]["role"] == "commenter" and tools["suggest"]["policy"] == "allow"
    assert all(tool["does"] and tool["limits"] for tool in tools.values())
    assert told["policy"]["tools"]["web"] == "ask" and told["policy"]["problems"] == []
    assert not {"accept", "reject", "undo"} & set(tools)
    # No search service is set up here, and it says where one is.
    [search] = [one for one in told["missing"] if one["name"] == "web_search"]
    assert search["group"] == "web" and "docs/tools.md" in search["why"]
    with studio.client("") as nobody:
        assert nobody.get("/api/tools").status_code == 401


def test_the_owners_file_counts_at_once_and_its_mistakes_are_told(start_studio: StartStudio) -> None:
    studio = start_studio(OPENAI_API_KEY="sk-canary-0123456789abcdef")
    (studio.home / "tools.toml").write_text('[tools]\npython = "off"\nweb = "maybe"\n[hosts]\ndeny = ["*.example.net"]')
    (studio.home / "mcp.json").write_text(
        '{"mcpServers": {"notes": {"url": "https://example.com/mcp?key=hidden-in-here"},'
        ' "other": {"command": "other", "env": {"KEY": "${env:NOT_SET}"}}}}'
    )
    with studio.client() as owner:
        answer = owner.get("/api/tools")
        told = answer.json()
        tools = {tool["name"]: tool["policy"] for tool in told["tools"]}
        assert tools["python"] == "off"
        assert "web must be" in told["policy"]["problems"][0] and told["policy"]["tools"]["web"] == "off"
        assert told["policy"]["hosts"]["deny"] == ["*.example.net"]
        assert [one["name"] for one in told["programs"]] == ["notes", "other"]
        assert "NOT_SET" in told["programs"][1]["problem"]
        assert "sk-canary" not in answer.text and "hidden-in-here" not in answer.text
        (studio.home / "tools.toml").write_text("this is no toml")
        told = owner.get("/api/tools").json()
        assert told["policy"]["closed"] and "nothing may leave" in told["policy"]["problems"][0]
