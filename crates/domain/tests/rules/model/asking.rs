//! Every question that a world gives rise to, and the product's answers to them.

use domain::{
    decision::{Action, Facts, Permit, Principal, decide},
    grant::Net,
    rights::{Right, Rights},
};

use super::{
    facts::{at, net, path},
    world::{About, Asker, From, PassRow, TokenRow, World},
    worlds,
};

/// Who asks about what, and about which paths in it.
#[derive(Debug, Clone)]
pub struct Ask {
    pub asker: Asker,
    pub about: About,
    pub paths: Vec<String>,
}

/// Everybody, with a token that narrows nothing; some with one that does; and nobody.
pub fn askers(world: &World) -> Vec<Asker> {
    let people = (0..world.people.len()).map(|person| Asker::Person(person, TokenRow::whole()));
    let narrowed = world.tokens.iter().enumerate().map(|(index, token)| Asker::Person(index % world.people.len(), token.clone()));
    people.chain(narrowed).chain([Asker::Nobody]).collect()
}

/// Passes for a link, good and otherwise: under its mark and under others, for another link, and ended.
pub fn passes(world: &World, link: usize) -> Vec<PassRow> {
    let row = &world.links[link];
    let mark = row.password.or(row.counted.then_some(0));
    let good = PassRow { link, mark, end: 60, accepted: [true; 2] };
    if row.password.is_none() && !row.counted {
        // It asks for none; whoever counts its passes later meets no pass of an earlier count here.
        return vec![PassRow { mark: Some(u64::MAX), ..good }, good, PassRow { accepted: [true, false], ..good }];
    }
    vec![
        good,
        PassRow { mark: mark.map(|mark| mark + 1), ..good },
        PassRow { mark: Some(0), ..good },
        PassRow { mark: None, ..good },
        PassRow { accepted: [false, true], ..good },
        PassRow { link: link + 1, ..good },
        PassRow { end: 0, ..good },
    ]
}

/// What there is to ask about, but for who succeeds an owner: where one is suspended, others gain by it, as they should.
pub fn things(world: &World) -> Vec<About> {
    let datasets = (0..world.datasets.len()).map(About::Dataset);
    let links = (0..world.links.len()).map(About::Link);
    let gathered = (0..world.groups.len()).map(About::Group).chain((0..world.projects.len()).map(About::Project));
    let offers = (0..world.offers.len()).map(About::Offer);
    let clones = (0..world.people.len()).map(About::Clone);
    datasets.chain(links).chain(gathered).chain(offers).chain(clones).chain([About::Deployment]).collect()
}

/// The paths to ask about in a thing.
pub fn paths(world: &World, about: About) -> Vec<String> {
    let below = |dataset: usize, subpath: &str| {
        let row = &world.datasets[dataset];
        worlds::paths_below(world, row.source, &format!("{}{subpath}", row.path))
    };
    match about {
        About::Dataset(dataset) => below(dataset, ""),
        About::Link(link) => below(world.links[link].dataset, &world.links[link].subpath),
        About::Orphan(_) | About::Offer(_) | About::Clone(_) | About::Group(_) | About::Project(_) | About::Deployment => Vec::new(),
    }
}

/// Every question of a world.
pub fn all(world: &World) -> Vec<Ask> {
    let mut asks = Vec::new();
    for about in things(world) {
        let guests = match about {
            About::Link(link) => passes(world, link),
            _ => Vec::new(),
        };
        for asker in askers(world).into_iter().chain([Asker::Holder]).chain(guests.into_iter().map(Asker::Guest)) {
            asks.push(Ask { asker, about, paths: paths(world, about) });
        }
    }
    asks
}

/// Whether the product says yes, question by question.
pub fn yeses(world: &World, asks: &[Ask], from: From, second: i64) -> Vec<bool> {
    let mut yeses = Vec::new();
    for ask in asks {
        let facts = world.facts(&ask.asker, ask.about);
        answer(&world.principal(&ask.asker, from), &facts, &ask.paths, second, &mut yeses);
    }
    yeses
}

/// The same about one thing, by facts of which only part need be known.
pub fn answer(principal: &Principal, facts: &Facts, paths: &[String], second: i64, yeses: &mut Vec<bool>) {
    for action in Action::ALL {
        let permit = decide(principal, action, facts, at(second));
        yeses.push(permit.is_ok());
        if matches!(action, Action::Read | Action::List) {
            yeses.extend(paths.iter().map(|text| permit.as_ref().is_ok_and(|permit| opens(permit, text))));
        }
    }
}

pub fn opens(permit: &Permit, text: &str) -> bool {
    permit.scope().is_some_and(|scope| scope.key(&path(text)).is_ok())
}

/// The first question that is answered yes in `less` and no in `more`.
pub fn gained(asks: &[Ask], more: &[bool], less: &[bool]) -> Option<String> {
    assert_eq!(more.len(), less.len());
    let index = more.iter().zip(less).position(|(more, less)| *less && !*more)?;
    let mut at = 0;
    for ask in asks {
        for action in Action::ALL {
            let paths: &[String] = if matches!(action, Action::Read | Action::List) { &ask.paths } else { &[] };
            if index <= at + paths.len() {
                let text = (index > at).then(|| &paths[index - at - 1]);
                return Some(format!("{:?}: {action:?} of {:?} {text:?}", ask.asker, ask.about));
            }
            at += 1 + paths.len();
        }
    }
    None
}

/// What somebody has at a dataset, by what the product says: rights, and from which level on chunks open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Has {
    pub rights: Rights,
    pub level: Option<u8>,
}

impl Has {
    pub fn opens(self, level: u8) -> bool {
        self.level.is_some_and(|least| least <= level)
    }

    pub fn holds(self, other: Self) -> bool {
        self.rights.holds(other.rights) && other.level.is_none_or(|least| self.opens(least))
    }

    pub fn or(self, other: Self) -> Self {
        Self { rights: self.rights.or(other.rights), level: [self.level, other.level].into_iter().flatten().min() }
    }
}

impl World {
    /// What the product says that a person has at a dataset.
    pub fn rights(&self, person: usize, dataset: usize, from: Net, second: i64) -> Rights {
        self.dataset_facts(dataset, Some(person)).rights_of(Some(&self.user(person)), from, at(second))
    }

    /// The same with levels, from everywhere, at each of these instants.
    pub fn has_over_time(&self, person: usize, dataset: usize, seconds: &[i64], from: &[From]) -> Vec<Has> {
        let (facts, user) = (self.dataset_facts(dataset, Some(person)), self.user(person));
        let over = |from: &From| {
            let from = net(*from);
            seconds.iter().map(move |second| (from, at(*second)))
        };
        let has = |(from, second)| {
            let rights = facts.rights_of(Some(&user), from, second);
            let level = if rights.has(Right::Read) { Some(0) } else { facts.level_of(Some(&user), from, second) };
            Has { rights, level }
        };
        from.iter().flat_map(over).map(has).collect()
    }

    /// Whether the product opens an object to somebody: by a dataset's name, or by a link.
    pub fn reads(&self, asker: &Asker, about: About, text: &str, from: From, second: i64) -> bool {
        self.may(asker, Action::Read, about, text, from, second)
    }

    pub fn may(&self, asker: &Asker, action: Action, about: About, text: &str, from: From, second: i64) -> bool {
        let principal = Principal { net: net(from), ..self.principal(asker, from) };
        decide(&principal, action, &self.facts(asker, about), at(second))
            .is_ok_and(|permit| permit.scope().is_none() || opens(&permit, text))
    }
}
