//! What a notice says now: whether it is still so, whether the person may know of it, and the names that are in it.

use std::sync::Arc;

use domain::{
    connection::ConnectionState,
    decision::{Action, DatasetFacts, Facts, LinkFacts, OfferFacts, Principal, Who, decide},
    grant::{Hold, Net},
    id::{DatasetId, LinkId, ProjectId, UserId},
    invitation::{Invitee, Target},
    limits::LINK_ENDS_TOLD_SECS,
    link::LinkState,
    notice::{Notice, Occasion},
    question::{self, Question},
    source::State,
    timing::later,
    user::{User, shows},
};
use edge::{App, invitations::every_scope};
use jiff::Timestamp;
use table::TableError;

/// Characters of a name or a place in a mail.
const NAME_CHARS_MAX: usize = 200;

/// What a mail says of one notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What happened: a sentence without its full stop.
    pub(crate) happened: String,
    /// What there is to do or to know about it, in sentences.
    pub(crate) further: Option<String>,
    /// What it asks, for a page to answer.
    pub(crate) asks: Option<Question>,
}

impl Line {
    fn of(happened: String) -> Self {
        Self { happened, further: None, asks: None }
    }

    fn and(self, further: String) -> Self {
        Self { further: Some(further), ..self }
    }

    fn asking(self, asks: Question) -> Self {
        Self { asks: Some(asks), ..self }
    }
}

/// One line for `person`; `None`: it is so no more, or not the person's to know.
///
/// # Errors
/// [`TableError`], where what it is about cannot be read.
pub(crate) async fn line(app: &App, person: &User, notice: &Notice, now: Timestamp) -> Result<Option<Line>, TableError> {
    let Some(by) = app.table.user(notice.by).await? else { return Ok(None) };
    let who = shown(&by.name);
    let line = match notice.occasion {
        Occasion::Shared(id) => place(app, person, id, now).await?.map(|place| Line::of(format!("{who} shared {place} with you"))),
        Occasion::GlassBroken(id) => place(app, person, id, now).await?.map(|place| {
            Line::of(format!("{who}, who administers this Offprint, opened your {place} in an emergency"))
                .and(format!("For how long: offprint dataset sharing {id}"))
        }),
        Occasion::HandedOver(id) => place(app, person, id, now).await?.map(|place| Line::of(format!("{who} made {place} yours"))),
        Occasion::Offered(id) => offered(app, person, id, now).await?.map(|(place, asks)| {
            Line::of(format!("{who} offers you {place}")).and(format!("Yours once you accept: offprint offer accept {id}")).asking(asks)
        }),
        Occasion::Curated(id) => match app.table.mark_on(id).await? {
            Some(_mark) => place(app, person, id, now).await?.map(|place| Line::of(format!("{who} marked your {place} as curated"))),
            None => None,
        },
        Occasion::CurationDeclined(id) => place(app, person, id, now)
            .await?
            .map(|place| Line::of(format!("{who} did not mark your {place} as curated")).and(format!("Why: offprint curation list {id}"))),
        // Whose it was may know nothing of it any more.
        Occasion::OfferAccepted(id) => Some(Line::of(match place(app, person, id, now).await? {
            Some(place) => format!("{who} accepted {place}, and owns it now"),
            None => format!("{who} accepted the dataset that you offered, and owns it now"),
        })),
        Occasion::Copied(id) => place(app, person, id, now).await?.map(|place| Line::of(format!("Your copy {place} is done"))),
        // Whoever may not know of the original any more knows why it failed.
        Occasion::CopyFailed(id) => {
            let place = place(app, person, id, now).await?.unwrap_or_else(|| "a dataset".to_owned());
            Some(
                Line::of(format!("Your copy of {place} failed"))
                    .and("Why, and where what was copied lies, which nobody removes: offprint copy list".to_owned()),
            )
        }
        Occasion::OpeningAsked(id) => match app.table.latest_opening(id).await?.filter(|there| there.by == by.id && there.waits(now)) {
            Some(_waits) => place(app, person, id, now).await?.map(|place| {
                Line::of(format!("{who} asks to open {place} to everybody"))
                    .and(format!("It stays as it is until somebody approves: offprint opening approve {id}, or decline."))
            }),
            None => None,
        },
        Occasion::OpeningApproved(id) => {
            place(app, person, id, now).await?.map(|place| Line::of(format!("{who} approved what you asked to open at {place}")))
        }
        Occasion::OpeningDeclined(id) => place(app, person, id, now)
            .await?
            .map(|place| Line::of(format!("{who} declined to open {place} to everybody")).and(format!("Why: offprint opening list {id}"))),
        Occasion::Joined(id) => in_project(app, person, id).await?.map(|name| Line::of(format!("{who} took you into the project {name}"))),
        Occasion::Invited(target) => invited(app, person, by.id, target, now).await?.map(|(place, id, asks)| {
            let line = Line::of(format!("{who} invites you to {place}"));
            line.and(format!("Answer with offprint invitation accept {id}, or decline.")).asking(asks)
        }),
        Occasion::InvitationAccepted(target) => {
            let place = match target {
                Target::Dataset(id) => place(app, person, id, now).await?,
                Target::Project(id) => in_project(app, person, id).await?.map(|name| format!("the project {name}")),
            };
            place.map(|place| Line::of(format!("{who} accepted your invitation to {place}")))
        }
        Occasion::ConnectionAsked => {
            let asks = app.table.pair(person.id, by.id).await?.connection.filter(|there| there.by == by.id && there.waits(now));
            asks.map(|there| {
                Line::of(format!("{who} asks to be connected with you"))
                    .and(format!("Answer with offprint connection accept {}, or reject.", by.id))
                    .asking(question(person, by.id, question::Subject::Connection, (there.version.to_string(), there.until)))
            })
        }
        Occasion::ConnectionAccepted => {
            let connection = app.table.pair(person.id, by.id).await?.connection;
            let agreed = connection.is_some_and(|there| there.state == ConnectionState::Accepted);
            agreed.then(|| Line::of(format!("{who} accepted: you are connected")))
        }
        Occasion::CodeMade => Some(
            Line::of(format!("{who}, who administers this Offprint, made a code by which one signs in as you"))
                .and("If you did not ask for it, ask why. Who is signed in as you: offprint token list".to_owned()),
        ),
        Occasion::LinkEnds(id) | Occasion::LinkShortened(id) | Occasion::LinkPaused(id) | Occasion::LinkRevoked(id) => {
            own_link(app, person, id, now).await?.and_then(|facts| of_link(notice.occasion, &who, &facts, now))
        }
    };
    Ok(line)
}

async fn facts(app: &App, person: &User, id: DatasetId) -> Result<Option<Arc<DatasetFacts>>, TableError> {
    Ok(app.table.dataset_facts(id, Some(person.id)).await?.map(Arc::new))
}

/// Where a dataset is, if the person may know of it now: the same decision as a request's.
async fn place(app: &App, person: &User, id: DatasetId, now: Timestamp) -> Result<Option<String>, TableError> {
    let Some(facts) = facts(app, person, id).await? else { return Ok(None) };
    let may_know = decide(&themselves(person, now), Action::See, &Facts::Dataset(Arc::clone(&facts)), now).is_ok();
    Ok(may_know.then(|| named(&facts)))
}

/// What a project is called, if the person is in it.
async fn in_project(app: &App, person: &User, id: ProjectId) -> Result<Option<String>, TableError> {
    let found = match (app.table.project(id).await?, app.table.participant(id, person.id).await?) {
        (Some(project), Some(part)) if project.state == State::Active && part.hold == Hold::Active => Some(shown(&project.name)),
        _ => None,
    };
    Ok(found)
}

/// What the person is invited to by `by`, its id, and what that asks, while it waits and its sender may give it.
async fn invited(
    app: &App,
    person: &User,
    by: UserId,
    target: Target,
    now: Timestamp,
) -> Result<Option<(String, String, Question)>, TableError> {
    let there = app.table.invitation(Invitee::Person(person.id), target).await?;
    let Some(invitation) = there.filter(|there| there.by == by && there.waits(now)) else { return Ok(None) };
    let asks = question(person, by, question::Subject::Invitation(target), (invitation.version.to_string(), invitation.until));
    Ok(edge::invitations::place(app, person.id, &invitation, now).await?.map(|place| match target {
        Target::Dataset(id) => (shown(&place), id.to_string(), asks),
        Target::Project(id) => (format!("the project {}", shown(&place)), id.to_string(), asks),
    }))
}

/// The same of one that is offered to the person, while that waits.
async fn offered(app: &App, person: &User, id: DatasetId, now: Timestamp) -> Result<Option<(String, Question)>, TableError> {
    let latest = app.table.latest_offer(id).await?.filter(|offer| offer.wish.answered_by() == Some(person.id));
    let (Some(request), Some(dataset)) = (latest, facts(app, person, id).await?) else { return Ok(None) };
    let Some(maker) = app.table.user(request.by).await? else { return Ok(None) };
    let reach = app.table.reach(&dataset.place, Some(maker.id)).await?;
    let asks = question(person, request.by, question::Subject::Offer(id), (request.id.to_string(), request.until));
    let offer = Facts::Offer(Arc::new(OfferFacts { dataset: Arc::clone(&dataset), request, maker, reach }));
    Ok(decide(&themselves(person, now), Action::See, &offer, now).is_ok().then(|| (named(&dataset), asks)))
}

/// What a mail asks `person`, about what is as it was read: `mark` tells it from what comes later, `until` is its end.
fn question(person: &User, by: UserId, subject: question::Subject, (mark, until): (String, Timestamp)) -> Question {
    Question { to: person.id, by, subject, mark, until }
}

/// A link that the person made, if the person may know of it now: the same decision as a request's.
async fn own_link(app: &App, person: &User, id: LinkId, now: Timestamp) -> Result<Option<Arc<LinkFacts>>, TableError> {
    let found = app.table.link_by_id(id, person.id, now).await?;
    let facts = found.filter(|facts| facts.link.maker == person.id).map(Arc::new);
    Ok(facts.filter(|facts| decide(&themselves(person, now), Action::See, &Facts::Link(Arc::clone(facts)), now).is_ok()))
}

/// What there is to say of a link, where it is still so; never its key.
fn of_link(occasion: Occasion, who: &str, facts: &LinkFacts, now: Timestamp) -> Option<Line> {
    let LinkFacts { link, place, .. } = facts;
    let at = shown(&format!("{}:{}{}", place.source.name.as_str(), place.dataset.path, link.subpath));
    let what = if link.options.label.is_empty() { at } else { format!("\"{}\", to {at}", shown(&link.options.label)) };
    let is_open = matches!(facts.state(now), LinkState::Live | LinkState::NotYet);
    let end = link.end(place).map(|end| end.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let line = match occasion {
        Occasion::LinkEnds(_) => {
            let is_soon = link.end(place).is_some_and(|end| end <= later(now, LINK_ENDS_TOLD_SECS));
            let line = Line::of(format!("Your link ends on {}: {what}", end?));
            return (is_open && is_soon).then(|| line.and(format!("To let it go on: offprint link extend {} --until 90d", link.id)));
        }
        Occasion::LinkShortened(_) if is_open => Line::of(format!("{who} had your link end on {}: {what}", end?)),
        Occasion::LinkShortened(_) if facts.state(now) == LinkState::Expired => Line::of(format!("{who} ended your link: {what}")),
        Occasion::LinkPaused(_) if facts.state(now) == LinkState::Paused => {
            Line::of(format!("{who} paused your link: {what}")).and(format!("Its URL stays. More: offprint link show {}", link.id))
        }
        Occasion::LinkRevoked(_) => {
            let line = Line::of(format!("{who} revoked your link: {what}"));
            match &facts.tombstone.as_ref()?.reason {
                Some(reason) => line.and(format!("Why: {}", shown(reason))),
                None => line,
            }
        }
        _ => return None,
    };
    Some(line)
}

/// The person, by a session that has every scope: what may be known, wherever the mail is read.
fn themselves(person: &User, now: Timestamp) -> Principal {
    Principal { who: Who::Token { user: Arc::new(person.clone()), token: Arc::new(every_scope(person, now)) }, net: Net::Anywhere }
}

fn named(facts: &DatasetFacts) -> String {
    shown(&facts.place.to_string())
}

/// A name as it stands in a mail: what does not show, turns the direction, or ends a line is put in a sign that shows.
pub(crate) fn shown(text: &str) -> String {
    let cut = text.chars().count() > NAME_CHARS_MAX;
    let shown = text.chars().take(NAME_CHARS_MAX).map(|character| if shows(character) { character } else { char::REPLACEMENT_CHARACTER });
    shown.chain(cut.then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // SECURITY: names as typed are data
    #[test]
    fn a_name_ends_no_line_and_turns_no_direction() {
        for (text, want) in [
            ("lab:exp #3/50% +é", "lab:exp #3/50% +é"),
            ("a\r\nBcc: eve@evil.example", "a\u{fffd}\u{fffd}Bcc: eve@evil.example"),
            ("a\u{202e}gnp.exe", "a\u{fffd}gnp.exe"),
            ("a\u{2028}b\u{85}c\u{0}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            ("\u{feff}\u{200b}", "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(shown(text), want, "{text:?}");
        }
        assert_eq!(shown(&"a".repeat(300)).chars().count(), NAME_CHARS_MAX + 1);
    }
}
