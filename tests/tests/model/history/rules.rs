//! The rules. Each answers what breaks it; what it cannot tell for sure it lets pass.

use std::collections::BTreeMap;

use super::record::{Came, Got, History, Means, Read, Span, Target, Write};

/// From when after its reply what was opened has to be open, and for how long it is looked at (H2).
const OPEN_AFTER_MS: i64 = 1_000;
const OPEN_FOR_MS: i64 = 60_000;
/// With less left than this nothing may be signed any more.
const LAST_MOMENTS_MS: i64 = 6_000;
/// How old facts may be.
const CACHE_MS: i64 = 5_000;
/// How long a signature works.
const VALID_MS: i64 = 60_000;

/// All that breaks a rule.
pub fn broken(history: &History) -> Vec<String> {
    let rules = [no_yes_after_enforced_by, opened_is_open, narrowing_is_monotone, ends_as_permitted, audited_once, counts_never_fall];
    rules.into_iter().flat_map(|rule| rule(history)).collect()
}

/// H1: nothing is answered with yes, and nothing that was works, after the `enforced_by` of a narrowing.
fn no_yes_after_enforced_by(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (narrowing, by) in narrowings(history) {
        for (read, end) in yes(history, narrowing.target) {
            if read.span.called > by || end > by {
                broken.push(format!("H1: {read:?} after {narrowing:?}"));
            }
        }
    }
    broken
}

/// H2: what was opened is not refused from a second to a minute after the reply, unless it was narrowed or has ended.
fn opened_is_open(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for opening in history.writes.iter().filter(|write| write.means == Means::Opens && matches!(write.came, Came::Done { .. })) {
        let begin = opening.span.returned + OPEN_AFTER_MS;
        for read in history.reads.iter().filter(|read| read.target == opening.target) {
            let is_then = read.span.called >= begin && read.span.returned <= opening.span.returned + OPEN_FOR_MS;
            let may_be_shut = others(history, opening).any(|write| {
                let over = matches!(write.came, Came::Done { .. }) && write.span.is_before(opening.span);
                write.means == Means::Shuts && write.span.called <= read.span.returned && !over
            });
            let has_ended =
                same(history, opening.target).filter_map(|write| write.until).any(|until| until - LAST_MOMENTS_MS <= read.span.returned);
            if is_then && matches!(read.got, Got::No(_)) && !may_be_shut && !has_ended {
                broken.push(format!("H2: {read:?} after {opening:?}"));
            }
        }
    }
    broken
}

/// H3: once an instance has refused after a narrowing was acknowledged, it never says yes again.
fn narrowing_is_monotone(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (narrowing, _by) in narrowings(history) {
        for (read, _end) in yes(history, narrowing.target) {
            let refused = history.reads.iter().find(|other| {
                let alike = other.target == read.target && other.instance == read.instance && matches!(other.got, Got::No(_));
                alike && narrowing.span.is_before(other.span) && other.span.is_before(read.span)
            });
            if let Some(refused) = refused {
                broken.push(format!("H3: {read:?} after {refused:?}, {narrowing:?}"));
            }
        }
    }
    broken
}

/// H4: no signature lives longer than a signature may, or than what was opened.
fn ends_as_permitted(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for read in &history.reads {
        let Got::Yes { end } = read.got else { continue };
        let counts = |opening: &&Write| {
            let seen = Span { called: read.span.called - CACHE_MS, ..read.span };
            let replaced = others(history, opening).any(|later| {
                let done = later.means != Means::Shuts && matches!(later.came, Came::Done { .. });
                done && opening.span.is_before(later.span) && later.span.is_before(seen)
            });
            opening.means != Means::Shuts && opening.came != Came::Refused && opening.span.called <= read.span.returned && !replaced
        };
        let until = same(history, read.target).filter(counts).map(|opening| opening.until.unwrap_or(i64::MAX)).max();
        if end > read.span.returned + VALID_MS || until.is_none_or(|until| end > until) {
            broken.push(format!("H4: {read:?}, which may end at {until:?}"));
        }
    }
    broken
}

/// H5: an accepted write stands in the audit once, one that may have been done at most once, a refused one never.
fn audited_once(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for write in &history.writes {
        let Some(mark) = &write.mark else { continue };
        let found = history.audit.iter().filter(|entry| entry.contains(mark.as_str())).count();
        let fits = match write.came {
            Came::Done { .. } => found == 1,
            Came::Open => found <= 1,
            Came::Refused => found == 0,
        };
        if !fits {
            broken.push(format!("H5: {found} entries of {write:?}"));
        }
    }
    broken
}

/// H6: a count that was seen never falls.
fn counts_never_fall(history: &History) -> Vec<String> {
    let mut of_target: BTreeMap<Target, Vec<(Span, u64)>> = BTreeMap::new();
    for counted in &history.counted {
        of_target.entry(counted.target).or_default().push((counted.span, counted.count));
    }
    let fallen = |(target, seen): (&Target, &Vec<(Span, u64)>)| {
        let pair = seen.iter().flat_map(|one| seen.iter().map(move |other| (one, other)));
        pair.clone().find(|(one, other)| one.0.is_before(other.0) && one.1 > other.1).map(|pair| format!("H6: {target:?} {pair:?}"))
    };
    of_target.iter().filter_map(fallen).collect()
}

/// The narrowings that were acknowledged and that nothing may have undone, each with when it is enforced.
fn narrowings(history: &History) -> impl Iterator<Item = (&Write, i64)> {
    history.writes.iter().filter_map(|narrowing| {
        let Came::Done { enforced_by: Some(by) } = narrowing.came else { return None };
        let undone = others(history, narrowing).any(|write| {
            // What was left open may come about at any time from when it was asked for.
            let still = write.came == Came::Open || !write.span.is_before(narrowing.span);
            write.means != Means::Shuts && write.came != Came::Refused && still
        });
        (narrowing.means == Means::Shuts && !undone).then_some((narrowing, by))
    })
}

fn yes(history: &History, target: Target) -> impl Iterator<Item = (&Read, i64)> {
    history.reads.iter().filter_map(move |read| match read.got {
        Got::Yes { end } if read.target == target => Some((read, end)),
        _ => None,
    })
}

fn same(history: &History, target: Target) -> impl Iterator<Item = &Write> {
    history.writes.iter().filter(move |write| write.target == target)
}

fn others<'a>(history: &'a History, of: &'a Write) -> impl Iterator<Item = &'a Write> {
    same(history, of.target).filter(move |write| !std::ptr::eq(*write, of))
}

#[cfg(test)]
mod tests {
    use super::{
        super::record::{Counted, Read},
        *,
    };

    const LINK: Target = Target::Link(0);

    fn span(called: i64, returned: i64) -> Span {
        Span { called, returned }
    }

    fn write(means: Means, called: i64, came: Came) -> Write {
        Write { target: LINK, means, until: None, span: span(called, called + 10), came, mark: None }
    }

    fn opened(called: i64) -> Write {
        write(Means::Opens, called, Came::Done { enforced_by: None })
    }

    fn shut(called: i64) -> Write {
        write(Means::Shuts, called, Came::Done { enforced_by: Some(called + 65_000) })
    }

    fn read(called: i64, got: Got) -> Read {
        Read { target: LINK, instance: 0, span: span(called, called + 10), got }
    }

    fn yes_until(called: i64, end: i64) -> Read {
        read(called, Got::Yes { end })
    }

    /// Which rules are broken.
    fn rules_of(writes: &[Write], reads: &[Read]) -> Vec<String> {
        let history = History { reads: reads.to_vec(), writes: writes.to_vec(), ..History::default() };
        let mut all: Vec<String> = broken(&history).iter().map(|why| why.chars().take(2).collect()).collect();
        all.dedup();
        all
    }

    #[test]
    fn a_history_as_it_should_be_breaks_nothing() {
        let reads = [yes_until(2_000, 60_000), yes_until(12_000, 70_000), read(20_000, Got::No(410)), read(90_000, Got::No(410))];
        assert!(rules_of(&[opened(0), shut(10_000)], &reads).is_empty());
        let again = [opened(0), shut(10_000), opened(100_000)];
        assert!(rules_of(&again, &[read(90_000, Got::No(404)), yes_until(102_000, 150_000), read(103_000, Got::Nothing)]).is_empty());
    }

    #[test]
    fn each_rule_is_seen_to_be_broken() {
        let both = [opened(0), shut(10_000)];
        assert_eq!(rules_of(&both, &[yes_until(75_001, 75_002)]), ["H1"], "asked too late");
        assert_eq!(rules_of(&both, &[yes_until(20_000, 75_001)]), ["H1"], "signed for too long");
        assert_eq!(rules_of(&[opened(0)], &[read(1_100, Got::No(404))]), ["H2"]);
        assert_eq!(rules_of(&both, &[read(11_000, Got::No(410)), yes_until(12_000, 70_000)]), ["H3"]);
        let short = [Write { until: Some(50_000), ..opened(0) }];
        assert_eq!(rules_of(&short, &[yes_until(2_000, 50_001)]), ["H4"], "longer than what was opened");
        assert_eq!(rules_of(&[opened(0)], &[yes_until(2_000, 62_011)]), ["H4"], "longer than a signature may live");
        assert_eq!(rules_of(&[], &[yes_until(2_000, 3_000)]), ["H4"], "never opened");
    }

    #[test]
    fn what_was_left_open_excuses_what_it_may_have_done() {
        let maybe_shut = write(Means::Shuts, 500, Came::Open);
        assert!(rules_of(&[opened(0), maybe_shut], &[read(30_000, Got::No(410))]).is_empty());
        let maybe_opened = write(Means::Opens, 5_000, Came::Open);
        assert!(rules_of(&[opened(0), maybe_opened, shut(10_000)], &[yes_until(90_000, 91_000)]).is_empty(), "it came late");
        assert_eq!(rules_of(&[opened(0), write(Means::Opens, 5_000, Came::Refused), shut(10_000)], &[yes_until(90_000, 91_000)]), ["H1"]);
    }

    #[test]
    fn the_audit_has_each_write_once() {
        let marked = |came| Write { mark: Some("op-1;".to_owned()), ..write(Means::Opens, 0, came) };
        let done = Came::Done { enforced_by: None };
        for (came, entries, want) in [
            (done, 0, false),
            (done, 1, true),
            (done, 2, false),
            (Came::Open, 0, true),
            (Came::Open, 1, true),
            (Came::Open, 2, false),
            (Came::Refused, 0, true),
            (Came::Refused, 1, false),
        ] {
            let audit = vec!["by op-1; and more".to_owned(); entries];
            let history = History { writes: vec![marked(came)], audit, ..History::default() };
            assert_eq!(broken(&history).is_empty(), want, "{came:?} {entries}");
        }
    }

    #[test]
    fn counts_that_fall_are_seen() {
        let counted = |called, count| Counted { target: LINK, span: span(called, called + 10), count };
        let of = |counted: Vec<Counted>| broken(&History { counted, ..History::default() }).len();
        assert_eq!(of(vec![counted(0, 1), counted(20, 2), counted(40, 2)]), 0);
        assert_eq!(of(vec![counted(0, 2), counted(5, 1)]), 0, "at once");
        assert_eq!(of(vec![counted(0, 2), counted(20, 1)]), 1);
    }
}
