//! When something begins and ends, as a request writes it.

use domain::link::Until;
use http::StatusCode;
use jiff::{Timestamp, civil::Date, fmt::temporal::Pieces, tz::TimeZone};

use crate::problem::Problem;

/// Days that a request may ask for: a thousand years, so that no calendar ends.
const DAYS_MAX: u32 = 365_000;

/// Reads `until`: days (`30d`), an RFC 3339 instant, a date, or `never`. A date is the last day on which the link opens, in UTC.
///
/// # Errors
/// 422 `until-too-far` for an end past the calendar's, `until` for any other text.
pub fn read_until(text: &str) -> Result<Until, Problem> {
    let days = |text: &str| text.strip_suffix('d').and_then(|count| count.parse().ok()).filter(|days| *days <= DAYS_MAX);
    let last_day = |text: &str| read_date(text).and_then(|date| date.tomorrow().ok()).and_then(first_instant);
    match text {
        "never" => Some(Until::Never),
        _ => days(text).map(Until::Days).or_else(|| last_day(text).or_else(|| read_instant(text)).map(Until::At)),
    }
    .ok_or_else(|| {
        // Some tools write 9999-12-31 for what has no end, and no instant is so late.
        if is_past_the_calendar(text) {
            return unread("until-too-far", "the calendar ends before that").at("/until").hint("`never` is for what has no end");
        }
        unread("until", "the end was not understood").at("/until").hint("`30d`, `2027-01-31`, `2027-01-31T12:00:00Z` or `never`")
    })
}

/// Whether a text that no instant came of has a form that is read, and is late: days beyond a thousand years, or the last days of the year 9999.
fn is_past_the_calendar(text: &str) -> bool {
    let is_late = |date: Date| date > Date::ZERO;
    let is_days = text.strip_suffix('d').is_some_and(|count| count.parse::<u32>().is_ok());
    let instant = || Pieces::parse(text).ok().filter(|pieces| pieces.time().is_some() && pieces.offset().is_some());
    is_days || read_date(text).is_some_and(is_late) || instant().is_some_and(|pieces| is_late(pieces.date()))
}

/// Reads `not_before`: an RFC 3339 instant, or a date, which begins at midnight UTC.
///
/// # Errors
/// 422 `not-before` for any other text.
pub fn read_not_before(text: &str) -> Result<Timestamp, Problem> {
    read_date(text).and_then(first_instant).or_else(|| read_instant(text)).ok_or_else(|| {
        unread("not-before", "the beginning was not understood").at("/not_before").hint("`2027-01-31` or `2027-01-31T12:00:00Z`")
    })
}

fn unread(code: &'static str, detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
}

/// `YYYY-MM-DD` and nothing else: the library would take a time after it, too.
fn read_date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// An instant with its offset. What has none is refused: nobody knows whose clock was meant.
fn read_instant(text: &str) -> Option<Timestamp> {
    text.contains(['T', 't']).then(|| text.parse().ok()).flatten()
}

fn first_instant(date: Date) -> Option<Timestamp> {
    date.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Until {
        Until::At(text.parse().unwrap())
    }

    #[test]
    fn an_end_is_read_in_four_forms_and_no_other() {
        for (text, want) in [
            ("never", Until::Never),
            ("30d", Until::Days(30)),
            ("0d", Until::Days(0)),
            ("2027-01-31", at("2027-02-01T00:00:00Z")),
            ("2027-01-31T12:00:00Z", at("2027-01-31T12:00:00Z")),
            ("2027-01-31T12:00:00+02:00", at("2027-01-31T10:00:00Z")),
            ("9999-12-29", at("9999-12-30T00:00:00Z")),
        ] {
            assert_eq!(read_until(text).unwrap(), want, "{text}");
        }
        for text in [
            "",
            "d",
            "-1d",
            "1.5d",
            "30",
            "30 d",
            "4294967296d",
            "Never",
            "tomorrow",
            "2027-13-01",
            "2027-02-30",
            "2027-01-31T12:00:00",
            "2027-01-31 12:00",
            "31.1.2027",
            "1700000000",
        ] {
            assert_eq!(read_until(text).unwrap_err().code, "until", "{text}");
        }
    }

    #[test]
    fn an_end_past_the_calendar_is_told_from_one_that_was_not_understood() {
        for text in ["9999-12-30", "9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31T00:00:00+01:00", "365001d", "999999999d"] {
            assert_eq!(read_until(text).unwrap_err().code, "until-too-far", "{text}");
        }
        for text in ["9999-12-32", "9999-12-31T23:59:59", "9999-12-31 23:59", "10000-01-01", "-009999-01-01T00:00:00Z"] {
            assert_eq!(read_until(text).unwrap_err().code, "until", "{text}");
        }
    }

    #[test]
    fn a_beginning_is_an_instant_or_a_date() {
        assert_eq!(read_not_before("2027-01-31").unwrap(), "2027-01-31T00:00:00Z".parse().unwrap());
        assert_eq!(read_not_before("2027-01-31T01:00:00+01:00").unwrap(), "2027-01-31T00:00:00Z".parse().unwrap());
        for text in ["", "now", "never", "30d", "2027-01-31T00:00:00"] {
            assert_eq!(read_not_before(text).unwrap_err().code, "not-before", "{text}");
        }
    }
}
