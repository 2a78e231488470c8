"""The item of an episode and the feed of a show, read back as XML."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.errors import UsageError
from demod_voice.publish.feed import (
    ATOM,
    ITUNES,
    PODCAST,
    Channel,
    Item,
    MediaFile,
    Transcript,
    address,
    episode_guid,
    feed_xml,
    item_xml,
    moment,
    podcast_guid,
)

BASE = "https://example.org/show"
ITEM = Item(
    title="One & <two>",
    guid="g-1",
    published=datetime(2026, 1, 2, 8, 30, tzinfo=UTC),
    enclosure=MediaFile(f"{BASE}/one.mp3", 1234, "audio/mpeg"),
    duration_s=3725.6,
    description='Words, "quoted" & <b>bold</b>',
    language="en",
    alternates=(MediaFile(f"{BASE}/one.opus", 99, "audio/ogg"),),
    episode="7",
    season="2",
    transcripts=(Transcript(f"{BASE}/one.vtt", "text/vtt"),),
    chapters_url=f"{BASE}/one.chapters.json",
    people=("Ada", "Ben"),
)
CHANNEL = Channel("A show", f"{BASE}/feed.xml", author="Ada", image_url=f"{BASE}/c.png", categories=("Arts > Books",))


def test_an_item_has_what_directories_ask_for() -> None:
    item = ElementTree.fromstring(item_xml(ITEM))
    assert item.tag == "item"
    assert item.findtext("title") == ITEM.title
    assert item.findtext("description") == ITEM.description
    assert parsedate_to_datetime(item.findtext("pubDate") or "") == ITEM.published
    guid, enclosure = item.find("guid"), item.find("enclosure")
    assert guid is not None
    assert (guid.text, guid.attrib) == ("g-1", {"isPermaLink": "false"})
    assert enclosure is not None
    assert enclosure.attrib == {"url": f"{BASE}/one.mp3", "length": "1234", "type": "audio/mpeg"}
    found = {name: item.findtext(f"{{{ITUNES}}}{name}") for name in ("duration", "episode", "season", "episodeType")}
    assert found == {"duration": "3726", "episode": "7", "season": "2", "episodeType": "full"}


def test_an_item_has_the_tags_of_podcasting_2() -> None:
    item = ElementTree.fromstring(item_xml(ITEM))
    transcript = item.find(f"{{{PODCAST}}}transcript")
    chapters = item.find(f"{{{PODCAST}}}chapters")
    assert transcript is not None
    assert transcript.attrib == {"url": f"{BASE}/one.vtt", "type": "text/vtt", "language": "en"}
    assert chapters is not None
    assert chapters.attrib["type"] == "application/json+chapters"
    assert [each.text for each in item.findall(f"{{{PODCAST}}}person")] == ["Ada", "Ben"]
    source = item.find(f"{{{PODCAST}}}alternateEnclosure/{{{PODCAST}}}source")
    assert source is not None
    assert source.attrib == {"uri": f"{BASE}/one.opus"}


def test_what_is_not_given_is_left_out() -> None:
    bare = Item("t", "g", ITEM.published, ITEM.enclosure, 1.0)
    tags = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(item_xml(bare))}
    assert tags == {"title", "guid", "pubDate", "enclosure", "duration", "episodeType"}


def test_a_feed_names_the_show_and_lists_the_newest_first() -> None:
    older = replace(ITEM, guid="g-0", published=datetime(2025, 1, 1, tzinfo=UTC))
    text = feed_xml(CHANNEL, [older, ITEM])
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<rss')
    channel = ElementTree.fromstring(text).find("channel")
    assert channel is not None
    assert [each.findtext("guid") for each in channel.findall("item")] == ["g-1", "g-0"]
    assert channel.findtext("link") == f"{BASE}/"
    assert channel.findtext(f"{{{ITUNES}}}explicit") == "false"
    itself, category = channel.find(f"{{{ATOM}}}link"), channel.find(f"{{{ITUNES}}}category")
    assert itself is not None
    assert (itself.attrib["rel"], itself.attrib["href"]) == ("self", CHANNEL.feed_url)
    assert category is not None
    assert [category.attrib["text"], category[0].attrib["text"]] == ["Arts", "Books"]


def test_the_show_s_uuid_is_the_one_that_the_index_computes() -> None:
    """The example of the specification."""
    assert podcast_guid("https://podnews.net/rss") == "9b024349-ccf0-5f69-a609-6b82873eab3c"
    assert podcast_guid("http://podnews.net/rss/") == podcast_guid("https://podnews.net/rss")


def test_an_episode_s_guid_stays() -> None:
    assert episode_guid("show", "one") == episode_guid("show", "one")
    assert len({episode_guid(*each) for each in (("a", "b"), ("a", "c"), ("b", "b"))}) == 3
    assert uuid.UUID(episode_guid("show", "one")).version == 5


def test_a_feed_without_whole_addresses_is_refused() -> None:
    with pytest.raises(UsageError, match=r"one\.mp3") as caught:
        feed_xml(CHANNEL, [replace(ITEM, enclosure=MediaFile("one.mp3", 1, "audio/mpeg"))])
    assert "publish.base_url" in str(caught.value.hint)


@given(st.text(max_size=40))
def test_any_text_makes_xml(text: str) -> None:
    read = ElementTree.fromstring(item_xml(replace(ITEM, title=text, people=(text,), episode=text)))
    assert len(read.findall("enclosure")) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("January 2026", None),
        ("", None),
        ("2026-13-41", None),
    ],
)
def test_dates(text: str, expected: datetime | None) -> None:
    assert moment(text) == expected


def test_addresses_are_quoted() -> None:
    assert address("https://a.example/x/", "one two.mp3") == "https://a.example/x/one%20two.mp3"
    assert address("", "one two.mp3") == "one%20two.mp3"
