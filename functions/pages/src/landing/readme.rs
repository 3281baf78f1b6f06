//! A README as a page shows it: `CommonMark` made HTML by a library and cleaned by another. Nothing in it is loaded from anywhere: an image is
//! a link to it, and HTML that was written into it is text.

use std::collections::{HashMap, HashSet};

use ammonia::{Builder, Url, UrlRelative};
use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html::push_html};

use crate::page::shows;

/// All that may be left of it, less attributes.
const TAGS: [&str; 22] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
];

/// A README.
#[derive(Debug)]
pub(crate) struct Readme {
    /// HTML that is safe to show, of a README that is `CommonMark`.
    pub(crate) html: Option<String>,
    /// The text itself, of any other.
    pub(crate) text: String,
    /// Whether there is more of it than is shown.
    pub(crate) is_cut: bool,
}

impl Readme {
    /// The README of this name, which lies at `base`.
    pub(crate) fn new(name: &str, bytes: &[u8], is_cut: bool, base: &str) -> Self {
        let text = readable(&String::from_utf8_lossy(bytes));
        let is_markdown = name.rsplit_once('.').is_some_and(|(_, ending)| ending == "md");
        Self { html: is_markdown.then(|| html_of(&text, base)), text: if is_markdown { String::new() } else { text }, is_cut }
    }
}

/// A text of somebody's with a mark for what controls, or turns the direction of what follows.
pub(super) fn readable(text: &str) -> String {
    text.replace("\r\n", "\n").chars().map(|c| if matches!(c, '\n' | '\t') || shows(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn html_of(markdown: &str, base: &str) -> String {
    let mut links = 0_usize;
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let events = parser.flat_map(|event| plainer(event, &mut links));
    let mut html = String::new();
    push_html(&mut html, events);
    cleaned(&html, base)
}

/// An event without what would load or run anything. `links` counts the links around it.
fn plainer<'e>(event: Event<'e>, links: &mut usize) -> Vec<Event<'e>> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text)],
        Event::Start(Tag::Image { dest_url, title, id, .. }) => {
            *links = links.saturating_add(1);
            let mut told = Vec::new();
            // A link in a link is none: a badge that leads somewhere is its own words.
            if *links == 1 {
                told.push(Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url, title, id }));
            }
            told.push(Event::Text(CowStr::Borrowed("Image: ")));
            told
        }
        Event::End(TagEnd::Image) => {
            *links = links.saturating_sub(1);
            if *links == 0 { vec![Event::End(TagEnd::Link)] } else { Vec::new() }
        }
        Event::Start(Tag::Link { .. }) => {
            *links = links.saturating_add(1);
            vec![event]
        }
        Event::End(TagEnd::Link) => {
            *links = links.saturating_sub(1);
            vec![event]
        }
        // Its headings stand below that of its part of the page.
        Event::Start(Tag::Heading { level, .. }) => {
            vec![Event::Start(Tag::Heading { level: lower(level), id: None, classes: Vec::new(), attrs: Vec::new() })]
        }
        Event::End(TagEnd::Heading(level)) => vec![Event::End(TagEnd::Heading(lower(level)))],
        other => vec![other],
    }
}

const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// What is safe of HTML. An address that is relative leads to what lies beside the README.
fn cleaned(html: &str, base: &str) -> String {
    let mut tags: HashSet<&str> = TAGS.into_iter().collect();
    tags.insert("ul");
    let attributes = HashMap::from([("a", HashSet::from(["href", "title"])), ("ol", HashSet::from(["start"]))]);
    let relative = Url::parse(base).map_or(UrlRelative::Deny, UrlRelative::RewriteWithBase);
    let mut builder = Builder::empty();
    builder
        .tags(tags)
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(relative)
        .link_rel(Some("noopener noreferrer nofollow"));
    builder.clean(html).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://data.test/key/a.zarr/";

    fn shown(markdown: &str) -> String {
        Readme::new("README.md", markdown.as_bytes(), false, BASE).html.unwrap()
    }

    #[test]
    fn a_readme_is_common_mark_below_the_pages_own_headings() {
        let html = shown(
            "# Retina\n\nA *stack* of `2`\n\n- one\n- [two](https://example.org \"t\")\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n\n## More\n",
        );
        assert!(
            html.contains("<h3>Retina</h3>") && html.contains("<h4>More</h4>") && html.contains("<em>stack</em> of <code>2</code>"),
            "{html}"
        );
        assert!(html.contains("<a href=\"https://example.org\" title=\"t\" rel=\"noopener noreferrer nofollow\">two</a>"), "{html}");
        assert!(html.contains("<td>2</td>") && !html.contains("style="), "{html}");
    }

    // SECURITY T29; P2: nothing of it runs, and nothing is loaded
    #[test]
    fn nothing_in_a_readme_runs_or_is_loaded() {
        let html = shown("![alt](https://evil.example/x.png) ![](pic.svg) [![badge](https://evil.example/b.svg)](https://example.org)");
        assert!(
            !html.contains("<img") && html.contains("<a href=\"https://evil.example/x.png\"") && html.contains(">Image: alt</a>"),
            "{html}"
        );
        assert!(html.contains("href=\"https://data.test/key/a.zarr/pic.svg\"") && html.contains(">Image: badge</a>"), "{html}");
        for payload in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<svg onload=alert(1)>",
            "<style>*{display:none}</style>",
            "<iframe src=https://evil.example></iframe>",
            "<form action=https://evil.example><input></form>",
            "<a href=\"javascript:alert(1)\">x</a>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "[x](vbscript:x)",
            "[x]: javascript:alert(1)\n\n[x]",
            "<javascript:alert(1)>",
            "![x](javascript:alert(1))",
            "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "a</article></main><h1>b",
            "<div style=\"position:fixed\">x</div>",
            "```html onload=alert(1)\n<script>\n```",
        ] {
            let html = shown(payload).to_lowercase();
            // What was a sign of theirs is written as text, so whatever begins so is ours.
            for tag in html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
                let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
                assert!(TAGS.contains(&name) || name == "ul", "{payload}: {html}");
                for part in ["javascript:", "data:", "vbscript:", " style", " on", " class", " src"] {
                    assert!(!tag.contains(part), "{payload}: {html}");
                }
            }
        }
    }

    #[test]
    fn a_readme_that_is_no_markdown_is_its_own_text_and_turns_nothing_around() {
        let readme = Readme::new("README.txt", b"a <b>\r\n\tc \x07 \xe2\x80\xae \xff", false, BASE);
        assert_eq!((readme.html, readme.text.as_str()), (None, "a <b>\n\tc \u{fffd} \u{fffd} \u{fffd}"));
        assert!(shown(&"[".repeat(60_000)).len() > 1_000, "it ends");
    }
}
