"""RSS: the ``<item>`` of an episode, and the feed of a show, with the tags that podcast directories ask for.

Everything is built as a tree and escaped by the standard library. Sources: RSS 2.0; Apple Podcasts, RSS feed
requirements; Podcasting 2.0 namespace (https://podcastindex.org/namespace/1.0).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from demod_voice.errors import UsageError

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
PODCAST = "https://podcastindex.org/namespace/1.0"
ATOM = "http://www.w3.org/2005/Atom"
PREFIXES = {"itunes": ITUNES, "podcast": PODCAST, "atom": ATOM}
FEED_SPACE = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""Namespace of the UUID that names a podcast. Source: Podcasting 2.0, tag ``guid``."""
MIME = {
    "mp3": "audio/mpeg",
    "m4a": "audio/x-m4a",
    "m4b": "audio/x-m4b",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
}
"""Type of an enclosure by format."""
_NOT_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
"""Control characters that XML 1.0 has no way to write."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A published file."""

    url: str
    num_bytes: int
    mime: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """A published transcript."""

    url: str
    mime: str
    """``text/vtt``, ``application/x-subrip`` or ``application/json``."""


@dataclass(frozen=True, slots=True)
class Item:
    """An episode, as a feed names it."""

    title: str
    guid: str
    """Never changes, whatever else of the episode does."""
    published: datetime
    enclosure: MediaFile
    duration_s: float
    description: str = ""
    language: str = ""
    alternates: tuple[MediaFile, ...] = ()
    """The same episode in other formats."""
    episode: str = ""
    season: str = ""
    link: str = ""
    image_url: str = ""
    transcripts: tuple[Transcript, ...] = ()
    chapters_url: str = ""
    people: tuple[str, ...] = ()
    """Who speaks."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A show, as its feed describes it."""

    title: str
    feed_url: str
    """Where the feed itself will be."""
    link: str = ""
    """The show's page; empty = the feed's own folder."""
    description: str = ""
    author: str = ""
    email: str = ""
    language: str = "en"
    image_url: str = ""
    categories: tuple[str, ...] = ()
    """Of Apple's list; ``Arts > Books`` is a category with its subcategory."""
    explicit: bool = False
    copyright: str = ""
    owner: str = ""
    """Whom directories write to; empty = the author."""
    guid: str = ""
    """UUID of the podcast; empty = made from ``feed_url``."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """More plain RSS elements by name."""


def item_xml(item: Item) -> str:
    """The ``<item>`` of an episode, to be put into a feed: it declares its namespaces itself."""
    return _text(_item(item))


def feed_xml(channel: Channel, items: Sequence[Item]) -> str:
    """The whole feed, newest episode first.

    Raises:
        UsageError: an address in it is not absolute.
    """
    _check_addresses(channel, items)
    rss = ElementTree.Element("rss", {"version": "2.0"})
    inside = ElementTree.SubElement(rss, "channel")
    for name, text in _channel_facts(channel):
        _add(inside, name, text)
    _add(inside, f"{{{ATOM}}}link", None, href=channel.feed_url, rel="self", type="application/rss+xml")
    if channel.image_url:
        _add(inside, f"{{{ITUNES}}}image", None, href=channel.image_url)
    if channel.email:
        owner = _add(inside, f"{{{ITUNES}}}owner", None)
        _add(owner, f"{{{ITUNES}}}name", channel.owner or channel.author)
        _add(owner, f"{{{ITUNES}}}email", channel.email)
    for category in channel.categories:
        outer, _, inner = (part.strip() for part in category.partition(">"))
        element = _add(inside, f"{{{ITUNES}}}category", None, text=outer)
        if inner:
            _add(element, f"{{{ITUNES}}}category", None, text=inner)
    for item in sorted(items, key=lambda each: (each.published, each.guid), reverse=True):
        inside.append(_item(item))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_text(rss)}'


def podcast_guid(feed_url: str) -> str:
    """The UUID that names a show: of its feed's address without the protocol and slashes at the end."""
    return str(uuid.uuid5(FEED_SPACE, feed_url.partition("://")[2].rstrip("/")))


def episode_guid(show: str, episode_id: str) -> str:
    """A UUID of an episode that only its id and its show's name decide."""
    return str(uuid.uuid5(FEED_SPACE, f"{show}/{episode_id}"))


def address(base_url: str, name: str) -> str:
    """Where a file will be fetched; the bare name while nobody has said where that is."""
    return f"{base_url.rstrip('/')}/{quote(name)}" if base_url else quote(name)


def moment(text: str) -> datetime | None:
    """A date (midnight UTC) or an ISO 8601 moment; None when the text is neither."""
    try:
        if len(text) == len("2026-01-02"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _channel_facts(channel: Channel) -> Iterable[tuple[str, str]]:
    yield "title", channel.title
    yield "link", channel.link or channel.feed_url.rpartition("/")[0] + "/"
    yield "description", channel.description or channel.title
    yield "language", channel.language
    yield "copyright", channel.copyright
    yield from channel.extra.items()
    yield f"{{{ITUNES}}}author", channel.author
    yield f"{{{ITUNES}}}explicit", "true" if channel.explicit else "false"
    yield f"{{{ITUNES}}}type", "episodic"
    yield f"{{{PODCAST}}}guid", channel.guid or podcast_guid(channel.feed_url)
    yield f"{{{PODCAST}}}locked", "no"


def _item(item: Item) -> ElementTree.Element:
    element = ElementTree.Element("item")
    _add(element, "title", item.title)
    _add(element, "guid", item.guid, isPermaLink="false")
    _add(element, "description", item.description)
    _add(element, "link", item.link)
    _add(element, "pubDate", format_datetime(item.published))
    media = item.enclosure
    _add(element, "enclosure", None, url=media.url, length=str(media.num_bytes), type=media.mime)
    for name, text in (
        ("title", item.title),
        ("duration", str(round(item.duration_s))),
        ("episode", item.episode),
        ("season", item.season),
        ("episodeType", "full"),
    ):
        _add(element, f"{{{ITUNES}}}{name}", text)
    if item.image_url:
        _add(element, f"{{{ITUNES}}}image", None, href=item.image_url)
    _add_podcast_tags(element, item)
    return element


def _add_podcast_tags(element: ElementTree.Element, item: Item) -> None:
    for each in item.transcripts:
        language = {"language": item.language} if item.language else {}
        _add(element, f"{{{PODCAST}}}transcript", None, url=each.url, type=each.mime, **language)
    if item.chapters_url:
        _add(element, f"{{{PODCAST}}}chapters", None, url=item.chapters_url, type="application/json+chapters")
    for name in item.people:
        _add(element, f"{{{PODCAST}}}person", name)
    for media in item.alternates:
        size = str(media.num_bytes)
        other = _add(element, f"{{{PODCAST}}}alternateEnclosure", None, type=media.mime, length=size)
        _add(other, f"{{{PODCAST}}}source", None, uri=media.url)


def _add(parent: ElementTree.Element, name: str, content: str | None, **attributes: str) -> ElementTree.Element:
    """A child with text, or with attributes alone; an empty text is left out."""
    clean = {key: value.translate(_NOT_XML) for key, value in attributes.items()}
    element = ElementTree.Element(name, clean)
    if content is not None:
        element.text = content.translate(_NOT_XML)
    if content or content is None:
        parent.append(element)
    return element


def _text(element: ElementTree.Element) -> str:
    for prefix, space in PREFIXES.items():
        ElementTree.register_namespace(prefix, space)
    ElementTree.indent(element)
    return ElementTree.tostring(element, encoding="unicode") + "\n"


def _check_addresses(channel: Channel, items: Sequence[Item]) -> None:
    given = [channel.feed_url, *(media.url for item in items for media in (item.enclosure, *item.alternates))]
    wrong = [each for each in given if not (urlsplit(each).scheme in ("http", "https") and urlsplit(each).netloc)]
    if wrong:
        raise UsageError(
            f"a feed needs whole addresses, and {wrong[0]!r} is none",
            "say where the files will be: publish.base_url, as in https://example.org/show",
        )
