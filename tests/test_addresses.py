"""What is inside is known in every disguise, and nothing is looked up twice."""

from __future__ import annotations

import ipaddress

import pytest

from studiolo.addresses import Unreachable, host_of, is_inside, is_named, networks, parsed, resolve

INSIDE = """
127.0.0.1 127.255.255.254 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 0.1.2.3
224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9
::1 :: fe80::1 fc00::1 fd12:3456::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: 2002:a9fe:a9fe::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
64:ff9b:1::1 100::1 fec0::1 feff::1 168.63.129.16 192.88.99.1 3fff::1
"""
OUTSIDE = "1.1.1.1 8.8.8.8 93.184.216.34 172.32.0.1 2606:4700:4700::1111 64:ff9b::808:808 ::ffff:8.8.8.8"


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("address", words(INSIDE))
def test_what_is_inside_is_known_in_every_disguise(address: str) -> None:
    assert is_inside(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", words(OUTSIDE))
def test_the_world_is_outside(address: str) -> None:
    assert not is_inside(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *("http://0:80/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/"),
        *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[64:ff9b::7f00:1]/"),
        *("http://127\u30020\u30020\u30021/", "http://localhost/", "http://localhost./", "http://LOCALHOST:8080/"),
        *("http://[fe80::1%25lo]/", "http://[fe80::1%lo]/", "http://127.0.0.1./", "http://%31%32%37.0.0.1/"),
        *("http://\uff11\uff12\uff17.0.0.1/", "http://\u24db\u24de\u24d2\u24d0lhost/", "http://user@127.0.0.1/"),
        *("http://example.com@127.0.0.1/", "http:\\\\127.0.0.1/", "http://127.0.0.1:080/", "http://127.0.0.1\t/"),
    ],
)
async def test_a_host_inside_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(Unreachable):
        found = parsed(url)
        await resolve(host_of(found), 80, [])


@pytest.mark.parametrize("port", [22, 25, 6000, 6667])
def test_a_port_of_another_service_is_refused(port: int) -> None:
    with pytest.raises(Unreachable, match="no web server"):
        parsed(f"http://example.com:{port}/")


def test_a_name_in_other_letters_is_seen_as_it_is_looked_up() -> None:
    assert host_of(parsed("https://\u0430\u0440\u0440\u04cf\u0435.com/")) == "xn--80ak6aa92e.com"
    assert host_of(parsed("https://fa\u00df.example/")) == "xn--fa-hia.example"
    assert str(parsed("https://\u0430pple.com/")).startswith("https://xn--")


def test_a_list_of_hosts_covers_what_is_below_them_and_nothing_beside() -> None:
    names = ["Python.org", ".example.com", "10.0.0.1"]
    assert all(is_named(host, names) for host in ("python.org", "docs.python.org.", "EXAMPLE.com", "10.0.0.1"))
    assert not any(is_named(host, names) for host in ("notpython.org", "python.org.evil.net", "com", "0.0.1"))


async def test_an_operator_can_allow_networks() -> None:
    assert await resolve("127.0.0.1", 80, networks("10.0.0.0/8,127.0.0.0/8")) == ["127.0.0.1"]
    with pytest.raises(Unreachable):
        await resolve("127.0.0.1", 80, networks("127.0.0.2/32"))
