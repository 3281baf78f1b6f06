//! Delegation: who may give what to whom (ACCESS 5). Beside the decision, the only rules about access.
//!
//! Not here: what is given to whom (`decision.rs`), how it is written (`table/grants.rs`).

use jiff::{SignedDuration, Timestamp};

use crate::{
    dataset::{Dataset, Kind, Visibility},
    decision::{Action, DatasetFacts, Permit, Place, is_switched, owns, paths, reaching},
    grant::{Conditions, Grant, GrantError, Hold, Net, Subject},
    id::{DatasetId, UserId},
    limits::BREAK_GLASS_HOURS_MAX,
    policy::Openers,
    rights::{Right, Rights, Role},
    source::Audience,
    user::User,
};

/// What is asked for a new grant, or for one to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// Whom it is for.
    pub subject: Subject,
    /// What they get.
    pub terms: Terms,
}

/// What somebody is to get, whoever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What they get.
    pub role: Role,
    /// Whether they may make links, too.
    pub may_share: bool,
    /// From which level of multiscale images on chunks open by the role preview.
    pub level: Option<u8>,
    /// When and from where.
    pub conditions: Conditions,
}

/// The grant that `giver` may give by `permit` on `dataset`; `there` is what the subject has by now, if anything.
///
/// An owner gives up to the role manager. Anybody else gives at most what one single way of his own gives, under conditions at least
/// as narrow (R2); nobody gives to himself (R3).
///
/// # Errors
/// [`GrantError`], each naming the rule.
pub fn granted(
    permit: &Permit,
    giver: &User,
    dataset: DatasetId,
    ask: NewGrant,
    there: Option<&Grant>,
    now: Timestamp,
) -> Result<Grant, GrantError> {
    let NewGrant { subject, terms } = ask;
    let (facts, by) = grounds(permit, giver, dataset)?;
    if subject == Subject::User(by) {
        return Err(GrantError::ToOneself);
    }
    let least = match subject {
        Subject::User(_) | Subject::Group(_) | Subject::Project(_) => Audience::Named,
        Subject::Accounts => Audience::Accounts,
        Subject::World => Audience::World,
    };
    may_give(facts, giver, least, &terms, now)?;
    let Terms { role, may_share, level, conditions } = terms;
    let version = there.map_or(0, |there| there.version).saturating_add(1);
    let grant = Grant { subject, role, may_share, level, conditions, by, at: now, hold: Hold::Active, version };
    if least > Audience::Named {
        may_open_to_all(permit, &facts.clone().with_grant(dataset, &grant), now)?;
    }
    Ok(grant)
}

/// What an administrator asks for himself in an emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenGlass {
    /// The role: at most [`Role::Download`].
    pub role: Role,
    /// For how many hours, at most [`BREAK_GLASS_HOURS_MAX`].
    pub hours: u16,
}

/// The grant by which an administrator reads `dataset` for a while; `there` is what he has by now, if anything. It is told from every other
/// one by whom it is by and for: nobody else grants to himself.
///
/// # Errors
/// [`GrantError`], each naming the rule.
pub fn broken_glass(
    permit: &Permit,
    dataset: DatasetId,
    ask: BrokenGlass,
    there: Option<&Grant>,
    now: Timestamp,
) -> Result<Grant, GrantError> {
    let by = permit.allows(Action::BreakGlass, dataset).ok_or(GrantError::Permit)?;
    let subject = Subject::User(by);
    if there.is_some_and(|there| there.subject != subject) {
        return Err(GrantError::Permit);
    }
    if permit.is_by_owner() {
        return Err(GrantError::Owns);
    }
    if ask.role > Role::Download {
        return Err(GrantError::MoreThanReading);
    }
    if !(1..=BREAK_GLASS_HOURS_MAX).contains(&ask.hours) {
        return Err(GrantError::Hours);
    }
    // What he was given stays: this would take its place, and end.
    if there.is_some_and(|there| there.lasts(now) && !there.is_broken_glass()) {
        return Err(GrantError::HasGrant);
    }
    let until = now.checked_add(SignedDuration::from_hours(i64::from(ask.hours))).map_err(|_beyond| GrantError::Hours)?;
    let conditions = Conditions { until: Some(until), ..Conditions::default() };
    let version = there.map_or(0, |there| there.version).saturating_add(1);
    Ok(Grant { subject, role: ask.role, may_share: false, level: None, conditions, by, at: now, hold: Hold::Active, version })
}

/// Whether by `permit` a dataset whose owner is suspended may be handed over to `to`. To himself only by whom its owner named: an
/// administrator would read for good, and nobody would have given it.
///
/// # Errors
/// [`GrantError::Permit`], [`GrantError::ToOneself`].
pub fn may_inherit(permit: &Permit, dataset: &Dataset, to: UserId) -> Result<(), GrantError> {
    let by = permit.allows_succession(dataset.id).ok_or(GrantError::Permit)?;
    if by == to && dataset.successor != Some(by) { Err(GrantError::ToOneself) } else { Ok(()) }
}

/// What a permit to grant on this dataset rests on, and the giver.
fn grounds<'a>(permit: &'a Permit, giver: &User, dataset: DatasetId) -> Result<(&'a DatasetFacts, UserId), GrantError> {
    let facts = permit.grounds_to_grant().filter(|facts| facts.place.dataset.id == dataset).ok_or(GrantError::Permit)?;
    let by = permit.by().filter(|by| *by == giver.id).ok_or(GrantError::Permit)?;
    Ok((facts, by))
}

/// Whether `giver` may offer these terms to somebody whom nobody knows yet; who the giver is.
pub(crate) fn offered(permit: &Permit, giver: &User, dataset: DatasetId, ask: &Terms, now: Timestamp) -> Result<UserId, GrantError> {
    let (facts, by) = grounds(permit, giver, dataset)?;
    may_give(facts, giver, Audience::Named, ask, now)?;
    Ok(by)
}

/// Whether `giver` may give these terms to an audience of at least this width.
pub(crate) fn may_give(facts: &DatasetFacts, giver: &User, least: Audience, ask: &Terms, now: Timestamp) -> Result<(), GrantError> {
    if ask.role == Role::Owner {
        return Err(GrantError::Ownership);
    }
    check(ask, least, &facts.place, now)?;
    let shared = if ask.may_share { Rights::of(&[Right::Share]) } else { Rights::NONE };
    let asked = ask.role.rights().or(shared);
    // Whoever administers reads, and so has every level.
    let covered = || {
        paths(&facts.place, &facts.reach).any(|way| {
            way.rights.has(Right::Administer)
                && way.rights.holds(asked)
                && way.holds(Net::Anywhere, now)
                && way.covers(&ask.conditions, now)
        })
    };
    if !owns(Some(giver.id), &facts.place, &facts.reach) && !covered() {
        return Err(GrantError::MoreThanGiver);
    }
    Ok(())
}

/// Whether by `permit` to grant, `dataset` may be opened: restricted no more, or visible to more people.
///
/// What wakes up then was given by others, under terms of their own, and may be for the opener, too. So only its owner opens it, and
/// who administers it for good and from everywhere (P4, P5); making it narrower needs no more than the permit.
///
/// # Errors
/// [`GrantError::Permit`], [`GrantError::NotForGood`].
pub fn may_open(permit: &Permit, dataset: DatasetId) -> Result<(), GrantError> {
    let on = permit.grounds_to_grant().is_some_and(|facts| facts.place.dataset.id == dataset);
    if !on {
        return Err(GrantError::Permit);
    }
    if permit.administers_for_good() { Ok(()) } else { Err(GrantError::NotForGood) }
}

/// Whether by `permit` to grant, its dataset may become as in `then` without anybody else's consent: where that opens it to all accounts or the
/// world, as the deployment's policy has it.
///
/// # Errors
/// [`GrantError::Permit`], [`GrantError::SecondPerson`].
///
/// Who consents: [`approved`](crate::opening::approved).
pub fn may_open_to_all(permit: &Permit, then: &DatasetFacts, now: Timestamp) -> Result<(), GrantError> {
    let same = |before: &&DatasetFacts| before.place.dataset.id == then.place.dataset.id;
    let before = permit.grounds_to_grant().filter(same).ok_or(GrantError::Permit)?;
    let policy = &before.place.source.policy;
    let is_opener = policy.openers == Openers::Owners || permit.is_by_administrator();
    let alone = match opened_to(before, then, now) {
        Audience::Named | Audience::Link => true,
        Audience::Accounts => is_opener,
        Audience::World => is_opener && !policy.second_person,
    };
    if alone { Ok(()) } else { Err(GrantError::SecondPerson) }
}

/// The widest audience that gets more by a change of a dataset, or may by what will be granted: [`Audience::Named`] where that is not everybody.
/// What is granted to everybody from later on counts, and what a ceiling keeps shut, which may be raised; what has ended does not.
#[must_use]
pub fn opened_to(before: &DatasetFacts, then: &DatasetFacts, now: Timestamp) -> Audience {
    let (was, is) = (before.place.dataset.visibility, then.place.dataset.visibility);
    let switched = match is {
        _ if is <= was => Audience::Named,
        Visibility::World => Audience::World,
        Visibility::Accounts => Audience::Accounts,
        Visibility::Project | Visibility::Private => Audience::Named,
    };
    let there = |on: &Dataset, grant: &Grant| {
        let same = |(other, _): &(&Dataset, &[Grant])| other.id == on.id && is_switched(other, grant.subject);
        let grants = reaching(&before.place, &before.reach).filter(same).flat_map(|(_, grants)| grants);
        grants.filter(|other| other.subject == grant.subject).any(|other| !other.narrows(grant, now))
    };
    to_all(then, now).filter(|(on, grant)| !there(on, grant)).map(|(_, grant)| audience_of(grant)).fold(switched, Audience::max)
}

/// What is granted to everybody on a dataset and above, and counts now or from later on, whatever a ceiling keeps shut.
pub fn to_all(facts: &DatasetFacts, now: Timestamp) -> impl Iterator<Item = (&Dataset, &Grant)> {
    let all = reaching(&facts.place, &facts.reach).flat_map(|(on, grants)| grants.iter().map(move |grant| (on, grant)));
    all.filter(move |(on, grant)| is_switched(on, grant.subject) && !grant.conditions.are_over(now))
}

/// The widest audience that anything is granted to on a dataset or above, now or from later on: what comes to lie in it opens to these people.
#[must_use]
pub fn open_to(facts: &DatasetFacts, now: Timestamp) -> Audience {
    to_all(facts, now).map(|(_, grant)| audience_of(grant)).fold(Audience::Named, Audience::max)
}

fn audience_of(grant: &Grant) -> Audience {
    if grant.subject == Subject::World { Audience::World } else { Audience::Accounts }
}

/// Whether by `permit` to grant, `dataset` may be put into a project, whose managers will administer it for good.
///
/// So its owner puts it there, and who administers it for good and from everywhere. Whoever does so through a project only does not: the managers
/// of one would take datasets along into another, out of reach of those who put them into the first.
///
/// # Errors
/// [`GrantError::Permit`], [`GrantError::NotForGood`].
pub fn may_put(permit: &Permit, dataset: DatasetId) -> Result<(), GrantError> {
    let on = permit.grounds_to_grant().is_some_and(|facts| facts.place.dataset.id == dataset);
    if !on {
        return Err(GrantError::Permit);
    }
    if permit.administers_beside_projects() { Ok(()) } else { Err(GrantError::NotForGood) }
}

/// What holds for every grant, whoever gives it.
fn check(ask: &Terms, least: Audience, place: &Place, now: Timestamp) -> Result<(), GrantError> {
    if let Some(of) = place.source.forbids(least) {
        return Err(GrantError::AudienceTooWide { of });
    }
    if least > Audience::Named && (ask.role > Role::Download || ask.may_share) {
        return Err(GrantError::MoreThanPublic);
    }
    if ask.may_share && ask.role < Role::View {
        return Err(GrantError::SharePreview);
    }
    check_level(ask, &place.dataset)?;
    let begin = ask.conditions.not_before.unwrap_or(now).max(now);
    if ask.conditions.until.is_some_and(|end| end <= begin) {
        return Err(GrantError::NeverCounts);
    }
    Ok(())
}

/// A level that an image has not, or of which nobody knows, would open nothing. A folder may hold images that have it.
fn check_level(ask: &Terms, dataset: &Dataset) -> Result<(), GrantError> {
    let Some(level) = ask.level else { return Ok(()) };
    if level == 0 || ask.role != Role::Preview {
        return Err(GrantError::Level);
    }
    if dataset.kind != Kind::Folder && !dataset.levels.reach(level) { Err(GrantError::NoLevel) } else { Ok(()) }
}
