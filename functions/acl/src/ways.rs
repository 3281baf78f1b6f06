//! By which ways a person gets rights at a dataset, as answers show them.

use domain::{
    decision::{DatasetFacts, Way, paths},
    grant::{Net, Subject},
    rights::Rights,
    user::{Standing, User},
};
use jiff::Timestamp;

/// Every way, owning it first; nothing for who is suspended.
pub(crate) fn shown(person: &User, facts: &DatasetFacts, net: Net, now: Timestamp) -> Vec<wire::grant::Way> {
    if person.standing != Standing::Active {
        return Vec::new();
    }
    let dataset = &facts.place.dataset;
    let owned = std::iter::once(dataset).chain(facts.reach.above.iter().map(|above| &above.dataset));
    let owned = owned.filter(|on| on.owner == person.id).map(|on| wire::grant::Way {
        by: "owner".to_owned(),
        on: on.id.to_string(),
        rights: words(Rights::ALL),
        level: None,
        until: None,
        holds: true,
    });
    owned.chain(paths(&facts.place, &facts.reach).map(|way| one(&way, net, now))).collect()
}

fn one(way: &Way<'_>, net: Net, now: Timestamp) -> wire::grant::Way {
    let by = match way.grant.map(|grant| grant.subject) {
        Some(Subject::User(_)) => "user".to_owned(),
        Some(Subject::Group(group)) => format!("group:{group}"),
        Some(Subject::Project(project)) => format!("project:{project}"),
        Some(Subject::Accounts) => "accounts".to_owned(),
        Some(Subject::World) => "world".to_owned(),
        // By the policy of the project that the dataset is in.
        None => way.on.project.map_or_else(|| "project".to_owned(), |project| format!("project:{project}")),
    };
    let until = way.until();
    wire::grant::Way {
        by,
        on: way.on.id.to_string(),
        rights: words(way.rights),
        level: way.opens_from().filter(|level| *level > 0),
        until: (until < Timestamp::MAX).then(|| until.to_string()),
        holds: way.holds(net, now),
    }
}

/// Rights as words, the weakest first.
pub(crate) fn words(rights: Rights) -> Vec<String> {
    rights.iter().map(|right| right.word().to_owned()).collect()
}
