//! Facts in words, as pages say them: times, bounds, states. Never typed into a template.

use domain::limits::PRIVATE_REVOKE_BOUND_SECS;
use jiff::{Timestamp, fmt::strtime};

/// What is true after every narrowing.
pub(crate) const STAYS: &str = "A download that is already running may finish. Copies already made stay.";

/// An instant, in UTC: to the day, and to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    /// Reads an instant of the API's.
    pub(crate) fn of(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// `3 Dec 2026`.
    pub(crate) fn day(self) -> String {
        said("%-d %b %Y", self.0)
    }

    /// `14:03 UTC on 3 December 2026`.
    pub(crate) fn exact(self) -> String {
        said("%H:%M UTC on %-d %B %Y", self.0)
    }

    /// `14:03:25 UTC`, which is soon.
    pub(crate) fn clock(self) -> String {
        said("%H:%M:%S UTC", self.0)
    }

    /// For programs.
    pub(crate) fn machine(self) -> String {
        self.0.to_string()
    }
}

fn said(form: &str, at: Timestamp) -> String {
    strtime::format(form, at).unwrap_or_else(|_none| at.to_string())
}

/// A span in words: `65 seconds`, `5 minutes 30 seconds`, as SEMANTICS 5 has them.
pub(crate) fn span(secs: u32) -> String {
    let of = |number: u32, one: &str| if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") };
    match (secs.div_euclid(60), secs.rem_euclid(60)) {
        (0, secs) => of(secs, "second"),
        (1, rest) if secs <= PRIVATE_REVOKE_BOUND_SECS => of(rest.saturating_add(60), "second"),
        (minutes, 0) => of(minutes, "minute"),
        (minutes, secs) => format!("{} {}", of(minutes, "minute"), of(secs, "second")),
    }
}

/// A length in bytes, in SI units with two or three figures: `1.2 TB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut whole, mut tenths, mut unit) = (bytes, 0, 0_usize);
    while whole >= 1_000 && unit.saturating_add(1) < UNITS.len() {
        tenths = whole.rem_euclid(1_000).div_euclid(100);
        whole = whole.div_euclid(1_000);
        unit = unit.saturating_add(1);
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if whole < 10 && unit != "B" { format!("{whole}.{tenths} {unit}") } else { format!("{whole} {unit}") }
}

/// Whether this is among the rights.
pub(crate) fn has(rights: &[String], right: &str) -> bool {
    rights.iter().any(|word| word == right)
}

/// What somebody may do, in words: by the strongest of the rights, the weakest first.
pub(crate) fn rights(words: &[String]) -> &'static str {
    let told = [
        ("own", "own it"),
        ("administer", "decide who gets in"),
        ("edit", "edit its description"),
        ("download", "download it in bulk"),
        ("read", "open it in viewers"),
        ("coarse", "see metadata and coarse levels"),
        ("meta", "see metadata"),
        ("share", "make links"),
    ];
    told.into_iter().find(|(right, _)| has(words, right)).map_or("know of it", |(_, words)| words)
}

/// Whom something is open to, beside those that it is granted to; nothing where to nobody.
pub(crate) fn audience(word: &str) -> Option<Mark> {
    match word {
        "world" => Some(Mark { word: "world", icon: "globe", kind: "" }),
        "accounts" => Some(Mark { word: "every account", icon: "people", kind: "" }),
        _ => None,
    }
}

/// What something is.
pub(crate) fn kind(word: &str) -> Mark {
    match word {
        "zarr" => Mark { word: "Zarr", icon: "grid", kind: "" },
        "file" => Mark { word: "file", icon: "file", kind: "" },
        _ => Mark { word: "folder", icon: "folder", kind: "" },
    }
}

/// How many of a thing.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// What a thing is now, as a word and a picture; the colour is a third.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) word: &'static str,
    pub(crate) icon: &'static str,
    /// `ok`, `warn`, `stop` or nothing.
    pub(crate) kind: &'static str,
}

/// The state of a link.
pub(crate) fn link_state(word: &str) -> Mark {
    let mark = |word, icon, kind| Mark { word, icon, kind };
    match word {
        "live" => mark("live", "check", "ok"),
        "paused" => mark("paused", "pause", "warn"),
        "not-yet" => mark("not open yet", "clock", "warn"),
        "expired" => mark("expired", "clock", ""),
        "stopped" => mark("stopped", "stop", "stop"),
        "revoked" => mark("revoked", "stop", "stop"),
        "withdrawn" => mark("withdrawn", "stop", "stop"),
        _ => mark("not known", "stop", ""),
    }
}

#[cfg(test)]
mod tests {
    use domain::limits::{STRICT_REVOKE_BOUND_SECS, WORLD_REVOKE_BOUND_SECS};

    use super::*;

    // SEMANTICS 5, UX 1
    #[test]
    fn the_bounds_are_said_as_they_are_promised() {
        let bounds = [STRICT_REVOKE_BOUND_SECS, PRIVATE_REVOKE_BOUND_SECS, WORLD_REVOKE_BOUND_SECS];
        assert_eq!(bounds.map(span), ["15 seconds", "65 seconds", "5 minutes 30 seconds"]);
        assert_eq!([1, 60, 120, 900].map(span), ["1 second", "60 seconds", "2 minutes", "15 minutes"]);
    }

    #[test]
    fn a_size_has_its_unit() {
        for (bytes, said) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_999, "1.9 kB"),
            (12_345, "12 kB"),
            (1_200_000_000_000, "1.2 TB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(size(bytes), said);
        }
    }

    #[test]
    fn a_moment_is_in_utc_and_says_so() {
        let at = Moment::of("2026-12-03T14:03:25Z").unwrap();
        assert_eq!(
            (at.day(), at.exact(), at.clock()),
            ("3 Dec 2026".to_owned(), "14:03 UTC on 3 December 2026".to_owned(), "14:03:25 UTC".to_owned())
        );
        assert_eq!(Moment::of("soon"), None);
    }
}
