//! One `Idempotency-Key`, as many requests with it as a client may send: is there one effect, and one answer?
//!
//! Modelled: requests that are handled at once and in any order, each a read or two and then one write, any of which may never come or come
//! late; answers that nobody hears; a link for the same options that another request made; links revoked meanwhile, so that the same options
//! would make a new one. Not modelled: the 24 hours after which a key is forgotten; another request under the same key, which is refused.

use crate::{Search, Steps};

/// Requests with the key: the first, and those sent again.
const REQUESTS: usize = 3;
/// The link that a request without the key may have made.
const OTHERS: Link = 0;

/// A link, by the number of the request that made it, counted from one.
type Link = usize;

/// When a request's result is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The product: in the transaction of the effect, where no result is remembered yet.
    Together,
    /// In the transaction of the effect, whatever is remembered.
    TogetherBlindly,
    /// In a write of its own, after the effect.
    After,
    /// In a write of its own, before the effect.
    Before,
}

/// How far the handling of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Request {
    /// It has not come yet, or begins again.
    Waits,
    /// No result was remembered when it looked.
    Unanswered,
    /// It looked for the link of its options, and will make one if they still lead where they led.
    Makes { options: Option<Link> },
    /// It has its result, and will remember it before it answers.
    Remembers { link: Link },
    /// It was answered.
    Answered { link: Link },
    /// It was refused: under this key something else is remembered.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    requests: [Request; REQUESTS],
    /// Which links were ever made, and which of them were revoked.
    made: [bool; REQUESTS + 1],
    revoked: [bool; REQUESTS + 1],
    /// Where the options lead.
    options: Option<Link>,
    /// What is remembered under the key.
    remembered: Option<Link>,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    OthersMakeOne,
    Revoke(Link),
    /// The request of this number goes on.
    GoesOn(usize),
}

impl World {
    fn new() -> Self {
        Self {
            requests: [Request::Waits; REQUESTS],
            made: [false; REQUESTS + 1],
            revoked: [false; REQUESTS + 1],
            options: None,
            remembered: None,
        }
    }

    fn steps(&self, style: Style) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        if self.options.is_none() {
            steps.push((Step::OthersMakeOne, self.with_link(OTHERS)));
        }
        for link in (0..self.made.len()).filter(|&link| self.made[link] && !self.revoked[link]) {
            let mut next = self.clone();
            next.revoked[link] = true;
            steps.push((Step::Revoke(link), next));
        }
        for at in 0..REQUESTS {
            let (mut next, request) = self.gone_on(style, at);
            next.requests[at] = request;
            steps.push((Step::GoesOn(at), next));
        }
        steps
    }

    fn with_link(&self, link: Link) -> Self {
        let mut next = Self { options: Some(link), ..self.clone() };
        next.made[link] = true;
        next
    }

    /// One step of a request: what it leaves, and what becomes of it. Any step may be its last that anybody hears of.
    fn gone_on(&self, style: Style, at: usize) -> (Self, Request) {
        let own: Link = at + 1;
        let same = self.clone();
        match self.requests[at] {
            Request::Waits => (same, self.remembered.map_or(Request::Unanswered, |link| Request::Answered { link })),
            Request::Unanswered => match self.options.filter(|&link| !self.revoked[link]) {
                Some(link) => (same, Request::Remembers { link }),
                None if style == Style::Before => (self.with_key(own), Request::Makes { options: self.options }),
                None => (same, Request::Makes { options: self.options }),
            },
            Request::Makes { options } => {
                let changed = self.options != options || (style == Style::Together && self.remembered.is_some());
                match style {
                    // It made the link and never heard: its audit entry tells it so.
                    _ if self.made[own] => (same, Request::Answered { link: own }),
                    _ if changed => (same, Request::Waits),
                    Style::Together | Style::TogetherBlindly => (self.with_link(own).with_key(own), Request::Answered { link: own }),
                    Style::After => (self.with_link(own), Request::Remembers { link: own }),
                    Style::Before => (self.with_link(own), Request::Answered { link: own }),
                }
            }
            Request::Remembers { link } => match self.remembered {
                None => (self.with_key(link), Request::Answered { link }),
                Some(before) if before == link => (same, Request::Answered { link }),
                Some(_another) => (same, Request::Refused),
            },
            answered @ (Request::Answered { .. } | Request::Refused) => (same, answered),
        }
    }

    fn with_key(&self, link: Link) -> Self {
        Self { remembered: Some(link), ..self.clone() }
    }

    fn answers(&self) -> impl Iterator<Item = Link> {
        self.requests.into_iter().filter_map(|request| if let Request::Answered { link } = request { Some(link) } else { None })
    }

    /// More than one link was made under the key.
    fn has_two_effects(&self) -> bool {
        (1..self.made.len()).filter(|&link| self.made[link]).count() > 1
    }

    /// Two requests under the key were answered with two links.
    fn has_two_answers(&self) -> bool {
        self.answers().any(|one| self.answers().any(|other| one != other))
    }

    /// A request was answered with a link that was never made.
    fn has_empty_answer(&self) -> bool {
        self.answers().any(|link| !self.made[link])
    }
}

// SEMANTICS 6
#[test]
fn a_key_has_one_effect_and_one_answer_where_it_is_remembered_with_the_effect() {
    for (style, two_effects, two_answers, empty_answer) in [
        (Style::Together, false, false, false),
        (Style::TogetherBlindly, true, true, false),
        (Style::After, true, false, false),
        (Style::Before, true, true, true),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style));
        search.finds(two_effects, "two effects", World::has_two_effects);
        search.finds(two_answers, "two answers", World::has_two_answers);
        search.finds(empty_answer, "an answer without a link", World::has_empty_answer);
        // What tempts them comes about: the link is revoked, so that the same options would make another, and a request comes again.
        search.finds(true, "a replay after a revoke", |world| {
            world.answers().count() > 1 && world.answers().all(|link| link != OTHERS && world.revoked[link])
        });
    }
}
